package pipeline

import (
	"encoding/binary"
	"hash/fnv"
	"time"
)

// NamesHash returns a hash of what a listing says of the file beside when it was updated and when it expires. That of a file as a
// ledger gives it back is the same.
func (f *File) NamesHash() uint64 {
	h := fnv.New64a()
	// Lengths keep apart what follows one another.
	add := func(text []byte) {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))
		_, _ = h.Write(text)
	}
	for _, text := range []string{f.DirectoryID, f.DirectoryFileID, f.PipelineID, f.ProjectID} {
		add([]byte(text))
	}
	for _, text := range []*string{f.DisplayName, f.UniqueID} {
		if text == nil {
			add(nil)
			continue
		}
		// An empty name is another one than none.
		add([]byte("=" + *text))
	}
	add(f.Metadata)
	for _, at := range []time.Time{f.CreatedAt, f.DeletedAt} {
		add(binary.LittleEndian.AppendUint64(nil, uint64(at.UnixMicro())))
	}
	return h.Sum64()
}

// named is what a listing says of a file that needs no asking, where that is not what is known.
type named struct {
	place SourceKey
	file  *File
}

// name keeps what the first of the listings of a file says of it, if that is not what is known. Where there is no room, the next run
// sees to it.
func (s *sightings) name(key FileKey, place SourceKey, file *File, known uint64) {
	switch {
	case s.sets.sets[s.files[key].set][0] != place:
	case file.NamesHash() == known:
		delete(s.names, key)
	case len(s.names) < maxDeferred:
		s.names[key] = named{place, file}
	}
}

// nameAfter gives a row of a file, of which the places are known, the ids and names that the first of them has now. It tells whether
// these are new.
func (k *knownFile) nameAfter(row *FileRow) bool {
	if k.named.file == nil || len(row.Sources) == 0 || k.named.place != row.Sources[0] {
		return false
	}
	updated, expires := row.UpdatedAt, row.ExpiresAt
	row.File = *k.named.file
	row.UpdatedAt, row.ExpiresAt = updated, expires
	return true
}

// listed returns the file as it is listed now, to be asked for its assets.
func (k *knownFile) listed() *listedFile {
	file := k.row.File
	if k.named.file != nil {
		file = *k.named.file
	}
	if file.UpdatedAt = k.updatedAt; k.updatedAt.IsZero() {
		file.UpdatedAt = k.row.UpdatedAt
	}
	if file.ExpiresAt = k.expiresAt; k.expiresAt.IsZero() {
		file.ExpiresAt = k.row.ExpiresAt
	}
	f := &listedFile{file: &file, places: k.places}
	if !k.isListed() {
		f.missedAt = k.row.MissedAt
	}
	return f
}
