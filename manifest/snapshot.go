package manifest

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"exporter/internal/store"
	"exporter/pipeline"
)

// Snapshot is what an export's ledger said at one moment. It can be taken of an export that is running, needs no lock
// and changes nothing. Its memory grows with the number of files, not of assets.
type Snapshot struct {
	assets *log[assetRow]
	files  *log[fileRow]
	// spans says for each of the asset tables where a file's rows are.
	spans  []map[string]span
	states *fileStates
	// tallies counts the rows of each file; nil unless some may have been lost.
	tallies map[string]tally
}

var _ pipeline.History = (*Snapshot)(nil)

// OpenSnapshot reads the ledger of the export in r, which may be empty. Files that cannot be read, or are not as they were
// written, are a *pipeline.DamageError.
func OpenSnapshot(ctx context.Context, r store.Reader) (*Snapshot, error) {
	return retry(func() (*Snapshot, error) {
		return openSnapshot(ctx, r, openTable, openTable, func(s *Snapshot) error { return s.index(ctx) })
	})
}

// retry opens a snapshot again where a file was gone: a running export may roll up or merge parts between the listing and
// the opening, and then another listing is right.
func retry(open func() (*Snapshot, error)) (*Snapshot, error) {
	const tries = 5
	for try := 1; ; try++ {
		s, err := open()
		if err == nil || !errors.Is(err, fs.ErrNotExist) || try == tries {
			return s, err
		}
	}
}

// openSnapshot opens all files that count, and prepares the snapshot for use.
func openSnapshot(ctx context.Context, r store.Reader, loadAssets, loadFiles loader,
	prepare func(*Snapshot) error) (s *Snapshot, err error) {
	s = &Snapshot{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
			s = nil
		}
	}()
	// Without manifest.parquet, files.parquet would vouch for assets that nobody knows any more. Files are opened first: what is
	// complete here has its assets below, also while a run goes on.
	if s.files, err = fileSeries(r).open(ctx, loadFiles, isMissing(ctx, r, AssetsName)); err != nil {
		return s, err
	}
	if s.assets, err = assetSeries(r).open(ctx, loadAssets, false); err != nil {
		return s, err
	}
	if err := s.files.dropTorn(s.assets.last); err != nil {
		return s, err
	}
	return s, prepare(s)
}

// isMissing tells whether there is no object. Who cannot know says no, and fails when it is opened.
func isMissing(ctx context.Context, r store.Reader, name string) bool {
	o, err := r.Open(ctx, name)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	// Nothing was written, so that nothing can be lost.
	_ = o.Close()
	return false
}

// index reads what is kept in memory.
func (s *Snapshot) index(ctx context.Context) error {
	for _, t := range s.assets.tables() {
		spans, err := t.fileSpans()
		if err != nil {
			return err
		}
		s.spans = append(s.spans, spans)
	}
	s.states = newFileStates()
	for row, err := range s.fileRows(ctx) {
		if err != nil {
			return err
		}
		s.states.add(row)
	}
	return nil
}

// Info returns what the newest file of the ledger says of the run that wrote it; nil where nothing has been recorded.
func (s *Snapshot) Info() *Info {
	assets, files := s.assets.info(), s.files.info()
	if files == nil || assets != nil && assets.Source != "" {
		return assets
	}
	return files
}

// File implements pipeline.History.
func (s *Snapshot) File(_ context.Context, key pipeline.FileKey) (*pipeline.FileState, error) {
	return s.states.get(key), nil
}

// States implements pipeline.History.
func (s *Snapshot) States() iter.Seq2[pipeline.FileKey, *pipeline.FileState] {
	return func(yield func(pipeline.FileKey, *pipeline.FileState) bool) {
		for key, state := range s.states.byKey {
			if !yield(key, s.states.unpack(state)) {
				return
			}
		}
	}
}

// Files implements pipeline.History.
func (s *Snapshot) Files(ctx context.Context) iter.Seq2[*pipeline.FileRow, error] {
	return func(yield func(*pipeline.FileRow, error) bool) {
		for r, err := range s.fileRows(ctx) {
			var row *pipeline.FileRow
			if err == nil {
				row = r.fileRow(s.states.parsed)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// FileRow implements pipeline.History. It searches each table, for which it reads some twenty pages of a million rows.
func (s *Snapshot) FileRow(_ context.Context, key pipeline.FileKey) (*pipeline.FileRow, error) {
	wanted := fileRow{FileID: key.FileID, DirectoryFileID: key.DirectoryFileID}
	for b := range s.files.encoded(func(yield func(*fileRow, error) bool) { yield(&wanted, nil) }) {
		for _, t := range slices.Backward(s.files.tables()) {
			at, err := s.files.find(t, b.row(0))
			if err != nil {
				return nil, err
			}
			if at.count == 0 {
				continue
			}
			for row, err := range s.files.decoded(t.rows(at)) {
				if err != nil {
					return nil, err
				}
				return row.fileRow(s.states.parsed), nil
			}
		}
	}
	return nil, nil
}

// Assets implements pipeline.History.
func (s *Snapshot) Assets(ctx context.Context, id pipeline.ID) ([]*pipeline.Row, error) {
	var inputs []batches
	for i, t := range s.assets.tables() {
		if at, ok := s.spans[i][string(id)]; ok {
			inputs = append(inputs, t.rows(at))
		}
	}
	var found []*pipeline.Row
	for row, err := range s.toRows(without(withContext(ctx, merge(inputs, s.assets.compare)), s.assets.isLost)) {
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, nil
}

// Rows yields every asset's row, sorted by key.
func (s *Snapshot) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	return s.toRows(s.assets.all(ctx))
}

func (s *Snapshot) toRows(all batches) iter.Seq2[*pipeline.Row, error] {
	return func(yield func(*pipeline.Row, error) bool) {
		for r, err := range s.assets.decoded(all) {
			var row *pipeline.Row
			if err == nil {
				row, err = r.row()
				if err != nil {
					err = &pipeline.DamageError{Path: AssetsName, Err: err}
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Close closes the files.
func (s *Snapshot) Close() error {
	var err error
	if s.assets != nil {
		err = s.assets.close()
	}
	if s.files != nil {
		err = errors.Join(err, s.files.close())
	}
	s.assets, s.files = nil, nil
	return err
}
