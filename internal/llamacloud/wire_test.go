package llamacloud

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

// unexported lets cmp look into Optional. What stands for an item in its listing is left out.
func unexported() cmp.Option {
	return cmp.Options{
		cmp.Exporter(func(reflect.Type) bool { return true }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".identity" }, cmp.Ignore()),
	}
}

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
		{ImageSize: Value[int64](0), Metadata: Value(json.RawMessage(`{"b":1.00,"a":12345678901234567890}`))},
		{PageIndex: 1, ImageSize: Null[int64](), Metadata: Null[json.RawMessage]()},
		{PageIndex: 2147483647, ImageSize: Value[int64](9007199254740993)},
		{PageIndex: 4, ImageSize: Value[int64](1000)},
	}
	got, err := decodeText(raw, listDecoder(readPageScreenshot))
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
	got, err := decodeText(raw, listDecoder(readPageFigure))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, unexported()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeList_RefusesWhatIsNoList(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `{"items":[]}`, `"x"`, `[`, `[{]`, `<html>`, `[] []`, `[NaN,]`, `[nan]`,
		`[{"page_index":0,"metadata":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}]`,
		strings.Repeat("[", 1<<20),
	} {
		if got, err := decodeText(raw, listDecoder(readPageScreenshot)); err == nil {
			t.Errorf("%.80s is taken for %v", raw, got)
		}
	}
	for _, raw := range []string{`[]`, ` [ ] `, `null`} {
		if got, err := decodeText(raw, listDecoder(readPageScreenshot)); err != nil || (got == nil) != (raw == "null") || len(got) != 0 {
			t.Errorf("%s: got %v, %v, want an empty list, and nil for null", raw, got, err)
		}
	}
}

// What says which asset an item is has to be there; the items beside it are read all the same.
func TestDecodeList_MalformedItems(t *testing.T) {
	for _, item := range []string{
		`{}`, `null`, `1`, `[]`, `{"page_index":null}`, `{"page_index":1.5}`, `{"page_index":1e99}`, `{"page_index":"1"}`,
		`{"page_index":true}`, `{"page_index":2147483648}`, `{"page_index":-2147483649}`, `{"Page_Index":1}`, `{"page_index":NaN}`,
	} {
		got, err := decodeText(`[{"page_index":7},`+item+`,{"page_index":8}]`, listDecoder(readPageScreenshot))
		if err != nil || len(got) != 3 || got[1].Malformed == nil || got[0].PageIndex != 7 || got[2].PageIndex != 8 ||
			got[0].Malformed != nil || got[2].Malformed != nil {
			t.Errorf("%s: got %+v, %v", item, got, err)
		}
	}
	for _, item := range []string{
		`{"page_index":0}`, `{"page_index":0,"figure_name":null}`, `{"page_index":0,"figure_name":3}`, `{"figure_name":"x"}`,
	} {
		if got, err := decodeText(`[`+item+`]`, listDecoder(readPageFigure)); err != nil || len(got) != 1 || got[0].Malformed == nil {
			t.Errorf("%s: got %+v, %v", item, got, err)
		}
	}
}

// A field that may be absent is null where its value is odd.
func TestDecodeList_OddFields(t *testing.T) {
	for _, test := range []struct{ field, value string }{
		{"figure_size", `"1"`}, {"figure_size", `1.5`}, {"figure_size", `9e18`}, {"figure_size", `true`}, {"confidence", `1e999`},
		{"confidence", `"0.9"`}, {"is_likely_noise", `0`}, {"is_likely_noise", `"false"`},
	} {
		raw := fmt.Sprintf(`[{"page_index":0,"figure_name":"x",%q:%s}]`, test.field, test.value)
		got, err := decodeText(raw, listDecoder(readPageFigure))
		if err != nil || len(got) != 1 || got[0].Malformed != nil {
			t.Fatalf("%s: got %+v, %v", raw, got, err)
		}
		f := got[0]
		if f.FigureSize.Ptr() != nil || f.Confidence.Ptr() != nil || f.IsLikelyNoise.Ptr() != nil {
			t.Errorf("%s is taken for %+v", raw, f)
		}
		if want := []pipeline.Oddity{{Field: test.field, Value: test.value}}; !slices.Equal(f.Odd, want) {
			t.Errorf("%s: odd are %v, want %v", raw, f.Odd, want)
		}
	}
}

// Servers that are written in Python send numbers that JSON does not have.
func TestParseJSON_NumbersThatAreNone(t *testing.T) {
	got, err := parseJSON([]byte(`{"a": NaN, "b": [-Infinity, Infinity, -1], "NaN": "a\"NaN"}`))
	if want := `{"a":null,"b":[null,null,-1],"NaN":"a\"NaN"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestParseJSON_AcceptsDepthUpToTheLimit(t *testing.T) {
	raw := strings.Repeat("[", maxJSONDepth) + `"[[[\"[[["` + strings.Repeat("]", maxJSONDepth)
	if _, err := parseJSON([]byte(raw)); err != nil {
		t.Error(err)
	}
	if _, err := parseJSON([]byte("[" + raw + "]")); err == nil {
		t.Error("one level more is accepted")
	}
}

// Keys are compared as they are, and of two the last counts.
func TestObject_Get(t *testing.T) {
	v, err := parseJSON([]byte(`{"a":1,"A":2,"\u0061":3,"b":{"a":4},"c":[5,{"a":6}],"d\"":7}`))
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := o.parse(v); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "3", "A": "2", "b": `{"a":4}`, "c": `[5,{"a":6}]`, `d"`: "7", "e": ""} {
		if got := o.get(name); string(got) != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
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
	second := time.Date(2019, 12, 27, 18, 11, 19, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2019-12-27T18:11:19.117Z"`:         second.Add(117 * time.Millisecond),
		`"2019-12-27T18:11:19Z"`:             second,
		`"2019-12-27T18:11:19.123456+02:00"`: second.Add(-2*time.Hour + 123456*time.Microsecond),
		`"2019-12-27T18:11:19.123456"`:       second.Add(123456 * time.Microsecond),
		`"2019-12-27T18:11:19"`:              second,
		`"2019-12-27 18:11:19"`:              second,
		`"2019-12-27 18:11:19+00:00"`:        second,
		`"2019-12-27 18:11:19 UTC"`:          second,
		`"2019-12-27t18:11:19z"`:             second,
		`"2019-12-27T18:11:19+0000"`:         second,
		`"2019-12-27T18:11:19-0130"`:         second.Add(90 * time.Minute),
		`"2019-12-27T18:11:19+00"`:           second,
		`"2019-12-27T18:11:19,5Z"`:           second.Add(500 * time.Millisecond),
		`"2019-12-27T18:11Z"`:                second.Add(-19 * time.Second),
		`"2019-12-27 18:11"`:                 second.Add(-19 * time.Second),
		`"2016-12-31T23:59:60Z"`:             time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
		`"2016-12-31T23:59:60.25Z"`:          time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
		`"2019-12-27T18:11:19.1234567891Z"`:  second.Add(123456789 * time.Nanosecond),
	} {
		var got Timestamp
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Time != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{`""`, `"yesterday"`, `1577470279`, `"2019-12-27"`, `"2019-13-27T18:11:19Z"`, `{}`,
		`"9999-12-31T23:59:59-01:00"`, `"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `"0001-01-01T00:00:00+02:00"`,
		`"2019-12-27T18:11:61Z"`, `"2019-12-27T18:11.5Z"`, `"2019-02-30T00:00:00Z"`, `"27/12/2019 18:11:19"`} {
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
		p, err := decodeText(string(raw), pageDecoder)
		if err != nil {
			return
		}
		for _, item := range p.Items {
			if item.identity == "" || item.Malformed == nil && item.ID == "" && item.FileID.Or("") == "" {
				t.Errorf("nobody can tell which file %+v is", item)
			}
			item.Item = Item{}
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
		if list, err := decodeText(string(raw), listDecoder(readPageFigure)); err == nil && list == nil && strings.TrimSpace(string(raw)) != "null" {
			t.Errorf("%q is taken for figures", raw)
		}
		if list, err := decodeText(string(raw), listDecoder(readPageScreenshot)); err == nil && list == nil && strings.TrimSpace(string(raw)) != "null" {
			t.Errorf("%q is taken for screenshots", raw)
		}
		if p, err := decodeText(string(raw), offsetDecoder); err == nil && p.Files == nil {
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
		text, _ := parseDetail(raw)
		checkPrintable(t, printable(text))
	})
}
