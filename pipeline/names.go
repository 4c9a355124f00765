package pipeline

import (
	"encoding/binary"
	"hash/maphash"
)

// namesSeed is another one in every process: what has one hash in one run, and is not noticed there, has two in the next.
var namesSeed = maphash.MakeSeed()

// NamesHash returns a hash of what a listing says of the file beside when it was updated and when it expires. That of a file as a
// ledger gives it back is the same in this process.
func (f *File) NamesHash() uint64 {
	var h maphash.Hash
	h.SetSeed(namesSeed)
	var number [8]byte
	add := func(n uint64) {
		binary.LittleEndian.PutUint64(number[:], n)
		// A hash never fails.
		_, _ = h.Write(number[:])
	}
	for _, text := range [...]string{f.DirectoryID, f.DirectoryFileID, f.PipelineID, f.ProjectID} {
		// Lengths keep apart what follows one another.
		add(uint64(len(text)))
		_, _ = h.WriteString(text)
	}
	for _, text := range [...]*string{f.DisplayName, f.UniqueID} {
		if text == nil {
			add(0)
			continue
		}
		// An empty name is another one than none.
		add(1 + uint64(len(*text)))
		_, _ = h.WriteString(*text)
	}
	add(uint64(len(f.Metadata)))
	_, _ = h.Write(f.Metadata)
	add(uint64(packTime(f.CreatedAt)))
	add(uint64(packTime(f.DeletedAt)))
	return h.Sum64()
}

// named is what a listing says of a file that needs no asking, where that is not what is known.
type named struct {
	place SourceKey
	file  *File
}

// name keeps what the first of the listings of a file says of it, if that is not what is known. Where there is no room, the next run
// sees to it.
func (s *sightings) name(number uint32, place SourceKey, file *File) {
	if s.places(number)[0] != place {
		return
	}
	s.forgetName(number)
	if uint32(file.NamesHash()) != s.at(number).names && len(s.names) < maxDeferred && s.namesWeight < s.mostWeight {
		s.names[number] = named{place, file}
		s.namesWeight += file.weight()
	}
}

// forgetName forgets what was kept of a file's names, and returns it.
func (s *sightings) forgetName(number uint32) (before named, kept bool) {
	if before, kept = s.names[number]; kept {
		delete(s.names, number)
		s.namesWeight -= before.file.weight()
	}
	return before, kept
}

// nameAfter gives a row of a file, of which the places are known, the ids and names that the first of them has now. It tells whether
// these are new.
func (k *knownFile) nameAfter(row *FileRow) bool {
	if k.named.file == nil || len(row.Sources) == 0 || k.named.place != row.Sources[0] {
		return false
	}
	updated, expires := row.UpdatedAt, row.ExpiresAt
	id := row.ID
	row.File = *k.named.file
	row.UpdatedAt, row.ExpiresAt = updated, expires
	if row.IsJob() {
		// Its assets are recorded under that one.
		row.ID = id
	}
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
	file.ExpiresAt = k.expiresAt
	f := &listedFile{file: &file, places: k.places, state: k.row.State()}
	if !k.isListed() {
		f.missedAt = k.row.MissedAt
	}
	return f
}
