package emulator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Pictures are neither listed nor there until a time has come, each list was asked for so often, or both.
func TestServer_PicturesAfter(t *testing.T) {
	const figure = "/api/v1/files/file-1/page-figures"
	lists := map[string]string{
		"/api/v1/files/file-1/page_screenshots": blobPath, figure: figure + "/1/x",
		attachmentsPath + "?source_id=f1": attachmentsPath + "/%2E%2E?source_id=f1",
	}
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			looks int
			after time.Duration
			want  string
		}{
			{0, 0, "......"}, {2, 0, "--...."}, {-1, 0, "------"}, {0, 3 * time.Second, "---..."}, {4, time.Second, "----.."},
		} {
			c := todayCorpus(t)
			check(t, c.PutAsset("file-1", AssetSpec{Kind: Screenshot, Data: drawJPEG(t, 8, 9)}))
			check(t, c.PutAsset("file-1", AssetSpec{Kind: Figure, Page: 1, Name: "x", Data: drawJPEG(t, 8, 9)}))
			s := newServer(t, Options{Corpus: c, PicturesAfter: Delay{Looks: test.looks, Until: time.Now().Add(test.after)}})
			got := map[string]string{}
			for range 6 {
				for list, blob := range lists {
					// The picture comes with the list that has it.
					before := ask(s, blob).Code
					empty := strings.Contains(strings.ReplaceAll(ask(s, list).Body.String(), `{"items":[]`, "[]"), "[]")
					got[list] += map[bool]string{true: "-", false: "."}[empty]
					if want := map[bool]int{true: 404, false: 200}[empty]; before != want && test.looks == 0 || ask(s, blob).Code == 404 &&
						!empty {
						t.Errorf("%s answers %d where its list is empty: %t", blob, before, empty)
					}
				}
				time.Sleep(time.Second)
			}
			for list := range lists {
				if got[list] != test.want {
					t.Errorf("%d looks, %v: %s is %s, want %s", test.looks, test.after, list, got[list], test.want)
				}
			}
		}
	})
}
