package manifest

import (
	"context"
	"crypto/sha256"
	"errors"

	"exporter/pipeline"
)

// yielding knows the owners that exports have whose rows yield to those of others.
type yielding struct {
	// owners tells of each whether another export has it, too; nil where none yields.
	owners  map[ownerSum]bool
	columns ownerColumns
}

// ownerSum stands for an owner: the first bytes of a SHA-256, as many as nobody finds twice. Ids would take more memory.
type ownerSum [16]byte

func sumOf(key pipeline.FileKey) ownerSum {
	sum := sha256.Sum256([]byte(key.JobID + "\x00" + key.FileID + "\x00" + key.DirectoryFileID))
	return ownerSum(sum[:len(ownerSum{})])
}

// ownerColumns are the columns of each kind of table that say whose a row is; -1 where it has none.
type ownerColumns [kinds]struct{ jobID, fileID, entryID int }

func newOwnerColumns() (all ownerColumns) {
	for kind := range kinds {
		s, c := seriesOf(kind), &all[kind]
		c.jobID, c.fileID, c.entryID = columnOf(s.schema, "job_id"), columnOf(s.schema, "file_id"), -1
		if kind == kindFiles {
			c.entryID = columnOf(s.schema, "directory_file_id")
		}
	}
	return all
}

// key returns the key of the file or the job of which a row of a kind is.
func (c *ownerColumns) key(kind int, r row) pipeline.FileKey {
	text := func(number int) string {
		if number < 0 {
			return ""
		}
		return string(r.value(number).ByteArray())
	}
	of := c[kind]
	file := pipeline.File{JobID: text(of.jobID), ID: text(of.fileID), DirectoryFileID: text(of.entryID)}
	return file.Key()
}

// findYielding collects the owners of the exports that yield.
func (m *partsMerge) findYielding(ctx context.Context) error {
	for number, s := range m.Sources {
		if !s.Yields {
			continue
		}
		if m.yielding.owners == nil {
			m.yielding.owners = map[ownerSum]bool{}
		}
		p, err := openSource(ctx, number, s)
		if err != nil {
			return &PartError{s.Folder, err}
		}
		var inputs []batches
		for _, t := range p.snapshot.files.tables() {
			inputs = append(inputs, t.columns(t.all(), t.layout.keys))
		}
		for b, readErr := range withContext(ctx, merge(inputs, p.snapshot.files.compare)) {
			if err = readErr; err != nil {
				break
			}
			for i := range b.count() {
				m.yielding.owners[sumOf(m.yielding.columns.key(kindFiles, b.row(i)))] = false
			}
		}
		if err = errors.Join(err, p.close()); err != nil {
			return &PartError{s.Folder, err}
		}
	}
	return nil
}

// settle leaves out the rows of an export that yields, where others have their owners, and notes the owners of others, of which files come first.
func (y *yielding) settle(rows batches, kind int, yields bool) batches {
	switch {
	case yields:
		return without(rows, func(r row) bool { return y.owners[sumOf(y.columns.key(kind, r))] })
	case kind == kindFiles:
		return without(rows, func(r row) bool {
			sum := sumOf(y.columns.key(kind, r))
			if _, ok := y.owners[sum]; ok {
				y.owners[sum] = true
			}
			return false
		})
	}
	return rows
}
