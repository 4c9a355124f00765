package metrics

import (
	"bytes"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

var families = []Family{
	{Name: "x_build_info", Type: Info, Help: `a \ and "b"`, Samples: []Sample{{[]Label{{"path", "C:\\a\n\"b\"\xff"}, {"v", "1"}}, 1}}},
	{Name: "x_sent_bytes_total", Type: Counter, Help: "b", Samples: []Sample{{nil, 1796050709}}},
	{Name: "x_left_seconds", Type: Gauge, Help: "c", Samples: []Sample{
		{[]Label{{"s", "a"}}, math.NaN()}, {[]Label{{"s", "b"}}, 0.25}, {[]Label{{"s", "c"}}, math.Inf(1)},
	}},
}

func TestWrite(t *testing.T) {
	for format, want := range map[Format]string{
		Text: `# HELP x_build_info a \\ and "b"
# TYPE x_build_info gauge
x_build_info{path="C:\\a\n\"b\"` + "\ufffd" + `",v="1"} 1
# HELP x_sent_bytes_total b
# TYPE x_sent_bytes_total counter
x_sent_bytes_total 1796050709
# HELP x_left_seconds c
# TYPE x_left_seconds gauge
x_left_seconds{s="a"} NaN
x_left_seconds{s="b"} 0.25
x_left_seconds{s="c"} +Inf
`,
		OpenMetrics: `# HELP x_build a \\ and \"b\"
# TYPE x_build info
x_build_info{path="C:\\a\n\"b\"` + "\ufffd" + `",v="1"} 1
# HELP x_sent_bytes b
# TYPE x_sent_bytes counter
# UNIT x_sent_bytes bytes
x_sent_bytes_total 1796050709
# HELP x_left_seconds c
# TYPE x_left_seconds gauge
# UNIT x_left_seconds seconds
x_left_seconds{s="a"} NaN
x_left_seconds{s="b"} 0.25
x_left_seconds{s="c"} +Inf
# EOF
`,
	} {
		var b bytes.Buffer
		if err := Write(&b, format, families); err != nil || b.String() != want {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", format, err, &b, want)
		}
	}
}

// What is read is what was written, and a file that cannot be replaced leaves nothing behind.
func TestWriteFile_ReadValue(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.prom")
	for range 2 {
		if err := WriteFile(path, families); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v; want everybody to read it", info.Mode(), err)
	}
	for _, tt := range []struct {
		name   string
		labels []Label
		want   float64
		ok     bool
	}{
		{"x_sent_bytes_total", nil, 1796050709, true},
		{"x_left_seconds", []Label{{"s", "b"}}, 0.25, true},
		{"x_left_seconds", []Label{{"s", "d"}}, 0, false},
		{"x_left", nil, 0, false},
	} {
		got, ok, err := ReadValue(path, tt.name, tt.labels)
		if err != nil || ok != tt.ok || got != tt.want {
			t.Errorf("%s%v is %v, %t, %v; want %v, %t", tt.name, tt.labels, got, ok, err, tt.want, tt.ok)
		}
	}
	if _, ok, err := ReadValue(filepath.Join(dir, "missing.prom"), "x", nil); ok || err != nil {
		t.Errorf("a file that is missing: %t, %v", ok, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "y.prom"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "y.prom"), families); err == nil {
		t.Error("a directory was replaced")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v; want no temporary file", entries, err)
	}
}

func TestHandler_Negotiates(t *testing.T) {
	h := Handler(func() []Family { return families })
	for accept, want := range map[string]Format{
		"":                             Text,
		"*/*":                          Text,
		"application/openmetrics-text": OpenMetrics,
		"application/openmetrics-text; version=0.0.1, */*":   Text,
		"text/plain;q=0.5, application/openmetrics-text;q=0": Text,
		"text/plain, application/openmetrics-text;q=0.9":     Text,
		// What Prometheus 2.42 and 3 send.
		"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1": OpenMetrics,
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2": OpenMetrics,
	} {
		r := httptest.NewRequest("GET", Path, nil)
		r.Header.Set("Accept", accept)
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if got := answer.Header().Get("Content-Type"); got != string(want) || bytes.HasSuffix(answer.Body.Bytes(), []byte("# EOF\n")) != (want == OpenMetrics) {
			t.Errorf("Accept %q is answered with %s, want %s", accept, got, want)
		}
	}
	for target, want := range map[string]int{"/": 404, "/metrics/x": 404} {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest("GET", target, nil))
		if answer.Code != want {
			t.Errorf("%s: %d, want %d", target, answer.Code, want)
		}
	}
}
