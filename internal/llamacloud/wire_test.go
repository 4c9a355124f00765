package llamacloud

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// unexported lets cmp look into Optional.
func unexported() cmp.Option { return cmp.Exporter(func(reflect.Type) bool { return true }) }

func TestOptional_KeepsAbsentNullAndZeroApart(t *testing.T) {
	type object struct {
		Text Optional[string]          `json:"text,omitzero"`
		Flag Optional[bool]            `json:"flag,omitzero"`
		Raw  Optional[json.RawMessage] `json:"raw,omitzero"`
	}
	for text, want := range map[string]object{
		`{}`:                                   {},
		`{"text":null,"flag":null,"raw":null}`: {Null[string](), Null[bool](), Null[json.RawMessage]()},
		`{"text":"","flag":false,"raw":{}}`:    {Value(""), Value(false), Value(json.RawMessage(`{}`))},
	} {
		var got object
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, unexported()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if back, err := json.Marshal(got); err != nil || string(back) != text {
			t.Errorf("%s is written as %s, %v", text, back, err)
		}
	}
}

func TestOptional_Accessors(t *testing.T) {
	for _, test := range []struct {
		o                Optional[int]
		ok, isNull, zero bool
	}{{o: Optional[int]{}, zero: true}, {o: Null[int](), isNull: true}, {o: Value(0), ok: true}} {
		_, ok := test.o.Get()
		if ok != test.ok || (test.o.Ptr() != nil) != test.ok || test.o.IsNull() != test.isNull || test.o.IsZero() != test.zero {
			t.Errorf("%+v: %v, %v, %v, %v", test.o, ok, test.o.Ptr(), test.o.IsNull(), test.o.IsZero())
		}
		if want := map[bool]int{true: 0, false: 7}[test.ok]; test.o.Or(7) != want {
			t.Errorf("%+v: Or(7) is %d, want %d", test.o, test.o.Or(7), want)
		}
	}
	var o Optional[int]
	if err := json.Unmarshal([]byte(`"x"`), &o); err == nil || !o.IsZero() {
		t.Errorf("a string as a number: %v, %+v", err, o)
	}
}

func TestDecodeList_Screenshots(t *testing.T) {
	raw := `[
		{"file_id": "f", "image_size": 0, "page_index": 0, "metadata": { "b": 1.00, "a": 12345678901234567890 }},
		{"page_index": 1.0, "image_size": null, "metadata": null, "new": [1]},
		{"page_index": 2147483647, "image_size": 9007199254740993},
		{"page_index": -1, "image_size": 1e3, "page_index": 4}
	]`
	want := []PageScreenshot{
		{FileID: "f", ImageSize: Value[int64](0), Metadata: Value(json.RawMessage(`{"b":1.00,"a":12345678901234567890}`))},
		{PageIndex: 1, ImageSize: Null[int64](), Metadata: Null[json.RawMessage]()},
		{PageIndex: 2147483647, ImageSize: Value[int64](9007199254740993)},
		{PageIndex: 4, ImageSize: Value[int64](1000)},
	}
	got, err := decodeList[PageScreenshot]([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, unexported()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeList_Figures(t *testing.T) {
	raw := `[
		{"page_index": 0, "figure_name": "", "confidence": 0, "is_likely_noise": false, "figure_size": 5},
		{"page_index": 0, "figure_name": "a\u0000/\u202e", "confidence": null, "is_likely_noise": null}
	]`
	want := []PageFigure{
		{Confidence: Value(0.0), IsLikelyNoise: Value(false), FigureSize: Value[int64](5)},
		{FigureName: "a\x00/\u202e", Confidence: Null[float64](), IsLikelyNoise: Null[bool]()},
	}
	got, err := decodeList[PageFigure]([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, unexported()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeList_RefusesWhatIsMalformed(t *testing.T) {
	for _, raw := range []string{
		``, `null`, `{}`, `"x"`, `[`, `[{}]`, `[null]`, `[1]`, `<html>`, `[] []`, `[{"page_index":null}]`,
		`[{"page_index":1.5}]`, `[{"page_index":1e99}]`, `[{"page_index":"1"}]`, `[{"page_index":true}]`,
		`[{"page_index":2147483648}]`, `[{"page_index":-2147483649}]`, `[{"page_index":0,"image_size":"1"}]`,
		`[{"page_index":0,"image_size":1.5}]`, `[{"page_index":0,"image_size":9e18}]`,
		`[{"page_index":0,"metadata":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}]`,
		strings.Repeat("[", 1<<20),
	} {
		if got, err := decodeList[PageScreenshot]([]byte(raw)); err == nil {
			t.Errorf("%.80s is taken for %v", raw, got)
		}
	}
	for _, raw := range []string{
		`[{"page_index":0}]`, `[{"page_index":0,"figure_name":null}]`, `[{"page_index":0,"figure_name":3}]`,
		`[{"figure_name":"x"}]`, `[{"page_index":0,"figure_name":"x","confidence":1e999}]`,
		`[{"page_index":0,"figure_name":"x","is_likely_noise":0}]`,
	} {
		if got, err := decodeList[PageFigure]([]byte(raw)); err == nil {
			t.Errorf("%s is taken for %v", raw, got)
		}
	}
}

func TestDecodeJSON_AcceptsDepthUpToTheLimit(t *testing.T) {
	raw := strings.Repeat("[", maxJSONDepth) + `"[[[\"[[["` + strings.Repeat("]", maxJSONDepth)
	var v any
	if err := decodeJSON([]byte(raw), &v); err != nil {
		t.Error(err)
	}
	if err := decodeJSON([]byte("["+raw+"]"), &v); err == nil {
		t.Error("one level more is accepted")
	}
}

func TestDecodeJSON_ReplacesWhatIsNotUTF8(t *testing.T) {
	var got json.RawMessage
	if err := decodeJSON([]byte("{ \"a\": \"\xff\" }"), &got); err != nil {
		t.Fatal(err)
	}
	if want := "{\"a\":\"\ufffd\"}"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Of a key that comes twice the last value counts, and nothing is left of the first.
func TestOptional_KeyTwice_LastCounts(t *testing.T) {
	var v struct {
		Fields Optional[map[string]int] `json:"fields"`
	}
	if err := json.Unmarshal([]byte(`{"fields":{"a":1},"fields":{"b":2}}`), &v); err != nil {
		t.Fatal(err)
	}
	if got := v.Fields.Or(nil); len(got) != 1 || got["b"] != 2 {
		t.Errorf("got %v, want only b", got)
	}
}

func TestTimestamp_UnmarshalJSON(t *testing.T) {
	for text, want := range map[string]time.Time{
		`"2019-12-27T18:11:19.117Z"`:         time.Date(2019, 12, 27, 18, 11, 19, 117e6, time.UTC),
		`"2019-12-27T18:11:19Z"`:             time.Date(2019, 12, 27, 18, 11, 19, 0, time.UTC),
		`"2019-12-27T18:11:19.123456+02:00"`: time.Date(2019, 12, 27, 16, 11, 19, 123456e3, time.UTC),
		`"2019-12-27T18:11:19.123456"`:       time.Date(2019, 12, 27, 18, 11, 19, 123456e3, time.UTC),
		`"2019-12-27T18:11:19"`:              time.Date(2019, 12, 27, 18, 11, 19, 0, time.UTC),
	} {
		var got Timestamp
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Time != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{`""`, `"yesterday"`, `1577470279`, `"2019-12-27"`, `"2019-13-27T18:11:19Z"`, `{}`,
		`"9999-12-31T23:59:59-01:00"`, `"0000-01-01T00:00:00Z"`} {
		var got Timestamp
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is taken for %v", text, got)
		}
	}
}

func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{
		`{"items":[],"next_page_token":null}`, `{"items":[{"id":"a"}],"next_page_token":"t","total_size":0}`,
		`{"items":[{"id":"a","metadata":{"k":[1,null]},"created_at":"2019-12-27T18:11:19.117Z","file_id":null}]}`,
		`{}`, `{"items":null}`, `{"items":[{}]}`, `[`, "{\"items\":[{\"id\":\"\xff\"}]}", `{"items":[{"id":"a","metadata":null}]}`,
		`{"items":[{"id":"a","updated_at":"9999-12-31T23:59:59-01:00"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := decodePage(raw, (*DirectoryFile).identify)
		if err != nil {
			return
		}
		for _, item := range p.Items {
			if item.ID == "" {
				t.Error("an item has no id")
			}
			if metadata, ok := item.Metadata.Get(); ok && !json.Valid(metadata) {
				t.Errorf("metadata is not JSON: %s", metadata)
			}
			encoded, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			var back DirectoryFile
			if err := json.Unmarshal(encoded, &back); err != nil {
				t.Fatalf("%s: %v", encoded, err)
			}
			if again, err := json.Marshal(back); err != nil || string(again) != string(encoded) {
				t.Errorf("%s comes back as %s, %v", encoded, again, err)
			}
		}
	})
}

func FuzzDecodeLists(f *testing.F) {
	for _, seed := range []string{
		`[{"page_index":0,"figure_name":"x","figure_size":1,"confidence":0.5,"is_likely_noise":true,"metadata":{}}]`,
		`[{"page_index":1.0,"image_size":1e3}]`, `[]`, `[{}]`, `null`, `[{"page_index":1e99}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if list, err := decodeList[PageFigure](raw); err == nil && (list == nil || !json.Valid(raw)) {
			t.Errorf("%q is taken for figures", raw)
		}
		if list, err := decodeList[PageScreenshot](raw); err == nil && (list == nil || !json.Valid(raw)) {
			t.Errorf("%q is taken for screenshots", raw)
		}
		if p, err := decodePipelinePage(raw); err == nil && p.Files == nil {
			t.Errorf("%q is taken for a page of a pipeline", raw)
		}
	})
}

func FuzzParseDetail(f *testing.F) {
	for _, seed := range []string{
		`{"detail":"x"}`, `{"detail":[{"loc":["query",1],"msg":"m"}]}`, `{"detail":{}}`, `<html>`, ``, "\x00",
		`{"detail":"\u009b31m\u202e\ud800"}`, "\u202e\u2028\x7f\U000e0041",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkPrintable(t, printable(parseDetail(raw)))
	})
}
