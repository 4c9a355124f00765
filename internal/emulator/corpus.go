package emulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Corpus is the files that a Server serves. All methods are safe for concurrent use, also while it is being served, and
// a corpus may be served by several servers.
type Corpus struct {
	mu          sync.RWMutex
	directories table[*directory]
	projects    table[*ProjectSpec]
	pipelines   table[*pipeline]
	indexes     table[*index]
	jobs        table[*parseJob]
	batches     table[*batch]
	// computed are parse jobs that come before those of jobs; nil: none.
	computed *syntheticJobs
	// attachments are those of each source_id.
	attachments map[string]attachments
	files       map[string]*file
	// order holds files by seq.
	order    []*file
	ordersMu sync.Mutex
	orders   orders
	// anyFileID and anyProjectID are set as soon as a file or a project has an id that is not the API's kind.
	anyFileID    bool
	anyProjectID atomic.Bool
	// seq numbers files and entries in the order in which they came; 0 is none's.
	seq uint64
}

// directory is one directory.
type directory struct {
	DirectorySpec
	// entries are sorted by seq.
	entries []*entry
	byID    map[string]*entry
}

// entry is one directory file.
type entry struct {
	seq         uint64
	id          string
	fileID      string // empty: it has none
	displayName string
	uniqueID    string
	updated     time.Time // zero: unknown
	deleted     bool
	pipeline    *PipelineFileSpec // nil: nothing beside the above
	// listed is the JSON object that the API answers.
	listed json.RawMessage
}

// file is what a file_id stands for.
type file struct {
	seq                       uint64
	id, name, externalID      string
	projectID, organizationID string
	modified, expires         time.Time
	pictures                  pictures
	document                  blob     // nil: not in storage
	content                   *content // nil: not uploaded here
}

// FileSpec describes a directory file of a corpus that is built by hand. Every value may be hostile.
type FileSpec struct {
	// ID is the directory file's id.
	ID string
	// FileID is the file_id; when empty, null is listed and the file has no assets.
	FileID string
	// DisplayName and UniqueID are ID when they are empty.
	DisplayName, UniqueID string
	// CreatedAt, UpdatedAt and DeletedAt are listed as null when they are zero.
	CreatedAt, UpdatedAt, DeletedAt time.Time
	// ExpiresAt is told of the file, and nothing else.
	ExpiresAt time.Time
	// Metadata is listed as it is; absent from the listing when nil.
	Metadata json.RawMessage
	// Assets are listed in this order, twice if they come twice. Where the corpus has FileID already, they are added.
	Assets []AssetSpec
	// Attachments are those of the source_id AttachedTo, in this order; ID when that is empty. Where there are some already,
	// they are added.
	Attachments []AttachmentSpec
	AttachedTo  string
	// Pipeline is what pipelines say of the file; nil: no more than the fields above.
	Pipeline *PipelineFileSpec
	// Document is the original file; nil: it is not in storage (any more).
	Document []byte
	// Raw, when not nil, is what listings hold in place of all that would be made from the fields above, whether or not
	// it is JSON. Filters and paths still go by the fields.
	Raw json.RawMessage
}

// NewCorpus returns a corpus without directories.
func NewCorpus() *Corpus {
	return &Corpus{files: map[string]*file{}, attachments: map[string]attachments{}}
}

// next returns the number of what is added next.
func (c *Corpus) next() uint64 {
	c.seq++
	return c.seq
}

// AddFile adds a directory file at the end of a directory's listing. Its id must be new there.
func (c *Corpus) AddFile(directoryID string, spec FileSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.directories.get(directoryID)
	if !ok {
		return fmt.Errorf("add file %q: the corpus has no directory %q", spec.ID, directoryID)
	}
	if d.byID[spec.ID] != nil {
		return fmt.Errorf("add file %q: directory %q has it already", spec.ID, directoryID)
	}
	c.addEntry(d, &spec)
	if len(spec.Assets) > 0 && spec.FileID != "" {
		f := c.files[spec.FileID]
		a := albumOf(f.pictures)
		for i := range spec.Assets {
			a.add(spec.Assets[i].picture(spec.FileID))
		}
		f.pictures = a
	}
	if f := c.files[spec.FileID]; f != nil && spec.Document != nil {
		f.document = newMemoryBlob(spec.Document, "")
	}
	if len(spec.Attachments) > 0 {
		c.attach(cmp.Or(spec.AttachedTo, spec.ID), spec.Attachments)
	}
	return nil
}

// addEntry appends to d what spec describes, assets left out, and makes the file that it refers to known.
func (c *Corpus) addEntry(d *directory, spec *FileSpec) *entry {
	if spec.DisplayName == "" {
		spec.DisplayName = spec.ID
	}
	if spec.UniqueID == "" {
		spec.UniqueID = spec.ID
	}
	// Filters compare what is listed, which has no more than microseconds.
	spec.UpdatedAt = spec.UpdatedAt.Truncate(time.Microsecond)
	e := &entry{
		seq: c.next(), id: spec.ID, fileID: spec.FileID, displayName: spec.DisplayName, uniqueID: spec.UniqueID,
		updated: spec.UpdatedAt, deleted: !spec.DeletedAt.IsZero(),
		pipeline: spec.Pipeline, listed: spec.Raw,
	}
	if e.listed == nil {
		e.listed = spec.listed(&d.DirectorySpec)
	}
	d.insert(e)
	if spec.FileID != "" && c.files[spec.FileID] == nil {
		c.addFile(&file{
			id: spec.FileID, name: spec.DisplayName, externalID: spec.UniqueID, projectID: d.ProjectID,
			organizationID: d.OrganizationID, modified: spec.UpdatedAt, expires: spec.ExpiresAt, pictures: newAlbum(),
		})
	}
	return e
}

func (c *Corpus) addFile(f *file) {
	f.seq = c.next()
	c.files[f.id] = f
	c.order = append(c.order, f)
	c.unsort()
	c.anyFileID = c.anyFileID || !isUUID(f.id) && !isTyped(f.id)
}

func (s *FileSpec) listed(d *DirectorySpec) json.RawMessage {
	o := object{
		{"id", quote(s.ID)},
		{"directory_id", quote(d.ID)},
		{"display_name", quote(s.DisplayName)},
		{"project_id", quote(d.ProjectID)},
		{"unique_id", quote(s.UniqueID)},
		{"created_at", timestamp(s.CreatedAt)},
		{"updated_at", timestamp(s.UpdatedAt)},
		{"deleted_at", timestamp(s.DeletedAt)},
		{"file_id", quoteOrNull(s.FileID)},
	}
	if s.Metadata != nil {
		o = o.set("metadata", s.Metadata)
	}
	return o.bytes()
}

// timestamp returns t as the API writes it, or null when it is zero.
func timestamp(t time.Time) json.RawMessage {
	if t.IsZero() {
		return json.RawMessage("null")
	}
	return quote(t.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// newID returns a UUID that depends only on what the corpus has seen.
func (c *Corpus) newID() string {
	h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("id"), c.next()))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80 // version 4, and the variant of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// insert appends an entry to the directory's listing.
func (d *directory) insert(e *entry) {
	d.entries = append(d.entries, e)
	d.byID[e.id] = e
}

// remove takes an entry out of the directory's listing.
func (d *directory) remove(e *entry) {
	i := d.after(e.seq - 1)
	d.entries = slices.Delete(d.entries, i, i+1)
	delete(d.byID, e.id)
}

// after returns the place in entries of the first one behind seq.
func (d *directory) after(seq uint64) int {
	i, _ := slices.BinarySearchFunc(d.entries, seq+1, func(e *entry, seq uint64) int { return cmp.Compare(e.seq, seq) })
	return i
}

// filesAfter returns the files behind seq.
func (c *Corpus) filesAfter(seq uint64) []*file {
	i, _ := slices.BinarySearchFunc(c.order, seq+1, func(f *file, seq uint64) int { return cmp.Compare(f.seq, seq) })
	return c.order[i:]
}
