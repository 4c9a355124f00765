package manifest

import (
	"context"
	"iter"
	"reflect"
	"time"

	"github.com/parquet-go/parquet-go"

	"exporter/pipeline"
)

// Known implements pipeline.History. What it yields it makes of the columns alone: reading a row as such takes several times as long.
func (s *Snapshot) Known(ctx context.Context) iter.Seq2[*pipeline.KnownFile, error] {
	return func(yield func(*pipeline.KnownFile, error) bool) {
		reader := s.newStateReader()
		for b, err := range s.files.all(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range b.count() {
				if !yield(reader.read(b.row(i)), nil) {
					return
				}
			}
		}
	}
}

// File implements pipeline.History.
func (s *Snapshot) File(_ context.Context, key pipeline.FileKey) (*pipeline.FileState, error) {
	row, err := s.lookUpFile(key)
	if row == nil || err != nil {
		return nil, err
	}
	return row.fileRow(s.sources.parsed).State(), nil
}

// FileRow implements pipeline.History.
func (s *Snapshot) FileRow(_ context.Context, key pipeline.FileKey) (*pipeline.FileRow, error) {
	row, err := s.lookUpFile(key)
	if row == nil || err != nil {
		return nil, err
	}
	return row.fileRow(s.sources.parsed), nil
}

// lookUpFile returns the row of a file; nil where there is none.
func (s *Snapshot) lookUpFile(key pipeline.FileKey) (*fileRow, error) {
	at, err := s.files.lookUp(rowOf(s.files.schema, &fileRow{JobID: key.JobID, FileID: key.FileID, DirectoryFileID: key.DirectoryFileID}))
	if err != nil || at == nil {
		return nil, err
	}
	for row, err := range decoded[fileRow](at) {
		if err == nil {
			s.amend(row)
		}
		return row, err
	}
	return nil, nil
}

// stateReader makes states of rows of files.
type stateReader struct {
	snapshot *Snapshot
	columns  fileColumns
	known    pipeline.KnownFile
	row      row
	decoder  decoder
	// directory to decided are texts that most rows share with the one before, counts those that the state points to.
	directory, pipeline, project, status, sources, missedSources, decided sameText
	displayName, uniqueID                                                 string
	// isEarlier tells that files.parquet is of a schema that knows no attachments.
	isEarlier bool
	counts    [5]int64
}

// fileColumns are numbers of columns of files.parquet.
type fileColumns struct {
	fileID, directoryID, directoryFileID, pipelineID, projectID, displayName, uniqueID, metadata, created, updated, deleted int
	status, err, screenshots, figures, stored, skipped, listed, vanished, asked, missed, sources, expires, expired          int
	missingPages, missedSources, decided, jobID, documents, pages                                                           int
}

func (s *Snapshot) newStateReader() *stateReader {
	r := &stateReader{snapshot: s, decoder: newDecoder[fileRow](), isEarlier: s.files.base != nil && s.files.base.meta.schema != Schema}
	c := &r.columns
	for name, number := range map[string]*int{
		"file_id": &c.fileID, "directory_id": &c.directoryID, "directory_file_id": &c.directoryFileID, "pipeline_id": &c.pipelineID,
		"project_id": &c.projectID, "display_name": &c.displayName, "unique_id": &c.uniqueID, "file_metadata": &c.metadata,
		"file_created_at": &c.created, "file_updated_at": &c.updated, "file_deleted_at": &c.deleted, "status": &c.status,
		"error": &c.err, "screenshots": &c.screenshots, "figures": &c.figures, "stored": &c.stored, "skipped": &c.skipped,
		"listed_at": &c.listed, "vanished_at": &c.vanished, "asked_at": &c.asked, "missed_at": &c.missed, "sources": &c.sources,
		"expires_at": &c.expires, "expired_at": &c.expired, "missing_pages": &c.missingPages, "missed_sources": &c.missedSources,
		"filters_digest": &c.decided, "job_id": &c.jobID, "documents": &c.documents, "pages": &c.pages,
	} {
		*number = columnOf(s.files.schema, name)
	}
	r.known.Row = func() (*pipeline.FileRow, error) { return r.fileRow(), nil }
	return r
}

// read returns the state of a row, which is valid until the next call.
func (r *stateReader) read(from row) *pipeline.KnownFile {
	r.row = from
	c, k := &r.columns, &r.known
	file := r.file()
	k.Key = file.Key()
	k.FileState = pipeline.FileState{
		Status:      pipeline.Status(r.status.of(from.value(c.status))),
		Screenshots: r.count(0, c.screenshots), Figures: r.count(1, c.figures), MissingPages: r.count(2, c.missingPages),
		Documents: r.count(3, c.documents), Pages: r.count(4, c.pages),
		Stored: from.value(c.stored).Int64(), Skipped: from.value(c.skipped).Int64(),
		UpdatedAt: file.UpdatedAt, ExpiresAt: r.time(c.expires), ListedAt: r.time(c.listed), AskedAt: r.time(c.asked),
		Sources:  r.snapshot.sources.parsed(r.sources.of(from.value(c.sources))),
		MissedIn: r.snapshot.sources.parsed(r.missedSources.of(from.value(c.missedSources))),
		Missed:   !from.value(c.missed).IsNull(), Gone: !from.value(c.vanished).IsNull() || !from.value(c.expired).IsNull(),
		HasError: !from.value(c.err).IsNull(), NamesHash: file.NamesHash(), Decided: r.decided.of(from.value(c.decided)),
	}
	if r.sources.text == "" {
		// It is of schema 1, see (*fileRow).raise.
		k.Sources, k.AskedAt = []pipeline.SourceKey{file.Place()}, k.ListedAt
	}
	if r.isEarlier && k.Screenshots != nil && *k.Screenshots == 0 {
		// Whoever wrote it did not ask for attachments.
		k.AskedAt = time.Time{}
	}
	if file.JobID != "" {
		k.FileID = file.ID
	}
	if k.Status == pipeline.Complete && r.snapshot.tallies != nil {
		k.Status = r.fileRow().Status
	}
	return k
}

// file returns what a listing says of the row's file.
func (r *stateReader) file() pipeline.File {
	c := &r.columns
	text := func(column int) string { return string(r.row.value(column).ByteArray()) }
	f := pipeline.File{
		ID: text(c.fileID), JobID: text(c.jobID), DirectoryID: r.directory.of(r.row.value(c.directoryID)), DirectoryFileID: text(c.directoryFileID),
		PipelineID: r.pipeline.of(r.row.value(c.pipelineID)), ProjectID: r.project.of(r.row.value(c.projectID)),
		Metadata:  nonEmpty(r.row.value(c.metadata).ByteArray()),
		CreatedAt: r.time(c.created), UpdatedAt: r.time(c.updated), DeletedAt: r.time(c.deleted), ExpiresAt: r.time(c.expires),
	}
	if !r.row.value(c.displayName).IsNull() {
		r.displayName = text(c.displayName)
		f.DisplayName = &r.displayName
	}
	if !r.row.value(c.uniqueID).IsNull() {
		r.uniqueID = text(c.uniqueID)
		f.UniqueID = &r.uniqueID
	}
	return f
}

// fileRow returns the row as such.
func (r *stateReader) fileRow() *pipeline.FileRow {
	full := new(fileRow)
	r.decoder.decode(r.row, reflect.ValueOf(full).Elem())
	r.snapshot.amend(full)
	return full.fileRow(r.snapshot.sources.parsed)
}

func (r *stateReader) count(place, column int) *int64 {
	v := r.row.value(column)
	if v.IsNull() {
		return nil
	}
	r.counts[place] = v.Int64()
	return &r.counts[place]
}

func (r *stateReader) time(column int) time.Time {
	v := r.row.value(column)
	if v.IsNull() {
		return time.Time{}
	}
	return time.UnixMicro(v.Int64()).UTC()
}

// sameText is the text of a column that is mostly that of the row before.
type sameText struct{ text string }

func (s *sameText) of(v parquet.Value) string {
	if b := v.ByteArray(); s.text != string(b) {
		s.text = string(b)
	}
	return s.text
}
