package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"

	"exporter/internal/emulator/sample"
)

// corpus is a recorded corpus, and the rows that an export of all its directories has to have, deleted files included.
type corpus struct {
	fs.FS
	// directories are the ids, in the order in which they are exported.
	directories []string
	// assets and files are sorted. The columns that say where a blob is stored and when it was fetched or listed are null.
	assets []asset
	files  []file
	// blobs are the paths in the corpus.
	blobs map[key]string
	sums  map[string]string
}

// recordedCorpus returns the corpus that EXPORTER_TEST_CORPUS names, or the sample.
func recordedCorpus(t *testing.T) *corpus {
	t.Helper()
	if folder := os.Getenv("EXPORTER_TEST_CORPUS"); folder != "" {
		return readCorpus(t, os.DirFS(folder))
	}
	return readCorpus(t, sample.FS())
}

func readCorpus(t *testing.T, fsys fs.FS) *corpus {
	t.Helper()
	c := &corpus{FS: fsys, blobs: map[key]string{}, sums: map[string]string{}}
	for line := range strings.Lines(string(c.read(t, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		c.sums[name] = sum
	}
	names, err := fs.Glob(c, "*/*/file.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("the corpus has %d files: %v", len(names), err)
	}
	seen := map[string]bool{}
	for _, name := range names {
		folder := path.Dir(name)
		if directory := path.Dir(folder); !slices.Contains(c.directories, directory) {
			c.directories = append(c.directories, directory)
		}
		c.readFile(t, folder, seen)
	}
	slices.SortFunc(c.assets, func(a, b asset) int { return a.key().compare(b.key()) })
	slices.SortFunc(c.files, func(a, b file) int { return a.compare(&b) })
	return c
}

// listedFile is what the API says of a directory file.
type listedFile struct {
	ID          string          `json:"id"`
	DirectoryID string          `json:"directory_id"`
	DisplayName *string         `json:"display_name"`
	ProjectID   string          `json:"project_id"`
	UniqueID    *string         `json:"unique_id"`
	CreatedAt   *string         `json:"created_at"`
	UpdatedAt   *string         `json:"updated_at"`
	DeletedAt   *string         `json:"deleted_at"`
	FileID      *string         `json:"file_id"`
	Metadata    json.RawMessage `json:"metadata"`
}

// readFile adds a file and its assets, unless its file_id was seen before: then it has one place more, in the order of their names.
func (c *corpus) readFile(t *testing.T, folder string, seen map[string]bool) {
	t.Helper()
	var l listedFile
	c.decode(t, folder+"/file.json", &l)
	f := file{
		FileID: l.FileID, DirectoryID: &l.DirectoryID, DirectoryFileID: &l.ID, ProjectID: &l.ProjectID,
		DisplayName: l.DisplayName, UniqueID: l.UniqueID, FileMetadata: compact(t, l.Metadata),
		FileCreatedAt: micros(t, l.CreatedAt), FileUpdatedAt: micros(t, l.UpdatedAt), FileDeletedAt: micros(t, l.DeletedAt),
		Status: "complete", Sources: new(`["directory:` + l.DirectoryID + `"]`),
	}
	if f.FileID == nil {
		f.Status, f.Error = "skipped", new("no file_id")
		c.files = append(c.files, f)
		return
	}
	if seen[*f.FileID] {
		known := fileOf(c.files, *f.FileID)
		known.Sources = new(strings.TrimSuffix(*known.Sources, "]") + "," + strings.TrimPrefix(*f.Sources, "["))
		return
	}
	seen[*f.FileID] = true
	f.Screenshots, f.Figures = new(int64), new(int64)
	c.readAssets(t, &f, folder, "screenshot", f.Screenshots)
	c.readAssets(t, &f, folder, "figure", f.Figures)
	c.files = append(c.files, f)
}

// listedAsset is what the API says of a screenshot or a figure.
type listedAsset struct {
	FileID        string          `json:"file_id"`
	PageIndex     int32           `json:"page_index"`
	FigureName    *string         `json:"figure_name"`
	ImageSize     *int64          `json:"image_size"`
	FigureSize    *int64          `json:"figure_size"`
	Confidence    *float64        `json:"confidence"`
	IsLikelyNoise *bool           `json:"is_likely_noise"`
	Metadata      json.RawMessage `json:"metadata"`
}

func (c *corpus) readAssets(t *testing.T, f *file, folder, kind string, count *int64) {
	t.Helper()
	folder += map[string]string{"screenshot": "/page_screenshots", "figure": "/page-figures"}[kind]
	var list []listedAsset
	c.decode(t, folder+".json", &list)
	for _, l := range list {
		a := asset{
			FileID: l.FileID, Kind: kind, PageIndex: l.PageIndex, FigureName: l.FigureName, Origin: "file", Status: "stored",
			ListedSize: l.ImageSize, Confidence: l.Confidence, IsLikelyNoise: l.IsLikelyNoise, Metadata: compact(t, l.Metadata),
			DirectoryID: f.DirectoryID, DisplayName: f.DisplayName, FileUpdatedAt: f.FileUpdatedAt, Attempts: 1,
		}
		blob := fmt.Sprintf("%s/%d.jpg", folder, l.PageIndex)
		if kind == "figure" {
			a.ListedSize = l.FigureSize
			blob = fmt.Sprintf("%s/%d/%s", folder, l.PageIndex, encodeURIComponent(*l.FigureName))
		}
		c.describe(t, &a, blob)
		c.blobs[a.key()] = blob
		c.assets = append(c.assets, a)
		*count++
		f.Stored++
		f.Bytes += *a.Size
	}
}

// describe fills the columns that follow from the blob's bytes.
func (c *corpus) describe(t *testing.T, a *asset, blob string) {
	t.Helper()
	data := c.read(t, blob)
	sum, ok := c.sums[blob]
	if !ok {
		t.Fatalf("SHA256SUMS has no %s", blob)
	}
	a.Size, a.SHA256 = new(int64(len(data))), &sum
	a.MediaType = new(http.DetectContentType(data))
	a.DeclaredType = a.MediaType
	if config, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		a.Width, a.Height = new(int32(config.Width)), new(int32(config.Height))
	}
}

func (c *corpus) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(c, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (c *corpus) decode(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(c.read(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// compact returns the text without white space, or nil where it is null or absent.
func compact(t *testing.T, raw json.RawMessage) *string {
	t.Helper()
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return new(b.String())
}

// micros returns microseconds since the epoch. A time without a zone is UTC.
func micros(t *testing.T, text *string) *int64 {
	t.Helper()
	if text == nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		at, err = time.Parse(time.RFC3339, *text+"Z")
	}
	if err != nil {
		t.Fatal(err)
	}
	return new(at.UnixMicro())
}

func encodeURIComponent(s string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").
		Replace(url.QueryEscape(s))
}
