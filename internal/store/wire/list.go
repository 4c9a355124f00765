package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store/bucket"
)

// PageSize is the most keys that are listed, or removed, at once.
const PageSize = 1000

// Delimiter is what ends the name of a folder.
const Delimiter = "/"

var (
	// ErrOdd says that an answer cannot be right.
	ErrOdd = errors.New("the store says what cannot be")
	// ErrOrder says that a page has a key that belongs to one before.
	ErrOrder = errors.New("the store does not list in the order of keys")
)

// Page is one of a list. Next leads to the one behind it; "" is the end.
type Page struct {
	Infos []bucket.Info
	Next  string
}

// Pages is a list of what is below a prefix and comes behind a key, page by page; "" asks for the first one. Some stores sort by UTF-16, and so put
// what is beyond the first 65,536 characters before the last of them: each page is sorted here. One that begins before the end of the last one
// is an error; keys in ASCII come in order everywhere. A key that is not below the prefix is an error, one that is not behind the other is passed over.
func Pages(prefix, after string, page func(token string) (Page, error)) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		last, token := after, ""
		for {
			p, err := page(token)
			if err == nil {
				err = check(p, prefix, last, token)
			}
			if err != nil {
				if _, ok := errors.AsType[*bucket.Error](err); !ok {
					err = &bucket.Error{Op: OpList, Key: prefix, Err: err}
				}
				yield(bucket.Info{}, err)
				return
			}
			for _, info := range p.Infos {
				if info.Key <= last {
					continue
				}
				last = info.Key
				if !yield(info, nil) {
					return
				}
			}
			if token = p.Next; token == "" {
				return
			}
		}
	}
}

// check sorts a page, and looks whether it can be one behind a key.
func check(p Page, prefix, last, token string) error {
	slices.SortFunc(p.Infos, func(x, y bucket.Info) int { return cmp.Compare(x.Key, y.Key) })
	for _, info := range p.Infos {
		switch {
		case !strings.HasPrefix(info.Key, prefix) || info.Size < 0:
			return fmt.Errorf("%w: %q of %d bytes in a list below %q", ErrOdd, info.Key, info.Size, prefix)
		case token != "" && info.Key < last:
			return fmt.Errorf("%w: %q on the page behind %q", ErrOrder, info.Key, last)
		}
	}
	if p.Next != "" && p.Next == token {
		return fmt.Errorf("%w: a page that leads to itself", ErrOdd)
	}
	return nil
}

// removeAtOnce is how many objects are removed at once where each takes a request.
const removeAtOnce = 16

// RemoveEach removes objects one by one, some at once. What remove says of one that is missing, fs.ErrNotExist, is no error.
func RemoveEach(ctx context.Context, keys []string, remove func(ctx context.Context, key string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(removeAtOnce)
	for _, key := range keys {
		g.Go(func() error {
			if err := remove(ctx, key); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}
