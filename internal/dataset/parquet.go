package dataset

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
)

const (
	// rowGroupRows and rowGroupBytes, of pictures, are the most that a row group has: readers that shuffle or filter read it whole. A
	// picture that is larger has one of its own.
	rowGroupRows  = 100
	rowGroupBytes = 100 << 20
	// largestPicture is the largest that a page can have: it counts in 32 bits, with what stands before the picture.
	largestPicture = math.MaxInt32 - 1<<10
)

// parquetForm is Parquet with the pictures inside, as the library datasets writes it, which most others read: a group "image" of bytes
// and path comes first.
type parquetForm struct{}

var _ shardForm = parquetForm{}

func (parquetForm) extension() string { return ".parquet" }

func (parquetForm) newShard(w io.Writer, s *Schema) shardWriter {
	p := &parquetShard{out: &gatherer{to: w, pending: []byte(parquetMagic), taken: int64(len(parquetMagic))}}
	p.pages = newPageWriter(p.out)
	p.rows = newRowWriter(&p.others, imageField(), s, parquet.KeyValueMetadata("huggingface", featuresJSON(s)), parquet.WriteBufferSize(0))
	return p
}

// parquetShard writes a shard. Pictures are the first column of a row group, so that their pages are written as they come, past the
// library, which would copy each several times and keep them all until the row group ends. It writes the other columns to memory, which
// are put behind, and the footer says of all where they are.
type parquetShard struct {
	out   *gatherer
	pages *pageWriter
	// others is what rows has written and is not in out yet, and done how much of it there was before.
	rows   *rowWriter
	others bytes.Buffer
	done   int64
	// groups are the row groups, of which the last one is under way.
	groups []*pictureChunk
}

func (p *parquetShard) add(s *Sample, picture []byte) error {
	if err := p.prepare(len(picture)); err != nil {
		return fmt.Errorf("write picture %q: %w", s.Name, err)
	}
	if err := p.pages.write(p.groups[len(p.groups)-1], picture); err != nil {
		return fmt.Errorf("write picture %q: %w", s.Name, err)
	}
	path := Value{Valid: len(picture) > 0, Text: s.Name}
	if err := p.rows.add(path, s); err != nil {
		return fmt.Errorf("write columns of picture %q: %w", s.Name, err)
	}
	return nil
}

// prepare begins a row group where there is none that takes a picture.
func (p *parquetShard) prepare(size int) error {
	if size > largestPicture {
		return fmt.Errorf("it has %d bytes, more than a page of Parquet takes", size)
	}
	if p.rows.count == rowGroupRows || p.rows.count > 0 && p.groups[len(p.groups)-1].size+int64(size) > rowGroupBytes {
		if err := p.endGroup(); err != nil {
			return err
		}
	}
	if p.rows.count == 0 {
		p.groups = append(p.groups, &pictureChunk{offset: p.out.taken})
	}
	return nil
}

// endGroup writes the other columns of a row group.
func (p *parquetShard) endGroup() error {
	if p.rows.count == 0 {
		return nil
	}
	if err := p.rows.flush(); err != nil {
		return fmt.Errorf("end row group: %w", err)
	}
	columns := p.others.Bytes()
	if p.done == 0 {
		columns = columns[len(parquetMagic):]
		p.done = int64(len(parquetMagic))
	}
	p.groups[len(p.groups)-1].shift = p.out.taken - p.done
	if _, err := p.out.Write(columns); err != nil {
		return fmt.Errorf("write row group: %w", err)
	}
	p.done += int64(len(columns))
	p.others.Reset()
	return nil
}

func (p *parquetShard) close() (*sideFile, error) {
	if err := p.endGroup(); err != nil {
		return nil, err
	}
	// With the last row group out, what Close writes are the page indexes and a footer.
	if err := p.rows.Close(); err != nil {
		return nil, fmt.Errorf("end shard: %w", err)
	}
	f := footer{p.rows.File().Metadata(), p.groups, p.others.Bytes(), p.done}
	if err := f.write(p.out); err != nil {
		return nil, fmt.Errorf("write footer: %w", err)
	}
	if err := p.out.flush(); err != nil {
		return nil, fmt.Errorf("end shard: %w", err)
	}
	return nil, nil
}
