package filelist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"exporter/pipeline"
)

// Summary is what a list has.
type Summary struct {
	// Files counts the files of all listings, those that are in several as often as they are there.
	Files int64
	// Unlisted are the listings that did not come to their end.
	Unlisted []*pipeline.SourceError
}

// Write writes the list of what some listings have. The header is asked for once the first of them has answered; the listings it says are these. What was
// read of each file the function is told. What ends one listing is part of the list; what ends all of them is the error, and so is that not one came to its
// end. What was written then is no list.
func Write(ctx context.Context, to io.Writer, header func() Header, listings []pipeline.Listing, listed func(*pipeline.File)) (s Summary, err error) {
	z, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(maxWindow), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	w := &writer{to: z, listed: listed}
	w.encoder = json.NewEncoder(&w.line)
	w.encoder.SetEscapeHTML(false)
	w.header = func() headerLine {
		h := header()
		line := headerLine{version, h.Program, h.ListedAt.UTC(), h.Watermark.UTC(), h.Settings, nil}
		for _, l := range listings {
			line.Listings = append(line.Listings, Listed{l.Key, l.IsPart})
		}
		return line
	}
	for i := range listings {
		if err := context.Cause(ctx); err != nil {
			return s, err
		}
		ended, err := w.writeListing(ctx, &listings[i])
		if err != nil {
			return s, err
		}
		if ended != nil {
			s.Unlisted = append(s.Unlisted, ended)
		}
	}
	if s.Files = w.files; len(listings) > 0 && len(s.Unlisted) == len(listings) {
		return s, allUnlisted(s.Unlisted)
	}
	if err := w.writeHeader(); err != nil {
		return s, err
	}
	return s, w.write(totalLine{w.files, len(listings)})
}

// allUnlisted returns why nothing was listed.
func allUnlisted(ended []*pipeline.SourceError) error {
	if len(ended) == 1 {
		return ended[0]
	}
	return &pipeline.SourcesError{Errs: ended}
}

// writer writes lines.
type writer struct {
	to      io.Writer
	line    bytes.Buffer
	encoder *json.Encoder
	files   int64
	listed  func(*pipeline.File)
	// header returns the first line; it is nil once that is written.
	header func() headerLine
}

// writeHeader writes the first line, if it is not written yet.
func (w *writer) writeHeader() error {
	if w.header == nil {
		return nil
	}
	line := w.header()
	w.header = nil
	return w.write(line)
}

// write writes a line.
func (w *writer) write(v any) error {
	w.line.Reset()
	if err := w.encoder.Encode(v); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	if w.line.Len() > maxLine {
		return fmt.Errorf("write the list: what is known of one file has %d bytes, want %d at most", w.line.Len(), maxLine)
	}
	_, err := w.to.Write(w.line.Bytes())
	return err
}

// writeListing writes a listing, and returns why it ended early; nil where it came to its end.
func (w *writer) writeListing(ctx context.Context, l *pipeline.Listing) (ended *pipeline.SourceError, err error) {
	begun, before := false, w.files
	for file, err := range l.Files {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		malformed, _ := errors.AsType[*pipeline.Failure](err)
		if ended, _ = errors.AsType[*pipeline.SourceError](err); ended != nil {
			break
		}
		if err != nil && malformed == nil {
			return nil, err
		}
		if !begun {
			begun = true
			if err := w.begin(l); err != nil {
				return nil, err
			}
		}
		if err := w.writeFile(&file, malformed); err != nil {
			return nil, err
		}
	}
	if !begun {
		// Nobody is asked when an empty listing expires.
		if err := w.begin(&pipeline.Listing{Key: l.Key}); err != nil {
			return nil, err
		}
	}
	line := endLine{End: l.Key, Files: w.files - before}
	if ended != nil {
		text := ended.Error()
		line.Error, line.Grows, line.Absent = &text, ended.Grows, ended.Absent
	}
	return ended, w.write(line)
}

// begin writes that a listing begins, and when all goes that it has.
func (w *writer) begin(l *pipeline.Listing) (err error) {
	if err := w.writeHeader(); err != nil {
		return err
	}
	line := beginLine{Begin: l.Key}
	if l.Expiry != nil {
		if line.ExpiresAt, line.ExpiryKnown, err = l.Expiry(); err != nil {
			return err
		}
	}
	return w.write(line)
}

// writeFile writes a file. All that is listed is text; what is not would be another name when it is read.
func (w *writer) writeFile(f *pipeline.File, malformed *pipeline.Failure) error {
	line := lineOf(f, malformed)
	for _, text := range []string{line.JobID, line.FileID, line.DirectoryFileID, line.DirectoryID, line.PipelineID, line.ProjectID} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("write the list: %.40q is not valid UTF-8", text)
		}
	}
	w.files++
	if w.listed != nil {
		w.listed(f)
	}
	return w.write(line)
}
