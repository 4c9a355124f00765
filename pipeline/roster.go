package pipeline

import (
	"hash/maphash"
	"time"
)

// roster is the files of a run, those of the ledger first, each in some 48 bytes whatever is known of it. What few files have is kept
// beside it. One goroutine uses it.
type roster struct {
	// chunks hold the entries, of which there are count, in the order in which they came. The first known ones are those of the
	// ledger.
	chunks       [][]rosterEntry
	count, known uint32
	// index is an open hash table of the numbers of the entries, each plus one.
	index []uint32
	// hash is that of a key's code, or of its text where that is long.
	hash func(code keyCode, text string) uint64
	// texts are those of long keys, by the number of the entry.
	texts map[uint32]string
}

// rosterEntry is what is kept of every file.
type rosterEntry struct {
	code [2]uint64
	// updated is the date that the ledger has, in microseconds since the epoch, and the newest of those listed where it has none.
	updated int64
	// names is the hash of what the ledger knows a listing to say of the file.
	names uint32
	// sources and places are numbers of sets of listings: those where the file was known, and those that have it in this run.
	sources, places uint32
	flags           fileFlags
	form            keyForm
}

// fileFlags say what else is known of a file.
type fileFlags uint16

const (
	// isAsked: its assets are asked for. isDue: they have to be, whatever is listed of the file.
	isAsked fileFlags = 1 << iota
	isDue
	// isGone and isMissed are those of its row; isUnreadable is that of a malformed item.
	isGone
	isMissed
	isUnreadable
	// hasExpired: its time to expire has come.
	hasExpired
	// hasScreenshots and hasFigures: some are listed.
	hasScreenshots
	hasFigures
	// expiresAsKnown: a listing says so of the file itself.
	expiresAsKnown
	// isLeftOut: it is listed, and not wanted.
	isLeftOut
)

func (f fileFlags) has(any fileFlags) bool { return f&any != 0 }

const (
	rosterChunk = 1 << 12
	// leastIndex is the size of the index of a few files.
	leastIndex = 1 << 10
)

func newRoster() *roster {
	seed := maphash.MakeSeed()
	return &roster{
		index: make([]uint32, leastIndex), texts: map[uint32]string{},
		hash: func(code keyCode, text string) uint64 {
			if code.form.isLong() {
				return maphash.String(seed, text)
			}
			return maphash.Comparable(seed, code)
		},
	}
}

// at returns the entry of a number.
func (r *roster) at(number uint32) *rosterEntry {
	return &r.chunks[number/rosterChunk][number%rosterChunk]
}

// isKnown tells whether the ledger has the file of a number.
func (r *roster) isKnown(number uint32) bool { return number < r.known }

// find returns the number of a file, and whether there is one.
func (r *roster) find(key FileKey) (number uint32, found bool) {
	code, text := encodeKey(key)
	number, _, found = r.search(code, text)
	return number, found
}

// add returns the number of a file, which is new unless it was found.
func (r *roster) add(key FileKey) (number uint32, found bool) {
	code, text := encodeKey(key)
	number, slot, found := r.search(code, text)
	if found {
		return number, true
	}
	if 5*(int(r.count)+1) > 4*len(r.index) {
		r.grow()
		_, slot, _ = r.search(code, text)
	}
	number = r.count
	if number%rosterChunk == 0 {
		r.chunks = append(r.chunks, make([]rosterEntry, rosterChunk))
	}
	r.count++
	r.index[slot] = r.count
	e := r.at(number)
	e.code, e.form = code.bits, code.form
	if code.form.isLong() {
		r.texts[number] = text
	}
	return number, false
}

// search returns the number of a key, or the slot of the index that is free for it.
func (r *roster) search(code keyCode, text string) (number uint32, slot int, found bool) {
	for slot = r.slot(r.hash(code, text)); r.index[slot] != 0; slot = (slot + 1) % len(r.index) {
		number = r.index[slot] - 1
		e := r.at(number)
		if e.code == code.bits && e.form == code.form && (!code.form.isLong() || r.texts[number] == text) {
			return number, slot, true
		}
	}
	return 0, slot, false
}

// slot is where the index is searched first for a hash.
func (r *roster) slot(hash uint64) int { return int(hash >> 32 * uint64(len(r.index)) >> 32) }

// grow makes the index half as large again.
func (r *roster) grow() {
	r.index = make([]uint32, len(r.index)+len(r.index)/2)
	for number := range r.count {
		e := r.at(number)
		slot := r.slot(r.hash(keyCode{e.code, e.form}, r.texts[number]))
		for r.index[slot] != 0 {
			slot = (slot + 1) % len(r.index)
		}
		r.index[slot] = number + 1
	}
}

// packTime returns a time in microseconds since the epoch, in which zero is what it is; unpackTime is the inverse.
func packTime(t time.Time) int64    { return t.UnixMicro() }
func unpackTime(us int64) time.Time { return time.UnixMicro(us).UTC() }
