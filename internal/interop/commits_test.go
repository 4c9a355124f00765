package interop

import (
	"flag"
	"testing"
	"time"

	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

var commits = flag.Int("commits", 60, "how many commits each of two writers tries in a bucket")

// Two writers of one export, who are killed, and lose requests and answers, lose nothing that was acknowledged in a store that others wrote.
func TestVersityGW_TwoWriters_LoseNothing(t *testing.T) { loseNothing(t, startVersityGW(t)) }

func loseNothing(t *testing.T, s *objectStore) {
	t.Helper()
	client := s.client(t)
	c := buckettest.Commits{
		Client: func(fate func(buckettest.Request) buckettest.Fate) bucket.Client {
			return buckettest.Fated(client, fate)
		},
		Prefix: "commits", Each: *commits, Pause: 20 * time.Millisecond, Seed: 1,
		Options: bucket.Options{Beat: 300 * time.Millisecond, Patience: time.Second, Within: 3 * time.Second, Delay: 5 * time.Millisecond},
	}
	c.Run(t)
}
