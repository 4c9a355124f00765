package interop

import (
	"bytes"
	"fmt"
	"image"
	"image/color/palette"
	"image/gif"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"exporter/internal/emulator"
)

// message is an expression: that the page says something in place of a list.
func message(text string) string {
	return fmt.Sprintf(`document.querySelector(".message")?.innerText.includes(%q)`, text)
}

// A list that is empty says why: a document without pictures is none that no filter leaves.
func TestBrowser_View_EmptyListsSayWhy(t *testing.T) {
	t.Parallel()
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	m.put("dir-a/entry/file.json", `{"id":"entry","directory_id":"dir-a","project_id":"proj","file_id":"file-a","updated_at":"2026-01-01T00:00:00Z","display_name":"empty.pdf","metadata":{}}`)
	m.put("dir-a/entry/page_screenshots.json", `[]`)
	m.put("dir-a/entry/page-figures.json", `[]`)
	m.sum()
	e := exported(t, readCorpus(t, fstest.MapFS(m)))
	b := startBrowser(t, 1280, 800)
	const listed, filtered = "This document has no pictures: none were listed when they were asked for last, 20", "Nothing is like this."
	for _, url := range []string{view(t, e.out), "file://" + e.wall(t) + "/index.html"} {
		b.open(url)
		b.waitFor(`document.querySelector(".document .note")?.innerText === "no pictures"`)
		b.eval(`document.querySelector(".document").click()`, nil)
		b.waitFor(message(listed) + ` && ` + message("with a later run") + ` && ` + counted("0 pages") + ` && document.getElementById("of").innerText === "empty.pdf"`)
		b.picture("empty")
		for address, says := range map[string]string{
			"pictures": "The export has no pictures.", "pictures?file=file-a": "This document has no pictures.", "pictures?kind=figure": filtered, "pictures?file=file-a&state=failed": filtered,
			"documents?name=nobody": filtered, "document?file=other": "The export has no such document (any more).", "document": "it has no file_id",
		} {
			b.eval(fmt.Sprintf(`location.hash = "#/%s"`, address), nil)
			b.waitFor(message(says))
		}
	}
	for row, says := range map[string]string{
		`{ status: "failed", error: "http_500: a reason" }`:                      "they could not be listed (http_500: a reason). The next run asks again.",
		`{ status: "skipped", error: "its job is of another type" }`:             "it was left out (its job is of another type).",
		`{ status: "complete" }`:                                                 "none were asked for.",
		`{ status: "complete", figures: 0, expired_at: "2026-01-01" }`:           "none were listed. It is not listed upstream any more (expired).",
		`{ status: "complete", screenshots: 0, error: "odd: null", figures: 0 }`: "none were listed (odd: null). If it is still to be parsed",
	} {
		var text string
		if b.eval(`without(`+row+`, new URLSearchParams("file=f"))`, &text); !strings.Contains(text, "This document has no pictures: "+says) {
			t.Errorf("of %s it says %q, want %q", row, text, says)
		}
	}
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
}

// What a part lacks is said above all views, beside what else is.
func TestBrowser_View_PartsThatAreMissing(t *testing.T) {
	t.Parallel()
	e := serve(t, markupCorpus(t), emulator.Options{})
	e.run(t, 0, "--part", "1/3")
	e.run(t, 0, "--part", "2/3")
	// Which of the files the parts have that are there differs from one export to the next.
	const says = `document.getElementById("notice").innerText === "Not all parts are complete: 1 missing (part=0000)."`
	b := startBrowser(t, 1280, 800)
	for _, url := range []string{viewSaying(t, e.out, "exporter: not all parts are complete: 1 missing (part=0000)\n"), "file://" + e.wall(t) + "/index.html"} {
		b.open(url)
		b.waitFor(says + ` && document.getElementById("count").value && document.getElementById("name").innerText === ` + fmt.Sprintf("%q", filepath.Base(e.out)))
		b.eval(`location.hash = "#/document?file=file-3"`, nil)
		b.waitFor(`document.getElementById("count").value.includes("page") && ` + says)
		b.picture("parts")
		b.eval(`notice("Something else.")`, nil)
		b.waitFor(`document.getElementById("notice").innerText === "Not all parts are complete: 1 missing (part=0000).\nSomething else."`)
	}
}

// What moves is shown in a list, as its first frame or as it is, and as it is by itself.
func TestBrowser_View_PicturesThatMove(t *testing.T) {
	t.Parallel()
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	m.put("dir-a/entry/file.json", `{"id":"entry","directory_id":"dir-a","project_id":"proj","file_id":"file-a","updated_at":"2026-01-01T00:00:00Z","display_name":"moves.pdf","metadata":{}}`)
	m.put("dir-a/entry/page_screenshots.json", `[]`)
	moves, err := os.ReadFile(filepath.Join("..", "picture", "testdata", "moves.webp"))
	if err != nil {
		t.Fatal(err)
	}
	var moving bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 30, 20), palette.WebSafe)
	if err := gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{10, 10}}); err != nil {
		t.Fatal(err)
	}
	var figures []string
	for name, blob := range map[string][]byte{"moves.webp": moves, "moves.gif": moving.Bytes()} {
		m["dir-a/entry/page-figures/0/"+name] = &fstest.MapFile{Data: blob}
		figures = append(figures, fmt.Sprintf(`{"confidence":0.5,"figure_name":%q,"figure_size":%d,"file_id":"file-a","page_index":0,"is_likely_noise":false}`, name, len(blob)))
	}
	m.put("dir-a/entry/page-figures.json", "[%s]", strings.Join(figures, ","))
	m.sum()
	e := exported(t, readCorpus(t, fstest.MapFS(m)))
	b := startBrowser(t, 1280, 800)
	for _, url := range []string{view(t, e.out), "file://" + e.wall(t) + "/index.html"} {
		b.open(url + "#/pictures")
		b.waitFor(`document.querySelectorAll(".tile").length === 2 && ` + loaded + ` === 2 && !document.querySelector(".note")`)
		b.eval(`document.querySelector(".tile").click()`, nil)
		b.waitFor(`document.querySelector(".picture dl") && ` + loaded + ` === 1`)
	}
}
