package gs

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"net/url"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// errRefused says that a request was answered with an error that has no other name here.
var errRefused = errors.New("the object store refused a request")

// What the two APIs say of what is missing; the one in JSON says the same of both.
const noSuchKey, noSuchBucket = "NoSuchKey", "NoSuchBucket"

// refused is the error of an answer that is no success.
func (c *Client) refused(ctx context.Context, a *wire.Answer, op, key, token string) error {
	text, err := a.ReadAll(wire.MaxErrorBody)
	if err != nil {
		// Nobody knows what it would have said.
		return err
	}
	code, message := parse(text)
	if a.StatusCode == http.StatusNotFound && op != wire.OpPut && op != wire.OpCreate && op != wire.OpList && code != noSuchBucket && (code == noSuchKey || c.hasBucket(ctx)) {
		code = noSuchKey
	}
	is := errRefused
	switch status := a.StatusCode; {
	case status == http.StatusPreconditionFailed && op == wire.OpCreate:
		is = store.ErrExists
	case status == http.StatusPreconditionFailed && op == wire.OpGet:
		is = bucket.ErrChanged
	case op == wire.OpCreate && (wire.IsUnsure(status) || status == http.StatusConflict):
		is = store.ErrUnsure
	case code == noSuchKey:
		is = fs.ErrNotExist
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		is = fs.ErrPermission
	}
	e := a.Refused(code, message, []string{token}, is)
	e.Hint = hint(op, a.StatusCode, code)
	return e
}

// parse returns what an answer says, in JSON or in XML.
func parse(text []byte) (code, message string) {
	var inXML struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}
	if xml.Unmarshal(text, &inXML) == nil {
		return inXML.Code, inXML.Message
	}
	var inJSON struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	if json.Unmarshal(text, &inJSON) == nil {
		if len(inJSON.Error.Errors) > 0 {
			code = inJSON.Error.Errors[0].Reason
		}
		return code, inJSON.Error.Message
	}
	return "", ""
}

// hasBucket tells whether the bucket is there: an answer 404 may be of an object, of a bucket, or of no store at all.
func (c *Client) hasBucket(ctx context.Context) bool {
	if c.isThere.Load() {
		return true
	}
	a, err := c.send(ctx, &http.Request{Method: http.MethodGet, URL: c.objects("", url.Values{"maxResults": {"1"}, "fields": {"kind"}})}, wire.OpList, "")
	if err != nil {
		return false
	}
	a.Close()
	return true
}

// hint says what to do about an answer; "" where there is nothing to say.
func hint(op string, status int, code string) string {
	switch {
	case status == http.StatusUnauthorized:
		return "the credentials are not taken: look at GOOGLE_APPLICATION_CREDENTIALS"
	case status == http.StatusForbidden:
		return "the account needs " + map[string]string{
			wire.OpPut: "storage.objects.create and, for what is replaced, storage.objects.delete", wire.OpCreate: "storage.objects.create",
			wire.OpGet: "storage.objects.get", wire.OpList: "storage.objects.list", wire.OpRemove: "storage.objects.delete",
		}[op] + ", as the role Storage Object User has them"
	case status == http.StatusNotFound && code != noSuchKey:
		return "make the bucket first, or look at its name"
	}
	return ""
}
