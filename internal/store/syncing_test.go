package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
)

// batchFiles is how many files each batch of these tests has: enough for the whole file system to be synced.
const batchFiles = 64

// putBatch puts the files of a batch and syncs them.
func putBatch(t *testing.T, s store.Store, number int) (keys []string, err error) {
	b := s.NewBatch()
	for i := range batchFiles {
		key := fmt.Sprintf("blobs/%d/%d", number*10+i%10, i)
		if err := b.Put(t.Context(), key, strings.NewReader(key), int64(len(key))); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, b.Sync(t.Context())
}

// While another program writes so much that syncing the whole file system takes long, files are synced one by one, and the other way
// is tried again later.
func TestDir_SyncingAllTakesLong_SyncsFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		counts := map[string]int{}
		others := 30 * time.Second
		fsys := durabletest.Hook(durabletest.NewMemory(nil), durabletest.Hooks{Before: func(o durabletest.Operation) error {
			mu.Lock()
			counts[o.Kind]++
			mu.Unlock()
			switch o.Kind {
			case "syncall":
				time.Sleep(100*time.Millisecond + others)
			case "sync":
				time.Sleep(20 * time.Millisecond)
			}
			return nil
		}})
		if err := durable.Prepare(fsys); err != nil {
			t.Fatal(err)
		}
		s := store.OnFS(fsys)
		step := func(number int, what string, all, single int) {
			t.Helper()
			clear(counts)
			if _, err := putBatch(t, s, number); err != nil {
				t.Fatal(err)
			}
			if counts["syncall"] != all || counts["sync"] != single {
				t.Errorf("%s: all were synced %d times, files %d times, want %d and %d", what, counts["syncall"], counts["sync"], all, single)
			}
		}
		step(1, "the first batch: names are synced by themselves", 1, 0)
		step(2, "after that", 0, batchFiles)
		step(3, "and again", 0, batchFiles)
		time.Sleep(10 * time.Minute)
		step(4, "later, others still write", 1, 0)
		step(5, "after that", 0, batchFiles)
		others = 0
		time.Sleep(10 * time.Minute)
		step(6, "later, nobody else writes any more", 2, 0)
		step(7, "after that", 2, 0)
	})
}

// A disk that is slow for everybody is not synced file by file where that takes longer still.
func TestDir_SlowDisk_SyncsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := 0
		fsys := durabletest.Hook(durabletest.NewMemory(nil), durabletest.Hooks{Before: func(o durabletest.Operation) error {
			switch o.Kind {
			case "syncall":
				all++
				time.Sleep(3 * time.Second)
			case "sync":
				time.Sleep(time.Second)
			}
			return nil
		}})
		if err := durable.Prepare(fsys); err != nil {
			t.Fatal(err)
		}
		s := store.OnFS(fsys)
		for number := range 10 {
			if _, err := putBatch(t, s, number); err != nil {
				t.Fatal(err)
			}
		}
		// Once for the first batch, and not for its names; then once each way is known.
		if all < 10 {
			t.Errorf("the disk was synced %d times for ten batches", all)
		}
	})
}

// However it is synced, what was synced survives a crash at any operation.
func TestDir_SyncingAllTakesLong_CrashLosesNothing(t *testing.T) {
	for number, crashed := 1, true; crashed; number++ {
		synctest.Test(t, func(t *testing.T) {
			memory := durabletest.NewMemory(durabletest.CrashAt(number))
			fsys := durabletest.Hook(memory, durabletest.Hooks{Before: func(o durabletest.Operation) error {
				if o.Kind == "syncall" {
					time.Sleep(time.Minute)
				}
				return nil
			}})
			var synced []string
			err := durable.Prepare(fsys)
			s := store.OnFS(fsys)
			for n := 0; n < 2 && err == nil; n++ {
				var keys []string
				if keys, err = putBatch(t, s, n); err == nil {
					synced = slices.Concat(synced, keys)
				}
			}
			crashed = err != nil
			after := memory.Recover(durabletest.DropAll, 1)
			for _, key := range synced {
				f, err := after.Open(key)
				if errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("crash at operation %d: %s is gone, which was synced", number, key)
				}
				text := make([]byte, len(key))
				if n, _ := f.Read(text); string(text[:n]) != key {
					t.Fatalf("crash at operation %d: %s has %q", number, key, text[:n])
				}
				f.Close()
			}
		})
	}
}
