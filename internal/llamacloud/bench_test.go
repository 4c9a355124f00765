package llamacloud

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"

	"exporter/pipeline"
)

// instant is a transport that answers every request with the same body, at once.
type instant struct{ body []byte }

func (i instant) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, ContentLength: int64(len(i.body)), Body: io.NopCloser(bytes.NewReader(i.body)),
		Header: http.Header{"Content-Type": {"image/jpeg"}, "Content-Length": {strconv.Itoa(len(i.body))}},
	}, nil
}

func benchImage(size int) []byte {
	image := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(image) // never fails
	copy(image, "\xff\xd8\xff\xe0")
	return image
}

func benchClient(b *testing.B, body []byte) *Client {
	b.Helper()
	client, err := New(Options{BaseURL: mustParse(b, "http://127.0.0.1"), Key: canaryKey(b)})
	if err != nil {
		b.Fatal(err)
	}
	client.transports.usual = instant{body}
	return client
}

// BenchmarkSource_Blob reads and verifies a blob, without the network.
func BenchmarkSource_Blob(b *testing.B) {
	for _, size := range []int{2_000, 100_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			source := NewSource(benchClient(b, benchImage(size)), Selection{})
			asset := &pipeline.Asset{FileID: "file-1", Kind: pipeline.Screenshot, ListedSize: new(int64(size))}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				blob, err := source.Blob(b.Context(), asset, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := blob.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSHA256 is the floor of BenchmarkSource_Blob.
func BenchmarkSHA256(b *testing.B) {
	image := benchImage(100_000)
	b.SetBytes(int64(len(image)))
	for b.Loop() {
		sha256.Sum256(image)
	}
}

// BenchmarkClient_PageFigures decodes the listing of a file with a thousand figures.
func BenchmarkClient_PageFigures(b *testing.B) {
	type figure struct {
		Confidence float64        `json:"confidence"`
		Name       string         `json:"figure_name"`
		Size       int            `json:"figure_size"`
		FileID     string         `json:"file_id"`
		Page       int            `json:"page_index"`
		Noise      bool           `json:"is_likely_noise"`
		Metadata   map[string]int `json:"metadata"`
	}
	list := make([]figure, 1000)
	for i := range list {
		list[i] = figure{0.5, "page_1_figure_1.jpg", 1000, "file-1", i, false, map[string]int{"bbox": i}}
	}
	body, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	source := NewSource(benchClient(b, body), Selection{})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Assets(b.Context(), wanted("file-1", pipeline.Figure), roomy); err != nil {
			b.Fatal(err)
		}
	}
}
