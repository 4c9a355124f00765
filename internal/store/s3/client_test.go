package s3

import (
	"testing"

	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// open returns a client of a server.
func open(t *testing.T, s *buckettest.Server) *Client {
	t.Helper()
	c, err := New(t.Context(), Options{Bucket: s.Bucket, Variable: s.Variable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestClient_Suite(t *testing.T) {
	buckettest.RunClient(t, func(t *testing.T) bucket.Client { return open(t, buckettest.NewServer(t, buckettest.Vices{})) })
}
