package s3

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/wire"
)

// What becomes of a create that does not succeed: done, refused for good, or nobody knows.
func TestClient_Create_ByAnswer(t *testing.T) {
	after := func(f buckettest.Fault) buckettest.Fault { f.After = true; return f }
	status := func(code int) buckettest.Fault { return buckettest.Fault{Status: code, Message: "<odd>"} }
	for name, tt := range map[string]struct {
		fault             buckettest.Fault
		is                error
		temporary, stored bool
		retryAfter        time.Duration
	}{
		"lost reply":         {buckettest.LoseReply(), store.ErrUnsure, true, true, 0},
		"reset before":       {buckettest.ResetBefore(), store.ErrUnsure, true, false, 0},
		"500":                {buckettest.Broken(), store.ErrUnsure, true, false, 0},
		"500 after all":      {after(buckettest.Broken()), store.ErrUnsure, true, true, 0},
		"502 of a proxy":     {status(502), store.ErrUnsure, true, false, 0},
		"504 after all":      {after(status(504)), store.ErrUnsure, true, true, 0},
		"408":                {status(408), store.ErrUnsure, true, false, 0},
		"conflict":           {buckettest.Conflict(), store.ErrUnsure, true, false, 0},
		"slow down":          {buckettest.SlowDown("7"), store.ErrUnsure, true, false, 7 * time.Second},
		"429":                {status(429), errRefused, true, false, 0},
		"denied":             {buckettest.Denied(), fs.ErrPermission, false, false, 0},
		"412":                {status(412), store.ErrExists, false, false, 0},
		"404":                {status(404), errRefused, false, false, 0},
		"501":                {buckettest.Fault{Status: 501, Code: "NotImplemented"}, errRefused, false, false, 0},
		"409 of a directory": {buckettest.Fault{Status: 409, Code: "ObjectParentIsFile"}, errRefused, false, false, 0},
	} {
		c, s := serve(t, buckettest.Vices{Fault: buckettest.On(tt.fault, buckettest.Create)})
		_, err := c.Create(t.Context(), "x", store.Bytes("x"), 1)
		e := buckettest.Failure(t, err)
		if !errors.Is(err, tt.is) || e.Temporary != tt.temporary || e.RetryAfter != tt.retryAfter {
			t.Errorf("%s: got error %v, temporary %v, after %v, want %v, %v, %v", name, err, e.Temporary, e.RetryAfter, tt.is, tt.temporary, tt.retryAfter)
		}
		if tt.is != store.ErrUnsure && errors.Is(err, store.ErrUnsure) {
			t.Errorf("%s: %v is unsure", name, err)
		}
		if _, stored := s.Content("x"); stored != tt.stored {
			t.Errorf("%s: stored %v, want %v", name, stored, tt.stored)
		}
	}
}

// Whoever could not even connect knows that nothing was created.
func TestClient_Create_Unconnected_IsNotUnsure(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &buckettest.Server{URL: "http://" + listener.Addr().String(), Bucket: "bucket", AccessKey: "KEY", SecretKey: "sesame", Region: "us-east-1"}
	listener.Close()
	_, err = open(t, s).Create(t.Context(), "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); errors.Is(err, store.ErrUnsure) || !e.Temporary {
		t.Errorf("got error %v, temporary %v, want one that is temporary and not unsure", err, e.Temporary)
	}
}

func TestClient_Create_Cancelled_IsUnsure(t *testing.T) {
	c, s := serve(t, buckettest.Vices{})
	held := s.Hold(buckettest.BeforeReplying, func(r buckettest.Received) bool { return r.Op == buckettest.Create })
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		<-held.Reached
		cancel(enough)
	}()
	_, err := c.Create(ctx, "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); !errors.Is(err, store.ErrUnsure) || !errors.Is(err, enough) || e.Temporary {
		t.Errorf("got error %v, temporary %v, want %v and %v", err, e.Temporary, store.ErrUnsure, enough)
	}
	held.Release()
	if _, ok := s.Content("x"); !ok {
		t.Error("the server has not done what it was held after")
	}
}

func TestClient_Stalled_IsTemporary(t *testing.T) {
	s := buckettest.NewServer(t, buckettest.Vices{})
	c, err := New(t.Context(), Options{Bucket: s.Bucket, Variable: s.Variable, Idle: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s.Hold(buckettest.BeforeActing, func(r buckettest.Received) bool { return true })
	_, err = c.Put(t.Context(), "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); !errors.Is(err, wire.ErrStalled) || !e.Temporary {
		t.Errorf("got error %v, temporary %v, want %v", err, e.Temporary, wire.ErrStalled)
	}
}

func TestClient_Put_LostReply_IsTemporary(t *testing.T) {
	c, _ := serve(t, buckettest.Vices{Fault: buckettest.On(buckettest.LoseReply(), buckettest.Put)})
	_, err := c.Put(t.Context(), "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); !e.Temporary || errors.Is(err, store.ErrUnsure) {
		t.Errorf("got error %v, temporary %v, want one that is temporary and not unsure", err, e.Temporary)
	}
}

// What is wrong with a read is found, however it is wrong.
func TestClient_Get_Vices(t *testing.T) {
	for name, tt := range map[string]struct {
		vices         buckettest.Vices
		offset        int64
		of            bucket.Version
		is            error
		wantTemporary bool
	}{
		"ignores If-Match":     {buckettest.Vices{IgnoreIfMatch: true}, 0, "other", bucket.ErrChanged, false},
		"ignores it at 10":     {buckettest.Vices{IgnoreIfMatch: true}, 10, "other", bucket.ErrChanged, false},
		"ignores Range":        {buckettest.Vices{IgnoreRange: true}, 0, "", wire.ErrRange, false},
		"ignores Range at 3":   {buckettest.Vices{IgnoreRange: true}, 3, "", wire.ErrRange, false},
		"breaks off":           {buckettest.Vices{Fault: buckettest.On(buckettest.Fault{Cut: true}, buckettest.Get)}, 0, "", nil, true},
		"resets":               {buckettest.Vices{Fault: buckettest.On(buckettest.ResetBefore(), buckettest.Get)}, 0, "", nil, true},
		"404 of another thing": {buckettest.Vices{Fault: buckettest.On(buckettest.Fault{Status: 404, Code: "NoSuchBucket"}, buckettest.Get)}, 0, "", errRefused, false},
		"404 without a code":   {buckettest.Vices{Fault: buckettest.On(buckettest.Fault{Status: 404}, buckettest.Get)}, 0, "", errRefused, false},
	} {
		c, s := serve(t, tt.vices)
		s.Set("x", []byte("0123456789"))
		r, _, err := c.Get(t.Context(), "x", tt.offset, 5, tt.of)
		if err == nil {
			var text []byte
			text, err = io.ReadAll(r)
			r.Close()
			if err == nil {
				t.Errorf("%s: got %q, want an error", name, text)
				continue
			}
		}
		if e := buckettest.Failure(t, err); tt.is != nil && !errors.Is(err, tt.is) || e.Temporary != tt.wantTemporary || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got error %v, temporary %v, want %v, %v", name, err, e.Temporary, tt.is, tt.wantTemporary)
		}
	}
}

func TestClient_Remove_EachKeyCounts(t *testing.T) {
	each := func(code string) buckettest.Vices {
		return buckettest.Vices{Fault: buckettest.On(buckettest.Fault{Status: 200, Code: code, Each: true}, buckettest.Remove)}
	}
	c, _ := serve(t, each("AccessDenied"))
	err := c.Remove(t.Context(), "x", "y")
	if e := buckettest.Failure(t, err); !errors.Is(err, fs.ErrPermission) || e.Key != "x" || e.Temporary || !strings.Contains(e.Hint, "s3:DeleteObject") {
		t.Errorf("got error %v of %q, want one of x that names s3:DeleteObject", err, e.Key)
	}
	c, _ = serve(t, each("SlowDown"))
	if err := c.Remove(t.Context(), "x"); !buckettest.Failure(t, err).Temporary {
		t.Errorf("got error %v, want one that is temporary", err)
	}
	c, _ = serve(t, each("NoSuchKey"))
	if err := c.Remove(t.Context(), "x"); err != nil {
		t.Errorf("what is missing: got error %v, want none", err)
	}
}

func TestClient_Refused_SaysWhatToDo(t *testing.T) {
	fault := func(code string, status int) buckettest.Fault { return buckettest.Fault{Code: code, Status: status} }
	for _, tt := range []struct {
		fault buckettest.Fault
		op    buckettest.Op
		want  string
	}{
		{buckettest.Denied(), buckettest.Put, "s3:PutObject"},
		{buckettest.Denied(), buckettest.Create, "s3:PutObject"},
		{buckettest.Denied(), buckettest.Get, "s3:GetObject"},
		{buckettest.Denied(), buckettest.List, "s3:ListBucket"},
		{buckettest.Denied(), buckettest.Remove, "s3:DeleteObject"},
		{fault("NoSuchBucket", 404), buckettest.List, "make the bucket first"},
		{fault("InvalidAccessKeyId", 403), buckettest.Put, "the environment"},
		{fault("XAdminUserNotFound", 404), buckettest.Get, "does not know the key"},
		{fault("SignatureDoesNotMatch", 403), buckettest.Put, "secret key"},
		{buckettest.Expired(), buckettest.Put, "have ended"},
		{buckettest.Elsewhere("eu-west-3"), buckettest.Put, "AWS_REGION=eu-west-3"},
		{fault("", 307), buckettest.Put, "AWS_ENDPOINT_URL_S3"},
		{fault("NotImplemented", 501), buckettest.Create, "no conditional writes"},
	} {
		c, _ := serve(t, buckettest.Vices{Fault: buckettest.On(tt.fault, tt.op)})
		var err error
		switch tt.op {
		case buckettest.Put:
			_, err = c.Put(t.Context(), "x", store.Bytes("x"), 1)
		case buckettest.Create:
			_, err = c.Create(t.Context(), "x", store.Bytes("x"), 1)
		case buckettest.Get:
			_, _, err = c.Get(t.Context(), "x", 0, 1, "")
		case buckettest.Remove:
			err = c.Remove(t.Context(), "x")
		case buckettest.List:
			for _, err = range c.List(t.Context(), "", "") {
			}
		}
		if e := buckettest.Failure(t, err); !strings.Contains(e.Hint, tt.want) || e.Status != tt.fault.Status || e.Code != tt.fault.Code || e.Temporary {
			t.Errorf("%s, %d %s: got %v, %+v, want a hint with %q", tt.op, tt.fault.Status, tt.fault.Code, err, e, tt.want)
		}
	}
}

func TestClient_Skewed_SaysHowFar(t *testing.T) {
	for off, want := range map[time.Duration]string{2 * time.Hour: "behind", -2 * time.Hour: "ahead"} {
		c, _ := serve(t, buckettest.Vices{ClockOff: off})
		_, err := c.Put(t.Context(), "x", store.Bytes("x"), 1)
		e := buckettest.Failure(t, err)
		if e.Code != "RequestTimeTooSkewed" || !strings.Contains(e.Hint, want) || !strings.Contains(e.Hint, "h") || e.Temporary {
			t.Errorf("%v off: got %v, want a hint with 2h and %q", off, err, want)
		}
	}
}

// What a store says is shown in one line, without what is secret.
func TestClient_Refused_IsPrintable(t *testing.T) {
	const message = "no \x1b[31m key sesame-open of KEYOFTHETEST\nhere\xff"
	c, _ := serve(t, buckettest.Vices{Fault: buckettest.On(buckettest.Fault{Status: 400, Code: "Odd", Message: strings.ReplaceAll(message, "\x1b", "\u202e") + strings.Repeat("x", 1000)}, buckettest.Put)})
	_, err := c.Put(t.Context(), "x", store.Bytes("x"), 1)
	text := err.Error()
	if strings.ContainsAny(text, "\n\x1b\u202e") || strings.Contains(text, "sesame") || strings.Contains(text, "KEYOF") || len(text) > 400 || !strings.Contains(text, "400 Odd: no") {
		t.Errorf("got %q", text)
	}
}

// An answer of what stands before the store, in HTML, is an answer without a code.
func TestClient_Refused_ByAProxy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><body>Bad Gateway<br></body></html>")
	}))
	t.Cleanup(server.Close)
	s := &buckettest.Server{URL: server.URL, Bucket: "bucket", AccessKey: "KEY", SecretKey: "sesame", Region: "us-east-1"}
	_, err := open(t, s).Put(t.Context(), "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); e.Status != 502 || !e.Temporary || e.Code != "" || err.Error() != "put x: 502" {
		t.Errorf("got %v, %+v, want 502", err, e)
	}
}
