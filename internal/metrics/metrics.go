// Package metrics writes numbers in the two formats that Prometheus reads: its text format, as node_exporter's textfile collector takes
// it, and OpenMetrics. It knows nothing of what the numbers mean. No sample has a time: whoever reads it knows when.
//
// The formats are those of https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://prometheus.io/docs/specs/om/open_metrics_spec/.
package metrics

import (
	"bytes"
	"io"
	"math"
	"strconv"
	"strings"
)

// Type is the type of a family.
type Type string

// The types. The name of a counter ends in "_total", that of an Info in "_info"; its value is 1.
const (
	Gauge   Type = "gauge"
	Counter Type = "counter"
	Info    Type = "info"
)

// Family is what has one name.
type Family struct {
	Name string
	Type Type
	// Help is a sentence, on one line.
	Help    string
	Samples []Sample
}

// Sample is a number of a family, and what tells it from the others.
type Sample struct {
	Labels []Label
	Value  float64
}

// Label is a name and a value of any characters.
type Label struct{ Name, Value string }

// Format is one of the formats.
type Format string

// The formats, by the media type under which they are served.
const (
	Text        Format = "text/plain; version=0.0.4; charset=utf-8"
	OpenMetrics Format = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// Write writes families in a format.
func Write(w io.Writer, format Format, families []Family) error {
	var b bytes.Buffer
	for _, f := range families {
		f.write(&b, format)
	}
	if format == OpenMetrics {
		b.WriteString("# EOF\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (f *Family) write(b *bytes.Buffer, format Format) {
	// A family of OpenMetrics is called without what its samples end in; the text format has no infos.
	name, typ := f.Name, f.Type
	if format == OpenMetrics {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "_info")
	} else if typ == Info {
		typ = Gauge
	}
	b.WriteString("# HELP " + name + " " + escapeHelp(f.Help, format) + "\n")
	b.WriteString("# TYPE " + name + " " + string(typ) + "\n")
	if unit := unitOf(name); unit != "" && format == OpenMetrics {
		b.WriteString("# UNIT " + name + " " + unit + "\n")
	}
	for _, s := range f.Samples {
		b.WriteString(f.Name + s.labels() + " " + number(s.Value) + "\n")
	}
}

func (s *Sample) labels() string {
	if len(s.Labels) == 0 {
		return ""
	}
	pairs := make([]string, len(s.Labels))
	for i, l := range s.Labels {
		pairs[i] = l.Name + `="` + escapeLabel(l.Value) + `"`
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// unitOf returns the base unit in which a name ends.
func unitOf(name string) string {
	for _, unit := range []string{"seconds", "bytes"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return ""
}

func escapeHelp(text string, format Format) string {
	if format == OpenMetrics {
		return escape(text)
	}
	return strings.ReplaceAll(escape(text), `\"`, `"`)
}

func escapeLabel(text string) string { return escape(strings.ToValidUTF8(text, "\ufffd")) }

// escape puts a backslash before what would end a text, or begin an escape. Most texts have nothing of that.
func escape(text string) string {
	if !strings.ContainsAny(text, "\\\n\"") {
		return text
	}
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(text)
}

func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "+Inf"
	case math.IsInf(x, -1):
		return "-Inf"
	}
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
