package s3

import (
	"errors"
	"strings"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// open returns a client of a server.
func open(t testing.TB, s *buckettest.Server) *Client {
	t.Helper()
	c, err := New(t.Context(), Options{Bucket: s.Bucket, Variable: s.Variable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve returns a client of a server with vices.
func serve(t testing.TB, v buckettest.Vices) (*Client, *buckettest.Server) {
	t.Helper()
	s := buckettest.NewServer(t, v)
	return open(t, s), s
}

// failure returns what an error says, and fails where it is no *bucket.Error.
func TestClient_Suite(t *testing.T) {
	buckettest.RunClient(t, func(t *testing.T) bucket.Client {
		c, _ := serve(t, buckettest.Vices{})
		return c
	})
}

// Each call is one request: nothing is repeated in secret.
func TestClient_Calls_AreOneRequest(t *testing.T) {
	c, s := serve(t, buckettest.Vices{Fault: buckettest.On(buckettest.SlowDown("1"), buckettest.Put, buckettest.Create, buckettest.Get, buckettest.List, buckettest.Remove)})
	ctx := t.Context()
	_, put := c.Put(ctx, "x", store.Bytes("x"), 1)
	_, create := c.Create(ctx, "x", store.Bytes("x"), 1)
	_, _, get := c.Get(ctx, "x", 0, 1, "")
	remove := c.Remove(ctx, "x")
	var list error
	for _, list = range c.List(ctx, "", "") {
	}
	for op, err := range map[buckettest.Op]error{
		buckettest.Put: put, buckettest.Create: create, buckettest.Get: get, buckettest.Remove: remove, buckettest.List: list,
	} {
		if n := s.Count(op); n != 1 || !buckettest.Failure(t, err).Temporary {
			t.Errorf("%s: %d requests, error %v, want one that fails", op, n, err)
		}
	}
}

func TestClient_Put_TooLarge_IsNotSent(t *testing.T) {
	c, s := serve(t, buckettest.Vices{})
	_, err := c.Put(t.Context(), "x", store.Bytes("x"), 5<<30+1)
	if e := buckettest.Failure(t, err); !errors.Is(e, errTooLarge) || e.Temporary || s.Count() > 0 {
		t.Errorf("got error %v after %d requests, want %v and none", err, s.Count(), errTooLarge)
	}
}

func TestClient_Put_KeptFraming_IsFoundByReading(t *testing.T) {
	c, s := serve(t, buckettest.Vices{KeepFraming: true})
	if _, err := c.Put(t.Context(), "x", store.Bytes("content"), 7); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Content("x"); !strings.Contains(string(got), "chunk-signature") {
		t.Errorf("the server holds %q: it has not the vice that it was given", got)
	}
}

// A key of which the name is odd in a URL is one key, where buckets are named in the host, too.
func TestClient_URL_OfStyles(t *testing.T) {
	for _, tt := range []struct{ endpoint, bucket, want string }{
		{"http://127.0.0.1:9000", "bucket", "http://127.0.0.1:9000/bucket/a%20b/%25~%2B"},
		{"https://s3.eu-west-1.amazonaws.com", "bucket", "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/%25~%2B"},
		{"https://s3.eu-west-1.amazonaws.com", "bucket.with.dots", "https://s3.eu-west-1.amazonaws.com/bucket.with.dots/a%20b/%25~%2B"},
		{"https://account.r2.cloudflarestorage.com/", "bucket", "https://account.r2.cloudflarestorage.com/bucket/a%20b/%25~%2B"},
		{"minio.example.com:9000", "bucket", "https://minio.example.com:9000/bucket/a%20b/%25~%2B"},
	} {
		s := &buckettest.Server{AccessKey: "KEY", SecretKey: "sesame"}
		c, err := New(t.Context(), Options{Bucket: tt.bucket, Endpoint: tt.endpoint, Region: "eu-west-1", Variable: s.Variable})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.url("a b/%~+", nil).String(); got != tt.want {
			t.Errorf("%s of %s: got %s, want %s", tt.bucket, tt.endpoint, got, tt.want)
		}
	}
}

func BenchmarkClient_Put_100kB(b *testing.B) {
	c, _ := serve(b, buckettest.Vices{})
	content := make(store.Bytes, 100_000)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := c.Put(b.Context(), "x", content, int64(len(content))); err != nil {
			b.Fatal(err)
		}
	}
}

func TestClient_Portal(t *testing.T) {
	buckettest.RunPortal(t, func(t *testing.T, url string) bucket.Client {
		return open(t, &buckettest.Server{URL: url, Bucket: "bucket", AccessKey: "KEY", SecretKey: "sesame", Region: "us-east-1"})
	})
}
