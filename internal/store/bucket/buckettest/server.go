package buckettest

import (
	"crypto/md5"
	"encoding/hex"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// Server is a store with one bucket, in memory, that speaks S3's protocol over HTTP. It checks the key, the region and the date of a
// signature, and the sums of what comes, but not the signature. It takes a body of known length only, and nothing in parts.
type Server struct {
	// URL is where it is, such as http://127.0.0.1:1234.
	URL                                  string
	Bucket, Region, AccessKey, SecretKey string

	ended chan struct{}

	mu      sync.Mutex
	vices   Vices
	objects map[string]object
	counts  map[Op]int
	holds   []*Held
}

// object is what is stored under a key. since is when the key came to be.
type object struct {
	content         []byte
	tag             string
	modified, since time.Time
}

// NewServer serves an empty bucket until the test ends.
func NewServer(t testing.TB, v Vices) *Server {
	s := &Server{
		Bucket: "bucket", Region: "us-east-1", AccessKey: "KEYOFTHETEST", SecretKey: "sesame-open", ended: make(chan struct{}),
		vices: v, objects: map[string]object{}, counts: map[Op]int{},
	}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		close(s.ended)
		server.Close()
	})
	return s
}

// Variable is an environment that leads to the server, and nowhere else.
func (s *Server) Variable(name string) string {
	switch name {
	case "AWS_ENDPOINT_URL_S3":
		return s.URL
	case "AWS_ACCESS_KEY_ID":
		return s.AccessKey
	case "AWS_SECRET_ACCESS_KEY":
		return s.SecretKey
	case "AWS_REGION":
		return s.Region
	case "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE":
		return os.DevNull
	}
	return ""
}

// SetVices changes what is wrong, for requests that come from now on.
func (s *Server) SetVices(v Vices) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vices = v
}

// Count returns how many requests of these kinds have come; of all, where none is named.
func (s *Server) Count(ops ...Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for op, count := range s.counts {
		if len(ops) == 0 || slices.Contains(ops, op) {
			n += count
		}
	}
	return n
}

// Content returns what is stored under a key, and whether anything is.
func (s *Server) Content(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	return o.content, ok
}

// Set stores an object behind the back of everybody.
func (s *Server) Set(key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(key, content, time.Now())
}

// store puts an object in place. The lock is held.
func (s *Server) store(key string, content []byte, now time.Time) string {
	sum := md5.Sum(content)
	o := object{content: content, tag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: now, since: now}
	if old, ok := s.objects[key]; ok {
		o.since = old.since
	}
	s.objects[key] = o
	return o.tag
}
