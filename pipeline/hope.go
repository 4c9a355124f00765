package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// firstFiles is how many files are asked for before it is said what holds for all of them: that a kind is not offered, or that
// a run is hopeless.
const firstFiles = 50

// HopelessError says that everything that was asked of the first files, or of all of them, was refused in the same way.
type HopelessError struct {
	// Files is how many were refused.
	Files int
	// Err is the first of the refusals.
	Err error
}

func (e *HopelessError) Error() string {
	return fmt.Sprintf("the assets of %d files were refused alike, and those of no other file were to be had: %v", e.Files, e.Err)
}

func (e *HopelessError) Unwrap() error { return e.Err }

// hope learns from how files end what holds for all of them. It is safe for concurrent use.
type hope struct {
	mu sync.Mutex
	// answered tells of each kind whether the routes of some file have answered for it, attached whether some file has attachments, and served
	// whether some blob has come.
	answered         map[Kind]bool
	attached, served bool
	// refused are the files of which everything was refused for good, by how it was. open counts those that have answered, less
	// those of them of which all blobs were refused; others counts those that failed otherwise, or are as they were.
	refused      map[string]*refusedFiles
	open, others int
	// absent are the kinds that are refused as if they were not offered, while others of the same file are not.
	absent map[Kind]*absence
}

// refusedFiles counts files that were refused alike: their listings of assets, or these were answered and all blobs were refused.
type refusedFiles struct {
	listings, blobs int
	first           error
}

// ending is how the blobs of a file were answered.
type ending struct {
	// refusal is the first that was for good; nil where none was.
	refusal *Failure
	// otherwise tells that something else came, too, or that something is stored and was not asked for.
	otherwise bool
}

// fail takes note of a blob that could not be fetched.
func (e *ending) fail(f *Failure) {
	switch {
	case !f.Final || e.refusal != nil && e.refusal.Class != f.Class:
		e.otherwise = true
	case e.refusal == nil:
		e.refusal = f
	}
}

// absence is a kind that is refused as if it were not offered.
type absence struct {
	first *Failure
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
	return &hope{answered: map[Kind]bool{}, refused: map[string]*refusedFiles{}, absent: map[Kind]*absence{}}
}

// asked takes note of how the listings of a file were answered: kinds are those that were, refusals the others, and attached tells whether it has
// attachments. It returns the files that waited for that, and why the run is hopeless; nil where it is not.
func (h *hope) asked(kinds map[Kind]bool, refusals map[Kind]*Failure, attached bool) (decided []heldFile, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for kind := range kinds {
		if h.answered[kind] = true; h.absent[kind] != nil {
			decided = append(decided, h.absent[kind].held...)
			h.absent[kind].held = nil
		}
	}
	h.attached = h.attached || attached
	if len(kinds) > 0 || attached {
		h.open++
	}
	if len(kinds) > 0 || attached || len(refusals) == 0 {
		return decided, nil
	}
	var classes []string
	var first error
	for _, kind := range []Kind{Screenshot, Figure} {
		f := refusals[kind]
		if f == nil {
			continue
		}
		if !f.Final {
			h.others++
			return decided, nil
		}
		if first == nil {
			first = f
		}
		if !slices.Contains(classes, f.Class) {
			classes = append(classes, f.Class)
		}
	}
	alike := h.alike(strings.Join(classes, ", "), first)
	if alike.listings++; alike.listings == firstFiles && len(h.answered) == 0 && !h.attached {
		return decided, &HopelessError{alike.listings, alike.first}
	}
	return decided, nil
}

// askedJob takes note of how the listings of a parse job were answered, whether any was. It returns why the run is hopeless.
func (h *hope) askedJob(answered bool, refusals map[Kind]*Failure) error {
	if answered {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open++
		return nil
	}
	_, err := h.asked(nil, refusals, false)
	return err
}

// alike returns the files that are refused in one way, of which there is one more.
func (h *hope) alike(sort string, refusal error) *refusedFiles {
	if h.refused[sort] == nil {
		h.refused[sort] = &refusedFiles{first: refusal}
	}
	return h.refused[sort]
}

// serve takes note of a blob that came.
func (h *hope) serve() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.served = true
}

// ended takes note of a file that answered, and of which all that was asked for has come to its end. It returns why the run is
// hopeless; nil where it is not.
func (h *hope) ended(e ending) error {
	if e.refusal == nil || e.otherwise {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	alike := h.alike(e.refusal.Class, e.refusal)
	if alike.blobs++; alike.blobs == firstFiles && !h.served {
		return &HopelessError{alike.blobs, alike.first}
	}
	return nil
}

// verdict returns why the run was hopeless although it came to its end: all files were refused alike.
func (h *hope) verdict() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open > 0 || h.others > 0 || len(h.refused) != 1 {
		return nil
	}
	var err error
	for _, alike := range h.refused {
		err = &HopelessError{alike.listings + alike.blobs, alike.first}
	}
	return err
}

// ceased returns why a kind is not asked for any more in this run: it was refused for so many files as if it were not offered, and
// answered for none; nil where it is asked for.
func (h *hope) ceased(kind Kind) *Failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.absent[kind]
	if a == nil || a.passed == 0 || h.answered[kind] {
		return nil
	}
	return &Failure{
		Class: a.first.Class, Final: true, Absent: true,
		Err: fmt.Errorf("no file has %ss, and after %d of them no more were asked", kind, firstFiles),
	}
}

// isAnswered tells whether some file has answered for a kind.
func (h *hope) isAnswered(kind Kind) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answered[kind]
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
		a = &absence{first: file.failure}
		h.absent[kind] = a
	}
	if a.held = append(a.held, file); a.passed == 0 && len(a.held) < firstFiles {
		return nil, false
	}
	decided, a.held = a.held, nil
	a.passed += int64(len(decided))
	return decided, false
}

// end returns the files that still wait when all have been asked: their kind is not offered.
func (h *hope) end() (decided []heldFile) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.absent {
		decided = append(decided, a.held...)
		a.passed += int64(len(a.held))
		a.held = nil
	}
	return decided
}

// events tells of the kinds that were refused as if they were not offered. It is called once, at the end.
func (h *hope) events() []Event {
	var events []Event
	for kind, a := range h.absent {
		switch {
		case a.passed == 0:
		case h.answered[kind]:
			events = append(events, KindRefused{kind, a.passed, a.first})
		default:
			events = append(events, KindNotOffered{kind, a.passed, a.first})
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
