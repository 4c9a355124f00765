package interop

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/gs"
)

// fakeGCS is an emulator of Google Cloud Storage that others wrote.
type fakeGCS struct {
	address string
	buckets atomic.Int64
}

// startFakeGCS runs one until the test ends. tools/stores says which version.
func startFakeGCS(t *testing.T) *fakeGCS {
	t.Helper()
	s := &fakeGCS{address: freeAddress(t)}
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	said := start(t, exec.CommandContext(t.Context(), buildStore(t, "fake-gcs-server"),
		"-scheme", "http", "-host", host, "-port", port, "-public-host", s.address, "-backend", "memory", "-log-level", "error"))
	waitFor(t, "http://"+s.address+"/_internal/healthcheck", said)
	return s
}

// makeBucket makes a bucket that is empty, and returns its name.
func (s *fakeGCS) makeBucket(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", s.buckets.Add(1))
	answer, err := http.Post("http://"+s.address+"/storage/v1/b?project=test", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q}`, name)))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("make a bucket: %v, %v", answer, err)
	}
	answer.Body.Close()
	return name
}

// client returns a client of a bucket that is empty.
func (s *fakeGCS) client(t *testing.T) bucket.Client {
	t.Helper()
	c, err := gs.New(t.Context(), gs.Options{Bucket: s.makeBucket(t), Variable: func(variable string) string {
		return map[string]string{"STORAGE_EMULATOR_HOST": s.address}[variable]
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// The client of Google Cloud Storage keeps its promises with an emulator that others wrote, and an export may lie there.
func TestFakeGCS_Client_Suite(t *testing.T) {
	t.Parallel()
	s := startFakeGCS(t)
	buckettest.RunClient(t, s.client)
	t.Run("Probe", func(t *testing.T) { own(t, s.client(t)) })
}

// The program's own tests of exports in buckets hold there.
func TestFakeGCS_ProgramsOwnTests_Pass(t *testing.T) {
	t.Parallel()
	s := startFakeGCS(t)
	passOwnTests(t, map[string]string{"STORAGE_EMULATOR_HOST": s.address}, "gs://"+s.makeBucket(t), "Export", "SecondWriter", "KillAtRandomMoment")
}
