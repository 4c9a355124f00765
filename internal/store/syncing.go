package store

import (
	"sync"
	"time"
)

const (
	// syncPatience, syncPerFile and syncRate say how long it may take to sync a whole file system for some files of one's own, so many
	// bytes at a time: a slow disk takes that long. What takes longer is what others write.
	syncPatience = time.Second
	syncPerFile  = 2 * time.Millisecond
	syncRate     = 16 << 20
	// syncAgain is after what time the dearer way is tried again: others may have come to their end.
	syncAgain = 2 * time.Minute
)

// syncing chooses how files are synced: all at once with the whole file system, or one by one. The first costs less as long as nobody
// else writes much to the same file system, whose bytes it waits for, too. It is safe for concurrent use.
type syncing struct {
	mu sync.Mutex
	// whole and single are what either way has cost.
	whole, single syncCost
}

// syncCost is what a file cost when files were synced last in one of the ways; at is zero where none were. isLong says that others
// made it longer.
type syncCost struct {
	perFile time.Duration
	at      time.Time
	isLong  bool
}

// prefersWhole tells whether the whole file system is to be synced.
func (s *syncing) prefersWhole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.whole.isLong, time.Since(s.whole.at) >= syncAgain:
		return true
	case s.single.at.Before(s.whole.at):
		return false
	}
	return s.whole.perFile <= s.single.perFile
}

// synced takes note of how long it has taken since began to sync so many files, in one of the ways. Where they have no bytes, only
// their names were synced, which says nothing of what a file costs.
func (s *syncing) synced(whole bool, began time.Time, files int, bytes int64) {
	took := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	cost := &s.single
	if whole {
		cost = &s.whole
		cost.isLong = took > syncPatience+time.Duration(files)*syncPerFile+time.Duration(bytes/syncRate)*time.Second
	}
	if cost.at = time.Now(); bytes > 0 {
		cost.perFile = took / time.Duration(files)
	}
}
