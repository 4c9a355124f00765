package interop

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// sideways is an expression: what of the page is wider inside than it is, or than the window. Lists of figures are meant to be.
const sideways = `["html", "body", "header", "#filter", "#notice", "main", ".wall", ".picture", ".picture > div", ".message"]
	.filter((name) => [...document.querySelectorAll(name)].some((e) => e.scrollWidth > Math.min(e.clientWidth, innerWidth)))`

// phone gives the window the size and the manners of a phone.
func (b *browser) phone(width, height int) {
	b.t.Helper()
	b.ask("/goog/cdp/execute", map[string]any{"cmd": "Emulation.setDeviceMetricsOverride", "params": map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true,
	}}, nil)
}

// Names without a break, of figures, files and captions, make no view wider than a phone.
func TestBrowser_View_LongNamesOnAPhone(t *testing.T) {
	t.Parallel()
	name, file := strings.Repeat("figure", 30)+".jpg", strings.Repeat("document", 25)+".pdf"
	m := mapCorpus{}
	m.put("dir-a/directory.json", `{"id":"dir-a","name":"","project_id":"proj","organization_id":"org"}`)
	m.put("dir-a/entry/file.json", `{"id":"entry","directory_id":"dir-a","project_id":"proj","file_id":"file-a","updated_at":"2026-01-01T00:00:00Z","display_name":%q,"metadata":{}}`, file)
	page := drawJPEG(t, 1)
	m["dir-a/entry/page_screenshots/0.jpg"] = &fstest.MapFile{Data: page}
	m.put("dir-a/entry/page_screenshots.json", `[{"file_id":"file-a","image_size":%d,"page_index":0}]`, len(page))
	var figures []string
	for i := range 2 {
		blob, figure := drawJPEG(t, 2+i), fmt.Sprintf("%d%s", i, name)
		m["dir-a/entry/page-figures/0/"+figure] = &fstest.MapFile{Data: blob}
		figures = append(figures, fmt.Sprintf(`{"confidence":0.5,"figure_name":%q,"figure_size":%d,"file_id":"file-a","page_index":0,"is_likely_noise":false}`, figure, len(blob)))
	}
	m.put("dir-a/entry/page-figures.json", "[%s]", strings.Join(figures, ","))
	m.sum()
	url := view(t, exported(t, readCorpus(t, fstest.MapFS(m))).out)
	b := startBrowser(t, 800, 800)
	b.phone(360, 740)
	for address, shown := range map[string]string{
		"#/documents":              "document.querySelector('.document')",
		"#/document?file=file-a":   "document.querySelector('.page .tile')",
		"#/pictures":               "document.querySelectorAll('.tile').length === 3",
		"#/pictures?file=file-a":   "document.querySelector('.chip') && document.querySelector('.tile')",
		"#/pictures?text=" + name:  "document.querySelector('.message')",
		"#/document?file=" + name:  "document.querySelector('.message')",
		"#/pictures?where=" + name: "document.querySelector('.message')",
		"#/picture?file=file-a&kind=figure&page=0&origin=file&figure=0" + name: "document.querySelector('.picture dl')",
		"#/picture?file=file-a&kind=screenshot&page=0&origin=file":             "document.querySelector('.picture .sheet a')",
	} {
		b.open("about:blank")
		b.open(url + address)
		b.waitFor("innerWidth === 360 && " + shown)
		var wide []string
		if b.eval(sideways, &wide); len(wide) > 0 {
			t.Errorf("%.60s: wider than a phone: %q", address, wide)
		}
		b.picture("phone-" + strings.Map(func(r rune) rune {
			if r == '/' || r == '#' || r == '?' || r == '&' {
				return '-'
			}
			return r
		}, address[:min(len(address), 40)]))
	}
	for _, complaint := range b.complaints() {
		if !strings.Contains(complaint, "400 (Bad Request)") {
			t.Error(complaint)
		}
	}
}
