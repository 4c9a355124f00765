package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Identity is the same for snapshots that say the same, byte by byte.
type Identity [sha256.Size]byte

// Identity returns that of the snapshot. It reads what is behind the row groups, of which the checksums vouch for the rest, and all of a file of
// another program, which has none.
func (s *Snapshot) Identity(ctx context.Context) (id Identity, err error) {
	all := sha256.New()
	for _, series := range [][]*table{s.assets.tables(), s.files.tables(), s.pages.tables()} {
		all.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(series))))
		for _, t := range series {
			if err := context.Cause(ctx); err != nil {
				return id, err
			}
			first := int64(0)
			if !t.foreign {
				sums, err := readChecksums(t.file, t.file.Size())
				if err != nil {
					return id, t.damaged(err)
				}
				first = sums.body
			}
			all.Write(binary.LittleEndian.AppendUint64(nil, uint64(t.file.Size())))
			if _, err := io.Copy(all, io.NewSectionReader(t.file, first, t.file.Size()-first)); err != nil {
				return id, t.damaged(err)
			}
		}
	}
	return Identity(all.Sum(nil)), nil
}
