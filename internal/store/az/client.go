package az

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// maxPut is the most bytes that Azure takes in one request.
const maxPut = 5000 << 20

// errTooLarge says that an object cannot be put in one request.
var errTooLarge = errors.New("the object has more than 5000 MiB, which Azure does not take in one request")

// Put implements bucket.Client.
func (c *Client) Put(ctx context.Context, key string, content store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, wire.OpPut, key, content, size, http.Header{})
}

// Create implements bucket.Client.
func (c *Client) Create(ctx context.Context, key string, content store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, wire.OpCreate, key, content, size, http.Header{"If-None-Match": {"*"}})
}

func (c *Client) put(ctx context.Context, op, key string, content store.Content, size int64, header http.Header) (bucket.Version, error) {
	if size > maxPut {
		return "", &bucket.Error{Op: op, Key: key, Err: errTooLarge, Hint: "let shards be smaller"}
	}
	sum := md5.New()
	if err := wire.Sum(op, key, content, size, sum); err != nil {
		return "", err
	}
	header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	header.Set("Content-Type", "application/octet-stream")
	header.Set("X-Ms-Blob-Type", "BlockBlob")
	r := &http.Request{Method: http.MethodPut, URL: c.at(key, nil), Header: header, ContentLength: size}
	if size > 0 {
		r.Body = io.NopCloser(io.NewSectionReader(content, 0, size))
	}
	a, err := c.send(ctx, r, op, key)
	if err != nil {
		return "", err
	}
	a.Close()
	return a.Stored(bucket.Version(a.Header.Get("ETag")))
}

// Get implements bucket.Client.
func (c *Client) Get(ctx context.Context, key string, offset, length int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	r := &http.Request{Method: http.MethodGet, URL: c.at(key, nil), Header: condition(of)}
	r.Header.Set("Range", wire.Range(offset, length))
	a, err := c.send(ctx, r, wire.OpGet, key)
	if e, ok := errors.AsType[*bucket.Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
		return c.past(ctx, key, offset, of)
	}
	if err != nil {
		return nil, bucket.Info{}, err
	}
	info := a.Info(bucket.Version(a.Header.Get("ETag")))
	body, err := a.Part(&info, offset, length, of)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	return body, info, nil
}

// condition asks for a version, which may be "".
func condition(of bucket.Version) http.Header {
	if of == "" {
		return http.Header{}
	}
	return http.Header{"If-Match": {string(of)}}
}

// past is Get from the end on, or behind it: nothing, of an object that is there.
func (c *Client) past(ctx context.Context, key string, offset int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	a, err := c.send(ctx, &http.Request{Method: http.MethodHead, URL: c.at(key, nil), Header: condition(of)}, wire.OpGet, key)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	return a.Nothing(a.Info(bucket.Version(a.Header.Get("ETag"))), offset, of)
}

// List implements bucket.Client. Azure lists from the beginning, whatever is to be behind.
func (c *Client) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return wire.Pages(prefix, after, func(token string) (wire.Page, error) { return c.page(ctx, prefix, token, "") })
}

// Level implements bucket.Client.
func (c *Client) Level(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return wire.Pages(prefix, after, func(token string) (wire.Page, error) { return c.page(ctx, prefix, token, wire.Delimiter) })
}

// blobName is the name of a blob, or of a folder, in a list.
type blobName struct {
	Encoded bool   `xml:",attr"`
	Text    string `xml:",chardata"`
}

// key returns the key that a name stands for.
func (n *blobName) key() (string, error) {
	if !n.Encoded {
		return n.Text, nil
	}
	key, err := url.PathUnescape(n.Text)
	if err != nil {
		return "", fmt.Errorf("%w: the key %q", wire.ErrOdd, n.Text)
	}
	return key, nil
}

// page returns one page of a list, in which a delimiter ends the names of folders, unless it is empty.
func (c *Client) page(ctx context.Context, prefix, token, delimiter string) (wire.Page, error) {
	query := url.Values{"restype": {"container"}, "comp": {"list"}, "prefix": {prefix}, "maxresults": {strconv.Itoa(wire.PageSize)}}
	if token != "" {
		query.Set("marker", token)
	}
	if delimiter != "" {
		query.Set("delimiter", delimiter)
	}
	a, err := c.send(ctx, &http.Request{Method: http.MethodGet, URL: c.at("", query)}, wire.OpList, prefix)
	if err != nil {
		return wire.Page{}, err
	}
	defer a.Close()
	var said struct {
		XMLName    xml.Name `xml:"EnumerationResults"`
		NextMarker string
		Blobs      struct {
			BlobPrefix []struct{ Name blobName }
			Blob       []struct {
				Name       blobName
				Properties struct {
					Modified string `xml:"Last-Modified"`
					ETag     string `xml:"Etag"`
					Size     int64  `xml:"Content-Length"`
				}
			}
		}
	}
	if err := a.Decode(xml.Unmarshal, &said); err != nil {
		return wire.Page{}, err
	}
	now, _ := http.ParseTime(a.Header.Get("Date"))
	p := wire.Page{Next: said.NextMarker}
	for _, b := range said.Blobs.BlobPrefix {
		key, err := b.Name.key()
		if err != nil {
			return wire.Page{}, a.Fail(err)
		}
		p.Infos = append(p.Infos, bucket.Info{Key: key})
	}
	for _, b := range said.Blobs.Blob {
		key, err := b.Name.key()
		if err != nil {
			return wire.Page{}, a.Fail(err)
		}
		modified, _ := http.ParseTime(b.Properties.Modified)
		p.Infos = append(p.Infos, bucket.Info{Key: key, Size: b.Properties.Size, Version: listed(b.Properties.ETag), Modified: modified, Now: now})
	}
	return p, nil
}

// listed is the version of an ETag in a list, which has no quotes there.
func listed(tag string) bucket.Version {
	if tag == "" || tag[0] == '"' {
		return bucket.Version(tag)
	}
	return bucket.Version(`"` + tag + `"`)
}

// Remove implements bucket.Client.
func (c *Client) Remove(ctx context.Context, keys ...string) error {
	return wire.RemoveEach(ctx, keys, func(ctx context.Context, key string) error {
		a, err := c.send(ctx, &http.Request{Method: http.MethodDelete, URL: c.at(key, nil)}, wire.OpRemove, key)
		if err == nil {
			a.Close()
		}
		return err
	})
}

// errRefused says that a request was answered with an error that has no other name here.
var errRefused = errors.New("the object store refused a request")

// refused is the error of an answer that is no success. Of what it says only the code is shown: messages have signatures in them.
func refused(a *wire.Answer, op string) error {
	text, err := a.ReadAll(wire.MaxErrorBody)
	if err != nil {
		// Nobody knows what it would have said.
		return err
	}
	var said struct{ Code string }
	_ = xml.Unmarshal(text, &said)
	code, is := cmp.Or(a.Header.Get("X-Ms-Error-Code"), said.Code), errRefused
	switch status := a.StatusCode; {
	case op == wire.OpCreate && (code == "BlobAlreadyExists" || status == http.StatusPreconditionFailed):
		is = store.ErrExists
	case op == wire.OpGet && status == http.StatusPreconditionFailed:
		is = bucket.ErrChanged
	case op == wire.OpCreate && wire.IsUnsure(status):
		is = store.ErrUnsure
	case status == http.StatusNotFound && code == "BlobNotFound":
		is = fs.ErrNotExist
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		is = fs.ErrPermission
	}
	e := a.Refused(code, "", nil, is)
	e.Temporary = e.Temporary || code == "Md5Mismatch"
	switch {
	case code == "ContainerNotFound":
		e.Hint = "make the container first, or look at its name and at AZURE_STORAGE_ACCOUNT"
	case is == fs.ErrPermission:
		e.Hint = "who asks needs the role Storage Blob Data Contributor (to read only, Reader), or a signature with the rights r, w, d and l; the clock may be wrong, too"
	}
	return e
}
