package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// raw is JSON that is written as it stands. Where a field is tagged omitempty, an empty one is left out.
type raw = json.RawMessage

// directory is the body of directory.json, with the documents that it lists.
type directory struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	ProjectID      string `json:"project_id"`
	OrganizationID string `json:"organization_id"`

	documents []*document
}

// directoryFile is the body of file.json.
type directoryFile struct {
	ID          string `json:"id"`
	DirectoryID string `json:"directory_id"`
	DisplayName string `json:"display_name"`
	ProjectID   string `json:"project_id"`
	UniqueID    string `json:"unique_id"`
	CreatedAt   raw    `json:"created_at,omitempty"`
	UpdatedAt   raw    `json:"updated_at,omitempty"`
	DeletedAt   raw    `json:"deleted_at,omitempty"`
	FileID      raw    `json:"file_id"`
	Metadata    raw    `json:"metadata,omitempty"`
}

// screenshotItem is an element of page_screenshots.json.
type screenshotItem struct {
	FileID    string `json:"file_id"`
	ImageSize int    `json:"image_size"`
	PageIndex int    `json:"page_index"`
	Metadata  raw    `json:"metadata,omitempty"`
}

// figureItem is an element of page-figures.json.
type figureItem struct {
	Confidence    float64 `json:"confidence"`
	FigureName    string  `json:"figure_name"`
	FigureSize    int     `json:"figure_size"`
	FileID        string  `json:"file_id"`
	PageIndex     int     `json:"page_index"`
	IsLikelyNoise raw     `json:"is_likely_noise,omitempty"`
	Metadata      raw     `json:"metadata,omitempty"`
}

// stats is the body of STATS.json.
type stats struct {
	Directories  int    `json:"directories"`
	Documents    int    `json:"documents"`
	Pages        int    `json:"pages"`
	Figures      int    `json:"figures"`
	Noise        int    `json:"noise"`
	NoiseOmitted int    `json:"noise_field_omitted"`
	ImageBytes   int    `json:"image_bytes"`
	Bytes        int    `json:"bytes"`
	Toolchain    string `json:"toolchain"`
	Note         string `json:"note"`
}

// drawCorpus draws all documents and returns the files of the corpus.
func drawCorpus(directories []*directory) (tree, error) {
	var documents []*document
	for _, dir := range directories {
		documents = append(documents, dir.documents...)
	}
	prints := make([]*printed, len(documents))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, doc := range documents {
		group.Go(func() error {
			var err error
			if prints[i], err = doc.print(); err != nil {
				return fmt.Errorf("draw %s: %w", doc.key, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	files := make(tree)
	count := stats{
		Directories: len(directories),
		Documents:   len(documents),
		Toolchain:   toolchain(),
		Note: "pages: screenshots listed; noise: is_likely_noise true; " +
			"bytes: all files but SHA256SUMS and STATS.json; toolchain: the one that drew the pictures",
	}
	for _, dir := range directories {
		if err := files.addJSON(path.Join(dir.ID, "directory.json"), dir); err != nil {
			return nil, err
		}
		for _, doc := range dir.documents {
			i := slices.Index(documents, doc)
			if err := files.addDocument(dir, doc, prints[i], &count); err != nil {
				return nil, err
			}
		}
	}
	for _, data := range files {
		count.Bytes += len(data)
	}
	if err := files.addJSON("STATS.json", count); err != nil {
		return nil, err
	}
	files[sumsName] = files.sums()
	return files, nil
}

// toolchain names what may change the bytes of a picture: the release of Go, and the processor that it builds for, whose
// later variants round otherwise.
func toolchain() string {
	name := runtime.Version() + " " + runtime.GOARCH
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "GO"+strings.ToUpper(runtime.GOARCH) {
				name += " " + s.Value
			}
		}
	}
	return name
}

// addDocument adds a document's lists and pictures.
func (t tree) addDocument(dir *directory, doc *document, drawn *printed, count *stats) error {
	file := doc.file
	file.ID, file.DirectoryID, file.ProjectID = newID("directory file", doc.key), dir.ID, dir.ProjectID
	fileID := newID("file", doc.key)
	file.FileID = raw(strconv.Quote(fileID))
	if doc.pending {
		file.FileID = raw("null")
	}
	folder := path.Join(dir.ID, file.ID)

	screenshots := make([]screenshotItem, len(drawn.screenshots))
	for i, p := range drawn.screenshots {
		screenshots[i] = screenshotItem{fileID, len(p.data), p.index, screenshotMetadata(i, p)}
		t[path.Join(folder, "page_screenshots", strconv.Itoa(p.index)+".jpg")] = p.data
		count.Pages++
		count.ImageBytes += len(p.data)
	}
	figures := make([]figureItem, len(drawn.figures))
	for i, p := range drawn.figures {
		figures[i] = figureItem{p.confidence, p.name, len(p.data), fileID, p.index, p.noise.json(), figureMetadata(i, p)}
		t[path.Join(folder, "page-figures", strconv.Itoa(p.index), encodeName(p.name))] = p.data
		count.Figures++
		count.ImageBytes += len(p.data)
		switch p.noise {
		case isNoise:
			count.Noise++
		case noVerdict:
			count.NoiseOmitted++
		}
	}
	if doc.reversed {
		slices.Reverse(figures)
	}
	for name, body := range map[string]any{
		"file.json": file, "page_screenshots.json": screenshots, "page-figures.json": figures,
	} {
		if err := t.addJSON(path.Join(folder, name), body); err != nil {
			return err
		}
	}
	return nil
}

// screenshotMetadata takes turns between the shapes that the API allows: absent, null, empty and filled.
func screenshotMetadata(nth int, p picture) raw {
	switch nth % 4 {
	case 0:
		return raw(fmt.Sprintf(`{"width": %d, "height": %d, "dpi": %d}`, p.width, p.height, 96/shrink))
	case 1:
		return raw("null")
	case 2:
		return raw("{}")
	}
	return nil
}

// figureMetadata does likewise, and says where on the page the figure stands.
func figureMetadata(nth int, p picture) raw {
	switch nth % 4 {
	case 0:
		x, y := p.place.X, p.place.Y
		return raw(fmt.Sprintf(`{"bbox": {"x0": %d, "y0": %d, "x1": %d, "y1": %d}, "units": "px"}`,
			x, y, x+p.width, y+p.height))
	case 1:
		return raw("null")
	case 2:
		return nil
	}
	return raw("{}")
}

// addJSON adds a file that holds the value as indented JSON, in which text stands for itself and not for escapes.
func (t tree) addJSON(name string, value any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	t[name] = b.Bytes()
	return nil
}

// newID returns a UUID (version 8 of RFC 9562) that is determined by what it names.
func newID(kind, key string) string {
	id := sha256.Sum256([]byte(kind + "\x00" + key))
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

// encodeName percent-encodes a figure_name as JavaScript's encodeURIComponent does.
func encodeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.!~*'()", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
