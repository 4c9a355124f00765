package emulator

import (
	"sync"
	"time"
)

// lateness withholds the pictures of files: their assets and attachments.
type lateness struct {
	Delay
	mu sync.Mutex
	// asked is how often each list was asked for.
	asked map[string]int
}

// list counts a request for a list, and tells whether it is still empty.
func (l *lateness) list(name string) bool { return l.look(name, 1) }

// withholds tells whether the pictures of a list have not come.
func (l *lateness) withholds(name string) bool { return l.look(name, 0) }

func (l *lateness) look(name string, looks int) bool {
	if l.Looks == 0 {
		return !l.over(0, time.Now())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	late := !l.over(l.asked[name], time.Now())
	l.asked[name] += looks
	return late
}

// assetList is what lateness calls the list of a file's assets of a kind, attachmentList that of the attachments of a source.
func assetList(fileID string, kind Kind) string { return string(kind) + " " + fileID }
func attachmentList(sourceID string) string     { return "attachment " + sourceID }
