package interop

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/s3"
	"exporter/internal/store/storetest"
)

// objectStore is an object store that is not ours. Its buckets are folders.
type objectStore struct {
	url, key, secret, dir string
	buckets               atomic.Int64
}

// startVersityGW runs versitygw until the test ends. tools/stores says which version.
func startVersityGW(t *testing.T) *objectStore {
	t.Helper()
	address := freeAddress(t)
	s := &objectStore{url: "http://" + address, key: "KEYOFTHETEST", secret: "sesame-open", dir: t.TempDir()}
	c := exec.CommandContext(t.Context(), buildStore(t, "versitygw"),
		"--port", address, "--access", s.key, "--secret", s.secret, "--keep-alive", "--quiet", "posix", s.dir)
	said := start(t, c)
	waitFor(t, s.url, said)
	return s
}

// buildStore compiles a program that tools/stores pins, unless the build cache has it, and returns its path.
func buildStore(t *testing.T, name string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "-C", filepath.Join("..", "..", "tools", "stores"), "tool", "-n", name)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return strings.TrimSpace(string(out))
}

// waitFor waits until something answers at a URL that is ready.
func waitFor(t *testing.T, url string, said fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
			if answer.StatusCode < http.StatusInternalServerError {
				return
			}
		}
	}
	t.Fatalf("nothing answers at %s:\n%s", url, said)
}

// makeBucket makes a bucket that is empty, and returns its name.
func (s *objectStore) makeBucket(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", s.buckets.Add(1))
	if err := os.Mkdir(filepath.Join(s.dir, name), 0o777); err != nil {
		t.Fatal(err)
	}
	return name
}

// variable is an environment that leads to the store, and nowhere else.
func (s *objectStore) variable(name string) string {
	return map[string]string{
		"AWS_ENDPOINT_URL_S3": s.url, "AWS_ACCESS_KEY_ID": s.key, "AWS_SECRET_ACCESS_KEY": s.secret, "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}[name]
}

// client returns a client of a bucket that is empty.
func (s *objectStore) client(t *testing.T) bucket.Client {
	t.Helper()
	c, err := s3.New(t.Context(), s3.Options{Bucket: s.makeBucket(t), Variable: s.variable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// own takes an export in a bucket that has none, which is probed for that, and gives it up.
func own(t *testing.T, c bucket.Client) {
	t.Helper()
	b, err := bucket.Own(t.Context(), c, "exports/one/", bucket.Options{Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// The client of S3 keeps its promises with a store that others wrote, and an export may lie there.
func TestVersityGW_Client_Suite(t *testing.T) {
	t.Parallel()
	s := startVersityGW(t)
	buckettest.RunClient(t, s.client)
	t.Run("Probe", func(t *testing.T) { own(t, s.client(t)) })
}

// An export in a store that others wrote keeps the promises that one in a directory keeps.
func TestVersityGW_Store_Suite(t *testing.T) {
	t.Parallel()
	s := startVersityGW(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		c := s.client(t)
		// To probe it once is enough.
		buckettest.Probed(t, c, "exports/one")
		b, err := bucket.Own(t.Context(), c, "exports/one", bucket.Options{Direct: []string{"blobs/", "shards/"}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
