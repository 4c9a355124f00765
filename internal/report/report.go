package report

import (
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
