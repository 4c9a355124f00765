package interop

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// figureCorpus has a file without a name: a page with a screenshot and 30 figures, one of which is a JPEG 2000.
func figureCorpus(t *testing.T) *corpus {
	t.Helper()
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	m.put("dir-a/entry/file.json", `{"id":"entry","directory_id":"dir-a","project_id":"proj","file_id":"file-a","updated_at":"2026-01-01T00:00:00Z","display_name":"","metadata":{}}`)
	page := drawJPEG(t, 9)
	m["dir-a/entry/page_screenshots/0.jpg"] = &fstest.MapFile{Data: page}
	m.put("dir-a/entry/page_screenshots.json", `[{"file_id":"file-a","image_size":%d,"page_index":0}]`, len(page))
	var figures []string
	for i := range 30 {
		name, blob := fmt.Sprintf("f%02d.jpg", i), drawJPEG(t, i%10)
		if i == 3 {
			name, blob = "f03.jp2", []byte("\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x14ftypjp2 \x00\x00\x00\x00jp2 ")
		}
		m["dir-a/entry/page-figures/0/"+name] = &fstest.MapFile{Data: blob}
		figures = append(figures, fmt.Sprintf(`{"confidence":0.%02d,"figure_name":%q,"figure_size":%d,"file_id":"file-a","page_index":0,"is_likely_noise":false}`, 20+i, name, len(blob)))
	}
	m.put("dir-a/entry/page-figures.json", "[%s]", strings.Join(figures, ","))
	m.sum()
	return readCorpus(t, fstest.MapFS(m))
}

// counted is an expression: that so much is said of the length of a list.
func counted(text string) string {
	return fmt.Sprintf(`document.getElementById("count").value === %q`, text)
}

// field is an expression: the value of a field of the filter.
func field(name string) string {
	return fmt.Sprintf(`document.getElementById("filter").elements[%q].value`, name)
}

// The form shows the filter of the address, wherever that comes from, and says what is wrong with a field.
func TestBrowser_View_FormShowsTheAddress(t *testing.T) {
	t.Parallel()
	e := exported(t, figureCorpus(t))
	b := startBrowser(t, 1280, 800)
	b.open(view(t, e.out) + "#/pictures?kind=figure&confidence=0.33")
	b.waitFor(counted("17 pictures") + ` && ` + field("kind") + ` === "figure" && ` + field("confidence") + ` === "0.33"`)
	choose(b, "confidence", "0.34")
	b.waitFor(counted("16 pictures"))
	choose(b, "confidence", "2")
	b.waitFor(`document.getElementById("count").value.startsWith("confidence") && location.hash.includes("0.34")`)
	b.eval(`document.querySelector("[data-view=pictures]").click()`, nil)
	b.waitFor(counted("31 pictures") + ` && !` + field("kind") + ` && !` + field("confidence"))
	b.eval(`history.back()`, nil)
	b.waitFor(counted("16 pictures") + ` && ` + field("kind") + ` === "figure" && ` + field("confidence") + ` === "0.34"`)
	b.eval(`location.hash = "#/pictures?file=file-a"`, nil)
	b.waitFor(`document.querySelector(".chip")?.innerText === "of file file-a ×" && ` + counted("31 pictures"))
	b.picture("chip")
	b.eval(`document.querySelector(".chip").click()`, nil)
	b.waitFor(`location.hash === "#/pictures" && !document.querySelector(".chip")`)
	for _, name := range []string{"constructor", "toString", "__proto__"} {
		b.eval(fmt.Sprintf(`location.hash = "#/%s"`, name), nil)
		b.waitFor(`document.querySelector(".message")?.innerText === "There is no such view." && ` + counted(""))
	}
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
	b.eval(`(window.fetch = () => Promise.reject(new TypeError("Failed to fetch")), location.hash = "#/pictures?state=stored")`, nil)
	b.waitFor(`document.querySelector(".message")?.innerText.includes("start exporter view again") && ` + counted(""))
}

// What browsers do not show is a tile with its type and size, and is not asked for.
func TestBrowser_View_TypesThatBrowsersDoNotShow(t *testing.T) {
	t.Parallel()
	e := exported(t, figureCorpus(t))
	dir := e.wall(t)
	b := startBrowser(t, 1280, 800)
	b.open(view(t, e.out))
	b.waitFor(`document.querySelector(".document")`)
	// Browsers do not turn a WebP as its EXIF says; thumbnails are turned.
	for orientation, want := range map[int]string{1: "blob?", 6: "thumb?"} {
		b.waitFor(fmt.Sprintf(`picture({ status: "stored", media_type: "image/webp", orientation: %d }, 1024).dataset.src.startsWith(%q)`, orientation, want))
	}
	for _, url := range []string{view(t, e.out), "file://" + dir + "/index.html"} {
		b.open(url + "#/pictures?kind=figure&confidence=0.23")
		b.waitFor(`document.querySelector("[data-index='0'] .note")?.innerText === "image/jp2, 32 B"`)
		b.eval(`document.querySelector("[data-index='0']").click()`, nil)
		b.waitFor(`document.querySelector(".picture > .frame .note")?.innerText === "image/jp2, 32 B"`)
		for _, asked := range b.asked() {
			if strings.Contains(asked, "f03.jp2") && !strings.Contains(asked, "/api/") || strings.HasSuffix(asked, ".jp2") {
				t.Errorf("the page asked for %s", asked)
			}
		}
	}
}

// Keys lead from a document to its pictures, from one to the next, and back to where one was.
func TestBrowser_View_KeysInADocument(t *testing.T) {
	t.Parallel()
	url := view(t, exported(t, figureCorpus(t)).out)
	b := startBrowser(t, 1280, 800)
	b.open(url)
	b.waitFor(`document.querySelector(".document")?.innerText.match(/^file-a$[^]*1 screenshot · 30 figures/m)`)
	b.press(keyDown, keyEnter)
	b.waitFor(`document.querySelector(".page .figures") && ` + counted("1 page"))
	b.press(keyDown)
	b.waitFor(`document.activeElement.matches(".sheet > a")`)
	b.press(keyRight, keyEnter)
	b.waitFor(`document.querySelector(".picture dl") && location.hash.includes("figure=f00.jpg")`)
	b.press(keyRight)
	b.waitFor(`document.querySelector(".picture dl") && location.hash.includes("figure=f01.jpg")`)
	b.press("k")
	b.waitFor(`document.querySelector(".picture dl") && location.hash.includes("figure=f00.jpg")`)
	b.press("k")
	b.waitFor(`document.querySelector(".picture dl") && location.hash.includes("kind=screenshot")`)
	b.press(keyEscape)
	b.waitFor(`document.activeElement.matches(".figures > a") && document.activeElement.href.includes("figure=f00.jpg")`)
	b.press(keyEscape)
	b.waitFor(`document.activeElement.matches(".document")`)
	b.press("p")
	b.waitFor(`document.querySelector("[data-index='7'] .frame")`)
	b.press(keyRight, keyRight, keyEnter)
	b.waitFor(`document.querySelector(".picture dl")`)
	b.press("j")
	b.waitFor(`document.querySelector(".picture dl") && location.hash.includes("at=2&")`)
	b.press(keyEscape)
	b.waitFor(`document.activeElement.matches(".tile[data-index='1']")`)
	// Of a picture to which an address leads from elsewhere, it leads to its document.
	b.open("about:blank")
	b.open(url + "#/picture?file=file-a&kind=figure&page=0&figure=f07.jpg&origin=file")
	b.waitFor(`document.querySelector(".picture dl")`)
	b.press(keyEscape)
	b.waitFor(`location.hash === "#/document?file=file-a" && document.querySelector(".page")`)
	b.press("/")
	b.waitFor(`location.hash === "#/pictures" && document.activeElement.tagName === "INPUT"`)
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
}

// A page of a folder leads to those of its figures that it does not show.
func TestBrowser_Static_MoreFiguresOfAPage(t *testing.T) {
	t.Parallel()
	e := exported(t, figureCorpus(t))
	dir := e.wall(t)
	b := startBrowser(t, 1280, 800)
	b.open("file://" + dir + "/index.html#/document?file=file-a")
	b.waitFor(`document.querySelector(".figures > .message")?.innerText === "6 more"`)
	b.eval(`document.querySelector(".figures > .message").click()`, nil)
	b.waitFor(`document.querySelectorAll(".chip").length === 2 && ` + counted("31 pictures"))
}

// Whoever scrolls past pictures does not ask for them.
func TestBrowser_View_PicturesInSightAlone(t *testing.T) {
	t.Parallel()
	e := exported(t, figureCorpus(t))
	b := startBrowser(t, 400, 500)
	b.open(view(t, e.out) + "#/pictures")
	b.waitFor(loaded + ` > 3 && ` + loaded + ` === document.querySelectorAll(".tile img").length`)
	b.asked()
	// While a frame lasts as long, as on a machine that has much else to do, what it shows is in sight.
	var slow int
	b.evalAsync(`
const done = arguments[arguments.length - 1], wall = document.querySelector(".wall"), end = wall.scrollHeight;
let frame = 0, slow = 0, last = performance.now();
const step = now => {
	if (now - last > 50) slow++;
	last = now;
	wall.scrollTop = end * (frame % 4) / 3;
	if (++frame <= 20) requestAnimationFrame(step); else done(slow);
};
requestAnimationFrame(step);`, &slow)
	b.eval(`document.querySelector(".wall").scrollTop = 1e6`, nil)
	b.waitFor(`document.querySelector(".tile[data-index='30'] img")?.naturalWidth > 0`)
	time.Sleep(200 * time.Millisecond)
	var thumbs, tiles int
	for _, asked := range b.asked() {
		if strings.Contains(asked, "/thumb?") {
			thumbs++
		}
	}
	if b.eval(`document.querySelectorAll(".tile").length`, &tiles); thumbs == 0 || thumbs > (4+slow)*tiles {
		t.Errorf("the page asked for %d thumbnails, and shows %d pictures; %d frames were slow", thumbs, tiles, slow)
	}
}
