package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// rosterKeys are keys of all forms, and some that resemble others.
func rosterKeys(count int) []FileKey {
	rng := rand.New(rand.NewPCG(1, 2))
	var keys []FileKey
	for i := range count {
		uuid := fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", rng.Uint32(), rng.Uint32()>>16, rng.Uint32()>>16, rng.Uint32()>>16, rng.Uint64()>>16)
		for _, id := range []string{uuid, "dfl-" + uuid, "x" + uuid, uuid[:15], fmt.Sprintf("file-%d", i), fmt.Sprintf("%d\x00", i)} {
			keys = append(keys, FileKey{FileID: id}, FileKey{DirectoryFileID: id})
		}
	}
	upper := "182BD5E5-6e1a-4fe4-a799-aa6d9a6ab26e"
	for _, id := range []string{
		upper, "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e", "182bd5e56-e1a-4fe4-a799-aa6d9a6ab26e", "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26g",
		"a", "a\x00", "a\x00\x00", "\x18\x2b\xd5\xe5\x6e\x1a\x4f\xe4\xa7\x99\xaa\x6d\x9a\x6a\xb2\x6e",
	} {
		keys = append(keys, FileKey{FileID: id}, FileKey{DirectoryFileID: id})
	}
	return append(keys, FileKey{})
}

// No two files are taken for one, though all hashes are the same, and whatever their ids resemble.
func TestRoster_AnyHash_KeepsFilesApart(t *testing.T) {
	keys := rosterKeys(100)
	for what, hash := range map[string]func(keyCode, string) uint64{
		"":                nil,
		"one hash":        func(keyCode, string) uint64 { return 1 << 63 },
		"the last slot":   func(keyCode, string) uint64 { return ^uint64(0) },
		"hash of a digit": func(code keyCode, _ string) uint64 { return code.bits[1] << 60 },
	} {
		r := newRoster()
		if hash != nil {
			r.hash = hash
		}
		for i, key := range keys {
			if _, found := r.find(key); found {
				t.Fatalf("%s: %q is found before it is there", what, key)
			}
			if number, found := r.add(key); found || number != uint32(i) {
				t.Fatalf("%s: %q is number %d, found %v, want %d", what, key, number, found, i)
			}
			r.at(uint32(i)).updated = int64(i)
		}
		for i, key := range keys {
			if number, found := r.find(key); !found || number != uint32(i) || r.at(number).updated != int64(i) {
				t.Errorf("%s: %q is number %d, found %v, want %d", what, key, number, found, i)
			}
			if number, found := r.add(key); !found || number != uint32(i) {
				t.Errorf("%s: %q again is number %d, found %v, want %d", what, key, number, found, i)
			}
		}
		if int(r.count) != len(keys) {
			t.Errorf("%s: %d files, want %d", what, r.count, len(keys))
		}
	}
}

// A file takes at most 48 bytes, on average over all sizes that the index has: it grows by half.
func TestRoster_AFile_TakesFewBytes(t *testing.T) {
	r, sum, count := newRoster(), 0, 0
	for i := range 300_000 {
		r.add(FileKey{FileID: fmt.Sprintf("file-%08d", i)})
		if i < 50_000 {
			continue
		}
		sum += len(r.chunks)*rosterChunk*int(unsafe.Sizeof(rosterEntry{})) + 4*len(r.index)
		count += i + 1
	}
	if most, got := 48.0, float64(sum)/float64(count); got > most {
		t.Errorf("a file takes %.1f bytes, want at most %.0f", got, most)
	}
	if len(r.texts) > 0 {
		t.Errorf("%d ids are kept as texts", len(r.texts))
	}
}
