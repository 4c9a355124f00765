package emulator

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"hash/fnv"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scope says which routes a fault fits.
type scope int

const (
	everywhere scope = iota
	blobs
	jsons
	cursorListings
	laterPages
	pagedListings
	assetListings
	laterOffsets
	lists
)

// faultSpec is how a fault is made. A fault has at most one of answer, alter and send; the others are made where the
// answer is.
type faultSpec struct {
	kind  FaultKind
	scope scope
	// answer replaces the answer: the operation is not carried out.
	answer func(*injector, *exchange) reply
	// alter changes the answer, whose body is in memory.
	alter func(*exchange, reply) reply
	// send sends the answer in a faulty manner.
	send func(*injector, *exchange, reply)
	// silent is set where no status line is sent.
	silent bool
}

// faultSpecs is never changed.
var faultSpecs = [...]faultSpec{
	{kind: FaultStatus500, answer: status(500)},
	{kind: FaultStatus503, answer: status(503)},
	{kind: FaultStatus429, answer: status(429)},
	{kind: FaultStatus408, answer: status(408)},
	{kind: FaultStatus422, answer: status(422)},
	{kind: FaultStatus404, answer: status(404)},
	{kind: FaultStatus402, answer: status(402)},
	{kind: FaultStatus405, answer: status(405)},
	{kind: FaultStatus501, answer: status(501)},
	{kind: FaultStatus403, answer: status(403)},
	{kind: FaultStatus401, answer: status(401)},
	{kind: FaultStatus400, answer: status(400)},
	{kind: FaultReset, send: func(_ *injector, x *exchange, _ reply) { reset(x.w) }, silent: true},
	{kind: FaultCut, send: sendCut},
	{kind: FaultShort, send: sendShort},
	{kind: FaultStall, send: sendStall},
	{kind: FaultTrickle, send: sendTrickle},
	{kind: FaultSlowHeaders, send: sendSlowHeaders},
	{kind: FaultNoLength, send: sendNoLength},
	{kind: FaultGzip, alter: zipped},
	{kind: FaultHTML, answer: html},
	{kind: FaultEmptyJSON, answer: func(*injector, *exchange) reply { return answerOK([]byte("{}")) }},
	{kind: FaultRedirectLoop, answer: redirectLoop},
	{kind: FaultRedirectOther, answer: redirectOther},
	{kind: FaultWrongSize, scope: blobs, alter: wrongSize},
	{kind: FaultWrongBytes, scope: blobs, alter: wrongBytes},
	{kind: FaultPDF, scope: blobs, alter: pdf},
	{kind: FaultOddType, scope: blobs, alter: oddType},
	{kind: FaultOddEncoding, scope: blobs, alter: oddEncoding},
	{kind: FaultLong, scope: blobs, alter: long},
	{kind: FaultMalformedJSON, scope: jsons, answer: malformedJSON},
	{kind: FaultTruncatedJSON, scope: jsons, alter: truncated},
	{kind: FaultDeepJSON, scope: jsons, answer: deepJSON},
	{kind: FaultHugeJSON, scope: jsons, send: sendHuge},
	{kind: FaultOddItem, scope: lists, alter: oddItem},
	{kind: FaultOddField, scope: lists, alter: oddField},
	{kind: FaultNullList, scope: assetListings, alter: nullList},
	{kind: FaultSmallPages, scope: pagedListings, alter: smallPages},
	{kind: FaultShift, scope: laterOffsets},
	{kind: FaultRepeatCursor, scope: cursorListings},
	{kind: FaultRepeatPage, scope: cursorListings},
	{kind: FaultEmptyPage, scope: cursorListings},
	{kind: FaultExpiredCursor, scope: laterPages, answer: expiredCursor},
}

func (f *faultSpec) is(kind FaultKind) bool { return f != nil && f.kind == kind }

// has tells whether faults of that scope fit a route.
func (s scope) has(r Route) bool {
	switch s {
	case blobs:
		return r.isBlob()
	case jsons:
		return !r.isBlob()
	case cursorListings, laterPages:
		return r.hasCursor()
	case pagedListings:
		return r.hasCursor() || r == RouteListPipelineFiles
	case assetListings:
		return slices.Contains(AssetListingRoutes(), r) || r == RouteListAttachments || r == RouteGetParseJob
	case laterOffsets:
		return r == RouteListPipelineFiles
	case lists:
		return oddFields[r].identity != ""
	}
	return true
}

func (f *faultSpec) fits(x *exchange) bool {
	offset := x.query.Get("offset")
	return f.scope.has(x.route) && (f.scope != laterPages || x.after > 0) &&
		(f.scope != laterOffsets || offset != "" && offset != "0")
}

func status(code int) func(*injector, *exchange) reply {
	return func(in *injector, x *exchange) reply {
		r := detail(code, http.StatusText(code))
		if x.route.isDownload() {
			r = xmlError(code, storageError{Code: storageCode(code), Message: http.StatusText(code)})
		}
		if in.Faults.RetryAfter != "" && (code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable) {
			r = r.with("Retry-After", in.Faults.RetryAfter)
		}
		return r
	}
}

// storageCode is what S3 calls a status.
func storageCode(code int) string {
	switch code {
	case http.StatusForbidden:
		return "AccessDenied"
	case http.StatusNotFound:
		return "NoSuchKey"
	case http.StatusServiceUnavailable:
		return "SlowDown"
	case http.StatusInternalServerError:
		return "InternalError"
	}
	return strings.ReplaceAll(http.StatusText(code), " ", "")
}

func html(*injector, *exchange) reply {
	page := "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
	return reply{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: []byte(page)}
}

func malformedJSON(*injector, *exchange) reply { return answerOK([]byte(`{"items": [{"id": ]}`)) }

func deepJSON(*injector, *exchange) reply {
	const depth = 100_000
	return answerOK([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
}

func expiredCursor(*injector, *exchange) reply {
	return detail(http.StatusBadRequest, "The page token has expired")
}

// hop is the query parameter that numbers the hops of a redirect loop.
const hop = "hop"

// isHop tells whether the request follows a redirect of f, which belongs to the attempt that was redirected first.
func (x *exchange) isHop(f *faultSpec) bool { return f.kind == FaultRedirectLoop && x.query.Has(hop) }

func redirectLoop(_ *injector, x *exchange) reply {
	n, _ := strconv.Atoi(x.query.Get(hop))
	query := x.r.URL.Query()
	query.Set(hop, strconv.Itoa(n+1))
	return redirect(x.r.URL.EscapedPath() + "?" + query.Encode())
}

func redirectOther(in *injector, x *exchange) reply {
	if in.OtherOrigin == "" {
		return in.storage.redirect(x)
	}
	return redirect(strings.TrimSuffix(in.OtherOrigin, "/") + x.r.URL.RequestURI())
}

func redirect(to string) reply {
	return detail(http.StatusTemporaryRedirect, "Temporary Redirect").with("Location", to)
}

// wrongSize makes the body longer or shorter, which depends on the byte in its middle.
func wrongSize(_ *exchange, r reply) reply {
	if n := len(r.body); n > 0 && r.body[n/2]%2 == 0 {
		r.body = r.body[:n-1]
	} else {
		r.body = append(r.body[:n:n], 0)
	}
	return r
}

func wrongBytes(_ *exchange, r reply) reply {
	r.body = filled("", "This is not an image. ", len(r.body))
	return r
}

func pdf(_ *exchange, r reply) reply {
	r.body = filled("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", "1 0 obj\n<<>>\nendobj\n", len(r.body))
	return r
}

// filled returns size bytes: a beginning, and a text again and again.
func filled(begin, text string, size int) []byte {
	return []byte((begin + strings.Repeat(text, size/len(text)+1))[:size])
}

// oddTypes and oddEncodings are never changed.
var (
	oddTypes     = []string{"application/octet-stream", "text/html; charset=utf-8", "image/x-unheard-of", "no type at all", ""}
	oddEncodings = []string{"utf-8", "aws-chunked", "none", "binary", "Identity", "aws-chunked,identity,utf-8", ""}
)

func oddType(x *exchange, r reply) reply {
	r.contentType = pick(x, oddTypes)
	return r
}

func oddEncoding(x *exchange, r reply) reply {
	return r.with("Content-Encoding", pick(x, oddEncodings))
}

// pick chooses one of the values by the path.
func pick(x *exchange, values []string) string {
	h := fnv.New32a()
	h.Write([]byte(x.r.URL.EscapedPath()))
	return values[h.Sum32()%uint32(len(values))]
}

func long(_ *exchange, r reply) reply {
	r.body, r.chunked = append(bytes.Clone(r.body), r.body...), true
	return r
}

func truncated(_ *exchange, r reply) reply {
	r.body = r.body[:len(r.body)/2]
	return r
}

func zipped(_ *exchange, r reply) reply {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(r.body) // neither fails on a Buffer
	_ = z.Close()
	r.body = b.Bytes()
	return r.with("Content-Encoding", "gzip")
}

// sendHalf sends the headers, those of the whole body, and half of the body.
func sendHalf(x *exchange, r reply) reply {
	r, err := r.loaded()
	if err != nil {
		abort()
	}
	r.sendHead(x.w)
	_, _ = x.w.Write(r.body[:len(r.body)/2])
	flush(x.w)
	return r
}

// abort closes the connection.
func abort() { panic(http.ErrAbortHandler) }

// reset resets the connection, where it is one of TCP that HTTP/1 has for itself; otherwise it aborts.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		abort()
	}
	raw := conn
	if secure, ok := conn.(*tls.Conn); ok {
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the connection is closed in order, which is the best that is left
	}
	_ = raw.Close()
}

func sendCut(_ *injector, x *exchange, r reply) {
	sendHalf(x, r)
	reset(x.w)
}

func sendShort(_ *injector, x *exchange, r reply) {
	sendHalf(x, r)
	abort()
}

func sendStall(in *injector, x *exchange, r reply) {
	sendHalf(x, r)
	x.wait(in.StallFor)
	abort()
}

func sendTrickle(in *injector, x *exchange, r reply) {
	r, err := r.loaded()
	if err != nil {
		abort()
	}
	r.sendHead(x.w)
	for end := time.Now().Add(in.StallFor); len(r.body) > 0; r.body = r.body[1:] {
		_, _ = x.w.Write(r.body[:1])
		flush(x.w)
		if !x.wait(in.TrickleEvery) || time.Now().After(end) {
			abort()
		}
	}
}

func sendSlowHeaders(in *injector, x *exchange, r reply) {
	if !x.wait(in.StallFor) || r.send(x.w) != nil {
		abort()
	}
}

func sendNoLength(_ *injector, x *exchange, r reply) {
	r.chunked = true
	// Makes net/http close the connection after the body instead of sending it in chunks.
	sendHalf(x, r.with("Transfer-Encoding", "identity"))
}

func sendHuge(in *injector, x *exchange, r reply) {
	r.chunked = true
	r.sendHead(x.w)
	blank := bytes.Repeat([]byte(" "), chunkSize)
	for left := in.HugeSize; left > 0; left -= chunkSize {
		if _, err := x.w.Write(blank[:min(left, chunkSize)]); err != nil {
			abort()
		}
	}
	_, _ = x.w.Write(r.body)
}
