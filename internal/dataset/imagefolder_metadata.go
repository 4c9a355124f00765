package dataset

import (
	"fmt"
	"io"
)

const (
	// folderMetadataName is the file beside the folders of pictures that tells of them, and fileNameColumn its first column: the path of a
	// picture from there.
	folderMetadataName = "metadata.parquet"
	fileNameColumn     = "file_name"
	// folderGroupRows and folderGroupBytes, of texts, are the most that a row group of it has, which is kept in memory until it is full.
	folderGroupRows  = 10_000
	folderGroupBytes = 16 << 20
)

// folderMetadata writes metadata.parquet, which has a row for every picture.
type folderMetadata struct{ rows *rowWriter }

func newFolderMetadata(w io.Writer, s *Schema) *folderMetadata {
	return &folderMetadata{newRowWriter(w, field{fileNameColumn, nodeOf(String)}, s)}
}

// add appends the row of a picture that was placed by its name.
func (m *folderMetadata) add(s *Sample) error {
	if err := m.rows.add(Value{Valid: true, Text: folderName(s.Name)}, s); err != nil {
		return fmt.Errorf("write row of picture %q: %w", s.Name, err)
	}
	if m.rows.count < folderGroupRows && m.rows.size < folderGroupBytes {
		return nil
	}
	return m.rows.flush()
}

// close ends the file.
func (m *folderMetadata) close() error {
	if err := m.rows.Close(); err != nil {
		return fmt.Errorf("end %s: %w", folderMetadataName, err)
	}
	return nil
}
