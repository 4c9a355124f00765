package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"

	"exporter/internal/store/bucket"
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
	for batch := range slices.Chunk(keys, pageSize) {
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
	a, err := c.send(ctx, request{
		op: opRemove, method: http.MethodPost, query: url.Values{"delete": {""}}, body: bytes.NewReader(text), size: int64(len(text)), sum: hexSum(text),
		header: http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}, "Content-Type": {"application/xml"}},
	})
	if err != nil {
		if answer, ok := err.(*bucket.Error); ok {
			answer.Key = keys[0]
		}
		return err
	}
	defer a.close()
	var said deleted
	if err := c.readXML(ctx, a, &said); err != nil {
		return c.readFailure(ctx, a, opRemove, keys[0], err)
	}
	for _, failed := range said.Error {
		if failed.Code == "NoSuchKey" || failed.Code == "NoSuchVersion" {
			continue
		}
		status := a.StatusCode
		if failed.Code == "AccessDenied" {
			status = http.StatusForbidden
		}
		shown := plain(failed.Code+": "+failed.Message, maxMessage)
		e := &bucket.Error{
			Op: opRemove, Key: failed.Key, Status: a.StatusCode, Code: plain(failed.Code, maxMessage), Temporary: isTemporary(0, failed.Code),
			Err: &answered{shown, meaning(opRemove, status, failed.Code)},
		}
		e.Hint = c.hint(opRemove, e, a.Response, "")
		return e
	}
	return nil
}
