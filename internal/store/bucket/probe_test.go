package bucket_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// ownParts opens so many parts of an export at once, closes them, and returns how many probes there were.
func ownParts(t *testing.T, m *buckettest.Memory, whole string, count int, delay time.Duration) int {
	t.Helper()
	var log bytes.Buffer
	o := quick()
	o.Above, o.Delay, o.Log = 2, delay, slog.New(slog.NewTextHandler(&log, nil))
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			b, err := bucket.Own(t.Context(), m.Client(nil), strings.TrimPrefix(fmt.Sprintf("%s/parts/part=%04d", whole, i), "/"), o)
			if err != nil {
				t.Errorf("part %d: %v", i, err)
				return
			}
			if err := b.Close(); err != nil {
				t.Errorf("part %d: %v", i, err)
			}
		})
	}
	group.Wait()
	return strings.Count(log.String(), "the bucket was probed")
}

func TestProbe_PartsThatBeginAtOnce_ProbeOnce(t *testing.T) {
	for _, whole := range []string{prefix, ""} {
		m := buckettest.NewMemory()
		if n := ownParts(t, m, whole, 8, 20*time.Millisecond); n != 1 {
			t.Errorf("below %q there were %d probes of eight parts, want one", whole, n)
		}
		for _, key := range m.Keys() {
			if strings.Contains(key, "/probe-") {
				t.Errorf("%s is left of the probe", key)
			}
		}
		// The whole knows it, too, when it is merged.
		o := quick()
		var log bytes.Buffer
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		b, err := bucket.Own(t.Context(), m.Client(nil), whole, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil || strings.Contains(log.String(), "probed") {
			t.Errorf("the whole was probed again: %v, %s", err, log.String())
		}
	}
}

func TestProbe_WhoSaidSoWasKilled_OthersProbe(t *testing.T) {
	m := buckettest.NewMemory()
	claim := store.Bytes("of one that was killed")
	if _, err := m.Client(nil).Put(t.Context(), prefix+"/.exporter/probe-claim", claim, int64(len(claim))); err != nil {
		t.Fatal(err)
	}
	if n := ownParts(t, m, prefix, 2, 100*time.Microsecond); n == 0 {
		t.Error("nobody has probed the store")
	}
	if n := ownParts(t, m, prefix, 2, 100*time.Microsecond); n != 0 {
		t.Errorf("there were %d probes of what is known", n)
	}
}

func TestProbe_OfAnotherPlace_SaysNothing(t *testing.T) {
	m := buckettest.NewMemory()
	found := store.Bytes(`{"of":"bucket/elsewhere","returns":true,"conditions":true}`)
	if _, err := m.Client(nil).Put(t.Context(), prefix+"/.exporter/probe.json", found, int64(len(found))); err != nil {
		t.Fatal(err)
	}
	if n := ownParts(t, m, prefix, 1, time.Millisecond); n != 1 {
		t.Errorf("there were %d probes, want one", n)
	}
}
