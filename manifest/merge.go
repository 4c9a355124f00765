package manifest

import "iter"

// merge yields the rows of sorted inputs in the order of their keys. Of rows with one key it yields that of the last
// input, so inputs come oldest first.
func merge[T any](inputs []iter.Seq2[*T, error], compare func(a, b *T) int) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		heads := make([]*head[T], 0, len(inputs))
		defer func() {
			for _, h := range heads {
				h.stop()
			}
		}()
		for _, input := range inputs {
			next, stop := iter.Pull2(input)
			heads = append(heads, &head[T]{next: next, stop: stop})
		}
		for _, h := range heads {
			if err := h.advance(); err != nil {
				yield(nil, err)
				return
			}
		}
		for {
			least := leastHead(heads, compare)
			if least == nil {
				return
			}
			row := least.row
			if !yield(row, nil) {
				return
			}
			for _, h := range heads {
				if h.row == nil || compare(h.row, row) != 0 {
					continue
				}
				if err := h.advance(); err != nil {
					yield(nil, err)
					return
				}
			}
		}
	}
}

// head is an input of a merge and its next row, nil at the end.
type head[T any] struct {
	row  *T
	next func() (*T, error, bool)
	stop func()
}

func (h *head[T]) advance() error {
	row, err, ok := h.next()
	if !ok {
		h.row = nil
		return nil
	}
	h.row = row
	return err
}

// leastHead returns the input with the least row, the last of those with one key; nil when all have ended. There are a
// few dozen inputs at most, which a loop goes over as fast as a heap would.
func leastHead[T any](heads []*head[T], compare func(a, b *T) int) *head[T] {
	var least *head[T]
	for _, h := range heads {
		if h.row != nil && (least == nil || compare(h.row, least.row) <= 0) {
			least = h
		}
	}
	return least
}
