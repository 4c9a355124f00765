package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"strconv"
)

// offsetSteps are how many items a request of a listing by offset asks for: those of the first reading, and of each further
// one after a listing that shifted while it was read.
var offsetSteps = [...]int{100, 100, 50, 25}

// ErrListingShifts says that a listing by offset shifted each time that it was read: an item that was passed over on the way
// cannot be told from one that is gone.
var ErrListingShifts = errors.New("the listing shifted each time that it was read")

// errShifted says that a listing shifted while it was read.
var errShifted = errors.New("the listing shifted")

// offsetPage is a page of a listing by offset. Total, Offset and Limit, the most items that it may have, are absent where the API
// does not say, or not well.
type offsetPage[T any] struct {
	Files                []T
	Total, Offset, Limit Optional[int64]
}

func decodeOffsetPage[T any](s *stream, decode func(*object, value) T) (offsetPage[T], error) {
	files, o, err := decodeItems(s, "files", decode)
	return offsetPage[T]{
		Files: files, Total: o.integer("total_count"), Offset: o.integer("offset"), Limit: o.integer("limit"),
	}, err
}

// offsets goes through a listing by offset. Where it shifts it is read again; its items then come again, too.
func offsets[T any, P listItem[T]](
	ctx context.Context, c *Client, request listRequest, decode func(*object, value) T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		request.query = maps.Clone(request.query)
		for _, step := range offsetSteps {
			request.size = step
			r := offsetReader[T, P]{lister: c.newLister("limit", request), decode: decode}
			more, err := r.read(ctx, yield)
			switch {
			case errors.Is(err, ErrListingStuck) && r.widen():
				// Its total may be that of all files.
				for _, name := range request.narrowing {
					request.query.Del(name)
				}
				continue
			case errors.Is(err, errShifted):
				c.opts.Log(fmt.Sprintf("%v; it is read again", err))
				continue
			case err != nil && more:
				yield(none, err)
			}
			return
		}
		yield(none, ErrListingShifts)
	}
}

// offsetReader reads a listing by offset once.
type offsetReader[T any, P listItem[T]] struct {
	*lister
	decode func(*object, value) T
	cursor cursor
	// count is how many items came; last stands for the last one, and total is what the API said at first. bare tells that
	// pages are so small that the last item of the one before leaves no room for another.
	count int
	last  string
	total Optional[int64]
	bare  bool
}

// read yields the items; more is false where no more are wanted. From the second page on, the last item of the page before is
// asked for once more: where another one comes first, something was added or removed before it. A full page is never the last one,
// whatever the total says.
func (r *offsetReader[T, P]) read(ctx context.Context, yield func(T, error) bool) (more bool, err error) {
	for {
		overlap := min(r.count, 1)
		if r.bare {
			overlap = 0
		}
		offset := r.count - overlap
		r.query.Set("offset", strconv.Itoa(offset))
		p, err := fetchPage(ctx, r.lister, func(s *stream) (offsetPage[T], error) { return decodeOffsetPage(s, r.decode) })
		if err == nil {
			err = r.check(&p, offset, overlap)
		}
		if err != nil {
			return true, err
		}
		fresh := p.Files[overlap:]
		for _, f := range fresh {
			r.client.cleanItem(P(&f).item())
			if !yield(f, nil) {
				return false, nil
			}
		}
		if len(fresh) > 0 {
			r.last = P(&fresh[len(fresh)-1]).item().identity
		}
		r.count += len(fresh)
		total, known := r.total.Get()
		switch full := int64(len(p.Files)) >= min(int64(r.asked), p.Limit.Or(math.MaxInt64)); {
		case !full && known && total == int64(r.count):
			return true, nil
		case len(fresh) > 0:
		case overlap > 0:
			// Nothing comes behind the last item, unless there is no room for more beside it.
			r.bare = true
		case known && total > int64(r.count):
			return true, fmt.Errorf("%w: %d files of %d came", ErrListingStuck, r.count, total)
		default:
			return true, nil
		}
	}
}

// check tells whether a page is the one that follows.
func (r *offsetReader[T, P]) check(p *offsetPage[T], offset, overlap int) error {
	if at, known := p.Offset.Get(); known && at != int64(offset) {
		return fmt.Errorf("%w: offset %d was asked for, %d came", ErrCursorRepeats, offset, at)
	}
	before, counted := r.total.Get()
	now, counts := p.Total.Get()
	switch {
	case counted && counts && before != now:
		return fmt.Errorf("%w: it had %d files, and has %d", errShifted, before, now)
	case overlap > 0 && (len(p.Files) == 0 || P(&p.Files[0]).item().identity != r.last):
		return fmt.Errorf("%w: at offset %d, another file comes than before", errShifted, offset)
	case r.bare && len(p.Files) > 0 && P(&p.Files[0]).item().identity == r.last:
		return fmt.Errorf("%w: what came last comes again at offset %d", ErrCursorRepeats, offset)
	case !counted:
		r.total = p.Total
	}
	return r.cursor.page(identities[T, P](p.Files))
}
