package s3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"io/fs"
	"net/http"
	"net/url"
	"slices"

	"exporter/internal/store/wire"
)

// deletion asks for objects to be removed, and says what came of it.
type deletion struct {
	XMLName xml.Name `xml:"Delete"`
	Xmlns   string   `xml:"xmlns,attr"`
	Quiet   bool
	Object  []object
}

type object struct{ Key string }

type deleted struct {
	XMLName xml.Name `xml:"DeleteResult"`
	Error   []struct{ Key, Code, Message string }
}

// Remove implements bucket.Client. Of keys that could not be removed, the error names the first.
func (c *Client) Remove(ctx context.Context, keys ...string) error {
	for batch := range slices.Chunk(keys, wire.PageSize) {
		if err := c.remove(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) remove(ctx context.Context, keys []string) error {
	d := deletion{Xmlns: "http://s3.amazonaws.com/doc/2006-03-01/", Quiet: true}
	for _, key := range keys {
		d.Object = append(d.Object, object{key})
	}
	text, err := xml.Marshal(d)
	if err != nil {
		return err
	}
	sum := md5.Sum(text)
	q := request{op: wire.OpRemove, method: http.MethodPost, name: keys[0], query: url.Values{"delete": {""}}, header: http.Header{
		"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}, "Content-Type": {"application/xml"},
	}}
	a, err := c.send(ctx, q.withBody(text))
	if err != nil {
		return err
	}
	defer a.Close()
	var said deleted
	if err := a.Decode(xml.Unmarshal, &said); err != nil {
		return err
	}
	for _, failed := range said.Error {
		if failed.Code == "NoSuchKey" || failed.Code == "NoSuchVersion" {
			continue
		}
		is := errRefused
		if failed.Code == "AccessDenied" {
			is = fs.ErrPermission
		}
		e := a.Refused(failed.Code, failed.Message, nil, is)
		e.Key, e.Temporary = failed.Key, isTemporary(failed.Code)
		e.Hint = c.hint(wire.OpRemove, e, a.Response, "")
		return e
	}
	return nil
}
