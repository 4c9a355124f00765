package llamacloud

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// maxEmptyPages is how many empty pages in a row are taken for a listing that goes on.
const maxEmptyPages = 100

// What keeps a listing from being complete although every request was answered.
var (
	// ErrCursorRepeats says that a listing led back to a page that it gave before.
	ErrCursorRepeats = errors.New("the listing leads back to a page that was read before")
	// ErrListingStuck says that a listing claims to go on, but has nothing more to give.
	ErrListingStuck = errors.New("the listing does not end, but gives nothing more")
	// ErrCursorRefused says that a listing broke off: the API does not know the cursor any more that it gave.
	ErrCursorRefused = errors.New("the listing broke off, as its cursor was refused")
)

// cursorRefused says what it means that a page behind the first is refused: what was asked for is there, and the cursor is not.
func cursorRefused(err error) error {
	if refused, ok := errors.AsType[*APIError](err); ok && refused.own && refused.final() {
		return fmt.Errorf("%w: %w", ErrCursorRefused, err)
	}
	return err
}

// digest stands for a token, or for the identifiers of a page's items in order.
type digest [sha256.Size]byte

// cursor watches over a listing, so that it ends.
type cursor struct {
	// tokens are all that were given.
	tokens map[digest]struct{}
	empty  int
	pages  repetition
}

// token takes note of the token of the next page.
func (c *cursor) token(token string) error {
	d := digest(sha256.Sum256([]byte(token)))
	if _, again := c.tokens[d]; again {
		return ErrCursorRepeats
	}
	if c.tokens == nil {
		c.tokens = make(map[digest]struct{})
	}
	c.tokens[d] = struct{}{}
	return nil
}

// page takes note of the identifiers of a page's items.
func (c *cursor) page(ids []string) error {
	if len(ids) == 0 {
		if c.empty++; c.empty > maxEmptyPages {
			return ErrListingStuck
		}
		return nil
	}
	c.empty = 0
	h := sha256.New()
	for _, id := range ids {
		// What separates identifiers is not valid UTF-8, so that no identifier can contain it.
		h.Write(append([]byte(id), 0xff))
	}
	if c.pages.repeats(digest(h.Sum(nil))) {
		return ErrCursorRepeats
	}
	return nil
}

// maxRepeats is how often a page is taken for one that happens to be the same: of a file, say, that was changed under way.
const maxRepeats = 3

// repetition finds out, with one value remembered, that a sequence has begun to repeat itself: Brent's algorithm (BIT 20,
// 1980, section 7).
type repetition struct {
	kept digest
	// age is how many values came since kept was, which is replaced when it is as old as span; again is how many of them
	// were the same.
	age, span, again int
}

func (r *repetition) repeats(next digest) bool {
	if r.span > 0 && next == r.kept {
		r.again++
	}
	if r.age++; r.age >= r.span {
		*r = repetition{kept: next, span: max(1, 2*r.span)}
	}
	return r.again >= maxRepeats
}
