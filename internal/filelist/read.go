package filelist

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"exporter/pipeline"
)

// Error says that a list is none, was cut short or changed, or is of a version that is not known.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func wrongf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// errCut says that a list ends early.
var errCut = errors.New("it is cut short")

// isThatOf tells whether two headers are of one list.
func (h *Header) isThatOf(o *Header) bool {
	return h.ListedAt.Equal(o.ListedAt) && maps.Equal(h.Settings, o.Settings) && slices.Equal(h.Listings, o.Listings)
}

// ReadHeader returns what a list says of itself.
func ReadHeader(from io.Reader) (Header, error) {
	s, err := newStream(from)
	if err != nil {
		return Header{}, err
	}
	defer s.close()
	return s.header, nil
}

// stream reads the lines of a list, one after the other.
type stream struct {
	header Header
	zstd   *zstd.Decoder
	lines  *bufio.Reader
	source *source
	// long keeps a line that does not fit into the buffer.
	long []byte
	// listing is the number of the one that comes next, or that is under way.
	listing int
	// files counts all files so far, and inListing those of the listing.
	files, inListing int64
}

// source is a reader that keeps its error.
type source struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// newStream begins to read a list.
func newStream(from io.Reader) (*stream, error) {
	s := &stream{source: &source{Reader: from}}
	// One goroutine is enough: what is done with the files takes longer.
	z, err := zstd.NewReader(s.source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, s.wrong(err)
	}
	s.zstd, s.lines = z, bufio.NewReaderSize(z, 256<<10)
	if err := s.readHeader(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stream) close() { s.zstd.Close() }

func (s *stream) readHeader() error {
	line, err := s.next()
	if err != nil {
		return err
	}
	var h headerLine
	if err := decode(line, headerPrefix, &h); err != nil {
		return wrongf("it is no list of files: %w", err)
	}
	if h.Version != version {
		return wrongf("it is of version %d, but this program knows %d alone", h.Version, version)
	}
	seen := map[pipeline.SourceKey]bool{}
	for _, l := range h.Listings {
		if l.Source == "" || seen[l.Source] {
			return wrongf("the listing %.60q is there twice, or has no name", string(l.Source))
		}
		seen[l.Source] = true
	}
	if h.ListedAt.IsZero() {
		return wrongf("it does not say when it was made")
	}
	s.header = Header{h.Program, h.ListedAt.UTC().Truncate(time.Microsecond), h.Watermark.UTC(), h.Settings, h.Listings}
	return nil
}

// wrong says what is wrong with the list, unless it could not be read.
func (s *stream) wrong(err error) error {
	switch {
	case s.source.err != nil:
		return s.source.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{errCut}
	}
	return &Error{err}
}

// next returns the next line without its end. It is valid until the one after it is asked for.
func (s *stream) next() ([]byte, error) {
	line, err := s.lines.ReadSlice('\n')
	for s.long = s.long[:0]; errors.Is(err, bufio.ErrBufferFull); {
		if s.long = append(s.long, line...); len(s.long) > maxLine {
			return nil, wrongf("a line has more than %d bytes", maxLine)
		}
		if line, err = s.lines.ReadSlice('\n'); err == nil {
			line = append(s.long, line...)
			s.long = line
		}
	}
	if err != nil {
		return nil, s.wrong(err)
	}
	return bytes.TrimSuffix(line, []byte("\n")), nil
}

// skipTo goes on to a listing, or to the end, and passes over those before it.
func (s *stream) skipTo(number int) error {
	for s.listing < number {
		if _, err := s.begin(); err != nil {
			return err
		}
		for ended := false; !ended; {
			line, err := s.next()
			if err != nil {
				return err
			}
			if ended = !isFile(line); !ended {
				s.count()
			} else if _, err := s.end(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin reads that the next listing begins, and returns when all goes that it has.
func (s *stream) begin() (l beginLine, err error) {
	line, err := s.next()
	if err != nil {
		return l, err
	}
	if err := decode(line, beginPrefix, &l); err != nil {
		return l, &Error{err}
	}
	if want := s.header.Listings[s.listing].Source; l.Begin != want {
		return l, wrongf("the listing %.60q comes where %.60q is to be", string(l.Begin), string(want))
	}
	s.inListing = 0
	return l, nil
}

func (s *stream) count() {
	s.files++
	s.inListing++
}

// end reads that the listing comes to its end, and returns why it did early; nil where it did not. Behind the last one all of the list has been
// read, and is as it was written.
func (s *stream) end(line []byte) (early *pipeline.SourceError, err error) {
	var l endLine
	if err := decode(line, endPrefix, &l); err != nil {
		return nil, &Error{err}
	}
	key := s.header.Listings[s.listing].Source
	if l.End != key || l.Files != s.inListing {
		return nil, wrongf("%d files of %.60q end %.60q, which has %d", s.inListing, string(key), string(l.End), l.Files)
	}
	if s.listing++; s.listing == len(s.header.Listings) {
		if err := s.finish(); err != nil {
			return nil, err
		}
	}
	if l.Error != nil {
		early = &pipeline.SourceError{Key: key, Grows: l.Grows, Absent: l.Absent, Err: errors.New(*l.Error)}
	}
	return early, nil
}

// finish reads the last line, and that nothing is behind it: only there does the stream prove to be whole.
func (s *stream) finish() error {
	line, err := s.next()
	if err != nil {
		return err
	}
	var l totalLine
	if err := decode(line, totalPrefix, &l); err != nil {
		return &Error{err}
	}
	if l.Total != s.files || l.Listings != len(s.header.Listings) {
		return wrongf("it has %d files in %d listings, and says that there are %d in %d", s.files, len(s.header.Listings), l.Total, l.Listings)
	}
	switch _, err := s.lines.ReadByte(); {
	case err == nil:
		return wrongf("something is behind its end")
	case !errors.Is(err, io.EOF):
		return s.wrong(err)
	}
	return nil
}

// Source is a Source whose listings are those of a list. The assets come from the one that it is made of.
type Source struct {
	pipeline.Source
	// Header is that of the list, and Open opens it anew from its beginning.
	Header Header
	Open   func(context.Context) (io.ReadCloser, error)
	// Takes tells whether a file is of the part that is exported; nil for all. Of others nothing is read but their key.
	Takes func(pipeline.FileKey) bool
}

var _ pipeline.Source = (*Source)(nil)

// Listings implements pipeline.Source. The listings are to be read in their order, and the list is read once. An *Error ends all of them: nothing
// of a list that is damaged is believed to be complete.
func (s *Source) Listings(ctx context.Context) []pipeline.Listing {
	r := &reading{source: s}
	var all []pipeline.Listing
	for number, l := range s.Header.Listings {
		if key, ok := l.Source.Single(); ok && s.Takes != nil && !s.Takes(key) {
			continue
		}
		r.last = number
		// It is filled in once the listing begins, and asked for behind that.
		var begun beginLine
		all = append(all, pipeline.Listing{
			Key: l.Source, IsPart: l.IsPart,
			Files:  func(yield func(pipeline.File, error) bool) { r.yield(ctx, number, &begun, yield) },
			Expiry: func() (time.Time, bool, error) { return begun.ExpiresAt, begun.ExpiryKnown, nil },
		})
	}
	return all
}

// reading is one reading of a list.
type reading struct {
	source *Source
	stream *stream
	from   io.Closer
	// last is the number of the last listing that is read, and isOver says that nothing more is.
	last   int
	isOver bool
}

// yield yields the files of a listing.
func (r *reading) yield(ctx context.Context, number int, begun *beginLine, yield func(pipeline.File, error) bool) {
	if r.isOver {
		return
	}
	early, more, err := r.read(ctx, number, begun, yield)
	if err == nil && more && number == r.last {
		err = r.stream.skipTo(len(r.stream.header.Listings))
	}
	if err != nil || !more || number == r.last {
		err = errors.Join(err, r.close())
	}
	switch {
	case err != nil && more:
		yield(pipeline.File{}, err)
	case early != nil:
		yield(pipeline.File{}, early)
	}
}

func (r *reading) read(
	ctx context.Context, number int, begun *beginLine, yield func(pipeline.File, error) bool,
) (early *pipeline.SourceError, more bool, err error) {
	if r.stream == nil {
		if err := r.open(ctx); err != nil {
			return nil, true, err
		}
	}
	if err := r.stream.skipTo(number); err != nil {
		return nil, true, err
	}
	if *begun, err = r.stream.begin(); err != nil {
		return nil, true, err
	}
	for {
		line, err := r.stream.next()
		if err != nil {
			return nil, true, err
		}
		if !isFile(line) {
			early, err = r.stream.end(line)
			return early, true, err
		}
		file, malformed, err := r.file(line)
		if err != nil {
			return nil, true, err
		}
		if !yield(file, malformed) {
			return nil, false, nil
		}
	}
}

// file returns the file of a line: of another part its key alone.
func (r *reading) file(line []byte) (f pipeline.File, malformed, err error) {
	r.stream.count()
	takes := r.source.Takes
	if key, ok := keyOf(line); takes != nil && ok && !takes(key) {
		return pipeline.File{JobID: key.JobID, ID: key.FileID, DirectoryFileID: key.DirectoryFileID, Elsewhere: true}, nil, nil
	}
	var l fileLine
	if err := decode(line, "{", &l); err != nil {
		return f, nil, &Error{err}
	}
	f, malformed = l.file()
	f.Elsewhere = takes != nil && !takes(f.Key())
	return f, malformed, nil
}

// open opens the list. It may have been written anew since its header was read.
func (r *reading) open(ctx context.Context) error {
	from, err := r.source.Open(ctx)
	if err != nil {
		return err
	}
	stream, err := newStream(from)
	if err == nil && !stream.header.isThatOf(&r.source.Header) {
		stream.close()
		err = wrongf("it was written anew meanwhile")
	}
	if err != nil {
		return errors.Join(err, from.Close())
	}
	r.stream, r.from = stream, from
	return nil
}

// close ends the reading.
func (r *reading) close() error {
	r.isOver = true
	if r.stream == nil {
		return nil
	}
	r.stream.close()
	return r.from.Close()
}
