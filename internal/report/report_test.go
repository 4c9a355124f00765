package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"exporter/internal/inventory"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/manifest"
	"exporter/pipeline"
)

// hostile is a name and a reason that would do something in a page, or in a table, that took it for more than text.
const hostile = "<script>alert(1)</script> | x \u202e y `z` [a](b)"

// exported returns an export of 40 assets: screenshots and figures, of which some failed, were left out, are gone, or are copies.
func exported(t *testing.T) *Export {
	t.Helper()
	st := storetest.NewMemory(nil)
	ledger, err := manifest.Open(t.Context(), st, manifest.Info{Version: "test", Source: "{}", Sink: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	file := &pipeline.FileRow{File: pipeline.File{ID: "file"}, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}}
	rows := pipeline.Rows{Files: []*pipeline.FileRow{file}}
	for i := range 40 {
		row := &pipeline.Row{
			Asset: pipeline.Asset{FileID: "file", Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: int32(i)}, File: &file.File,
			Status: pipeline.Stored, Attempts: 1, FetchedAt: time.Date(2026, 1, 1+i%3, 0, 0, 0, 0, time.UTC),
			Content:  pipeline.Content{Size: 3000, SHA256: [32]byte{byte(i / 2)}, MediaType: "image/jpeg", Width: 800, Height: 1100},
			Location: pipeline.Location{Path: fmt.Sprintf("blobs/00/file/page_screenshots/%d.jpg", i)},
		}
		if i%2 == 1 {
			row.Kind, row.FigureName, row.Confidence, row.IsLikelyNoise = pipeline.Figure, "f", new(float64(i)/40), new(i < 10)
		}
		switch i {
		case 7:
			row.Status, row.Reason, row.Content, row.Location = pipeline.Failed, "http_404: "+hostile, pipeline.Content{}, pipeline.Location{}
		case 31:
			row.IsLikelyNoise = nil
		case 9:
			row.Status, row.Reason, row.Content, row.Location = pipeline.Skipped, "noise", pipeline.Content{}, pipeline.Location{}
		}
		rows.Assets = append(rows.Assets, row)
	}
	if err := ledger.Commit(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{
		`{"started_at":"2026-01-01T00:00:00Z","seconds":1.5,"exit_code":3,"counts":{"assets":{"stored":37,"stored_bytes":111000,"failed":1},"requests":{"sent":41}}}`, `not JSON`,
		`{"started_at":"2026-01-02T00:00:00Z","counts":{"assets":{"stored":-5}}}`, `{"started_at":"2026-01-03T00:00:00Z","counts":{"assets":{"failed":9000000000000000000}}}`,
	} {
		if err := store.PutBytes(t.Context(), st, fmt.Sprintf("runs/%d.json", i), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := manifest.Glance(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snapshot.Close() })
	return &Export{Inventory: inventory.New(snapshot, nil), Name: hostile, Store: st, Runs: "runs/", Made: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Notes: []string{"A note."}}
}

// Both formats tell what there is, and take no text for more than that.
func TestMake_TellsWhatThereIs(t *testing.T) {
	e := exported(t)
	for format, wants := range map[Format][]string{
		Markdown: {
			"1 file, 40 assets, 111.3 KiB stored.", "| figure | 20 | 18 | 1 | 1 | 0 | 0 | 0 | 52.7 KiB |", "| screenshot | 20 | 20 | 0 | 0 |", "| noise | 1 |", "| http\\_404 | 1 | 0 | http\\_404: \\<script\\>",
			"| 2026-01-01 00:00 | 1.5 | 3 | 37 | 108.4 KiB |", "20 have one, of which 5 are likely noise, and of 1 that is not known", "20 pictures differ; 18 have the bytes of another one", "| image/jpeg | 38 |",
			"| 2026-01-01 |", "| 1,024 to 2,047 | 20 |", "the last run. 3 run reports cannot be read.", "Made on 2026-02-03 04:05 UTC.", "A note.",
		},
		HTML: {"40 assets", "<svg", "<td><bdi>http_404</bdi></td>", "default-src &#39;none&#39;; style-src", "0.20 to 0.25: 0 figures, and 1 that are likely noise, and 0 of which", "0.75 to 0.80: 0 figures, and 0 that are likely noise, and 1 of which that is not known",
			"<title>2.0 KiB to 4.0 KiB: 18</title>"},
	} {
		text, err := Make(t.Context(), e, format)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			want = strings.ReplaceAll(want, "&#39;", "'")
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in\n%s", format, want, text)
			}
		}
		bad := map[Format]string{HTML: `<script|\x{202e}`, Markdown: `[^\\]<|\x{202e}|[^\\]\[a|[^\\]` + "`"}[format]
		if found := regexp.MustCompile(bad).Find(text); found != nil {
			t.Errorf("%s: it has %q", format, found)
		}
		for _, outside := range []string{"http://", "https://", "//", "src=", "href=", "@import", "url("} {
			if format == HTML && strings.Contains(string(text), outside) {
				t.Errorf("the file names something outside: %s", outside)
			}
		}
	}
}

// The plots are well formed.
func TestMake_PlotsAreXML(t *testing.T) {
	text, err := Make(t.Context(), exported(t), HTML)
	if err != nil {
		t.Fatal(err)
	}
	rest, found := string(text), 0
	for {
		_, after, ok := strings.Cut(rest, "<svg")
		if !ok {
			break
		}
		svg, after, _ := strings.Cut(after, "</svg>")
		d := xml.NewDecoder(strings.NewReader("<svg" + svg + "</svg>"))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
		}
		rest = after
		found++
	}
	if found < 4 {
		t.Errorf("%d plots, want one for runs, days, confidence and each kind", found)
	}
}

// Of more pictures than are remembered, copies are estimated: within some percent.
func TestCopies_Count_Estimates(t *testing.T) {
	const most = 10_000
	const pictures = 12 * most
	c := newCopies(most)
	hash := uint64(1)
	for i := range pictures {
		if i%4 != 3 {
			// A generator of Marsaglia's (xorshift64).
			hash ^= hash << 13
			hash ^= hash >> 7
			hash ^= hash << 17
		}
		c.add(fmt.Sprintf("%016x", hash), 100)
	}
	f := c.count()
	near := func(got, want int64) bool { return got > want*95/100 && got < want*105/100 }
	if f.isExact || !near(f.copies, pictures/4) || !near(f.distinct, pictures*3/4) || !near(f.bytes, pictures*25) {
		t.Errorf("got %+v of %d pictures, a quarter of them copies", f, pictures)
	}
}

// The cause is at the end of a reason.
func TestCutMiddle(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		most       int
	}{{"http_500: GET there: cause", "http…cause", 10}, {"äöüßäöüß", "äöü…öüß", 7}, {"äöüß", "äöüß", 4}} {
		if got := cutMiddle(tt.text, tt.most); got != tt.want {
			t.Errorf("%q to %d: %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}

// Where no report of a run can be read, that is said.
func TestMake_UnreadableRuns(t *testing.T) {
	e := exported(t)
	e.Runs = "runs/1"
	text, err := Make(t.Context(), e, Markdown)
	if err != nil || !strings.Contains(string(text), "\n1 run report cannot be read.\n") {
		t.Errorf("%v, %s", err, text)
	}
}

// A report is known by its first bytes.
func TestIsReport(t *testing.T) {
	for _, format := range []Format{HTML, Markdown} {
		text, err := Make(t.Context(), exported(t), format)
		if err != nil || !IsReport(text[:HeadSize]) {
			t.Errorf("%s: %v, %q", format, err, text[:HeadSize])
		}
	}
	for _, other := range []string{"", "PAR1", "# export\n", "<!doctype html>\n<html>", "<!-- exporter"} {
		if IsReport([]byte(other)) {
			t.Errorf("%q is taken for a report", other)
		}
	}
}

func TestParseFormat(t *testing.T) {
	if f, err := ParseFormat("markdown"); f != Markdown || err != nil {
		t.Errorf("got %q, %v", f, err)
	}
	if _, err := ParseFormat("pdf"); err == nil || !strings.Contains(err.Error(), "html") {
		t.Errorf("got %v", err)
	}
}

// Dates on plots are those of ISO 8601, whole, and no label is over the next one or beyond the plot, however many bars there are.
func TestPlot_Labels_AreDatesThatDoNotOverlap(t *testing.T) {
	label := regexp.MustCompile(`<text x="([0-9.]+)" y="192">([^<]*)</text>`)
	for _, tt := range []struct {
		days, step int
		want       string
	}{{1, 1, `^2026-12-0\d$`}, {5, 1, `^2026-12-0\d$`}, {12, 1, `^2026-12-\d\d$`}, {13, 1, `^2026-12-\d\d$`}, {119, 1, `^20\d\d-\d\d-\d\d$`}, {500, 3, `^20\d\d-\d\d$`}, {130, 20, `^20\d\d-\d\d$`}, {150, 366, `^2\d\d\d$`}} {
		f := &figures{days: map[string]*sum{}}
		for i := range tt.days {
			of(f.days, time.Date(2026, 12, 1+i*tt.step, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)).add(1)
		}
		p := f.daysPart()
		var b strings.Builder
		p.plot.writeSVG(&b)
		labels, end := label.FindAllStringSubmatch(b.String(), -1), 0.
		if len(labels) == 0 || len(labels) > mostLabels || tt.days < 12 && len(labels) < tt.days {
			t.Errorf("%d days: %d labels", tt.days, len(labels))
		}
		for _, l := range labels {
			x, err := strconv.ParseFloat(l[1], 64)
			// A digit of DejaVu Sans, which is a wide font, is 0.636 of its size wide, and a hyphen 0.361.
			width := 10 * (0.636*float64(len(l[2])) - 0.275*float64(strings.Count(l[2], "-")))
			if err != nil || x < end || x+width > plotWidth || !regexp.MustCompile(tt.want).MatchString(l[2]) {
				t.Errorf("%d days: %q is at %v, behind one that ends at %.1f; want %s", tt.days, l[2], x, end, tt.want)
			}
			end = x + width
		}
	}
}

// Runs of one day have its date once.
func TestPlot_Labels_OfOneDay_AreOne(t *testing.T) {
	p := &plot{names: []string{"stored"}}
	for i := range 8 {
		p.bars = append(p.bars, bar{label: fmt.Sprintf("2026-12-0%d", 1+i/4), parts: []float64{1}})
	}
	var b strings.Builder
	p.writeSVG(&b)
	for _, want := range []string{">2026-12-01<", ">2026-12-02<"} {
		if n := strings.Count(b.String(), want); n != 1 {
			t.Errorf("%d labels %s", n, want)
		}
	}
}
