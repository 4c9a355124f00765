package emulator

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

// syntheticAttachments computes the attachments of one file: the screenshots of its pages.
type syntheticAttachments struct {
	*syntheticPictures
	modified time.Time
}

func (s syntheticAttachments) after(seq uint64) iter.Seq2[uint64, attachment] {
	return func(yield func(uint64, attachment) bool) {
		for i := seq; i < uint64(s.assets); i++ {
			name := syntheticScreenshot(i + 1)
			if !yield(i+1, attachment{name, listedAttachment(name, s.length, s.modified), syntheticBlob{s.generator, s.first + i}}) {
				return
			}
		}
	}
}

func syntheticScreenshot(page uint64) string {
	return "screenshots/page_" + strconv.FormatUint(page, 10) + ".jpg"
}

func (s syntheticAttachments) find(name string) blob {
	text := strings.TrimSuffix(strings.TrimPrefix(name, "screenshots/page_"), ".jpg")
	page, err := strconv.ParseUint(text, 10, 63)
	if err != nil || page < 1 || page > uint64(s.assets) || syntheticScreenshot(page) != name {
		return nil
	}
	return syntheticBlob{s.generator, s.first + page - 1}
}

// syntheticDocument is the original of the file of a number.
type syntheticDocument struct {
	length int64
	number uint64
}

func (d syntheticDocument) size() int64       { return d.length }
func (d syntheticDocument) mediaType() string { return "application/pdf" }

func (d syntheticDocument) writeTo(w io.Writer) error {
	head := fmt.Sprintf("%%PDF-1.5\n%% document %d\n", d.number)
	if _, err := io.WriteString(w, head[:min(d.length, int64(len(head)))]); err != nil {
		return err
	}
	lines := strings.Repeat("% a line of a document\n", 1<<10)
	for left := d.length - int64(len(head)); left > 0; left -= int64(len(lines)) {
		if _, err := io.WriteString(w, lines[:min(left, int64(len(lines)))]); err != nil {
			return err
		}
	}
	return nil
}
