package interop

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"exporter/internal/emulator"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// loaded is an expression: how many pictures are shown.
const loaded = `[...document.images].filter(i => i.complete && i.naturalWidth > 0).length`

// markup is a name that would do something in a page that took it for more than text.
const markup = `<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>" onclick="window.pwned=3`

// markupCorpus has names that are markup, go backwards, and are 3,000 characters long.
func markupCorpus(t *testing.T) *corpus {
	t.Helper()
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	for i, name := range []string{markup, "invoice\u202efdp.exe", strings.Repeat("long ", 600), "plain.pdf"} {
		entry, id := fmt.Sprintf("dir-a/entry-%d", i), fmt.Sprintf("file-%d", i)
		m.put(entry+"/file.json", `{"id":"entry-%d","directory_id":"dir-a","project_id":"proj","file_id":%q,"updated_at":"2026-01-01T00:00:00Z","display_name":%s,"metadata":{}}`,
			i, id, quoteJSON(name))
		blob := drawJPEG(t, i)
		m[entry+"/page_screenshots/0.jpg"] = &fstest.MapFile{Data: blob}
		m.put(entry+"/page_screenshots.json", `[{"file_id":%q,"image_size":%d,"page_index":0}]`, id, len(blob))
		m[entry+"/page-figures/0/"+encodeURIComponent("f.jpg")] = &fstest.MapFile{Data: blob}
		m.put(entry+"/page-figures.json", `[{"confidence":0.5,"figure_name":"f.jpg","figure_size":%d,"file_id":%q,"page_index":0,"is_likely_noise":%t}]`, len(blob), id, i == 1)
	}
	m.sum()
	return readCorpus(t, fstest.MapFS(m))
}

// What an export holds is shown as text, by scripts of the page's own server alone, and keys lead through it.
func TestBrowser_View_ShowsHostileNamesAsText(t *testing.T) {
	t.Parallel()
	e := exported(t, markupCorpus(t), "--sink", "archive")
	url := view(t, e.out)
	b := startBrowser(t, 1280, 800)
	b.open(url)
	b.waitFor(`document.querySelectorAll(".document").length === 4 && ` + loaded + ` === 4`)
	var text string
	b.eval("document.body.innerText", &text)
	for _, want := range []string{markup, "invoice⟨202E⟩fdp.exe", "4 documents"} {
		if !strings.Contains(text+" "+countText(b), want) {
			t.Errorf("no %q in\n%.1000s", want, text)
		}
	}
	b.press("p")
	b.waitFor(`document.querySelectorAll(".tile").length === 8 && ` + loaded + ` === 8`)
	b.picture("pictures")
	b.press(keyRight, keyEnter)
	b.waitFor(`document.querySelector(".picture dl")?.innerText.includes("sha256") && ` + loaded + ` > 0`)
	b.press("j")
	b.waitFor(`location.hash.includes("at=1&")`)
	b.press(keyEscape)
	b.waitFor(`document.querySelectorAll(".tile").length === 8`)
	choose(b, "noise", "yes")
	b.waitFor(`document.querySelectorAll(".tile").length === 1 && document.getElementById("count").value === "1 picture"`)
	choose(b, "noise", "")
	choose(b, "where", "kind = 'screenshot' and display_name = 'plain.pdf'")
	b.waitFor(`document.querySelectorAll(".tile").length === 1`)
	choose(b, "where", "kind = ")
	// The list stays as it is.
	b.waitFor(`document.getElementById("count").value.includes("condition") && document.querySelectorAll(".tile").length === 1`)
	var pwned any
	if b.eval("window.pwned ?? null", &pwned); pwned != nil {
		t.Errorf("a name became a script: %v", pwned)
	}
	for _, asked := range b.asked() {
		if !strings.HasPrefix(asked, url) && !strings.HasPrefix(asked, "data:") && !strings.HasPrefix(asked, "chrome") {
			t.Errorf("the page asked for %s", asked)
		}
	}
	for _, complaint := range b.complaints() {
		// The condition that is none is the answer 400.
		if !strings.Contains(complaint, "400 (Bad Request)") {
			t.Error(complaint)
		}
	}
}

// choose fills in a field of the filter.
func choose(b *browser, field, value string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`(() => { const f = document.getElementById("filter").elements[%q]; f.value = %q; f.dispatchEvent(new Event("input", { bubbles: true })); return 1 })()`, field, value), nil)
}

func countText(b *browser) (text string) {
	b.t.Helper()
	b.eval(`document.getElementById("count").value`, &text)
	return text
}

// What is gone or damaged says so, and the rest is shown.
func TestBrowser_View_DamagedBlobSaysSo(t *testing.T) {
	t.Parallel()
	e := exported(t, markupCorpus(t))
	spoil := func(pattern string, do func(string) error) {
		names, err := filepath.Glob(e.path(pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(names))
		}
		if err := do(names[0]); err != nil {
			t.Fatal(err)
		}
	}
	spoil("blobs/*/file-0/page_screenshots/*", os.Remove)
	spoil("blobs/*/file-1/page_screenshots/*", func(name string) error {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		content[len(content)/2] ^= 1
		return os.WriteFile(name, content, 0o644)
	})
	b := startBrowser(t, 1280, 800)
	b.open(view(t, e.out) + "#/pictures?kind=screenshot")
	b.waitFor(`document.querySelectorAll(".tile").length === 4 && ` + loaded + ` === 2`)
	b.waitFor(`[...document.querySelectorAll(".note.bad")].map(n => n.innerText).join().match(/missing.*damaged/s)`)
}

// A picture that is intact, and of which nobody makes a thumbnail, is shown as it is stored, and one that no browser shows is its type and size: neither is bad.
func TestBrowser_View_PictureWithoutThumbnail(t *testing.T) {
	t.Parallel()
	whole := drawPage(t, 612, 792)
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	for i, blob := range [][]byte{whole, whole[:len(whole)-len(whole)/3], append(bytes.Clone(whole[:20]), make([]byte, 300)...)} {
		entry, id := fmt.Sprintf("dir-a/entry-%d", i), fmt.Sprintf("file-%d", i)
		m.put(entry+"/file.json", `{"id":"entry-%d","directory_id":"dir-a","project_id":"proj","file_id":%q,"updated_at":"2026-01-01T00:00:00Z","display_name":"x.pdf","metadata":{}}`, i, id)
		m[entry+"/page_screenshots/0.jpg"] = &fstest.MapFile{Data: blob}
		m.put(entry+"/page_screenshots.json", `[{"file_id":%q,"image_size":%d,"page_index":0}]`, id, len(blob))
		m.put(entry+"/page-figures.json", `[]`)
	}
	m.sum()
	e := exported(t, readCorpus(t, fstest.MapFS(m)))
	b := startBrowser(t, 1280, 800)
	b.open(view(t, e.out) + "#/pictures")
	b.waitFor(`document.querySelectorAll(".tile").length === 3 && ` + loaded + ` === 2 && document.querySelectorAll(".note").length === 1`)
	var bad string
	if b.eval(`[...document.querySelectorAll(".bad")].map(n => n.innerText).join()`, &bad); bad != "" {
		t.Errorf("said to be bad: %s", bad)
	}
}

// A page is shown with the places of its figures, also on a phone, and dark.
func TestBrowser_View_BoxesOnAPage(t *testing.T) {
	t.Parallel()
	corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: 1, AssetsPerFile: 2, BlobSize: 2000, Seed: 1})
	err := corpus.AddParseJob(emulator.ParseJobSpec{
		ID: "pjb-1", Name: "One.pdf", Tier: "agentic",
		Images: []emulator.ParseImage{
			{Filename: "page_1.jpg", Category: "screenshot", Data: drawPage(t, 612, 792)},
			{Filename: "page_1_chart_1_v2.jpg", Index: 1, Category: "layout", BBox: &emulator.BBox{X: 36, Y: 72, W: 200, H: 150}, Data: drawPage(t, 200, 150)},
		},
		Pages: []emulator.ParsePage{{Number: 1, Text: "The lighthouse <b>keeper</b>", Width: 612, Height: 792}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := serve(t, nil, emulator.Options{Corpus: corpus})
	c, stderr := e.exporter(t.Context(), "run", "--out", e.out, "--rate", "unlimited", "--parse-jobs")
	e.finish(t, c, stderr, 0)
	url := view(t, e.out)
	b := startBrowser(t, 400, 800, "--force-dark-mode")
	b.open(url)
	b.waitFor(`document.querySelector(".document")`)
	b.eval(`document.querySelector(".document").click()`, nil)
	b.waitFor(`document.querySelectorAll(".sized i").length === 1 && ` + loaded + ` === 2`)
	var place []float64
	b.eval(`(() => { const box = document.querySelector(".sized i").getBoundingClientRect(), page = document.querySelector(".sized").getBoundingClientRect();
		return [(box.x - page.x) / page.width, (box.y - page.y) / page.height, box.width / page.width, box.height / page.height] })()`, &place)
	// It is at 36, 72 of a page of 612 by 792, and has 200 by 150.
	for i, want := range []float64{36. / 612, 72. / 792, 200. / 612, 150. / 792} {
		if got := place[i]; got < want-0.02 || got > want+0.02 {
			t.Errorf("part %d of the place is %.3f of the page, want %.3f", i, got, want)
		}
	}
	var sideways bool
	if b.eval(`document.documentElement.scrollWidth > innerWidth`, &sideways); sideways {
		t.Error("the page is wider than a phone")
	}
	b.picture("phone")
	var dark bool
	if b.eval(`matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(document.body).backgroundColor === "rgb(22, 24, 27)"`, &dark); !dark {
		t.Error("the page is not dark")
	}
	b.open(url + "#/pictures")
	b.waitFor(`document.querySelectorAll(".tile").length === 2`)
	choose(b, "text", "LIGHTHOUSE <B>")
	b.waitFor(`document.getElementById("count").value === "2 pictures"`)
	choose(b, "text", "windmill")
	b.waitFor(`document.querySelector(".message")`)
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
}

// drawPage returns a JPEG of some size.
func drawPage(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(200 + i%width*50/width)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pictures is how many pictures the largest export has that a browser looks at.
var pictures = flag.Int("pictures", 100_000, "how many pictures the largest export has that a browser looks at")

// Many pictures are shown without holding more of them than are seen, from the first to the last.
func TestBrowser_View_ManyPictures(t *testing.T) {
	t.Parallel()
	out := manyRows(t, *pictures)
	b := startBrowser(t, 1280, 800)
	b.open(view(t, out) + "#/pictures")
	b.waitFor(fmt.Sprintf(`document.getElementById("count").value.replaceAll(",", "") === "%d pictures" && document.querySelectorAll(".tile").length > 10`, *pictures))
	// No time is asserted: "make wall" says what it was.
	var longest float64
	b.evalAsync(scrollThrough, &longest)
	t.Logf("of %d pictures, scrolled through in 300 frames, the longest frame had %.0f ms of script", *pictures, longest)
	b.press(keyEnd)
	b.waitFor(fmt.Sprintf(`document.activeElement?.dataset.index === "%d" && document.activeElement.innerText.includes("page_index 99")`, *pictures-1))
	choose(b, "kind", "screenshot")
	b.waitFor(fmt.Sprintf(`document.getElementById("count").value.replaceAll(",", "") === "%d pictures"`, *pictures/2))
	b.press(keyEnd)
	b.waitFor(fmt.Sprintf(`document.activeElement?.dataset.index === "%d"`, *pictures/2-1))
	var tiles, rows int
	b.eval(`document.querySelectorAll(".wall .space > *").length`, &tiles)
	for _, asked := range b.asked() {
		if strings.Contains(asked, "/api/pictures") {
			rows++
		}
	}
	if tiles > 200 || rows > 700 {
		t.Errorf("%d tiles in the page, and %d requests for rows; want few", tiles, rows)
	}
}

// scrollThrough scrolls a wall from its beginning to its end, and answers with the most milliseconds of script that a frame had which took longer than 50: as
// https://w3c.github.io/long-animation-frames/ counts them.
const scrollThrough = `
const done = arguments[arguments.length - 1], wall = document.querySelector(".wall");
let longest = 0, frame = 0;
const observer = new PerformanceObserver((list) => {
	for (const entry of list.getEntries()) longest = Math.max(longest, entry.scripts.reduce((sum, script) => sum + script.duration, 0));
});
observer.observe({ type: "long-animation-frame", buffered: false });
const step = () => {
	wall.scrollTop = wall.scrollHeight * ++frame / 300;
	if (frame < 300) requestAnimationFrame(step); else setTimeout(() => { observer.disconnect(); done(longest); }, 500);
};
requestAnimationFrame(step);`

// manyRows writes the tables of an export of so many pictures, of which no blob is there.
func manyRows(t *testing.T, count int) (out string) {
	t.Helper()
	const perFile = 200
	files := count / perFile
	out = t.TempDir()
	st, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ledger, err := manifest.Open(t.Context(), st, manifest.Info{Version: "test", Source: "{}", Sink: `{"output.sink":"local"}`})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	var rows pipeline.Rows
	for n := range files {
		id := fmt.Sprintf("file-%05d", n)
		file := &pipeline.FileRow{File: pipeline.File{ID: id, DisplayName: new(id + ".pdf")}, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}}
		rows.Files = append(rows.Files, file)
		for i := range perFile {
			row := &pipeline.Row{
				Asset: pipeline.Asset{FileID: pipeline.ID(id), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: int32(i / 2)},
				File:  &file.File, Status: pipeline.Stored, Attempts: 1,
				Content:  pipeline.Content{Size: int64(1000 + i), SHA256: sha256.Sum256(fmt.Append(nil, n, i)), MediaType: "image/jpeg", Width: 800, Height: 1100},
				Location: pipeline.Location{Path: fmt.Sprintf("blobs/00/%s/page_screenshots/%d.jpg", id, i)},
			}
			if i%2 == 1 {
				row.Kind, row.FigureName = pipeline.Figure, "f.jpg"
			}
			rows.Assets = append(rows.Assets, row)
		}
		if len(rows.Assets) >= 50_000 || n == files-1 {
			if err := ledger.Commit(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
			rows = pipeline.Rows{}
		}
	}
	if err := ledger.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out
}

// A folder with the page opens by itself, and shows what the server does.
func TestBrowser_Static_OpensFromAFile(t *testing.T) {
	t.Parallel()
	e := exported(t, markupCorpus(t), "--sink", "archive")
	dir := filepath.Join(t.TempDir(), "a wall")
	c, stderr := e.exporter(t.Context(), "view", e.out, "--static", dir)
	e.finish(t, c, stderr, 0)
	b := startBrowser(t, 1280, 800)
	b.open("file://" + strings.ReplaceAll(dir, " ", "%20") + "/index.html")
	b.waitFor(`document.querySelectorAll(".document").length === 4 && ` + loaded + ` === 4`)
	b.press("p")
	b.waitFor(`document.querySelectorAll(".tile").length === 8 && ` + loaded + ` === 8`)
	choose(b, "noise", "yes")
	b.waitFor(`document.querySelectorAll(".tile").length === 1`)
	b.eval(`document.querySelector(".tile").click()`, nil)
	b.waitFor(`document.querySelector(".picture dl")?.innerText.includes("sha256") && ` + loaded + ` > 0`)
	for _, asked := range b.asked() {
		if !strings.HasPrefix(asked, "file://") && !strings.HasPrefix(asked, "data:") && !strings.HasPrefix(asked, "chrome") {
			t.Errorf("the page asked for %s", asked)
		}
	}
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
}

// A picture in which there is a script is shown, and the script does not run, whatever link of the page is followed.
func TestBrowser_Static_ScriptsInPicturesDoNotRun(t *testing.T) {
	t.Parallel()
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/><script>document.title="it ran"</script></svg>`
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	m.put("dir-a/entry/file.json", `{"id":"entry","directory_id":"dir-a","project_id":"proj","file_id":"file","updated_at":"2026-01-01T00:00:00Z","display_name":"a.pdf","metadata":{}}`)
	m.put("dir-a/entry/page_screenshots.json", `[]`)
	m.put("dir-a/entry/page-figures/0/f.svg", "%s", svg)
	m.put("dir-a/entry/page-figures.json", `[{"confidence":0.5,"figure_name":"f.svg","figure_size":%d,"file_id":"file","page_index":0,"is_likely_noise":false}]`, len(svg))
	m.sum()
	e := exported(t, readCorpus(t, fstest.MapFS(m)))
	dir := e.wall(t)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	b := startBrowser(t, 1280, 800)
	for _, root := range []string{"file://" + dir, server.URL} {
		b.open(root + "/index.html#/pictures")
		b.waitFor(`document.querySelectorAll(".tile").length === 1 && ` + loaded + ` === 1`)
		b.eval(`document.querySelector(".tile").click()`, nil)
		b.waitFor(`document.querySelector(".picture dl") && ` + loaded + ` > 0`)
		for _, complaint := range b.complaints() {
			t.Error(complaint)
		}
		var links []string
		b.eval(`[...document.links].map(a => a.href).concat([...document.images].map(i => i.src))`, &links)
		stored := 0
		for _, link := range links {
			if strings.Contains(link, "/pictures/") {
				stored++
			}
			if !strings.HasPrefix(link, root) {
				// It is that of the picture on the page, which a browser opens for nobody.
				continue
			}
			b.open(link)
			b.waitFor(`document.readyState === "complete"`)
			var title string
			if b.eval("document.title", &title); title == "it ran" {
				t.Errorf("%s runs", link)
			}
		}
		if stored != 1 {
			t.Errorf("%d links to what is stored among %q, want 1", stored, links)
		}
	}
}

// A folder leaves what the server leaves, of any filter in an address, and refuses what that refuses in the same words.
func TestBrowser_Static_FiltersAsTheServer(t *testing.T) {
	t.Parallel()
	e := exported(t, markupCorpus(t))
	dir := e.wall(t)
	b := startBrowser(t, 1280, 800)
	said := func(url string) (text string) {
		b.open("about:blank")
		b.open(url)
		b.waitFor(`document.getElementById("count").value || document.querySelector(".message")`)
		b.eval(`document.getElementById("count").value + "|" + (document.querySelector(".message")?.innerText ?? "")`, &text)
		return text
	}
	served, folder := view(t, e.out), "file://"+dir+"/index.html"
	for filter, want := range map[string]string{
		"pictures?min=0": "8 pictures|", "pictures?max=0": "0 pictures|", "pictures?confidence=0": "4 pictures|", "pictures?confidence=5e-1": "4 pictures|",
		"pictures?min=-1": "want a number of bytes", "pictures?noise=maybe": "want yes or no", "pictures?kind=x": "want screenshot, figure or document",
		"pictures?state=zz": "want stored, skipped, failed or gone", "pictures?confidence=NaN": "want a number from 0 to 1", "documents?state=zz": "want stored",
	} {
		if s, f := said(served+"#/"+filter), said(folder+"#/"+filter); s != f || !strings.Contains(s, want) {
			t.Errorf("%s: the server says %q, the folder %q, want %q", filter, s, f, want)
		}
	}
	if text := said(folder + "#/pictures?where=bogus"); !strings.Contains(text, "a folder knows none") {
		t.Errorf("of a condition the folder says %q", text)
	}
}

// A picture comes from a bucket as it does from a directory.
func TestBrowser_View_Bucket(t *testing.T) {
	url := startVersityGW(t).enter(t)
	e := serve(t, markupCorpus(t), emulator.Options{})
	e.out = url + "/x"
	e.run(t, 0, "--sink", "archive")
	b := startBrowser(t, 1280, 800)
	b.open(view(t, e.out) + "#/pictures")
	b.waitFor(`document.querySelectorAll(".tile").length === 8 && ` + loaded + ` === 8`)
}
