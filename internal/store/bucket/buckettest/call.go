package buckettest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxSkew is how far a request's date may be from the clock of the store.
const maxSkew = 15 * time.Minute

// call is one request that is under way.
type call struct {
	*Server
	Received
	r     *http.Request
	vices Vices
	fault Fault
	body  []byte
	// found tells that a create has found its key taken before its body came.
	found bool
	// w takes the answer, before it is known whether anybody gets it.
	w *recorder
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	body   bytes.Buffer
	code   int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Server: s, r: r, w: &recorder{header: http.Header{}, code: http.StatusOK}}
	c.begin()
	now := time.Now().Add(c.vices.ClockOff)
	c.w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	c.w.Header().Set("X-Amz-Received-Id", "TEST")
	if c.readBody() && c.authorized(now) {
		s.hold(c.Received, BeforeActing)
		if c.fault.After || !c.fails() {
			c.act(now)
			s.hold(c.Received, BeforeReplying)
		}
		if c.fails() {
			if c.fault.Reset {
				reset(w)
				return
			}
			c.w.body.Reset()
			for name, value := range c.fault.Header {
				c.w.Header().Set(name, value)
			}
			c.w.code = http.StatusOK
			if c.fault.Each && c.Op == Remove {
				c.failEach()
			} else {
				c.fail(c.fault.Status, c.fault.Code, c.fault.Message)
			}
		}
	}
	c.reply(w)
}

// fails tells whether the answer is to be an error, or none.
func (c *call) fails() bool { return c.fault.Reset || c.fault.Status > 0 }

// reply sends the answer.
func (c *call) reply(w http.ResponseWriter) {
	for name, values := range c.w.Header() {
		w.Header()[name] = values
	}
	text := c.w.body.Bytes()
	if c.Op != Head {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	}
	w.WriteHeader(c.w.code)
	if c.fault.Cut && len(text) > 0 {
		_, _ = w.Write(text[:len(text)/2])
		_ = http.NewResponseController(w).Flush()
		reset(w)
		return
	}
	_, _ = w.Write(text)
}

// reset breaks a connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// begin finds out what is to be done, counts it, and asks what is wrong with it.
func (c *call) begin() {
	path, found := strings.CutPrefix(c.r.URL.Path, "/"+c.Bucket+"/")
	c.Key, c.Header = path, c.r.Header
	switch {
	case !found:
	case c.r.Method == http.MethodPut && c.Header.Get("If-None-Match") != "":
		c.Op = Create
	case c.r.Method == http.MethodPut:
		c.Op = Put
	case c.r.Method == http.MethodHead:
		c.Op = Head
	case c.r.Method == http.MethodGet && path == "":
		c.Op, c.Key = List, c.r.URL.Query().Get("prefix")
	case c.r.Method == http.MethodGet:
		c.Op = Get
	case c.r.Method == http.MethodPost && c.r.URL.Query().Has("delete"):
		c.Op = Remove
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vices = c.Server.vices
	c.N = c.counts[c.Op]
	c.counts[c.Op]++
	if c.vices.Fault != nil {
		c.fault = c.vices.Fault(c.Received)
	}
	_, c.found = c.objects[c.Key]
}

// readBody reads what comes and compares it with its sums. It tells whether it is right.
func (c *call) readBody() bool {
	if c.r.Method == http.MethodPut && c.r.ContentLength < 0 {
		return c.fail(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	var err error
	if c.body, err = io.ReadAll(c.r.Body); err != nil {
		return c.fail(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.")
	}
	if c.Op == Remove && c.Key == "" {
		var d removal
		if xml.Unmarshal(c.body, &d) == nil && len(d.Object) > 0 {
			c.Key = d.Object[0].Key
		}
	}
	md := md5.Sum(c.body)
	if sent := c.Header.Get("Content-Md5"); sent != "" && sent != base64.StdEncoding.EncodeToString(md[:]) || sent == "" && c.Op == Remove {
		return c.fail(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	sha := sha256.Sum256(c.body)
	switch sent := c.Header.Get("X-Amz-Content-Sha256"); {
	case strings.HasPrefix(sent, "STREAMING-") && !c.vices.KeepFraming:
		return c.fail(http.StatusNotImplemented, "NotImplemented", "Streamed signatures are not implemented.")
	case sent == "":
		return c.fail(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	case sent != "UNSIGNED-PAYLOAD" && sent != hex.EncodeToString(sha[:]):
		return c.fail(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if c.vices.KeepFraming && c.r.Method == http.MethodPut {
		c.body = fmt.Appendf(nil, "%x;chunk-signature=%x\r\n%s\r\n0;chunk-signature=%x\r\n\r\n", len(c.body), sha, c.body, sha)
	}
	return true
}

// authorized looks at who asks, when, and of which region. It tells whether all is right.
func (c *call) authorized(now time.Time) bool {
	scope, _, _ := strings.Cut(strings.TrimPrefix(c.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), ",")
	parts := strings.Split(scope, "/")
	at, err := time.Parse("20060102T150405Z", c.Header.Get("X-Amz-Date"))
	switch {
	case len(parts) != 5:
		return c.fail(http.StatusForbidden, "AccessDenied", "Anonymous access is forbidden for this operation.")
	case parts[0] != c.AccessKey:
		return c.fail(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	case parts[2] != c.Region:
		c.w.Header().Set("X-Amz-Bucket-Region", c.Region)
		return c.fail(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region '"+parts[2]+"' is wrong.")
	case err != nil || now.Sub(at).Abs() > maxSkew:
		return c.fail(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	case c.Op == "":
		return c.fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
	}
	return true
}

// fail answers with an error, and returns false.
func (c *call) fail(status int, code, message string) bool {
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(status)
	if c.Op == Head {
		return false
	}
	var text bytes.Buffer
	_ = xml.EscapeText(&text, []byte(message))
	fmt.Fprintf(c.w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>", code, &text)
	return false
}
