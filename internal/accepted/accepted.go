// Package accepted keeps what of an export failed for good, and a person accepted: it does not count as failed any more, is listed ever after, and
// is tried again all the same. It is one small file beside the tables, which say what failed and why: without it nothing is lost but that it was
// accepted.
package accepted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// Name is the file of an export that has it.
	Name = store.PrivatePrefix + "accepted.json"
	// Most is how many failures may be accepted: where more fail, something else is wrong.
	Most = 100_000
	// maxFile bounds what is read, in bytes.
	maxFile = 128 << 20
)

// Failure is what failed: an asset, or the listings of a file where Kind is empty.
type Failure struct {
	// Key is made of all parts of its key, whatever characters names have. The next ones say it for people.
	Key       string        `json:"key"`
	FileID    string        `json:"file_id,omitempty"`
	JobID     string        `json:"job_id,omitempty"`
	Kind      pipeline.Kind `json:"kind,omitempty"`
	PageIndex *int32        `json:"page_index,omitempty"`
	Name      string        `json:"name,omitempty"`
	// Reason is "class: message". It is another failure where the class is another, or the date of the file or the listed size are.
	Reason     string    `json:"reason"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
	ListedSize *int64    `json:"listed_size,omitempty"`
	AcceptedAt time.Time `json:"accepted_at"`
	// EntryID is the directory_file_id of what has no other id.
	EntryID string `json:"directory_file_id,omitempty"`
}

// Class returns the class of the reason.
func (f *Failure) Class() string {
	class, _, _ := strings.Cut(f.Reason, ":")
	return class
}

// IsOf tells whether an id is that of the file, or of the parse job.
func (f *Failure) IsOf(id string) bool {
	return id != "" && (id == f.FileID || id == f.JobID || id == f.EntryID)
}

// IsPermanent tells whether the same is to be expected of the next try: a refusal, or bytes that are wrong, and no outage, no timeout, no
// throttling and no error of the server.
func (f *Failure) IsPermanent() bool {
	switch class := f.Class(); class {
	case "http_400", "http_402", "http_403", "http_404", "http_405", "http_406", "http_410", "http_411", "http_413", "http_414", "http_415",
		"http_416", "http_422", "http_451", "http_501", "size_mismatch", "not_image", "not_document", "encoding", "redirect",
		pipeline.ClassTooLarge, pipeline.ClassMalformed, pipeline.ClassGone, pipeline.ClassBadID:
		return true
	}
	return false
}

// OfAsset returns the failure of an asset.
func OfAsset(row *pipeline.Row) Failure {
	key := row.Key()
	f := Failure{
		Key: AssetKey(key), FileID: string(key.FileID), JobID: string(key.JobID), Kind: key.Kind, PageIndex: &key.PageIndex,
		Name: key.FigureName + key.UpstreamName, Reason: row.Reason, ListedSize: row.ListedSize,
	}
	if row.File != nil {
		f.UpdatedAt = row.File.UpdatedAt.UTC().Truncate(time.Microsecond)
	}
	return f
}

// OfFile returns the failure of the listings of a file.
func OfFile(row *pipeline.FileRow) Failure {
	return Failure{
		Key: FileKey(row.Key()), FileID: row.ID, JobID: row.JobID, EntryID: row.Key().DirectoryFileID, Reason: row.Error,
		UpdatedAt: row.UpdatedAt.UTC().Truncate(time.Microsecond),
	}
}

// AssetKey returns the key of an asset's failure, and FileKey that of a file's.
func AssetKey(k pipeline.AssetKey) string {
	return digest("asset", string(k.FileID), string(k.JobID), string(k.Kind), fmt.Sprint(k.PageIndex), k.FigureName, string(k.Origin), k.UpstreamName)
}

// FileKey is AssetKey of a file.
func FileKey(k pipeline.FileKey) string { return digest("file", k.JobID, k.FileID, k.DirectoryFileID) }

func digest(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// Set is all failures that were accepted. A nil Set has none. It is not for use by more than one goroutine at once.
type Set struct {
	byKey   map[string]*Failure
	changed bool
}

// file is what is stored.
type file struct {
	Accepted []*Failure `json:"accepted"`
}

// New returns a Set that has nothing.
func New() *Set { return &Set{byKey: map[string]*Failure{}} }

// Read reads what was accepted of an export. With a *pipeline.DamageError comes a Set that has nothing.
func Read(ctx context.Context, from store.Reader) (*Set, error) {
	s := New()
	text, err := store.ReadBytes(ctx, from, Name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	var stored file
	if err := json.Unmarshal(text, &stored); err != nil {
		return s, &pipeline.DamageError{Path: Name, Err: err}
	}
	for _, f := range stored.Accepted {
		if f != nil && f.Key != "" {
			s.byKey[f.Key] = f
		}
	}
	return s, nil
}

// Write stores what has changed since it was read. Where nothing is left, the file goes.
func (s *Set) Write(ctx context.Context, to store.Store) error {
	if s == nil || !s.changed {
		return nil
	}
	s.changed = false
	if len(s.byKey) == 0 {
		return to.Remove(ctx, Name)
	}
	var stored file
	for _, key := range slices.Sorted(maps.Keys(s.byKey)) {
		stored.Accepted = append(stored.Accepted, s.byKey[key])
	}
	text, err := json.MarshalIndent(&stored, "", " ")
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, to, Name, append(text, '\n'))
}

// Include takes what another has of keys of which this one has nothing. It is not stored.
func (s *Set) Include(other *Set) {
	if other.IsEmpty() {
		return
	}
	for key, f := range other.byKey {
		if s.byKey[key] == nil {
			s.byKey[key] = f
		}
	}
}

// IsEmpty tells whether nothing is accepted.
func (s *Set) IsEmpty() bool { return s == nil || len(s.byKey) == 0 }

// Find returns what was accepted of a key with a reason of the same class; nil where nothing was.
func (s *Set) Find(key, reason string) *Failure {
	if s.IsEmpty() {
		return nil
	}
	f := s.byKey[key]
	if f == nil || f.Class() != (&Failure{Reason: reason}).Class() {
		return nil
	}
	return f
}

// Holds tells whether a failure is one that was accepted. One of another kind, or of what has changed upstream since, is not, and takes its
// place: then nothing is accepted of its key any more.
func (s *Set) Holds(f *Failure) bool {
	known := s.Find(f.Key, f.Reason)
	if known != nil && known.UpdatedAt.Equal(f.UpdatedAt) && (known.ListedSize == nil) == (f.ListedSize == nil) &&
		(known.ListedSize == nil || *known.ListedSize == *f.ListedSize) {
		return true
	}
	s.Drop(f.Key)
	return false
}

// Add accepts a failure.
func (s *Set) Add(f Failure) {
	s.byKey[f.Key], s.changed = &f, true
}

// Drop forgets what was accepted of a key.
func (s *Set) Drop(key string) {
	if s.IsEmpty() || s.byKey[key] == nil {
		return
	}
	delete(s.byKey, key)
	s.changed = true
}

// DropIf forgets what a function says.
func (s *Set) DropIf(drops func(*Failure) bool) {
	for key, f := range s.byKey {
		if drops(f) {
			s.Drop(key)
		}
	}
}
