package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"testing/fstest"
)

// hostileMetadata is metadata as it is recorded, and hostileMetadataStored as it has to be stored.
const (
	hostileMetadata = "{ \"z\" : 1 ,\n\t\"a\":[ ], \"big\":123456789012345678901234567890, \"price\" : 1.10, \"e\":1E+2," +
		" \"twice\":1, \"twice\":2, \"escaped\" : \"\\u0041\\/\\ud83d\\ude00 <&>\", \"raw\":\"é\u2028 x\", \"none\":null }"
	hostileMetadataStored = "{\"z\":1,\"a\":[],\"big\":123456789012345678901234567890,\"price\":1.10,\"e\":1E+2," +
		"\"twice\":1,\"twice\":2,\"escaped\":\"\\u0041\\/\\ud83d\\ude00 <&>\",\"raw\":\"é\u2028 x\",\"none\":null}"
)

// hostileFileID has upper-case letters, and is listed in two directories.
const hostileFileID = "File.With-UPPER_Case"

// hostileCorpus is a small corpus of what is allowed, but seldom seen.
func hostileCorpus(t *testing.T) *corpus {
	t.Helper()
	m := mapCorpus{}
	for _, directory := range []string{"dir-abc123", "dir-other"} {
		m.put(directory+"/directory.json", `{"id":%q,"name":"","project_id":"proj","organization_id":"org"}`, directory)
	}
	const dates = `"created_at":"2024-02-29T23:59:59.123456789+05:30","updated_at":"2024-06-13T12:30:45.678901Z"`
	for _, entry := range []string{"dir-abc123/entry-1", "dir-other/entry-twin"} {
		directory, id, _ := strings.Cut(entry, "/")
		m.put(entry+"/file.json", `{"id":%q,"directory_id":%q,"project_id":"proj","file_id":%q,%s,"unique_id":"",`+
			`"display_name":"../../etc/pass\u0000wd \u202e \ud83d\ude00","metadata":%s}`,
			id, directory, hostileFileID, dates, hostileMetadata)
		m.putScreenshots(t, entry)
		m.putFigures(t, entry)
	}
	m.put("dir-abc123/entry-null/file.json", `{"id":"entry-null","directory_id":"dir-abc123","project_id":"proj",`+
		`"file_id":"file-null","display_name":null,"created_at":"1969-12-31T23:59:59.999999",`+
		`"updated_at":"0001-01-02T00:00:00Z","deleted_at":"9999-12-31T23:59:59.999999Z","metadata":null}`)
	m.put("dir-abc123/entry-waiting/file.json", `{"id":"entry-waiting","directory_id":"dir-abc123","project_id":"proj",`+
		`"display_name":"waiting","unique_id":"w","updated_at":"1970-01-01T00:00:00Z","metadata":{}}`)
	for _, entry := range []string{"entry-null", "entry-waiting"} {
		m.put("dir-abc123/"+entry+"/page_screenshots.json", "[]")
		m.put("dir-abc123/"+entry+"/page-figures.json", "[]")
	}
	m.sum()
	return readCorpus(t, fstest.MapFS(m))
}

// mapCorpus is a corpus that is being written.
type mapCorpus fstest.MapFS

func (m mapCorpus) put(name, format string, args ...any) {
	m[name] = &fstest.MapFile{Data: fmt.Appendf(nil, format, args...)}
}

// putScreenshots writes pages that leave gaps, are not sorted, and whose sizes are not all known.
func (m mapCorpus) putScreenshots(t *testing.T, entry string) {
	t.Helper()
	var list []string
	for i, page := range []int{2147483647, 7, 10, 2} {
		data := drawJPEG(t, i)
		m[fmt.Sprintf("%s/page_screenshots/%d.jpg", entry, page)] = &fstest.MapFile{Data: data}
		size := len(data)
		if page == 7 {
			size = 0
		}
		metadata := []string{"", `,"metadata":null`, `,"metadata":{ }`, `,"metadata":` + hostileMetadata}[i]
		list = append(list, fmt.Sprintf(`{"file_id":%q,"image_size":%d,"page_index":%d%s}`,
			hostileFileID, size, page, metadata))
	}
	m.put(entry+"/page_screenshots.json", "[%s]", strings.Join(list, ","))
}

// putFigures writes figures whose names are no good as file names, and of every shade of knowledge about noise.
func (m mapCorpus) putFigures(t *testing.T, entry string) {
	t.Helper()
	names := []string{
		"page_1_figure_1.jpg", "PAGE_1_figure_1.jpg", "page_1_figure_1.JPG", "con", "aux.png", "a/b\\c.png", "%2e%2e",
		"x.", ".hidden", "é.png", "e\u0301.png", "line\nbreak\t\"quote'.gif", "-rf *;$(x).png", "a b/文+%2F.png", "x?y#z",
		"picture.jpg.png", strings.Repeat("long", 60) + ".png",
	}
	var list []string
	for i, name := range names {
		data := draw(t, i, func(b *bytes.Buffer, p *image.Paletted) error {
			if i%2 == 0 {
				return gif.Encode(b, p, nil)
			}
			return png.Encode(b, p)
		})
		m[fmt.Sprintf("%s/page-figures/0/%s", entry, encodeURIComponent(name))] = &fstest.MapFile{Data: data}
		noise := []string{"", `,"is_likely_noise":null`, `,"is_likely_noise":false`, `,"is_likely_noise":true`}[i%4]
		confidence := []string{"0", "1e-3", "0.1", "0.30000000000000004", "1"}[i%5]
		list = append(list, fmt.Sprintf(`{"confidence":%s,"figure_name":%s,"figure_size":%d,"file_id":%q,"page_index":0%s}`,
			confidence, quoteJSON(name), len(data), hostileFileID, noise))
	}
	m.put(entry+"/page-figures.json", "[%s]", strings.Join(list, ","))
}

// sum writes SHA256SUMS.
func (m mapCorpus) sum() {
	var sums strings.Builder
	for name, f := range m {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(f.Data), name)
	}
	m.put("SHA256SUMS", "%s", sums.String())
}

func drawJPEG(t *testing.T, number int) []byte {
	t.Helper()
	return draw(t, number, func(b *bytes.Buffer, p *image.Paletted) error { return jpeg.Encode(b, p, nil) })
}

// draw returns a picture that differs from one number to the next.
func draw(t *testing.T, number int, encode func(*bytes.Buffer, *image.Paletted) error) []byte {
	t.Helper()
	p := image.NewPaletted(image.Rect(0, 0, 10+number, 20), color.Palette{color.Black, color.White})
	p.SetColorIndex(number%10, number, 1)
	var b bytes.Buffer
	if err := encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func quoteJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return string(b)
}
