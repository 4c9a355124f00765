package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"exporter/internal/human"
)

// uploadProgress shows how far the upload of a file is.
type uploadProgress struct {
	name string
	size int64
	sent atomic.Int64
}

// track counts what is read, from the beginning: a retry begins anew.
func (p *uploadProgress) track(r io.ReadCloser) io.ReadCloser {
	p.sent.Store(0)
	return &trackedReader{r, &p.sent}
}

type trackedReader struct {
	io.ReadCloser
	sent *atomic.Int64
}

func (t *trackedReader) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.sent.Add(int64(n))
	return n, err
}

// bars implements progress.
func (p *uploadProgress) bars(took time.Duration) []bar {
	sent := p.sent.Load()
	return []bar{{
		name: fmt.Sprintf("%q", human.Printable(p.name)), hasBar: true, done: sent, total: p.size,
		after: []part{
			{text: human.Bytes(sent) + " / " + human.Bytes(p.size), short: human.Bytes(sent), rank: 1},
			{text: human.Bytes(int64(perSecond(sent, took))) + "/s", rank: 2},
		},
	}}
}

// attrs implements progress.
func (p *uploadProgress) attrs(time.Duration) []any {
	return []any{"file", p.name, "sent", p.sent.Load(), "bytes", p.size}
}
