package dataset

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// indexVersion begins the index of a shard that DALI reads.
const indexVersion = "v1.2"

// The fields of a sample. Pictures are all called the same, whatever their bytes are: readers take the columns of the first samples for those of
// all, and know a picture by its bytes.
const (
	pictureField = "jpg"
	columnsField = "json"
)

// tarForm is that of WebDataset: a tar with two members for each sample, KEY.jpg and KEY.json, one behind the other.
type tarForm struct{}

var _ shardForm = tarForm{}

func (tarForm) extension() string { return ".tar" }

func (tarForm) newShard(w io.Writer, s *Schema) shardWriter {
	out := &gatherer{to: w}
	return &tarShard{out: out, tar: tar.NewWriter(out), columns: newSampleJSON(s)}
}

// tarShard writes a shard, in USTAR, which every reader knows.
type tarShard struct {
	out     *gatherer
	tar     *tar.Writer
	columns *sampleJSON
	// index has a line for each of count samples.
	index bytes.Buffer
	count int
}

func (t *tarShard) add(s *Sample, picture []byte) error {
	columns, err := t.columns.encode(s)
	if err != nil {
		return fmt.Errorf("encode columns of picture %q: %w", s.Name, err)
	}
	key := sampleKey(s.Name)
	var members []string
	for _, m := range []struct {
		field string
		data  []byte
	}{{pictureField, picture}, {columnsField, columns}} {
		if len(m.data) == 0 {
			continue
		}
		name := key + "." + m.field
		offset, err := t.write(name, m.data)
		if err != nil {
			return fmt.Errorf("write %s of picture %q: %w", name, s.Name, err)
		}
		members = append(members, fmt.Sprintf("%s %d %d %s", m.field, offset, len(m.data), name))
	}
	t.index.WriteString(strings.Join(members, " ") + "\n")
	t.count++
	return nil
}

// write appends a member, of which nothing but name and bytes is told, and returns where its bytes begin.
func (t *tarShard) write(name string, data []byte) (offset int64, err error) {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)), Format: tar.FormatUSTAR}
	if err := t.tar.WriteHeader(&h); err != nil {
		return 0, err
	}
	offset = t.out.taken
	_, err = t.tar.Write(data)
	return offset, err
}

func (t *tarShard) close() (*sideFile, error) {
	if err := t.tar.Close(); err != nil {
		return nil, fmt.Errorf("end shard: %w", err)
	}
	if err := t.out.flush(); err != nil {
		return nil, fmt.Errorf("end shard: %w", err)
	}
	// The format is that of DALI's tools/wds2idx.py. Nothing in it is quoted.
	return &sideFile{".idx", fmt.Appendf(nil, "%s %d\n%s", indexVersion, t.count, &t.index)}, nil
}
