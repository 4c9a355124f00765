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

// The client of Google Cloud Storage keeps its promises with an emulator that others wrote, and an export may lie there.
func TestFakeGCS_Client_Suite(t *testing.T) {
	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	said := start(t, exec.CommandContext(t.Context(), buildStore(t, "github.com/fsouza/fake-gcs-server"),
		"-scheme", "http", "-host", host, "-port", port, "-public-host", address, "-backend", "memory", "-log-level", "error"))
	waitFor(t, "http://"+address+"/_internal/healthcheck", said)
	var buckets atomic.Int64
	client := func(t *testing.T) bucket.Client {
		name := fmt.Sprintf("bucket-%d", buckets.Add(1))
		answer, err := http.Post("http://"+address+"/storage/v1/b?project=test", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q}`, name)))
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("make a bucket: %v, %v", answer, err)
		}
		answer.Body.Close()
		c, err := gs.New(t.Context(), gs.Options{Bucket: name, Variable: func(variable string) string {
			return map[string]string{"STORAGE_EMULATOR_HOST": address}[variable]
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	buckettest.RunClient(t, client)
	t.Run("Probe", func(t *testing.T) { own(t, client(t)) })
}
