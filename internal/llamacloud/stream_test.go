package llamacloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"exporter/pipeline"
)

// What comes in pieces is taken apart as what is read as a whole: arrays into the same elements, and nothing else is taken for one.
func FuzzStream_Elements(f *testing.F) {
	for _, seed := range []string{
		`[]`, ` [ 1 , "a\"]", {"x":[1,{"y":"}"}]} , null,-1.5e3 ,true] `, `[1,]`, `[,1]`, `[1 2]`, `["a"b]`, `[1`, `["\`, `["\u12`, `[[]`, `[]]`, `[] []`,
		`{}`, `1`, `"[1]"`, ``, ` `, `[NaN]`, `[1"a"]`, `[{"a":1}{"b":2}]`, `[:]`, `["a":1]`, `[1}`, `{"a":[}`, "[\"\xff\"]", `[nul]`,
	} {
		f.Add(seed, uint8(1))
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, piece uint8) {
		var got []string
		s := newStream(pieces{strings.NewReader(text), int(piece)%7 + 1}, -1, maxJSONBody)
		err := s.elements(func(v value) error {
			got = append(got, string(v))
			return nil
		})
		if err == nil {
			err = s.end()
		}
		whole, wholeErr := parseJSON([]byte(text))
		if isArray := wholeErr == nil && whole.is('['); isArray != (err == nil) {
			t.Fatalf("%q: got %v and %q, and as a whole %s, %v", text, err, got, whole, wholeErr)
		} else if !isArray {
			return
		}
		var want []json.RawMessage
		if err := json.Unmarshal(whole, &want); err != nil || len(got) != len(want) {
			t.Fatalf("%q: got %q, want %s, %v", text, got, whole, err)
		}
		for i := range want {
			if got[i] != string(want[i]) {
				t.Errorf("%q: got %q, want %q", text, got[i], want[i])
			}
		}
	})
}

// pieces reads a few bytes at a time.
type pieces struct {
	io.Reader
	most int
}

func (p pieces) Read(to []byte) (int, error) { return p.Reader.Read(to[:min(len(to), p.most)]) }

// Of the members of a page the last of two counts, and its items may come before or behind the token.
func TestDecodePage_AnyOrder(t *testing.T) {
	for text, want := range map[string]string{
		`{"items":[{"id":"a"},{"id":"b"}],"next_page_token":"t"}`:        "[a b] t",
		`{"next_page_token":"t", "other": [1,{}], "items":[{"id":"a"}]}`: "[a] t",
		`{"items":[{"id":"a"}],"it\u0065ms":[{"id":"c"}]}`:               "[c] ",
		`{"next_page_token":"t","items":[],"next_page_token":null}`:      "[] ",
	} {
		s := newStream(iotest.OneByteReader(strings.NewReader(text)), -1, maxJSONBody)
		p, err := pageDecoder(s)
		ids := []string{}
		for _, f := range p.Items {
			ids = append(ids, f.ID)
		}
		if got := fmt.Sprint(ids, " ", p.Next); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

// An asset takes its room before the next one is read; an attempt that fails gives back what it took.
func TestSource_Assets_TakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests++; requests < 3 {
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, `[{"page_index":0},{"page_index":1}`)
				return
			}
			_, _ = io.WriteString(w, `[{"page_index":0},{"page_index":1,"metadata":{"a":"b"}},{"page_index":2}]`)
		})
		taken := int64(0)
		assets, err := a.source.Assets(t.Context(), wanted("f", pipeline.Screenshot), func(bytes int64) error {
			taken += bytes
			return nil
		})
		want := int64(0)
		for _, asset := range assets {
			want += asset.Weight()
		}
		if err != nil || len(assets) != 3 || requests != 3 || taken != want {
			t.Errorf("%d assets after %d requests, %v, took %d, want 3 after 3, and %d", len(assets), requests, err, taken, want)
		}
	})
}

// Where there is no room the request is given up at once, and is not made again.
func TestSource_Assets_NoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			chunked(w, []byte(`[{"page_index":0},{"page_index":1},`))
			stall(w, r)
		})
		full := errors.New("no room")
		asked := 0
		_, err := a.source.Assets(t.Context(), wanted("f", pipeline.Screenshot), func(bytes int64) error {
			if bytes > 0 {
				asked++
			}
			if asked == 2 {
				return full
			}
			return nil
		})
		if err != full || requests != 1 || asked != 2 {
			t.Errorf("got %v after %d requests that asked %d times, want %v after 1 that asked twice", err, requests, asked, full)
		}
	})
}

// A listing of assets may be larger than any answer of which all is in memory, if its items are not; white space is not an item.
func TestSource_Assets_LargerThanAnAnswer(t *testing.T) {
	item := `{"page_index":%d,"metadata":` + string(must(json.Marshal(strings.Repeat("m", 1000)))) + `}`
	for name, test := range map[string]struct {
		between string
		isLarge bool
	}{"items": {",", false}, "white space": {strings.Repeat(" ", 1<<12) + ",", true}} {
		t.Run(name, func(t *testing.T) {
			const count = 200
			a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
				var items []string
				for i := range count {
					items = append(items, fmt.Sprintf(item, i))
				}
				_, _ = io.WriteString(w, "["+strings.Join(items, test.between)+"]")
			})
			a.client.maxJSON = 1 << 17
			assets, err := a.source.Assets(t.Context(), wanted("f", pipeline.Screenshot), roomy)
			if isLarge := errors.Is(err, errTooLarge); isLarge != test.isLarge || !isLarge && len(assets) != count {
				t.Errorf("%d assets, %v", len(assets), err)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
