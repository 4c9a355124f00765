package report

import (
	"bytes"
	"context"
	"fmt"
)

// Format is that of a report.
type Format string

// The formats.
const (
	HTML     Format = "html"
	Markdown Format = "markdown"
)

// ParseFormat reads the name of a format.
func ParseFormat(text string) (Format, error) {
	if f := Format(text); f == HTML || f == Markdown {
		return f, nil
	}
	return "", fmt.Errorf("%q: want %s or %s", text, HTML, Markdown)
}

// Reports begin with these: mark is a comment in both formats.
const (
	mark     = "<!-- exporter report -->\n"
	htmlHead = "<!doctype html>\n" + mark
)

// HeadSize is how many bytes at the beginning of a file say whether it is a report.
const HeadSize = 64

// IsReport tells by the first bytes of a file, HeadSize where it has as many, whether Make has made it.
func IsReport(head []byte) bool {
	return bytes.HasPrefix(head, []byte(htmlHead)) || bytes.HasPrefix(head, []byte(mark))
}

// Make returns the report of an export. It reads its tables once, and the reports of its last runs.
func Make(ctx context.Context, e *Export, format Format) ([]byte, error) {
	f, err := collect(ctx, e)
	if err != nil {
		return nil, err
	}
	d := describe(f)
	if format == Markdown {
		return d.writeMarkdown(), nil
	}
	return d.writeHTML(), nil
}
