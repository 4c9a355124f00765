package bucket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"
	"time"
)

// The folders of a bucket that are its own, below the private prefix of an export: the log, what its entries have been folded into, and what
// is too large for an entry.
const (
	logPrefix        = ".exporter/log/"
	checkpointPrefix = ".exporter/checkpoints/"
	objectPrefix     = ".exporter/objects/"
)

// formatVersion is that of entries and checkpoints.
const formatVersion = 1

// Writer is who writes an export, or has written it.
type Writer struct {
	Host    string    `json:"host"`
	Process int       `json:"process"`
	Since   time.Time `json:"since"`
}

// String describes a writer as the lock of a directory does.
func (w Writer) String() string {
	return fmt.Sprintf("process %d on %q, since %s", w.Process, w.Host, w.Since.UTC().Format(time.RFC3339))
}

// event is what an entry is for.
type event string

const (
	// taken begins an epoch: its writer has taken the export.
	taken event = "own"
	// changed says what some keys hold from now on.
	changed event = "commit"
	// alive says only that the writer is alive, and released that it has ended.
	alive    event = "beat"
	released event = "release"
)

// entry is one of the log. Its object is a line of JSON, behind which there is what its changes hold inline.
type entry struct {
	Version int `json:"version"`
	Number  int `json:"number"`
	// Epoch counts those who have taken the export. Nonce tells this attempt to write the entry from all others.
	Epoch  int    `json:"epoch"`
	Nonce  string `json:"nonce"`
	Event  event  `json:"event"`
	Writer Writer `json:"writer"`
	// Adopts says that what lay under the keys before the first entry counts until it is replaced.
	Adopts  bool     `json:"adopts,omitempty"`
	Changes []change `json:"changes,omitempty"`
	// Copies are the versions of objects under their own keys, which are copies of what the log says; "" says that one is gone.
	Copies map[string]Version `json:"copies,omitempty"`
}

// change says what a key holds from now on.
type change struct {
	Key string `json:"key"`
	// Object is where it is: a key below the prefix of the export; "" stands for the entry itself. Offset is where it begins: in an entry,
	// behind its line.
	Object string `json:"object,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Size   int64  `json:"size"`
	// Removed says that the key holds nothing.
	Removed bool `json:"removed,omitempty"`
}

// place is where an object is: some bytes of what lies under a key, which is never replaced.
type place struct {
	Object string `json:"object"`
	Offset int64  `json:"offset,omitempty"`
	Size   int64  `json:"size"`
}

// state is what a log says up to one of its entries. As JSON it is a checkpoint.
type state struct {
	Version int `json:"version"`
	// Number is that of the last entry; 0 where there is none.
	Number int    `json:"number"`
	Epoch  int    `json:"epoch"`
	Event  event  `json:"event"`
	Writer Writer `json:"writer"`
	Adopts bool   `json:"adopts,omitempty"`
	// Objects says what keys hold. Where the export was adopted, Removed are those that hold nothing any more.
	Objects map[string]place   `json:"objects"`
	Removed map[string]bool    `json:"removed,omitempty"`
	Copies  map[string]Version `json:"copies,omitempty"`
}

func newState() *state {
	return &state{Version: formatVersion, Objects: map[string]place{}, Removed: map[string]bool{}, Copies: map[string]Version{}}
}

func logKey(number int) string        { return fmt.Sprintf("%s%010d", logPrefix, number) }
func checkpointKey(number int) string { return fmt.Sprintf("%s%010d", checkpointPrefix, number) }

// numberOf returns the number in a key of the log or of a checkpoint.
func numberOf(key, prefix string) (number int, ok bool) {
	digits, ok := strings.CutPrefix(key, prefix)
	number, err := strconv.Atoi(digits)
	return number, ok && err == nil && number > 0 && fmt.Sprintf("%010d", number) == digits
}

// encode returns the object of an entry. body is what its changes hold inline.
func (e *entry) encode(body []byte) ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return append(append(line, '\n'), body...), nil
}

// decodeEntry reads the line of an entry, of which begin is the beginning, and returns how long it is with its end. It returns nil where
// the line is longer.
func decodeEntry(begin []byte, number int) (e *entry, length int64, err error) {
	line, _, whole := bytes.Cut(begin, []byte("\n"))
	if !whole {
		return nil, 0, nil
	}
	e = &entry{}
	if err := json.Unmarshal(line, e); err != nil {
		return nil, 0, damaged("%s: %w", logKey(number), err)
	}
	if err := e.check(number); err != nil {
		return nil, 0, err
	}
	return e, int64(len(line)) + 1, nil
}

func (e *entry) check(number int) error {
	switch {
	case e.Version > formatVersion:
		return fmt.Errorf("%s is of version %d of the log, this program knows %d: use a newer one", logKey(number), e.Version, formatVersion)
	case e.Version != formatVersion || e.Number != number || e.Nonce == "" || e.Epoch < 1:
		return damaged("%s is no entry of this number", logKey(number))
	}
	for _, c := range e.Changes {
		isOwn := c.Object == "" || isData(c.Object)
		if !isKey(c.Key) || !isOwn || c.Size < 0 || c.Offset < 0 {
			return damaged("%s says what cannot be of %q", logKey(number), c.Key)
		}
	}
	return checkCopies(logKey(number), e.Copies)
}

// isKey tells whether a key is one of which the log may say something.
func isKey(key string) bool { return fs.ValidPath(key) && key != "." && !isInternal(key) }

// isData tells whether what a key holds may lie in an object.
func isData(object string) bool {
	return fs.ValidPath(object) && (strings.HasPrefix(object, objectPrefix) || strings.HasPrefix(object, logPrefix))
}

// checkCopies fails where the log says that what cannot be a copy is one.
func checkCopies(name string, copies map[string]Version) error {
	for key := range copies {
		if !isKey(key) || !isPublic(key) {
			return damaged("%s says of %q that it is a copy", name, key)
		}
	}
	return nil
}

// isInternal tells whether a key is one of the bucket's own.
func isInternal(key string) bool {
	for _, prefix := range []string{logPrefix, checkpointPrefix, objectPrefix, probeName} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// DamageError says that the log of an export is not what was written.
type DamageError struct{ Err error }

// Error implements error.
func (e *DamageError) Error() string { return "the log of the export is damaged: " + e.Err.Error() }

// Unwrap returns what is wrong with it.
func (e *DamageError) Unwrap() error { return e.Err }

// isDamage tells whether an error says that the log is damaged.
func isDamage(err error) bool {
	_, ok := errors.AsType[*DamageError](err)
	return ok
}

func damaged(format string, args ...any) error { return &DamageError{fmt.Errorf(format, args...)} }

// apply adds an entry, whose line is so long.
func (s *state) apply(e *entry, line int64) error {
	switch {
	case e.Number != s.Number+1:
		return damaged("entry %d follows entry %d", e.Number, s.Number)
	case e.Event == taken && e.Epoch != s.Epoch+1, e.Event != taken && e.Epoch != s.Epoch:
		return damaged("entry %d is of epoch %d, the one before of %d", e.Number, e.Epoch, s.Epoch)
	}
	s.Number, s.Epoch, s.Event, s.Writer = e.Number, e.Epoch, e.Event, e.Writer
	s.Adopts = s.Adopts || e.Adopts
	for _, c := range e.Changes {
		if c.Removed {
			delete(s.Objects, c.Key)
			if s.Adopts {
				s.Removed[c.Key] = true
			}
			continue
		}
		at := place{c.Object, c.Offset, c.Size}
		if c.Object == "" {
			at.Object, at.Offset = logKey(e.Number), line+c.Offset
		}
		s.Objects[c.Key] = at
		delete(s.Removed, c.Key)
	}
	for key, version := range e.Copies {
		if s.Copies[key] = version; version == "" {
			delete(s.Copies, key)
		}
	}
	return nil
}

// decodeState reads a checkpoint.
func decodeState(data []byte, number int) (*state, error) {
	s, name := newState(), checkpointKey(number)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, damaged("%s: %w", name, err)
	}
	switch {
	case s.Version > formatVersion:
		return nil, fmt.Errorf("%s is of version %d, this program knows %d: use a newer one", name, s.Version, formatVersion)
	case s.Version != formatVersion || s.Number != number || s.Objects == nil || s.Removed == nil || s.Copies == nil:
		return nil, damaged("%s is no checkpoint of this number", name)
	}
	for key, at := range s.Objects {
		if !isKey(key) || !isData(at.Object) || at.Offset < 0 || at.Size < 0 {
			return nil, damaged("%s says what cannot be of %q", name, key)
		}
	}
	return s, checkCopies(name, s.Copies)
}

// clone returns a state that can be changed apart from this one.
func (s *state) clone() *state {
	c := *s
	c.Objects, c.Removed, c.Copies = maps.Clone(s.Objects), maps.Clone(s.Removed), maps.Clone(s.Copies)
	return &c
}

// isOwned tells whether the last writer has not ended, as far as it has said.
func (s *state) isOwned() bool { return s.Number > 0 && s.Event != released }

// encode returns the object of a checkpoint.
func (s *state) encode() ([]byte, error) {
	data, err := json.Marshal(s)
	return append(data, '\n'), err
}
