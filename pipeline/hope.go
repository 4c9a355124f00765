package pipeline

import (
	"fmt"
	"strings"
	"sync"
)

// firstFiles is how many files are asked for before it is said what holds for all of them: that a kind is not offered, or that
// a run is hopeless.
const firstFiles = 50

// HopelessError says that the assets of the first files, or of all of them, were refused in the same way.
type HopelessError struct {
	// Files is how many were refused.
	Files int
	// Err is the first of the refusals.
	Err error
}

func (e *HopelessError) Error() string {
	return fmt.Sprintf("the assets of %d files were refused alike, and those of no file were listed: %v", e.Files, e.Err)
}

func (e *HopelessError) Unwrap() error { return e.Err }

// hope learns from how the listings of assets are answered what holds for all files. It is safe for concurrent use.
type hope struct {
	mu sync.Mutex
	// answered tells of each kind whether some file has answered for it.
	answered map[Kind]bool
	// refused counts the files of which all kinds were refused for good, by how they were; first is the first refusal of each
	// sort. others counts the files that failed otherwise, or are as they were.
	refused map[string]int
	first   map[string]error
	others  int
	// absent are the kinds that are refused as if they were not offered, while others of the same file are not.
	absent map[Kind]*absence
}

// absence is a kind that is refused as if it were not offered.
type absence struct {
	err error
	// held are the first files, which wait for what comes of others; passed counts those that went on without the kind.
	held   []heldFile
	passed int64
}

// heldFile is a file of which one kind was refused.
type heldFile struct {
	progress *fileProgress
	listing  listing
	failure  *Failure
}

func newHope() *hope {
	return &hope{answered: map[Kind]bool{}, refused: map[string]int{}, first: map[string]error{}, absent: map[Kind]*absence{}}
}

// asked takes note of how the listings of a file were answered: kinds are those that were, refusals the others. It returns the
// files that waited for that, and why the run is hopeless; nil where it is not.
func (h *hope) asked(kinds map[Kind]bool, refusals map[Kind]*Failure) (decided []heldFile, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for kind := range kinds {
		if h.answered[kind] = true; h.absent[kind] != nil {
			decided = append(decided, h.absent[kind].held...)
			h.absent[kind].held = nil
		}
	}
	if len(kinds) > 0 || len(refusals) == 0 {
		return decided, nil
	}
	sort, first, final := "", error(nil), true
	for _, kind := range []Kind{Screenshot, Figure} {
		if f := refusals[kind]; f != nil {
			final = final && f.Final
			sort += f.Class + ";"
			if first == nil {
				first = f
			}
		}
	}
	if !final {
		h.others++
		return decided, nil
	}
	if h.refused[sort]++; h.first[sort] == nil {
		h.first[sort] = first
	}
	if n := h.refused[sort]; n == firstFiles && len(h.answered) == 0 {
		return decided, &HopelessError{n, h.first[sort]}
	}
	return decided, nil
}

// unchanged takes note of a file that was not asked for.
func (h *hope) unchanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.others++
}

// hold keeps a file of which one kind was refused as if it were not offered, until it is known whether it is. It returns what
// need not wait any more: failed tells that the kind is offered, so that the refusal is the file's own.
func (h *hope) hold(kind Kind, file heldFile) (decided []heldFile, failed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answered[kind] {
		return []heldFile{file}, true
	}
	a := h.absent[kind]
	if a == nil {
		a = &absence{err: file.failure}
		h.absent[kind] = a
	}
	if a.held = append(a.held, file); a.passed == 0 && len(a.held) < firstFiles {
		return nil, false
	}
	decided, a.held = a.held, nil
	a.passed += int64(len(decided))
	return decided, false
}

// end returns the files that still wait, whose kind is not offered, and why the run was hopeless although it came to its end.
func (h *hope) end() (decided []heldFile, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.absent {
		decided = append(decided, a.held...)
		a.passed += int64(len(a.held))
		a.held = nil
	}
	if len(h.answered) == 0 && h.others == 0 && len(h.refused) == 1 {
		for sort, n := range h.refused {
			err = &HopelessError{n, h.first[sort]}
		}
	}
	return decided, err
}

// events tells of the kinds that were refused as if they were not offered. It is called once, at the end.
func (h *hope) events() []Event {
	var events []Event
	for kind, a := range h.absent {
		switch {
		case a.passed == 0:
		case h.answered[kind]:
			events = append(events, KindRefused{kind, a.passed, a.err})
		default:
			events = append(events, KindNotOffered{kind, a.passed, a.err})
		}
	}
	return events
}

// withoutKind records that a file is complete without a kind, and why.
func (f *heldFile) withoutKind() {
	f.progress.row.Error = strings.TrimPrefix(f.progress.row.Error+"; "+f.failure.Error(), "; ")
}

// failed records that a kind could not be listed.
func (f *heldFile) failed() {
	if f.progress.row.Status == Complete {
		// What was odd of it matters no more.
		f.progress.row.Error = ""
	}
	f.withoutKind()
	f.progress.row.Status = Failed
}
