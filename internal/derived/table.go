// Package derived keeps what was found out of pictures by decoding them, so that it is found out once: a cache, which may be lost at any time.
//
// It is one Parquet file in a store, and wholly in memory while it is used: a million facts take some 50 MB. A file that is damaged, of another
// program, or made by other decoders is not used, and replaced by the next one. Of this module it imports internal/store alone.
package derived

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"unicode/utf8"
)

// State is what came of decoding a picture.
type State uint8

// The states. Of a picture that is Unsupported nothing is known but that no decoder takes it.
const (
	Decoded State = iota + 1
	Broken
	Unsupported
)

// Fact is what is known of a picture. It follows from the picture's bytes and the decoders alone: what depends on an option is none.
type Fact struct {
	State State
	// Problem says why the picture was not decoded. It is empty for one that was.
	Problem string
	// PHash is the perceptual hash, where HasPHash tells that it is known.
	PHash    uint64
	HasPHash bool
}

const (
	// maxFacts bounds the memory of a table, to some 200 MB.
	maxFacts = 1 << 22
	// maxProblems and maxProblemBytes bound the texts, most of which are the same for many pictures.
	maxProblems     = 1 << 12
	maxProblemBytes = 512
)

// Table is a set of facts by the SHA-256 of the picture. Its methods are safe for concurrent use.
type Table struct {
	key, version string
	ignored      error

	mu sync.RWMutex
	// shards have the entries by the first bits of their sums, each sorted, so that one is put in between without moving many.
	shards [1 << shardBits][]entry
	count  int
	// problems are texts by their numbers, of which 0 is the empty one.
	problems []string
	numbers  map[string]uint16
	// changes counts what was added, and saved is how much of that is in the store.
	changes, saved int

	// saving is held by Save.
	saving sync.Mutex
}

const shardBits = 12

// entry is a fact, in 44 bytes.
type entry struct {
	sum      [32]byte
	phash    [8]byte
	problem  uint16
	state    State
	hasPHash bool
}

func newTable(key, version string) *Table {
	return &Table{key: key, version: version, problems: []string{""}, numbers: map[string]uint16{"": 0}}
}

// Len returns the number of facts.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

// Ignored returns why a file that was there is not used; nil where it is, and where there was none.
func (t *Table) Ignored() error { return t.ignored }

// Get returns the fact of a picture.
func (t *Table) Get(sum [32]byte) (Fact, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	shard := t.shards[shardOf(sum)]
	i, found := find(shard, sum)
	if !found {
		return Fact{}, false
	}
	return t.fact(&shard[i]), true
}

func (t *Table) fact(e *entry) Fact {
	return Fact{e.state, t.problems[e.problem], binary.BigEndian.Uint64(e.phash[:]), e.hasPHash}
}

// Add adds a fact, or puts it in the place of the one that is there, of which it keeps a hash that f does not have. It may leave one out: when there are
// too many, when its state is none, when its problem is too long a text or no UTF-8, or when there are too many problems.
func (t *Table) Add(sum [32]byte, f Fact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.add(sum, f) {
		t.changes++
	}
}

// add tells whether anything has changed.
func (t *Table) add(sum [32]byte, f Fact) bool {
	problem, ok := t.number(f.Problem)
	if !ok || f.State < Decoded || f.State > Unsupported {
		return false
	}
	e := entry{sum: sum, problem: problem, state: f.State, hasPHash: f.HasPHash}
	if f.HasPHash {
		binary.BigEndian.PutUint64(e.phash[:], f.PHash)
	}
	shard := &t.shards[shardOf(sum)]
	i, found := find(*shard, sum)
	if found {
		old := (*shard)[i]
		if !e.hasPHash && e.state == old.state {
			e.hasPHash, e.phash = old.hasPHash, old.phash
		}
		(*shard)[i] = e
		return e != old
	}
	if t.count == maxFacts {
		return false
	}
	t.count++
	*shard = slices.Insert(grown(*shard), i, e)
	return true
}

// number returns the number of a text, which may be a new one.
func (t *Table) number(problem string) (n uint16, ok bool) {
	if n, ok := t.numbers[problem]; ok {
		return n, true
	}
	if len(t.problems) == maxProblems || len(problem) > maxProblemBytes || !utf8.ValidString(problem) {
		return 0, false
	}
	n = uint16(len(t.problems))
	t.problems = append(t.problems, problem)
	t.numbers[problem] = n
	return n, true
}

// grown makes room for one more entry, and for an eighth more, where append would double.
func grown(shard []entry) []entry {
	if len(shard) < cap(shard) {
		return shard
	}
	return append(make([]entry, 0, len(shard)+len(shard)/8+8), shard...)
}

func shardOf(sum [32]byte) int { return int(binary.BigEndian.Uint16(sum[:]) >> (16 - shardBits)) }

func find(shard []entry, sum [32]byte) (int, bool) {
	return slices.BinarySearchFunc(shard, sum, func(e entry, sum [32]byte) int { return bytes.Compare(e.sum[:], sum[:]) })
}
