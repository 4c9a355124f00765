package gs

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// Put implements bucket.Client.
func (c *Client) Put(ctx context.Context, key string, content store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, wire.OpPut, key, content, size, url.Values{})
}

// Create implements bucket.Client. Generation 0 is that of what is not there.
func (c *Client) Create(ctx context.Context, key string, content store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, wire.OpCreate, key, content, size, url.Values{"ifGenerationMatch": {"0"}})
}

// put sends an object behind what is to be known of it: its name and a sum, which the store compares.
func (c *Client) put(ctx context.Context, op, key string, content store.Content, size int64, query url.Values) (bucket.Version, error) {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if err := wire.Sum(op, key, content, size, sum); err != nil {
		return "", err
	}
	metadata, err := json.Marshal(map[string]string{
		"name": key, "crc32c": base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum.Sum32())), "contentType": "application/octet-stream",
	})
	if err != nil {
		return "", err
	}
	boundary := rand.Text()
	head := fmt.Sprintf("--%s\r\nContent-Type: application/json\r\n\r\n%s\r\n--%[1]s\r\nContent-Type: application/octet-stream\r\n\r\n", boundary, metadata)
	tail := fmt.Sprintf("\r\n--%s--\r\n", boundary)
	query.Set("uploadType", "multipart")
	query.Set("fields", "name,size,generation")
	a, err := c.send(ctx, &http.Request{
		Method: http.MethodPost, URL: c.at("/upload/storage/v1/b/"+c.bucket+"/o", query),
		Header: http.Header{"Content-Type": {"multipart/related; boundary=" + boundary}}, ContentLength: int64(len(head)) + size + int64(len(tail)),
		Body: io.NopCloser(io.MultiReader(strings.NewReader(head), io.NewSectionReader(content, 0, size), strings.NewReader(tail))),
	}, op, key)
	if err != nil {
		return "", err
	}
	defer a.Close()
	var o object
	if err := a.Decode(json.Unmarshal, &o); err != nil {
		return "", err
	}
	if o.Generation != "" && (o.Name != key || o.Size != size) {
		return "", a.Fail(fmt.Errorf("%w: %q of %d bytes was stored", wire.ErrOdd, wire.Plain(o.Name), o.Size))
	}
	return a.Stored(bucket.Version(o.Generation))
}

// Get implements bucket.Client.
func (c *Client) Get(ctx context.Context, key string, offset, length int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	r := &http.Request{Method: http.MethodGet, URL: c.at("/"+c.bucket+"/"+strings.ReplaceAll(url.PathEscape(key), "%2F", "/"), nil), Header: http.Header{"Range": {wire.Range(offset, length)}}}
	if of != "" {
		r.Header.Set("X-Goog-If-Generation-Match", string(of))
	}
	a, err := c.send(ctx, r, wire.OpGet, key)
	if e, ok := errors.AsType[*bucket.Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
		return c.past(ctx, key, offset, of)
	}
	if err != nil {
		return nil, bucket.Info{}, err
	}
	info := a.Info(bucket.Version(a.Header.Get("X-Goog-Generation")))
	body, err := a.Part(&info, offset, length, of)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	return body, info, nil
}

// past is Get from the end on, or behind it: nothing, of an object that is there.
func (c *Client) past(ctx context.Context, key string, offset int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	a, err := c.send(ctx, &http.Request{Method: http.MethodHead, URL: c.at("/"+c.bucket+"/"+strings.ReplaceAll(url.PathEscape(key), "%2F", "/"), nil)}, wire.OpGet, key)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	return a.Nothing(a.Info(bucket.Version(a.Header.Get("X-Goog-Generation"))), offset, of)
}

// List implements bucket.Client.
func (c *Client) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return wire.Pages(prefix, after, func(token string) (wire.Page, error) { return c.page(ctx, prefix, after, token, "") })
}

// Level implements bucket.Client.
func (c *Client) Level(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return wire.Pages(prefix, after, func(token string) (wire.Page, error) { return c.page(ctx, prefix, after, token, wire.Delimiter) })
}

// listKind is what the JSON API calls a list of objects.
const listKind = "storage#objects"

// page returns one page of a list, which begins with the key that it is to begin behind, and in which a delimiter ends the names of folders, unless it
// is empty.
func (c *Client) page(ctx context.Context, prefix, after, token, delimiter string) (wire.Page, error) {
	query := url.Values{
		"prefix": {prefix}, "maxResults": {strconv.Itoa(wire.PageSize)}, "fields": {"kind,nextPageToken,prefixes,items(name,size,generation,timeCreated)"},
	}
	if delimiter != "" {
		query.Set("delimiter", delimiter)
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	if after != "" {
		query.Set("startOffset", after)
	}
	a, err := c.send(ctx, &http.Request{Method: http.MethodGet, URL: c.objects("", query)}, wire.OpList, prefix)
	if err != nil {
		return wire.Page{}, err
	}
	defer a.Close()
	var said struct {
		Kind          string   `json:"kind"`
		NextPageToken string   `json:"nextPageToken"`
		Prefixes      []string `json:"prefixes"`
		Items         []object `json:"items"`
	}
	if err := a.Decode(json.Unmarshal, &said); err != nil {
		return wire.Page{}, err
	}
	if said.Kind != listKind {
		return wire.Page{}, a.Odd("what is no list")
	}
	now, _ := http.ParseTime(a.Header.Get("Date"))
	p := wire.Page{Next: said.NextPageToken}
	for _, key := range said.Prefixes {
		p.Infos = append(p.Infos, bucket.Info{Key: key})
	}
	for _, o := range said.Items {
		p.Infos = append(p.Infos, bucket.Info{Key: o.Name, Size: o.Size, Version: bucket.Version(o.Generation), Modified: o.TimeCreated, Now: now})
	}
	return p, nil
}

// Remove implements bucket.Client.
func (c *Client) Remove(ctx context.Context, keys ...string) error {
	return wire.RemoveEach(ctx, keys, func(ctx context.Context, key string) error {
		a, err := c.send(ctx, &http.Request{Method: http.MethodDelete, URL: c.objects("/"+url.PathEscape(key), nil)}, wire.OpRemove, key)
		if err == nil {
			a.Close()
		}
		return err
	})
}
