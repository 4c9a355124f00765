package media

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"image"
	"io"
	"strconv"
	"strings"
)

const (
	svgNamespace = "http://www.w3.org/2000/svg"
	gzipMagic    = "\x1f\x8b\x08"
	// maxSVGHead is how much of an SVG is searched for its size, in bytes.
	maxSVGHead = 64 << 10
	// maxSVG is how much of an SVG in gzip is unpacked to see whether it is whole, in bytes.
	maxSVG = 64 << 20
)

func isSVG(head []byte) bool { return findSVG(head) != nil }

func isSVGZ(head []byte) bool {
	if !bytes.HasPrefix(head, []byte(gzipMagic)) {
		return false
	}
	return isSVG(unpack(bytes.NewReader(head), SniffLen))
}

// unpack returns the first bytes of what a gzip holds, as far as they can be had.
func unpack(r io.Reader, most int64) []byte {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil
	}
	// Nothing but the beginning matters, so that it may well break off.
	b, _ := io.ReadAll(io.LimitReader(z, most))
	return b
}

// plainText returns text with a letter in place of every character that is not ASCII, without a byte order mark. It is UTF-16
// where a mark says so, and otherwise in an encoding that ASCII is a part of.
func plainText(b []byte) []byte {
	low, width := 0, 1
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		b, width = b[2:], 2
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		b, low, width = b[2:], 1, 2
	default:
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	}
	text := make([]byte, 0, len(b)/width)
	for ; len(b) >= width; b = b[width:] {
		c := b[low]
		if c >= 0x80 || width == 2 && b[1-low] != 0 {
			c = 'x'
		}
		text = append(text, c)
	}
	return text
}

const xmlSpace = " \t\r\n"

// svg is the start tag of an SVG's root element, as far as it was read.
type svg struct {
	// name is the element's, with its prefix.
	name       string
	attributes map[string]string
	// alone tells that the element has no content.
	alone bool
}

// findSVG returns the root element of an SVG of which the head is given, or nil. Before it there may be nothing but white space,
// comments, instructions, and the declaration of a document type of that name: what HTML has inside, or a feed, is not an SVG.
func findSVG(head []byte) *svg {
	text := plainText(head)
	for {
		text = bytes.TrimLeft(text, xmlSpace)
		var ok bool
		switch {
		case bytes.HasPrefix(text, []byte("<?")):
			_, text, ok = bytes.Cut(text, []byte("?>"))
		case bytes.HasPrefix(text, []byte("<!--")):
			_, text, ok = bytes.Cut(text, []byte("-->"))
		case bytes.HasPrefix(text, []byte("<!DOCTYPE")):
			text, ok = skipDocumentType(text)
		default:
			return rootSVG(text)
		}
		if !ok {
			return nil
		}
	}
}

// skipDocumentType passes over the declaration of a document type, if it is that of an SVG.
func skipDocumentType(text []byte) (rest []byte, ok bool) {
	text = bytes.TrimLeft(text[len("<!DOCTYPE"):], xmlSpace)
	name, text := cutName(text)
	if localName(name) != "svg" {
		return nil, false
	}
	depth := 0
	for len(text) > 0 {
		c := text[0]
		switch {
		case c == '"' || c == '\'':
			if _, text, ok = bytes.Cut(text[1:], []byte{c}); !ok {
				return nil, false
			}
			continue
		case bytes.HasPrefix(text, []byte("<!--")):
			if _, text, ok = bytes.Cut(text, []byte("-->")); !ok {
				return nil, false
			}
			continue
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '>' && depth == 0:
			return text[1:], true
		}
		text = text[1:]
	}
	return nil, false
}

// rootSVG reads the start tag that text begins with.
func rootSVG(text []byte) *svg {
	text, ok := bytes.CutPrefix(text, []byte("<"))
	if !ok {
		return nil
	}
	name, text := cutName(text)
	if localName(name) != "svg" || len(text) == 0 {
		return nil
	}
	s := &svg{name: name, attributes: map[string]string{}}
	s.readAttributes(text)
	namespace := "xmlns"
	if prefix, _, ok := strings.Cut(name, ":"); ok {
		namespace += ":" + prefix
	}
	// An entity stands for what is declared before; without any namespace it is what many programs take for an SVG.
	if is := s.attributes[namespace]; is != "" && is != svgNamespace && !strings.HasPrefix(is, "&") {
		return nil
	}
	return s
}

// readAttributes reads attributes until the tag ends, or the text.
func (s *svg) readAttributes(text []byte) {
	for {
		text = bytes.TrimLeft(text, xmlSpace)
		s.alone = bytes.HasPrefix(text, []byte("/>"))
		name, rest := cutName(text)
		rest, ok := bytes.CutPrefix(bytes.TrimLeft(rest, xmlSpace), []byte("="))
		rest = bytes.TrimLeft(rest, xmlSpace)
		if name == "" || !ok || len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return
		}
		value, rest, ok := bytes.Cut(rest[1:], rest[:1])
		if !ok {
			return
		}
		s.attributes[name] = string(value)
		text = rest
	}
}

// cutName returns the XML name that text begins with, and what follows it.
func cutName(text []byte) (name string, rest []byte) {
	end := bytes.IndexAny(text, xmlSpace+"=/>[\"'<")
	if end < 0 {
		end = len(text)
	}
	return string(text[:end]), text[end:]
}

// localName returns a name without its prefix.
func localName(name string) string {
	return name[strings.IndexByte(name, ':')+1:]
}

func svgConfig(r *io.SectionReader) (image.Config, error) {
	head, err := headOf(r, maxSVGHead)
	if err != nil {
		return image.Config{}, err
	}
	return svgSize(head)
}

func svgzConfig(r *io.SectionReader) (image.Config, error) { return svgSize(unpack(r, maxSVGHead)) }

// svgSize returns the size of an SVG that has one in pixels. Percentages, inches, and a viewBox alone are none: how many pixels
// they make is for who shows it.
func svgSize(head []byte) (image.Config, error) {
	s := findSVG(head)
	if s == nil {
		return image.Config{}, errHeader
	}
	width, widthErr := plainPixels(s.attributes["width"])
	height, heightErr := plainPixels(s.attributes["height"])
	if err := firstError(widthErr, heightErr); err != nil {
		return image.Config{}, err
	}
	return sized(width, height)
}

// plainPixels reads a whole number of pixels, such as "3", "3.0" or "3px".
func plainPixels(s string) (uint64, error) {
	s = strings.TrimSuffix(strings.Trim(s, xmlSpace), "px")
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.Trim(fraction, "0") != "" {
		return 0, errHeader
	}
	return strconv.ParseUint(whole, 10, 31)
}

func wholeSVG(r *io.SectionReader) error {
	head, err := headOf(r, SniffLen)
	if err != nil {
		return err
	}
	tail, err := tailOf(r, SniffLen)
	if err != nil {
		return err
	}
	return svgEnds(head, tail)
}

// svgEnds tells whether an SVG, of which the head and the tail are given, ends with the tag of its root element, behind which
// there may be comments.
func svgEnds(head, tail []byte) error {
	s := findSVG(head)
	if s == nil {
		return errCut
	}
	if s.alone {
		return nil
	}
	// All that matters is ASCII, in UTF-16 too.
	text := strings.TrimRight(strings.ReplaceAll(string(tail), "\x00", ""), xmlSpace)
	i := strings.LastIndex(text, "</"+s.name)
	return unlessCut(i >= 0 && strings.HasSuffix(text, ">") &&
		strings.HasPrefix(strings.TrimLeft(text[i+len("</"+s.name):], xmlSpace), ">"))
}

// wholeSVGZ unpacks all of it, as only that shows its end: the checksum is there.
func wholeSVGZ(r *io.SectionReader) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return unlessDamaged(err)
	}
	z.Multistream(false)
	n, err := io.Copy(io.Discard, io.LimitReader(z, maxSVG+1))
	if err != nil {
		return unlessDamaged(err)
	}
	return unlessCut(n <= maxSVG)
}

// unlessDamaged returns the error of a read, or errCut where what was read is no whole gzip.
func unlessDamaged(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return errCut
	}
	return err
}
