package export

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"strings"

	"exporter/internal/store"
	"exporter/manifest"
)

const (
	// ReadmeName is a card of the export, for people and for Hugging Face, see docs/format.md.
	ReadmeName = "README.md"
	// readmeMark is the line without which it is not ours.
	readmeMark = "<!-- exporter writes this file, and writes it anew where it differs. Without this line it is yours, and stays as it is. -->"
	// maxReadme bounds what is read of one, in bytes: ours is far smaller.
	maxReadme = 1 << 20
)

// readmeText is what follows the block of YAML and the mark.
//
//go:embed readme.md
var readmeText string

// writeReadme writes the export's card, unless it is there or somebody else's file has its name. What cannot be read is left alone: nothing
// depends on it.
func writeReadme(ctx context.Context, st store.Store) error {
	want := readme(isThere(ctx, st, manifest.PagesName))
	before, err := store.ReadBytes(ctx, st, ReadmeName, maxReadme)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil, bytes.Equal(before, want), !bytes.Contains(before, []byte(readmeMark)):
		return nil
	}
	return store.PutBytes(ctx, st, ReadmeName, want)
}

// readme returns the card. It has nothing from upstream, as what is removed from an export is to be nowhere in it.
func readme(hasPages bool) []byte {
	tables := []string{manifest.AssetsName, manifest.FilesName}
	if hasPages {
		tables = append(tables, manifest.PagesName)
	}
	var b bytes.Buffer
	b.WriteString("---\nconfigs:\n")
	for i, table := range tables {
		b.WriteString("- config_name: " + strings.TrimSuffix(table, ".parquet") + "\n")
		if i == 0 {
			b.WriteString("  default: true\n")
		}
		b.WriteString("  data_files:\n  - split: train\n    path: " + table + "\n")
	}
	b.WriteString("---\n" + readmeMark + "\n\n" + readmeText)
	return b.Bytes()
}
