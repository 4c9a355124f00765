package s3

import (
	"cmp"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"slices"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// errRefused says that a request was answered with an error that has no other name here.
var errRefused = errors.New("the object store refused a request")

// errorBody is how stores say what is wrong.
type errorBody struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	Region  string
}

// refused is the error of an answer that is no success.
func (c *Client) refused(q request, who credentials.Value, a *wire.Answer) error {
	var said errorBody
	text, err := a.ReadAll(wire.MaxErrorBody)
	if err != nil || xml.Unmarshal(text, &said) != nil {
		said = errorBody{}
	}
	code := said.Code
	if a.StatusCode == http.StatusPreconditionFailed {
		code = cmp.Or(code, "PreconditionFailed")
	}
	e := a.Refused(code, said.Message, []string{who.SecretAccessKey, who.SessionToken, who.AccessKeyID}, meaning(q.op, a.StatusCode, code))
	if isTemporary(code) || isExpired(code) && c.identity.expire(who) {
		e.Temporary = true
	}
	e.Hint = c.hint(q.op, e, a.Response, said.Region)
	return e
}

// meaning is what an answer says in the words of bucket.Client. Only a store that says that there is no such key means it: an answer 404
// may as well be of a bucket that is missing, or of no store at all.
func meaning(op string, status int, code string) error {
	conditionHeld := code == "ConditionalRequestConflict" || code == "OperationAborted" || code == "Conflict" || code == ""
	switch {
	case status == http.StatusPreconditionFailed && op == wire.OpCreate:
		return store.ErrExists
	case status == http.StatusPreconditionFailed && op == wire.OpGet:
		return bucket.ErrChanged
	case op == wire.OpCreate && (wire.IsUnsure(status) || code == "RequestTimeout" || status == http.StatusConflict && conditionHeld):
		return store.ErrUnsure
	case status == http.StatusNotFound && code == "NoSuchKey":
		return fs.ErrNotExist
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fs.ErrPermission
	}
	return errRefused
}

// isTemporary tells whether the same may succeed soon, whatever the status. Versitygw, on a file system, takes a folder that is just being
// removed with its last object for one that is in the way.
func isTemporary(code string) bool {
	return slices.Contains([]string{
		"ExistingObjectIsDirectory",
		"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded",
		"ConditionalRequestConflict", "OperationAborted", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch",
	}, code)
}

// isExpired tells whether a store wants other credentials.
func isExpired(code string) bool {
	return code == "ExpiredToken" || code == "ExpiredTokenException" || code == "InvalidToken" || code == "TokenRefreshRequired"
}
