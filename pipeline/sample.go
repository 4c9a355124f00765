package pipeline

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
)

// sample chooses files by chance, but always the same: those whose keys have the least hashes. It holds no more than are chosen so far. A nil
// sample has none.
type sample struct {
	most int
	// chosen is a heap with the greatest hash first, and byKey has the same files.
	chosen chosenFiles
	byKey  map[FileKey]*chosenFile
}

// chosenFile is a file that is chosen so far, and what each listing said of it.
type chosenFile struct {
	hash      uint64
	sightings []chosenSighting
}

type chosenSighting struct {
	place SourceKey
	file  *listedFile
}

func newSample(most int) *sample {
	if most == 0 {
		return nil
	}
	return &sample{most: most, byKey: map[FileKey]*chosenFile{}}
}

// sampleHash is the hash of a key. It is the same for ever, so that trials can be repeated.
func sampleHash(k FileKey) uint64 {
	sum := sha256.Sum256([]byte(k.JobID + "\x00" + k.FileID + "\x00" + k.DirectoryFileID))
	return binary.BigEndian.Uint64(sum[:])
}

// take takes in a listed file, and leaves one out where there are too many.
func (s *sample) take(place SourceKey, f *listedFile, leaveOut func(SourceKey, *File)) {
	key := f.file.Key()
	c := s.byKey[key]
	if c == nil {
		c = &chosenFile{hash: sampleHash(key)}
		if len(s.chosen) == s.most && c.hash >= s.chosen[0].hash {
			leaveOut(place, f.file)
			return
		}
		s.byKey[key] = c
		heap.Push(&s.chosen, c)
	}
	c.sightings = append(c.sightings, chosenSighting{place, f})
	if len(s.chosen) <= s.most {
		return
	}
	out := heap.Pop(&s.chosen).(*chosenFile)
	delete(s.byKey, out.sightings[0].file.file.Key())
	for _, seen := range out.sightings {
		leaveOut(seen.place, seen.file.file)
	}
}

// each calls a function with what the listings said of the chosen files.
func (s *sample) each(do func(SourceKey, *listedFile)) {
	if s == nil {
		return
	}
	for _, c := range s.chosen {
		for _, seen := range c.sightings {
			do(seen.place, seen.file)
		}
	}
}

// chosenFiles implements heap.Interface.
type chosenFiles []*chosenFile

func (c chosenFiles) Len() int           { return len(c) }
func (c chosenFiles) Less(i, j int) bool { return c[i].hash > c[j].hash }
func (c chosenFiles) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *chosenFiles) Push(x any)        { *c = append(*c, x.(*chosenFile)) }

func (c *chosenFiles) Pop() any {
	last := len(*c) - 1
	out := (*c)[last]
	*c = (*c)[:last]
	return out
}
