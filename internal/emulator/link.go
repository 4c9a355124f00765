package emulator

import (
	"crypto/hmac"
	"encoding/xml"
	"net/url"
	"strconv"
	"time"
)

// The parameters of a link's query, as S3 names them.
const (
	linkDate      = "X-Amz-Date"
	linkExpires   = "X-Amz-Expires"
	linkSignature = "X-Amz-Signature"
	linkTime      = "20060102T150405Z"
)

// links signs links to storage.
type links struct{ signer }

// sign returns path and query of u with what makes it a link that expires. As with S3, the link's life, a number of whole
// seconds, begins with the second in which it was made.
func (l links) sign(u *url.URL, now time.Time, life time.Duration) string {
	query := u.Query()
	unsign(query)
	query.Set(linkDate, now.UTC().Format(linkTime))
	query.Set(linkExpires, strconv.FormatInt(int64(life/time.Second), 10))
	query.Set(linkSignature, l.signer.sign(u.EscapedPath()+"?"+query.Encode()))
	return u.EscapedPath() + "?" + query.Encode()
}

// check returns why a link is refused, or nil. The hops of a redirect loop are no part of what was signed.
func (l links) check(u *url.URL, now time.Time) *storageError {
	query := u.Query()
	given := query.Get(linkSignature)
	query.Del(linkSignature)
	query.Del(hop)
	if !hmac.Equal([]byte(given), []byte(l.signer.sign(u.EscapedPath()+"?"+query.Encode()))) {
		return &storageError{
			Code: "SignatureDoesNotMatch", Message: "The signature of the request does not match",
		}
	}
	made, _ := time.Parse(linkTime, query.Get(linkDate)) // both were signed by sign
	seconds, _ := strconv.Atoi(query.Get(linkExpires))
	ends := made.Add(time.Duration(seconds) * time.Second)
	if now.Before(ends) {
		return nil
	}
	return &storageError{
		Code: "AccessDenied", Message: "Request has expired", Seconds: seconds,
		Expires: ends.Format(time.RFC3339), ServerTime: now.UTC().Format(time.RFC3339),
	}
}

// unsign takes from a query what sign has added.
func unsign(query url.Values) {
	query.Del(linkDate)
	query.Del(linkExpires)
	query.Del(linkSignature)
}

// storageError is S3's error body.
type storageError struct {
	XMLName    xml.Name `xml:"Error"`
	Code       string   `xml:"Code"`
	Message    string   `xml:"Message"`
	Seconds    int      `xml:"X-Amz-Expires,omitempty"`
	Expires    string   `xml:"Expires,omitempty"`
	ServerTime string   `xml:"ServerTime,omitempty"`
}

func xmlError(status int, e storageError) reply {
	body, _ := xml.Marshal(e) // strings and a number can always be encoded
	return reply{status: status, contentType: "application/xml", body: append([]byte(xml.Header), body...)}
}
