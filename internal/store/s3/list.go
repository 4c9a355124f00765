package s3

import (
	"context"
	"encoding/xml"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// page is one of a list, with the elements of XML that matter.
type page struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string
	EncodingType          string
	CommonPrefixes        []struct{ Prefix string }
	Contents              []struct {
		Key, ETag    string
		Size         int64
		LastModified time.Time
	}
}

// List implements bucket.Client.
func (c *Client) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return wire.Pages(prefix, after, func(token string) (wire.Page, error) { return c.page(ctx, prefix, after, token, "") })
}

// Level implements bucket.Client.
func (c *Client) Level(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return wire.Pages(prefix, after, func(token string) (wire.Page, error) { return c.page(ctx, prefix, after, token, wire.Delimiter) })
}

// page returns one page of a list, in which a delimiter ends the names of folders, unless it is empty.
func (c *Client) page(ctx context.Context, prefix, after, token, delimiter string) (wire.Page, error) {
	query := url.Values{"list-type": {"2"}, "max-keys": {strconv.Itoa(wire.PageSize)}, "encoding-type": {"url"}, "prefix": {prefix}}
	if delimiter != "" {
		query.Set("delimiter", delimiter)
	}
	if token != "" {
		query.Set("continuation-token", token)
	} else if after != "" {
		query.Set("start-after", after)
	}
	a, err := c.send(ctx, request{op: wire.OpList, method: http.MethodGet, name: prefix, query: query})
	if err != nil {
		return wire.Page{}, err
	}
	defer a.Close()
	var said page
	if err := a.Decode(xml.Unmarshal, &said); err != nil {
		return wire.Page{}, err
	}
	if said.IsTruncated && said.NextContinuationToken == "" {
		return wire.Page{}, a.Fail(fmt.Errorf("%w: more keys, but no way to them", wire.ErrOdd))
	}
	now, _ := http.ParseTime(a.Header.Get("Date"))
	p := wire.Page{Infos: make([]bucket.Info, 0, len(said.Contents))}
	if said.IsTruncated {
		p.Next = said.NextContinuationToken
	}
	plain := func(key string) (string, error) {
		if said.EncodingType != "url" {
			return key, nil
		}
		text, err := url.QueryUnescape(key)
		if err != nil {
			return "", a.Fail(fmt.Errorf("%w: the key %q", wire.ErrOdd, key))
		}
		return text, nil
	}
	for _, o := range said.CommonPrefixes {
		key, err := plain(o.Prefix)
		if err != nil {
			return wire.Page{}, err
		}
		p.Infos = append(p.Infos, bucket.Info{Key: key})
	}
	for _, o := range said.Contents {
		key, err := plain(o.Key)
		if err != nil {
			return wire.Page{}, err
		}
		p.Infos = append(p.Infos, bucket.Info{Key: key, Size: o.Size, Version: version(o.ETag), Modified: o.LastModified, Now: now})
	}
	return p, nil
}
