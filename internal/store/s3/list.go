package s3

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

const (
	// pageSize is the most keys that S3 lists at once.
	pageSize = 1000
	// maxPage is the most bytes of a page.
	maxPage = 16 << 20
)

var (
	// errPage says that a page of a list cannot be right.
	errPage = errors.New("the store lists what cannot be")
	// errOrder says that a page has a key that belongs to one before.
	errOrder = errors.New("the store does not list in the order of keys")
)

// page is one of a list, with the elements of XML that matter.
type page struct {
	IsTruncated           bool
	NextContinuationToken string
	EncodingType          string
	Contents              []struct {
		Key, ETag    string
		Size         int64
		LastModified time.Time
	}
}

// List implements bucket.Client. Some stores sort by UTF-16, and so put what is beyond the first 65,536 characters before the last of
// them: each page is sorted here. A page that begins before the end of the last one is an error; keys in ASCII, as those of an export
// are, come in order everywhere.
func (c *Client) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		fail := func(err error) {
			if _, ok := errors.AsType[*bucket.Error](err); !ok {
				err = &bucket.Error{Op: wire.OpList, Key: prefix, Err: err}
			}
			yield(bucket.Info{}, err)
		}
		last, token := after, ""
		for {
			p, infos, err := c.page(ctx, prefix, after, token)
			if err != nil {
				fail(err)
				return
			}
			for n, info := range infos {
				if info.Key <= last && (token == "" || info.Key == last) {
					continue // The store passed over start-after, or has it twice.
				}
				if info.Key < last {
					fail(fmt.Errorf("%w: %q, the number %d of a page, behind %q", errOrder, info.Key, n, last))
					return
				}
				last = info.Key
				if !yield(info, nil) {
					return
				}
			}
			switch next := p.NextContinuationToken; {
			case !p.IsTruncated:
				return
			case next == "" || next == token:
				fail(fmt.Errorf("%w: more keys, but no way to them", errPage))
				return
			default:
				token = next
			}
		}
	}
}

// page returns one page of a list, sorted.
func (c *Client) page(ctx context.Context, prefix, after, token string) (*page, []bucket.Info, error) {
	query := url.Values{"list-type": {"2"}, "max-keys": {strconv.Itoa(pageSize)}, "encoding-type": {"url"}, "prefix": {prefix}}
	if token != "" {
		query.Set("continuation-token", token)
	} else if after != "" {
		query.Set("start-after", after)
	}
	a, err := c.send(ctx, request{op: wire.OpList, method: http.MethodGet, name: prefix, query: query})
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	var p page
	if err := readXML(a, &p); err != nil {
		return nil, nil, err
	}
	now, _ := http.ParseTime(a.Header.Get("Date"))
	infos := make([]bucket.Info, 0, len(p.Contents))
	for _, o := range p.Contents {
		key := o.Key
		if p.EncodingType == "url" {
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, nil, fmt.Errorf("%w: the key %q", errPage, o.Key)
			}
		}
		if !strings.HasPrefix(key, prefix) || o.Size < 0 {
			return nil, nil, fmt.Errorf("%w: %q of %d bytes below %q", errPage, key, o.Size, prefix)
		}
		infos = append(infos, bucket.Info{Key: key, Size: o.Size, Version: version(o.ETag), Modified: o.LastModified, Now: now})
	}
	slices.SortFunc(infos, func(x, y bucket.Info) int { return cmp.Compare(x.Key, y.Key) })
	return &p, infos, nil
}

// readXML reads all of an answer.
func readXML(a *wire.Answer, v any) error {
	text, err := a.ReadAll(maxPage + 1)
	if err != nil {
		return err
	}
	if len(text) > maxPage {
		return a.Fail(fmt.Errorf("%w: more than %d bytes", errPage, maxPage))
	}
	if err := xml.Unmarshal(text, v); err != nil {
		return a.Fail(fmt.Errorf("%w: %s", errPage, wire.Plain(err.Error())))
	}
	return nil
}
