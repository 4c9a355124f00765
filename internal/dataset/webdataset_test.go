package dataset

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

type member struct {
	header *tar.Header
	data   []byte
}

func members(t *testing.T, shard []byte) (all []member) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(shard))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{h, data})
	}
}

func TestTar_ManySamples_ReadsBack(t *testing.T) {
	samples, pictures := many(70)
	b, _ := shard(t, tarForm{}, everything(), samples, pictures)
	all := members(t, b)
	if len(all) != 2*len(samples) {
		t.Fatalf("got %d members, want %d", len(all), 2*len(samples))
	}
	for i, s := range samples {
		picture, columns := all[2*i], all[2*i+1]
		key := sampleKey(s.Name)
		if picture.header.Name != key+".jpg" || columns.header.Name != key+".json" {
			t.Errorf("sample %d: got members %s, %s", i, picture.header.Name, columns.header.Name)
		}
		if !bytes.Equal(picture.data, pictures[i]) {
			t.Errorf("sample %d has another picture", i)
		}
		if !json.Valid(columns.data) {
			t.Errorf("sample %d: %s is no JSON", i, columns.data)
		}
		for _, m := range []*tar.Header{picture.header, columns.header} {
			if m.Format != tar.FormatUSTAR || m.Mode != 0o644 || m.Uid != 0 || m.Gid != 0 || m.Uname+m.Gname != "" || !m.ModTime.Equal(time.Unix(0, 0)) {
				t.Errorf("member %s has the header %+v", m.Name, m)
			}
		}
	}
}

func TestTar_JSON_HasEveryKey(t *testing.T) {
	b, _ := shard(t, tarForm{}, everything(), []*Sample{fullSample("a.jpg"), bareSample("b.jpg")}, [][]byte{picture(0, 5), picture(1, 5)})
	all := members(t, b)
	var full, bare map[string]any
	for i, into := range []*map[string]any{&full, &bare} {
		if err := json.Unmarshal(all[2*i+1].data, into); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, c := range Columns() {
		want = append(want, c.Name)
	}
	want = slices.Sorted(slices.Values(append(want, "objects")))
	for _, got := range []map[string]any{full, bare} {
		if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
			t.Errorf("got keys %v, want %v", keys, want)
		}
	}
	for key, value := range full {
		if value == nil {
			t.Errorf("%s is null", key)
		}
	}
	for _, key := range []string{"file_id", "confidence", "text", "fetched_at", "metadata"} {
		if bare[key] != nil {
			t.Errorf("%s is %v, want null", key, bare[key])
		}
	}
	for key, want := range map[string]any{
		"metadata": `{"a":[1,"<&>"]}`, "fetched_at": "2026-02-03T04:05:06.000789Z", "figure_name": "ä \"1\".png", "display_name": "n\u2028.pdf",
	} {
		if full[key] != want {
			t.Errorf("%s: got %v, want %v", key, full[key], want)
		}
	}
	objects := `"objects":{"bbox":[[1.0,2.0,3.0,4.5],[0.0,0.0,1.0,1.0]],"category":["chart",null],"label":["bar",null],"caption":["c",null],` +
		`"confidence":[0.5,null],"upstream_name":["p1.png",null]}}`
	if !bytes.HasSuffix(all[1].data, []byte(objects)) {
		t.Errorf("got %s, want it to end with %s", all[1].data, objects)
	}
	empty := `"objects":{"bbox":[],"category":[],"label":[],"caption":[],"confidence":[],"upstream_name":[]}}`
	if !bytes.HasSuffix(all[3].data, []byte(empty)) {
		t.Errorf("got %s, want it to end with %s", all[3].data, empty)
	}
}

func TestTar_JSON_EveryType(t *testing.T) {
	j := newSampleJSON(typed(edges))
	for i, want := range []string{
		`{"a_string":null,"a_int32":null,"a_int64":null,"a_float64":null,"a_bool":null,"a_timestamp":null}`,
		`{"a_string":"","a_int32":0,"a_int64":0,"a_float64":0.0,"a_bool":false,"a_timestamp":"1970-01-01T00:00:00.000000Z"}`,
		`{"a_string":"a\u0000\u2028😀\"\\\n<&>","a_int32":-2147483648,"a_int64":-9223372036854775808,"a_float64":-1e+300,"a_bool":true,` +
			`"a_timestamp":"1969-12-31T23:59:59.999999Z"}`,
		`{"a_string":"x\ufffdy","a_int32":2147483647,"a_int64":9223372036854775807,"a_float64":1.2345675e+06,"a_bool":false,` +
			`"a_timestamp":"2026-02-02T02:40:00.123456Z"}`,
	} {
		got, err := j.encode(edgeSample(i))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("sample %d: got %s, want %s", i, got, want)
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for f, want := range map[float64]string{
		1: "1.0", -0.5: "-0.5", 1e21: "1e+21", 5e-324: "5e-324", math.Inf(1): "null", math.Inf(-1): "null", math.NaN(): "null",
	} {
		if got := string(appendFloat(nil, f)); got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
	}
}

// The index is what DALI's own tool makes of such a shard.
func TestTar_Index(t *testing.T) {
	samples := []*Sample{bareSample("f/0.jpg"), bareSample("f/1.jpg"), bareSample("f/2.jpg")}
	pictures := [][]byte{picture(0, 5), nil, picture(2, 600)}
	b, side := shard(t, tarForm{}, &Schema{}, samples, pictures)
	want := "v1.2 3\n" +
		"jpg 512 5 f+0=jpg.jpg json 1536 2 f+0=jpg.json\n" +
		"json 2560 2 f+1=jpg.json\n" +
		"jpg 3584 600 f+2=jpg.jpg json 5120 2 f+2=jpg.json\n"
	if side.extension != ".idx" || string(side.data) != want {
		t.Errorf("got %s %s, want %s", side.extension, side.data, want)
	}
	if got := b[3584 : 3584+600]; !bytes.Equal(got, pictures[2]) {
		t.Error("the picture is elsewhere")
	}
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9~%+=-][A-Za-z0-9_~%+=-]*$`)

// hostileNames are what a name might be, and no name is.
var hostileNames = []string{
	"f1/page_screenshots/0.jpg", "f1/page-figures/3/some%20name~1a2b3c4d.png", "a", "A", "", ".", "..", "../..", "/", "//", "a//b", ".hidden", "__x", "_x", "=x",
	"==x", "%x", "+", "a b", "a\tb", "a\nb", "a\x00b", "CON", "nul.jpg", "é.jpg", "e\u0301.jpg", "😀.png", "\xff\xfe", "test-1.jpg", "val/0.jpg", "a.b.c.jpg",
	"a/.hidden/b.jpg", "a/__x/b.jpg", "a+b", "a=b", "a%2Eb", "a.b", "a/b", "%5Fx", "metadata.parquet", "a::b", "a#b", "a?b", "a[b]", "a*b",
	strings.Repeat("x", 94), strings.Repeat("x", 95), strings.Repeat("x", 300), strings.Repeat("x", 299) + "y", strings.Repeat("é", 300),
}

func TestSampleKey_HostileNames_DifferentKeys(t *testing.T) {
	names := map[string]string{}
	for _, name := range hostileNames {
		key := sampleKey(name)
		if other, isThere := names[key]; isThere {
			t.Errorf("%q and %q have the same key %q", name, other, key)
		}
		names[key] = name
		checkKey(t, name, key)
	}
	for name, want := range map[string]string{
		"f1/page_screenshots/0.jpg": "f1+page_screenshots+0=jpg", "__x": "%5F_x", "a b.png": "a%20b=png", strings.Repeat("x", 94): strings.Repeat("x", 94),
	} {
		if got := sampleKey(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func checkKey(t *testing.T, name, key string) {
	t.Helper()
	if !keyPattern.MatchString(key) || len(key) > largestKey {
		t.Errorf("%q has the key %q", name, key)
	}
}

func FuzzSampleKey(f *testing.F) {
	for i, name := range hostileNames {
		f.Add(name, hostileNames[(i*7+1)%len(hostileNames)])
	}
	// A name that is the key of another.
	f.Add(strings.Repeat("x", 200), sampleKey(strings.Repeat("x", 200)))
	f.Fuzz(func(t *testing.T, a, b string) {
		checkKey(t, a, sampleKey(a))
		if a != b && sampleKey(a) == sampleKey(b) {
			t.Errorf("%q and %q have the same key %q", a, b, sampleKey(a))
		}
	})
}

func TestTar_HostileNames_ReadBack(t *testing.T) {
	var samples []*Sample
	var pictures [][]byte
	for i, name := range hostileNames {
		samples, pictures = append(samples, bareSample(name)), append(pictures, picture(i, 20))
	}
	b, side := shard(t, tarForm{}, &Schema{}, samples, pictures)
	for i, m := range members(t, b) {
		if i%2 == 0 && !bytes.Equal(m.data, pictures[i/2]) {
			t.Errorf("%s has another picture", m.header.Name)
		}
	}
	lines := strings.Split(strings.TrimSuffix(string(side.data), "\n"), "\n")
	for i, line := range lines[1:] {
		var picture, columns struct {
			extension, name string
			offset, size    int64
		}
		if _, err := fmt.Sscan(line, &picture.extension, &picture.offset, &picture.size, &picture.name,
			&columns.extension, &columns.offset, &columns.size, &columns.name); err != nil || strings.Count(line, " ") != 7 {
			t.Fatalf("line %q: %v", line, err)
		}
		if got := b[picture.offset : picture.offset+picture.size]; !bytes.Equal(got, pictures[i]) {
			t.Errorf("line %q leads elsewhere", line)
		}
	}
}
