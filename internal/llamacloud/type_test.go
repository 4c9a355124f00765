package llamacloud

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"exporter/internal/media/mediatest"
	"exporter/pipeline"
)

// answerAs answers with a body that is declared as something; as nothing where that is empty.
func answerAs(declared string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if declared != "" {
			w.Header().Set("Content-Type", declared)
		}
		_, _ = w.Write(body)
	}
}

// wantFailure fails unless err is the failure of one asset, of that class.
func wantFailure(t *testing.T, err error, class string) {
	t.Helper()
	if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != class {
		t.Errorf("got %v, want a failure of class %s", err, class)
	}
}

// wantBlob fails unless the blob was taken, with those bytes and as that media type.
func wantBlob(t *testing.T, blob *pipeline.Blob, err error, data []byte, mediaType string) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	got, err := io.ReadAll(blob.Open())
	if err != nil || !bytes.Equal(got, data) || blob.MediaType != mediaType {
		t.Errorf("got %d bytes of %s, %v, want %d of %s", len(got), blob.MediaType, err, len(data), mediaType)
	}
}

// What a blob is, its bytes tell, whatever it is declared as.
func TestSource_Blob_TheBytesDecide(t *testing.T) {
	t.Parallel()
	once := func(o *Options) { o.MaxAttempts = 1 }
	for _, declared := range []string{"image/jpeg", "image/x-unheard-of", "application/octet-stream", "text/html; charset=utf-8", ""} {
		for _, f := range mediatest.Pictures(t) {
			t.Run(declared+"/"+f.Name, func(t *testing.T) {
				a := newAPI(t, answerAs(declared, f.Data), once)
				for _, listed := range []int64{0, int64(len(f.Data))} {
					blob, err := a.fetchBlob(t, listed)
					wantBlob(t, blob, err, f.Data, f.MediaType)
					if err == nil && (blob.Width != f.Width || blob.Height != f.Height || blob.Orientation != f.Orientation ||
						blob.DeclaredType != declared) {
						t.Errorf("got %d by %d, orientation %d, declared as %q, want %d by %d, %d, %q", blob.Width, blob.Height,
							blob.Orientation, blob.DeclaredType, f.Width, f.Height, f.Orientation, declared)
					}
				}
			})
		}
		for _, f := range mediatest.Others(t) {
			t.Run(declared+"/"+f.Name, func(t *testing.T) {
				a := newAPI(t, answerAs(declared, f.Data), once)
				for _, listed := range []int64{0, int64(len(f.Data))} {
					_, err := a.fetchBlob(t, listed)
					wantFailure(t, err, ClassNotImage)
				}
			})
		}
	}
}

// The header of a picture is read wherever it is, also where the blob is too large for memory.
func TestSource_Blob_SizeFromTheEndOfALargeBlob(t *testing.T) {
	var data []byte
	for _, f := range mediatest.Pictures(t) {
		if f.Name == "heic-of-10-bits" {
			data = f.Data
		}
	}
	// A box that nobody knows, of 300,000 bytes, between the brands and the rest.
	free := append([]byte("\x00\x04\x93\xe0free"), make([]byte, 300_000-8)...)
	i := bytes.Index(data, []byte("mdat")) - 4
	data = append(append(bytes.Clone(data[:i]), free...), data[i:]...)
	a := newAPI(t, answerAs("", data))
	a.client.spool.inMemory = 100_000
	blob, err := a.fetchBlob(t, int64(len(data)))
	wantBlob(t, blob, err, data, "image/heic")
	if err == nil && (blob.Width != 3 || blob.Height != 2) {
		t.Errorf("got %d by %d, want 3 by 2", blob.Width, blob.Height)
	}
}

// What is declared is kept, but for what nobody could print, and the key.
func TestSource_Blob_DeclaredType(t *testing.T) {
	image := picture(t)
	for declared, want := range map[string]string{
		"image/PNG; q=1":         "image/PNG; q=1",
		" image/png ":            "image/png",
		"no type at all":         "no type at all",
		"image/\u202egnp\x9b":    `image/\u202egnp` + "\ufffd",
		"x/" + canary:            "x/[redacted]",
		strings.Repeat("é", 200): strings.Repeat("é", 127),
	} {
		a := newAPI(t, nil)
		a.client.transports.usual = fakeAnswer{http.StatusOK, http.Header{"Content-Type": {declared}}, image}
		blob, err := a.fetchBlob(t, 0)
		if err != nil {
			t.Errorf("%q: %v", declared, err)
			continue
		}
		if got := blob.DeclaredType; got != want || len(got) > maxDeclaredType || !utf8.ValidString(got) {
			t.Errorf("%q: got %q, want %q", declared, got, want)
		}
		checkPrintable(t, blob.DeclaredType)
	}
}

// Values of Content-Encoding that are no coding do no harm to plain bytes. A coding is refused, whatever the bytes are.
func TestSource_Blob_ContentEncoding(t *testing.T) {
	image := picture(t)
	cut := image[:len(image)-2]
	for _, tt := range []struct {
		name    string
		values  []string
		body    []byte
		listed  bool
		chunked bool
		class   string
	}{
		{name: "none", values: nil, body: image},
		{name: "empty", values: []string{""}, body: image},
		{name: "identity", values: []string{"Identity"}, body: image},
		{name: "charset", values: []string{"UTF-8"}, body: image, listed: true},
		{name: "none by name", values: []string{"none"}, body: image, listed: true},
		{name: "binary", values: []string{" binary "}, body: image, listed: true},
		{name: "aws-chunked", values: []string{"aws-chunked"}, body: image, listed: true},
		{name: "list", values: []string{"aws-chunked,,identity, utf-8 ,aws-chunked"}, body: image, listed: true},
		{name: "twice", values: []string{"utf-8", "identity"}, body: image, listed: true},
		{name: "whatever", values: []string{"image/jpeg; \x01"}, body: image, listed: true},
		{name: "odd, without a listed size", values: []string{"utf-8"}, body: image},
		{name: "odd, without any size", values: []string{"utf-8"}, body: image, chunked: true},

		{name: "odd, on what is no image", values: []string{"aws-chunked"}, class: ClassNotImage,
			body: append([]byte("e1;chunk-signature=0123\r\n"), image...)},
		{name: "odd, of another size", values: []string{"utf-8"}, body: cut, listed: true, class: ClassSizeMismatch},
		{name: "odd, and cut, without a listed size", values: []string{"utf-8"}, body: cut, class: ClassTruncated},
		{name: "identity, cut, and declared so", values: []string{"identity"}, body: cut},

		{name: "gzip", values: []string{"gzip"}, body: image, listed: true, class: ClassEncoding},
		{name: "gzip in capitals", values: []string{"GZIP"}, body: image, listed: true, class: ClassEncoding},
		{name: "gzip in a list", values: []string{"aws-chunked, gzip"}, body: image, listed: true, class: ClassEncoding},
		{name: "gzip in another line", values: []string{"identity", "x-gzip"}, body: image, listed: true, class: ClassEncoding},
		{name: "br", values: []string{"br"}, body: image, listed: true, class: ClassEncoding},
		{name: "zstd", values: []string{"zstd"}, body: image, listed: true, class: ClassEncoding},
		{name: "deflate", values: []string{"deflate"}, body: image, listed: true, class: ClassEncoding},
		{name: "compress", values: []string{"compress"}, body: image, listed: true, class: ClassEncoding},
		{name: "an SVG in gzip, declared", values: []string{"gzip"}, body: mediatest.Gzip(t, []byte("<svg/>")), class: ClassEncoding},
		{name: "an SVG in gzip", body: mediatest.Gzip(t, []byte("<svg/>"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			length := int64(len(tt.body))
			if tt.chunked {
				length = -1
			}
			a := newAPI(t, nil, func(o *Options) { o.MaxAttempts = 1 })
			a.client.transports.usual = encodedAnswer{fakeAnswer{http.StatusOK, http.Header{"Content-Encoding": tt.values}, tt.body}, length}
			listed := int64(0)
			if tt.listed {
				listed = int64(len(image))
			}
			blob, err := a.fetchBlob(t, listed)
			if tt.class != "" {
				wantFailure(t, err, tt.class)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if blob.Size != int64(len(tt.body)) {
				t.Errorf("got %d bytes, want %d", blob.Size, len(tt.body))
			}
		})
	}
}

// encodedAnswer is a fakeAnswer that declares another length, or none.
type encodedAnswer struct {
	fakeAnswer
	length int64
}

func (e encodedAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.fakeAnswer.RoundTrip(r)
	resp.ContentLength = e.length
	resp.TransferEncoding = []string{"chunked"}
	return resp, err
}

// An odd Content-Encoding does no harm to a listing.
func TestClient_Listing_OddContentEncoding(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "utf-8")
		_, _ = io.WriteString(w, `[{"page_index":4}]`)
	})
	pages, err := a.client.PageScreenshots(t.Context(), "f")
	if err != nil || len(pages) != 1 || pages[0].PageIndex != 4 {
		t.Errorf("got %+v, %v, want page 4", pages, err)
	}
}
