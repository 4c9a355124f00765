package view

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/manifest"
	"exporter/pipeline"
)

// exported is an export in memory.
type exported struct {
	st     *storetest.Memory
	ledger *manifest.Ledger
}

func newExported(t *testing.T) *exported {
	t.Helper()
	e := &exported{st: storetest.NewMemory(nil)}
	var err error
	if e.ledger, err = manifest.Open(t.Context(), e.st, manifest.Info{Version: "test", Source: "{}", Sink: "{}"}); err != nil {
		t.Fatal(err)
	}
	return e
}

// row returns a row of a screenshot that is stored, with a picture of some size; turned as an orientation of EXIF says.
func (e *exported) row(t *testing.T, file string, page int32, width, height int, orientation int32) *pipeline.Row {
	t.Helper()
	blob := drawn(t, width, height)
	row := &pipeline.Row{
		Asset: pipeline.Asset{FileID: pipeline.ID(file), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: page},
		File:  &pipeline.File{ID: file, DisplayName: new(file + ".pdf")}, Status: pipeline.Stored, Attempts: 1,
		Content: pipeline.Content{
			Size: int64(len(blob)), SHA256: sha256.Sum256(blob), MediaType: "image/jpeg", Width: int32(width), Height: int32(height), Orientation: orientation,
		},
		Location: pipeline.Location{Path: fmt.Sprintf("blobs/00/%s/page_screenshots/%d.jpg", file, page)},
	}
	e.put(t, row, blob)
	return row
}

func (e *exported) put(t *testing.T, row *pipeline.Row, blob []byte) {
	t.Helper()
	if err := store.PutBytes(t.Context(), e.st, row.Location.Path, blob); err != nil {
		t.Fatal(err)
	}
}

func (e *exported) commit(t *testing.T, rows ...*pipeline.Row) {
	t.Helper()
	all := pipeline.Rows{Assets: rows}
	seen := map[string]bool{}
	for _, r := range rows {
		if !seen[r.File.ID] {
			all.Files = append(all.Files, &pipeline.FileRow{File: *r.File, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}})
			seen[r.File.ID] = true
		}
	}
	if err := e.ledger.Commit(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// drawn returns a JPEG whose left half is black, and whose right half is white.
func drawn(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := width / 2; x < width; x++ {
			img.SetGray(x, y, color.Gray{Y: 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// serve serves the export, and returns the address of the page, without its last slash.
func (e *exported) serve(t *testing.T) string {
	t.Helper()
	s, err := New(t.Context(), Options{Open: e.open})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL + strings.TrimSuffix(s.Path, "/")
}

func (e *exported) open(ctx context.Context) (*Export, error) {
	snapshot, err := manifest.Glance(ctx, e.st)
	if err != nil {
		return nil, err
	}
	return &Export{
		Inventory: inventory.New(snapshot, nil), Name: "export", Blobs: e.st, Asset: snapshot.Asset, Close: snapshot.Close,
		State: func(ctx context.Context) (string, error) { return manifest.State(ctx, e.st) },
	}, nil
}

// get returns the status and the body of an answer.
func get(t *testing.T, url string, headers ...string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// rows returns the rows of an answer, and how many there are in all.
func rows(t *testing.T, url string) (found []map[string]any, total int64) {
	t.Helper()
	status, _, body := get(t, url)
	var a struct {
		Total int64
		Rows  []map[string]any
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d, %v, %s", url, status, err, body)
	}
	return a.Rows, a.Total
}

// Whoever does not know the token, and any other site, gets nothing; and the page may load what is its server's alone.
func TestServer_Strangers_GetNothing(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	page := e.serve(t)
	root := page[:strings.LastIndex(page, "/")]
	for _, path := range []string{"/", "/view.js", "/api/export", "/" + strings.Repeat("A", 26) + "/", page[len(root):], page[len(root):] + "x/"} {
		if status, _, body := get(t, root+path); status != http.StatusNotFound || strings.Contains(body, "file") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, site := range []string{"cross-site", "same-site"} {
		if status, _, _ := get(t, page+"/api/export", "Sec-Fetch-Site", site); status != http.StatusForbidden {
			t.Errorf("a request of another site: %d", status)
		}
	}
	for _, path := range []string{"/", "/api/export", "/view.js", "/thumb?file=file&kind=screenshot&page=0&origin=file"} {
		status, h, _ := get(t, page+path, "Sec-Fetch-Site", "same-origin")
		if status != http.StatusOK || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %d, %v", path, status, h)
		}
	}
}

// Rows come from any place of a list, whatever the filter leaves, of one table and of several.
func TestServer_Pictures_FromAnyPlace(t *testing.T) {
	e := newExported(t)
	blob := e.row(t, "file-000", 0, 20, 20, 1)
	commit := func(from, to int) {
		var all []*pipeline.Row
		for i := from; i < to; i++ {
			row := *blob
			row.FileID, row.PageIndex = pipeline.ID(fmt.Sprintf("file-%03d", i/100)), int32(i%100)
			row.File = &pipeline.File{ID: string(row.FileID), DisplayName: new(fmt.Sprintf("Report %d.pdf", i/100))}
			if i%3 == 0 {
				row.Kind, row.FigureName, row.IsLikelyNoise, row.Confidence = pipeline.Figure, "f", new(i%2 == 0), new(float64(i%100)/100)
			}
			if i%7 == 0 {
				row.Status, row.Reason, row.Content, row.Location = pipeline.Failed, "http_404: gone", pipeline.Content{}, pipeline.Location{}
			}
			all = append(all, &row)
		}
		e.commit(t, all...)
	}
	commit(0, 2000)
	if err := e.ledger.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(when string, page string) {
		for filter, want := range map[string]int64{
			"": 2000, "kind=figure": 667, "kind=screenshot": 1333, "state=failed": 286, "state=stored": 1714, "noise=yes": 334, "noise=no": 1666,
			"kind=figure&confidence=0.5": 334, "file=file-003": 100, "name=REPORT+1.pdf": 100, "where=page_index+%3C+10": 200, "state=gone": 0, "min=1000000": 0,
			// A bound of 0 is one, too: it leaves what has a size, or a confidence, that is known.
			"min=0": 1714, "max=0": 0, "confidence=0": 667,
		} {
			all, _ := rows(t, page+"/api/pictures?count=200&"+filter)
			var last []map[string]any
			total := int64(0)
			for from := 0; ; from += 200 {
				some, n := rows(t, fmt.Sprintf("%s/api/pictures?from=%d&count=200&%s", page, from, filter))
				total = max(total, n)
				if len(some) == 0 {
					break
				}
				last = append(last, some...)
			}
			if int64(len(last)) != want || total != want {
				t.Errorf("%s, %q: got %d rows, and a total of %d, want %d", when, filter, len(last), total, want)
				continue
			}
			if want == 0 {
				continue
			}
			if fmt.Sprint(all[0]) != fmt.Sprint(last[0]) {
				t.Errorf("%s, %q: the first row differs", when, filter)
			}
			for _, at := range []int64{1, 255, 256, 257, want - 1} {
				if at >= want {
					continue
				}
				if one, _ := rows(t, fmt.Sprintf("%s/api/pictures?from=%d&count=1&%s", page, at, filter)); len(one) != 1 || fmt.Sprint(one[0]) != fmt.Sprint(last[at]) {
					t.Errorf("%s, %q: row %d by itself is %v, want %v", when, filter, at, one, last[at])
				}
			}
		}
		if files, n := rows(t, page+"/api/documents?from=19&count=5"); len(files) != 1 || n != 20 || files[0]["file_id"] != "file-019" {
			t.Errorf("%s: the last document is %v of %d", when, files, n)
		}
		if files, n := rows(t, page+"/api/documents?count=5&name=report+1.PDF"); len(files) != 1 || n != 1 || files[0]["file_id"] != "file-001" {
			t.Errorf("%s: the document by its name is %v of %d", when, files, n)
		}
	}
	check("one table", e.serve(t))
	ledger, err := manifest.Open(t.Context(), e.st, manifest.Info{Version: "test", Source: "{}", Sink: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	e.ledger = ledger
	commit(500, 900)
	check("a part over it", e.serve(t))
}

// Of a parse job, pictures of a page count from 1 by their names, and what was embedded in it from 0: what belongs together has the same page_number.
// Of a file, only what has a number is known to be of the page of this number.
func TestServer_Pages_ByNumber(t *testing.T) {
	e := newExported(t)
	asset := func(of pipeline.Owner, kind pipeline.Kind, index, number int32, name string) *pipeline.Row {
		row := e.row(t, "file", index, 20, 20, 1)
		row.FileID, row.JobID, row.Kind, row.Origin = of.FileID, of.JobID, kind, pipeline.OriginParse
		row.File = &pipeline.File{ID: string(of.FileID), JobID: string(of.JobID)}
		row.Details = &pipeline.Details{UpstreamName: name}
		if number > 0 {
			row.Details.PageNumber = &number
		}
		if kind == pipeline.Figure {
			row.FigureName = name
		}
		return row
	}
	job, file := pipeline.Owner{JobID: "job"}, pipeline.Owner{FileID: "file"}
	size := func(page float64) *float64 { return &page }
	rows := pipeline.Rows{
		Assets: []*pipeline.Row{
			asset(file, pipeline.Screenshot, 1, 0, "listed"), asset(file, pipeline.Screenshot, 1, 1, "attached"),
			asset(job, pipeline.Screenshot, 1, 1, "page_1.jpg"), asset(job, pipeline.Screenshot, 2, 2, "page_2.jpg"),
			asset(job, pipeline.Figure, 0, 1, "img_p0_1.jpg"), asset(job, pipeline.Figure, 1, 1, "page_1_chart_1.jpg"), asset(job, pipeline.Figure, 1, 2, "img_p1_1.jpg"),
			asset(job, pipeline.Figure, pipeline.NoPage, 0, "other.jpg"),
		},
		Files: []*pipeline.FileRow{
			{File: pipeline.File{ID: "file"}, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}},
			{File: pipeline.File{JobID: "job"}, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}},
		},
		Pages: []*pipeline.PageRow{
			{Owner: job, PageNumber: 1, Text: new("first"), Width: size(100), Height: size(200)},
			{Owner: job, PageNumber: 2, Text: new("second"), Width: size(300), Height: size(400)},
		},
	}
	slices.SortFunc(rows.Assets, func(a, b *pipeline.Row) int { return a.Key().Compare(b.Key()) })
	if err := e.ledger.Commit(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	page := e.serve(t)
	type shown struct {
		Number int32 `json:"page_number"`
		Index  int32 `json:"page_index"`
		Width  float64
		Assets []struct {
			Name string `json:"upstream_name"`
		}
	}
	describe := func(p shown) string {
		text := fmt.Sprintf("%d/%d %g:", p.Number, p.Index, p.Width)
		for _, a := range p.Assets {
			text += " " + a.Name
		}
		return text
	}
	for of, want := range map[string]string{
		"job=job": "1/0 100: page_1.jpg img_p0_1.jpg page_1_chart_1.jpg; 2/0 300: page_2.jpg img_p1_1.jpg; 0/-1 0: other.jpg", "file=file": "1/0 0: attached; 0/1 0: listed",
	} {
		_, _, body := get(t, page+"/api/pages?count=9&"+of)
		var answer struct{ Pages []shown }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		var got []string
		for _, p := range answer.Pages {
			got = append(got, describe(p))
		}
		if all := strings.Join(got, "; "); all != want {
			t.Errorf("%s has the pages\n%s, want\n%s", of, all, want)
		}
	}
	_, _, body := get(t, page+"/api/picture?job=job&kind=figure&page=1&origin=parse&figure=img_p1_1.jpg&upstream=img_p1_1.jpg")
	var picture struct {
		Page shown
		Text string
	}
	if err := json.Unmarshal([]byte(body), &picture); err != nil || describe(picture.Page) != "2/0 300: page_2.jpg img_p1_1.jpg" || picture.Text != "second" {
		t.Errorf("a picture of the second page: %v, %s", err, body)
	}
}

// What is wrong with a request is said.
func TestServer_WrongRequests_AreExplained(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	page := e.serve(t)
	for path, want := range map[string]string{
		"/api/pictures?kind=x": "want screenshot, figure or document", "/api/pictures?from=-1": "want a whole number", "/api/pictures?count=201": "from 0 to 200",
		"/api/pictures?confidence=NaN": "from 0 to 1", "/api/pictures?where=kind+%3D": "condition", "/api/pictures?where=screenshots+%3D+1": "manifest.parquet",
		"/api/pictures?file=..%2Fx": "file", "/api/pictures?state=x": "want stored", "/api/pages?file=file&count=21": "from 0 to 20",
		"/api/picture?file=file&kind=screenshot&page=x": "want the index of a page", "/api/picture?file=file&kind=screenshot&page=7&origin=file": "no such asset",
		"/thumb?file=none&kind=screenshot&page=0&origin=file": "no such asset",
	} {
		if status, _, body := get(t, page+path); status < 400 || status > 499 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want %q", path, status, body, want)
		}
	}
}

// A thumbnail is small, upright, and made of what the manifest says; what is missing or damaged, or no picture, is said.
func TestServer_Thumb_UprightOrWhyNot(t *testing.T) {
	e := newExported(t)
	all := []*pipeline.Row{
		e.row(t, "upright", 0, 600, 300, 1), e.row(t, "turned", 0, 600, 300, 6), e.row(t, "missing", 0, 21, 21, 1), e.row(t, "damaged", 0, 22, 22, 1), e.row(t, "odd", 0, 23, 23, 1),
		e.row(t, "failed", 0, 24, 24, 1), e.row(t, "alien", 0, 25, 25, 1),
	}
	if err := e.st.Remove(t.Context(), all[2].Location.Path); err != nil {
		t.Fatal(err)
	}
	e.put(t, all[3], bytes.Repeat([]byte{1}, int(all[3].Content.Size)))
	odd := []byte("\xff\xd8\xff this is no JPEG")
	all[4].Content.Size, all[4].Content.SHA256 = int64(len(odd)), sha256.Sum256(odd)
	e.put(t, all[4], odd)
	all[5].Status, all[5].Reason, all[5].Content, all[5].Location = pipeline.Failed, "http_404: gone", pipeline.Content{}, pipeline.Location{}
	all[6].Content.MediaType = "image/jxl"
	e.commit(t, all...)
	page := e.serve(t)
	address := func(file string) string { return page + "/thumb?kind=screenshot&page=0&origin=file&file=" + file }
	for file, want := range map[string]image.Point{"upright": {256, 128}, "turned": {128, 256}} {
		status, h, body := get(t, address(file))
		img, err := jpeg.Decode(strings.NewReader(body))
		if err != nil || status != http.StatusOK || img.Bounds().Size() != want {
			t.Fatalf("%s: %d, %v, want a picture of %v", file, status, err, want)
		}
		// What was left is on top where it is turned by a quarter.
		dark, light := img.At(20, 20), img.At(want.X-20, want.Y-20)
		if r, _, _, _ := dark.RGBA(); r > 0x4000 {
			t.Errorf("%s: the top left is light", file)
		}
		if r, _, _, _ := light.RGBA(); r < 0xc000 {
			t.Errorf("%s: the bottom right is dark", file)
		}
		if again, _, body := get(t, address(file), "If-None-Match", h.Get("ETag")); again != http.StatusNotModified || body != "" {
			t.Errorf("%s: asked for again it is %d with %d bytes", file, again, len(body))
		}
	}
	for file, want := range map[string]string{
		"missing": "missing", "damaged": "its SHA-256 is not that of the manifest", "odd": "decode image/jpeg", "failed": "http_404: gone", "alien": "no decoder",
	} {
		if status, _, body := get(t, address(file)); status < 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want %q", file, status, body, want)
		}
	}
	status, h, body := get(t, page+"/blob?kind=screenshot&page=0&origin=file&file=upright")
	if sha256.Sum256([]byte(body)) != all[0].Content.SHA256 || h.Get("Content-Type") != "image/jpeg" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the blob is other bytes: %d, %v", status, h)
	}
	if _, h, _ := get(t, page+"/blob?kind=screenshot&page=0&origin=file&file=alien"); h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("what no browser shows is sent as %v", h)
	}
}

// What a run commits is there when the page is loaded again.
func TestServer_Export_AsOfItsLastCommit(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	s, err := New(t.Context(), Options{Open: e.open})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	page := server.URL + strings.TrimSuffix(s.Path, "/")
	e.commit(t, e.row(t, "file", 1, 20, 20, 1))
	if found, _ := rows(t, page+"/api/pictures?count=9"); len(found) != 1 {
		t.Errorf("before: %d pictures, want 1", len(found))
	}
	if _, _, body := get(t, page+"/api/export"); !strings.Contains(body, `"assets":2`) {
		t.Errorf("the export is %s", body)
	}
	if found, _ := rows(t, page+"/api/pictures?count=9"); len(found) != 2 {
		t.Errorf("after: %d pictures, want 2", len(found))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A place that does not answer holds nobody up who needs nothing of it, and whoever loads the page is told before long, with what was read before.
func TestServer_Export_PlaceDoesNotAnswer(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	asked := make(chan struct{}, 1)
	var isStalled atomic.Bool
	s, err := New(t.Context(), Options{Open: func(ctx context.Context) (*Export, error) {
		x, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		state := x.State
		x.State = func(ctx context.Context) (string, error) {
			if isStalled.Load() {
				asked <- struct{}{}
				<-ctx.Done()
				return "", ctx.Err()
			}
			return state(ctx)
		}
		return x, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.patience = 50 * time.Millisecond
	server := httptest.NewServer(s)
	defer server.Close()
	page := server.URL + strings.TrimSuffix(s.Path, "/")
	isStalled.Store(true)
	for i := range 2 {
		_, _, body := get(t, page+"/api/export")
		if !strings.Contains(body, "cannot be read at present: its place does not answer") || !strings.Contains(body, `"assets":1`) {
			t.Errorf("the export is %s", body)
		}
		if i == 0 {
			<-asked
		}
		// The refresh is under way still.
		if found, _ := rows(t, page+"/api/pictures?count=9"); len(found) != 1 {
			t.Errorf("%d pictures, want 1", len(found))
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Pages come beside: where their table is damaged, at its end or within, the rest is shown, and what is missing is said.
func TestServer_DamagedPages_AreLeftOut(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut": func(table []byte) []byte { return table[:len(table)/2] },
		"changed": func(table []byte) []byte {
			for i := range table[4 : len(table)/2] {
				table[4+i] ^= 0xff
			}
			return table
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExported(t)
			row := e.row(t, "file", 0, 20, 20, 1)
			row.Details = &pipeline.Details{PageNumber: new(int32(1))}
			of := pipeline.Owner{FileID: "file"}
			err := e.ledger.Commit(t.Context(), pipeline.Rows{
				Assets: []*pipeline.Row{row}, Files: []*pipeline.FileRow{{File: *row.File, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}}},
				Pages: []*pipeline.PageRow{{Owner: of, PageNumber: 1, Text: new("a text"), Width: new(1.0), Height: new(1.0)}},
			})
			if err := errors.Join(err, e.ledger.Compact(t.Context())); err != nil {
				t.Fatal(err)
			}
			table, err := store.ReadBytes(t.Context(), e.st, manifest.PagesName, 1<<20)
			if err == nil {
				err = store.PutBytes(t.Context(), e.st, manifest.PagesName, damage(table))
			}
			if err != nil {
				t.Fatal(err)
			}
			page := e.serve(t)
			const says = "pages.parquet is damaged: "
			key := "file=file&kind=screenshot&page=0&origin=file"
			for path, want := range map[string]string{"/api/export": `"assets":1`, "/api/pages?count=9&file=file": `"screenshots":1`, "/api/picture?" + key: `"page_number":1`} {
				status, _, body := get(t, page+path)
				if status != http.StatusOK || !strings.Contains(body, says) || !strings.Contains(body, "run --repair") || !strings.Contains(body, want) {
					t.Errorf("%s: %d %s, want %s", path, status, body, want)
				}
			}
			if found, _ := rows(t, page+"/api/pictures?count=9"); len(found) != 1 {
				t.Errorf("%d pictures, want 1", len(found))
			}
			if status, _, body := get(t, page+"/api/pictures?count=9&text=text"); status < 400 || !strings.Contains(body, says) {
				t.Errorf("pictures with a text: %d %s", status, body)
			}
			x, err := e.open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			written, err := WriteStatic(t.Context(), x, StaticOptions{Dir: filepath.Join(t.TempDir(), "wall")})
			if err != nil || written.Pictures != 1 || written.Damage == nil || written.Damage.Path != manifest.PagesName {
				t.Errorf("written %+v, %v", written, err)
			}
		})
	}
}

// A picture that was put elsewhere since the page was loaded is shown all the same.
func TestServer_Blob_MovedSince_IsFound(t *testing.T) {
	e := newExported(t)
	row := e.row(t, "file", 0, 20, 20, 1)
	e.commit(t, row)
	page := e.serve(t)
	before, moved := row.Location.Path, *row
	moved.Location.Path = "blobs/00/file/page_screenshots/0~2.jpg"
	e.put(t, &moved, drawn(t, 20, 20))
	e.commit(t, &moved)
	if err := e.st.Remove(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/blob", "/thumb"} {
		if status, _, body := get(t, page+path+"?kind=screenshot&page=0&origin=file&file=file"); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// Whoever looks at something while others use as many indexes as are kept waits until one of them does not: none that is used is forgotten.
func TestIndexes_Use_MoreThanAreKept_Wait(t *testing.T) {
	var x indexes[int]
	var g errgroup.Group
	ctx, cancel := context.WithCancel(t.Context())
	// Each has a key, and would have more.
	keys := func(ctx context.Context) iter.Seq2[func() int, error] {
		return func(yield func(func() int, error) bool) {
			if yield(func() int { return 1 }, nil) {
				<-ctx.Done()
				yield(nil, context.Cause(ctx))
			}
		}
	}
	var used []*index[int]
	var leaves []func()
	for i := range mostIndexes {
		one, leave, err := x.use(t.Context(), ctx, &g, fmt.Sprint(i), keys)
		if err != nil {
			t.Fatal(err)
		}
		used, leaves = append(used, one), append(leaves, leave)
	}
	gone, goAway := context.WithCancel(t.Context())
	goAway()
	if _, _, err := x.use(gone, ctx, &g, "gone", keys); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever went away got %v", err)
	}
	got := make(chan error)
	for i := range 50 {
		go func() {
			_, leave, err := x.use(t.Context(), ctx, &g, fmt.Sprint("more ", i), keys)
			if err == nil {
				leave()
			}
			got <- err
		}()
	}
	leaves[3]()
	for range 50 {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
	for i, one := range used {
		if count, _, err := one.known(t.Context(), 1); i != 3 && (count != 1 || err != nil) {
			t.Errorf("that of %d has %d keys, %v", i, count, err)
		}
	}
	cancel()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// Whoever goes away ends nobody else's search.
func TestRecent_Get_OthersCancel_IsMadeAnew(t *testing.T) {
	var r recent[int]
	begun, cancelled := make(chan struct{}), make(chan struct{})
	first, cancel := context.WithCancel(t.Context())
	g := errgroup.Group{}
	g.Go(func() error {
		_, err := r.get(first, "x", func() (int, error) { close(begun); <-first.Done(); <-cancelled; return 0, first.Err() })
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("the first got %w", err)
		}
		return nil
	})
	<-begun
	g.Go(func() error {
		got, err := r.get(t.Context(), "x", func() (int, error) { return 7, nil })
		if got != 7 || err != nil {
			return fmt.Errorf("the second got %d, %w", got, err)
		}
		return nil
	})
	cancel()
	close(cancelled)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// Thumbnails that were not asked for since long make room.
func TestThumbnails_Keep_Bounded(t *testing.T) {
	thumbs := newThumbnails()
	made := 0
	for i := range 100 {
		for _, name := range []string{"often", fmt.Sprint(i)} {
			_, err := thumbs.get(t.Context(), name, func(context.Context) ([]byte, error) { made++; return make([]byte, 1<<20), nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		if thumbs.bytes > mostThumbs {
			t.Fatalf("%d bytes are kept, want %d at most", thumbs.bytes, mostThumbs)
		}
	}
	if made != 101 {
		t.Errorf("%d were made, want 101", made)
	}
}

// A folder has the page, pictures and rows; what is not there says why. A folder with something in it, and too many pictures, are refused.
func TestWriteStatic_Folder(t *testing.T) {
	e := newExported(t)
	missing := e.row(t, "missing", 0, 21, 21, 1)
	if err := e.st.Remove(t.Context(), missing.Location.Path); err != nil {
		t.Fatal(err)
	}
	e.commit(t, e.row(t, "</script><b>", 0, 20, 20, 1), missing)
	x, err := e.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	dir := filepath.Join(t.TempDir(), "wall")
	written, err := WriteStatic(t.Context(), x, StaticOptions{Dir: dir})
	if err != nil || *written != (Static{Pictures: 2, Unreadable: 1, FirstUnreadable: missing.Location.Path}) {
		t.Fatalf("written %+v, %v", written, err)
	}
	data := readText(t, filepath.Join(dir, indexFile))
	for _, name := range glob(t, dir, "data/*.js") {
		data += readText(t, name)
	}
	for _, want := range []string{`"why":"missing"`, `"thumb":"thumbs/000/00000.jpg"`, `"blob":"pictures/000/00000.jpg"`, `src="data/about.js"`, "trusted-types 'none'", "img-src 'self' file:;"} {
		if !strings.Contains(data, want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
	if _, err := WriteStatic(t.Context(), x, StaticOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a folder that is not empty: %v", err)
	}
	if _, err := WriteStatic(t.Context(), x, StaticOptions{Dir: filepath.Join(t.TempDir(), "x"), Where: "kind ="}); err == nil {
		t.Error("no condition was taken")
	}
}

// Nothing that an export holds is in a folder under a name that browsers open as a document. SVG that is small is in the data of the page, to be shown as a picture.
func TestWriteStatic_Documents_AreNone(t *testing.T) {
	const script = `<script>document.title="it ran"</script>`
	e := newExported(t)
	svg := `<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`
	var all []*pipeline.Row
	for i, blob := range []struct{ mediaType, text string }{
		{"image/svg+xml", svg}, {"image/svg+xml", svg + strings.Repeat(" ", mostSVG)}, {"image/svg+xml-compressed", "\x1f\x8b"}, {"text/html", script},
		{"application/xhtml+xml", script}, {"application/xml", script}, {"application/pdf", "%PDF-"}, {"image/heic", "<!--ftypheic-->" + script}, {"", script},
	} {
		row := e.row(t, "file", int32(i), 20, 20, 1)
		row.Content = pipeline.Content{Size: int64(len(blob.text)), SHA256: sha256.Sum256([]byte(blob.text)), MediaType: blob.mediaType}
		e.put(t, row, []byte(blob.text))
		all = append(all, row)
	}
	all = append(all, e.row(t, "file", 99, 20, 20, 1))
	e.commit(t, all...)
	dir := writeStatic(t, e, StaticOptions{})
	names, err := filepath.Glob(filepath.Join(dir, "pictures", "*", "*"))
	if err != nil || len(names) != len(all) {
		t.Fatalf("%d pictures, %v, want %d", len(names), err, len(all))
	}
	for _, name := range names {
		if want := map[bool]string{true: ".jpg", false: ".bin"}[strings.HasSuffix(name, "00009.jpg")]; filepath.Ext(name) != want {
			t.Errorf("%s is there, want a name that ends in %s", name, want)
		}
	}
	var text string
	for _, name := range glob(t, dir, "data/*.js") {
		text += readText(t, name)
	}
	row, err := json.Marshal(shownSVG{"pictures/000/00000.bin", []byte(svg)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "source.addSVGs(["+string(row)+"]);") {
		t.Errorf("the small picture is not in the data alone:\n%s", text)
	}
	if index := readText(t, filepath.Join(dir, indexFile)); !strings.Contains(index, "default-src 'none'") || !strings.Contains(index, "img-src 'self' file: data:;") {
		t.Errorf("the page may do more than it needs:\n%s", index)
	}
}

// writeStatic writes a folder of the export, and returns its name.
func writeStatic(t *testing.T, e *exported, o StaticOptions) string {
	t.Helper()
	x, err := e.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "wall")
	}
	if _, err := WriteStatic(t.Context(), x, o); err != nil {
		t.Fatal(err)
	}
	return o.Dir
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Documents without pictures are in a folder with what became of them, as the server shows them; where pictures are chosen, only the documents of these are.
func TestWriteStatic_Documents_AllOfThem(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file-a", 0, 20, 20, 1), e.row(t, "file-c", 3, 20, 20, 1))
	failed := &pipeline.FileRow{File: pipeline.File{ID: "file-b"}, Status: pipeline.Failed, Error: "http_404: gone", Sources: []pipeline.SourceKey{"project"}}
	if err := e.ledger.Commit(t.Context(), pipeline.Rows{Files: []*pipeline.FileRow{failed}}); err != nil {
		t.Fatal(err)
	}
	served, _ := rows(t, e.serve(t)+"/api/documents?count=9")
	for where, want := range map[string]string{"": fmt.Sprint(served), "page_index = 3": fmt.Sprint(served[2:])} {
		dir := writeStatic(t, e, StaticOptions{Where: where})
		var text string
		for _, name := range glob(t, dir, "data/*.js") {
			text += readText(t, name)
		}
		_, text, _ = strings.Cut(text, "source.addFiles(")
		text, _, _ = strings.Cut(text, ");\n")
		var files []map[string]any
		if err := json.Unmarshal([]byte(text), &files); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(files); got != want {
			t.Errorf("where %q: the documents are\n%s, want\n%s", where, got, want)
		}
	}
}

// What a call that was killed left half-written is begun anew; nothing else that is in a folder is touched.
func TestWriteStatic_HalfWritten_BeginsAnew(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	whole := writeStatic(t, e, StaticOptions{})
	for name, half := range map[string]struct {
		files []string
		want  string
	}{
		"half": {[]string{unfinished, "pictures/000/00007.jpg", "data/0009.js"}, ""}, "just begun": {[]string{unfinished}, ""},
		"whole": {[]string{"pictures/000/00007.jpg", indexFile}, "is not empty"}, "another's": {[]string{unfinished, "mine.txt"}, `"mine.txt"`},
	} {
		dir := t.TempDir()
		for _, file := range half.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		x, err := e.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = WriteStatic(t.Context(), x, StaticOptions{Dir: dir})
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		if half.want == "" {
			if got, want := listed(t, dir), listed(t, whole); err != nil || got != want {
				t.Errorf("%s: %v, and the folder has\n%s, want\n%s", name, err, got, want)
			}
			continue
		}
		if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), half.want) {
			t.Errorf("%s: %v, want %s", name, err, half.want)
		}
		for _, file := range half.files {
			if readText(t, filepath.Join(dir, file)) != "x" {
				t.Errorf("%s: %s is another file now", name, file)
			}
		}
	}
}

// openDisturbed opens an export whose pictures are written while something else is done first.
func (e *exported) openDisturbed(t *testing.T, disturb func()) *Export {
	t.Helper()
	x, err := e.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	asset := x.Asset
	x.Asset = func(_ context.Context, key pipeline.AssetKey) (*pipeline.Row, error) {
		disturb()
		return asset(t.Context(), key)
	}
	return x
}

// Who writes a folder has it alone.
func TestWriteStatic_Busy_IsRefused(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	dir, other := filepath.Join(t.TempDir(), "wall"), error(nil)
	x := e.openDisturbed(t, func() {
		second, err := e.open(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer second.Close()
		_, other = WriteStatic(t.Context(), second, StaticOptions{Dir: dir})
	})
	if _, err := WriteStatic(t.Context(), x, StaticOptions{Dir: dir}); err != nil {
		t.Errorf("the first fails: %v", err)
	}
	if !errors.Is(other, ErrBusy) {
		t.Errorf("the second got %v, want %v", other, ErrBusy)
	}
	if got, want := listed(t, dir), listed(t, writeStatic(t, e, StaticOptions{})); got != want {
		t.Errorf("the folder has\n%s, want\n%s", got, want)
	}
}

// A call that fails leaves nothing.
func TestWriteStatic_Fails_LeavesNothing(t *testing.T) {
	e := newExported(t)
	e.commit(t, e.row(t, "file", 0, 20, 20, 1))
	ctx, cancel := context.WithCancel(t.Context())
	x, dir := e.openDisturbed(t, cancel), t.TempDir()
	if _, err := WriteStatic(ctx, x, StaticOptions{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if got := listed(t, dir); got != "" {
		t.Errorf("the folder has\n%s", got)
	}
}

// listed returns the names of all files of a folder.
func listed(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && name != dir {
			name, err = filepath.Rel(dir, name)
			fmt.Fprintln(&all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
