package manifest

import "iter"

// merge yields the rows of sorted inputs in the order of their keys. Of rows with one key it yields that of the last
// input, so inputs come oldest first.
func merge(inputs []batches, compare func(a, b row) int) batches {
	return func(yield func(batch, error) bool) { yieldMerged(inputs, compare, yield) }
}

// yieldMerged is what merge returns: a function of its own, which the compiler does not put anew wherever merge is called.
func yieldMerged(inputs []batches, compare func(a, b row) int, yield func(batch, error) bool) {
	heads := make([]*head, 0, len(inputs))
	defer func() {
		for _, h := range heads {
			h.stop()
		}
	}()
	for _, input := range inputs {
		next, stop := iter.Pull2(input)
		heads = append(heads, &head{next: next, stop: stop})
	}
	for _, h := range heads {
		if err := h.drop(0); err != nil {
			yield(batch{}, err)
			return
		}
	}
	for {
		least := leastHead(heads, nil, compare)
		if least == nil {
			return
		}
		for _, h := range heads {
			if h == least || h.rows.count() == 0 || compare(h.rows.row(0), least.rows.row(0)) != 0 {
				continue
			}
			if err := h.drop(1); err != nil {
				yield(batch{}, err)
				return
			}
		}
		// What comes before the rows of all others needs no more comparing with them.
		other := leastHead(heads, least, compare)
		count := 1
		for count < least.rows.count() && (other == nil || compare(least.rows.row(count), other.rows.row(0)) < 0) {
			count++
		}
		if !yield(least.rows.slice(0, count), nil) {
			return
		}
		if err := least.drop(count); err != nil {
			yield(batch{}, err)
			return
		}
	}
}

// head is an input of a merge and what is left of its batch, nothing at the end.
type head struct {
	rows batch
	next func() (batch, error, bool)
	stop func()
}

// drop goes count rows on.
func (h *head) drop(count int) (err error) {
	h.rows = h.rows.slice(count, h.rows.count())
	for more := true; more && err == nil && h.rows.count() == 0; {
		h.rows, err, more = h.next()
	}
	return err
}

// leastHead returns the input with the least row, the last of those with one key; nil when all have ended. It leaves one out.
// There are a few dozen inputs at most, which a loop goes over as fast as a heap would.
func leastHead(heads []*head, leftOut *head, compare func(a, b row) int) *head {
	var least *head
	for _, h := range heads {
		if h != leftOut && h.rows.count() > 0 && (least == nil || compare(h.rows.row(0), least.rows.row(0)) <= 0) {
			least = h
		}
	}
	return least
}
