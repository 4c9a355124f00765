package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
)

const (
	// probeName is the object that keeps what a probe has found, and probePrefix that of what a probe writes, and removes again.
	probeName   = ".exporter/probe.json"
	probePrefix = ".exporter/probe-"
	// claimName is the object by which one of many parts tells the others that it probes the store. They look mostAwaits times, with awaitDelays
	// times Options.Delay between them, for what it finds: a minute in all.
	claimName               = probePrefix + "claim"
	mostAwaits, awaitDelays = 60, 5
	// probeRounds is how often probeWriters create one object of probeSize bytes at once.
	probeRounds, probeWriters, probeSize = 10, 16, 256 << 10
	// slowSize is how many bytes a slow writer sends, of which half wait for slowPause.
	slowSize  = 128 << 10
	slowPause = 200 * time.Millisecond
)

// LiarError says that a store does not do what an export needs.
type LiarError struct {
	// Did is what the store did. Unsafe says that what it returns is not what was stored, which no option makes good.
	Did    string
	Unsafe bool
}

// Error implements error.
func (e *LiarError) Error() string {
	if e.Unsafe {
		return "the bucket cannot hold an export: " + e.Did
	}
	return "the bucket cannot keep two writers apart: " + e.Did
}

// Probe is what was found out about a store. Its JSON is probe.json.
type Probe struct {
	At time.Time `json:"at"`
	// Of is the place that was probed: a copy elsewhere says nothing of that.
	Of string `json:"of"`
	// Returns says that what was put was read back, and found in a list. Conditions says that of many who create an object one succeeds.
	Returns    bool `json:"returns"`
	Conditions bool `json:"conditions"`
}

// probe tries, once for each export with all its parts, whether the store does what an export needs: with SingleWriter, only that it returns what it
// was given. It is a *LiarError where the store does not.
func (b *Bucket) probe(ctx context.Context) error {
	known, err := b.wasProbed(ctx)
	if err == nil && !known && b.options.Above > 0 && !b.options.SingleWriter {
		var settled func()
		known, settled, err = b.awaitProbe(ctx)
		defer settled()
	}
	if known || err != nil {
		return err
	}
	began := time.Now()
	p := &prober{b: b, prefix: probePrefix + nonce() + "/"}
	err = p.run(ctx, !b.options.SingleWriter)
	if err := errors.Join(err, p.clean(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	found := Probe{At: time.Now().UTC().Truncate(time.Second), Of: b.keeper.String(), Returns: true, Conditions: !b.options.SingleWriter}
	b.options.Log.Info("the bucket was probed: it returns what it is given, and lists it",
		"creates_once", found.Conditions, "took", time.Since(began).Round(time.Millisecond))
	data, err := json.Marshal(found)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	_, err = b.keeper.put(ctx, probeName, store.Bytes(data), int64(len(data)))
	return err
}

// wasProbed tells whether it is known that the store does what this export needs.
func (b *Bucket) wasProbed(ctx context.Context) (known bool, err error) {
	data, _, err := b.keeper.read(ctx, probeName, 0, 64<<10, "")
	if isMissing(err) {
		return false, nil
	}
	var before Probe
	known = err == nil && json.Unmarshal(data, &before) == nil && before.Of == b.keeper.String() && before.Returns &&
		(before.Conditions || b.options.SingleWriter)
	return known, err
}

// awaitProbe waits for the probe of another part, of a thousand that begin at once, so that one of them probes the store and not all. It tells whether the
// store is known then; else this one is to probe it, and to call settled when that is over.
func (b *Bucket) awaitProbe(ctx context.Context) (known bool, settled func(), err error) {
	claim := store.Bytes(nonce())
	if _, err = b.keeper.Create(ctx, claimName, claim, int64(len(claim))); err == nil {
		return false, func() {
			// One that is left only has others wait.
			_ = b.keeper.Remove(context.WithoutCancel(ctx), claimName)
		}, nil
	}
	if !errors.Is(err, store.ErrExists) {
		// A store that cannot do this is found out by the probe.
		return false, func() {}, nil
	}
	for range mostAwaits {
		select {
		case <-ctx.Done():
			return false, func() {}, context.Cause(ctx)
		case <-time.After(b.options.Delay * awaitDelays):
		}
		if known, err = b.wasProbed(ctx); known || err != nil {
			break
		}
	}
	return known, func() {}, err
}

// prober is a probe under way.
type prober struct {
	b      *Bucket
	prefix string

	mu   sync.Mutex
	keys []string
}

func (p *prober) key(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, p.prefix+name)
	return p.prefix + name
}

func (p *prober) clean(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.client.again(ctx, func() error { return p.b.client.Remove(ctx, p.keys...) })
}

func (p *prober) run(ctx context.Context, conditions bool) error {
	if err := p.returns(ctx, p.b.client.put); err != nil || !conditions {
		return err
	}
	for _, try := range []func(context.Context) error{
		func(ctx context.Context) error { return p.returns(ctx, p.create) }, p.createsTwice, p.slowAgainstFast, p.manyAtOnce,
	} {
		err := try(ctx)
		if failed, ok := errors.AsType[*Error](err); ok && failed.Status == http.StatusNotImplemented {
			return &LiarError{Did: "it does not know that something is to be stored only if there is none"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// create creates an object, and tries again where an answer is lost: who finds its own then has succeeded.
func (p *prober) create(ctx context.Context, key string, c store.Content, size int64) (v Version, err error) {
	unsure := false
	err = p.b.client.again(ctx, func() error {
		v, err = p.b.client.Create(ctx, key, c, size)
		if errors.Is(err, store.ErrUnsure) {
			unsure = true
			return &Error{Op: "create", Key: key, Temporary: true, Err: err}
		}
		return err
	})
	if unsure && errors.Is(err, store.ErrExists) {
		if same, failed := p.b.holds(ctx, key, c, size); failed != nil || same {
			return v, failed
		}
	}
	return v, err
}

// returns puts an object, and looks whether it comes back as it was, and is listed.
func (p *prober) returns(ctx context.Context, put func(context.Context, string, store.Content, int64) (Version, error)) error {
	content := random(blockSize + 1000)
	key := p.key("returns-" + nonce())
	if _, err := put(ctx, key, store.Bytes(content), int64(len(content))); err != nil {
		return err
	}
	data, info, err := p.b.client.read(ctx, key, 0, 2*blockSize, "")
	if err != nil {
		return err
	}
	if !bytes.Equal(data, content) {
		return &LiarError{fmt.Sprintf("an object of %d bytes came back as other %d bytes", len(content), len(data)), true}
	}
	part, _, err := p.b.client.read(ctx, key, 1000, 500, info.Version)
	if err != nil {
		return err
	}
	if !bytes.Equal(part, content[1000:1500]) {
		return &LiarError{"a part of an object came back as other bytes", true}
	}
	for listed, err := range p.b.client.all(ctx, p.prefix, "") {
		if err != nil {
			return err
		}
		if listed.Key == key && listed.Size == int64(len(content)) {
			return nil
		}
	}
	return &LiarError{"an object that was stored is not in its list", true}
}

func random(size int) []byte {
	b := make([]byte, size)
	// It never fails.
	_, _ = rand.Read(b)
	return b
}

func (p *prober) createsTwice(ctx context.Context) error {
	key := p.key("twice")
	for i, content := range []string{"first", "second"} {
		_, err := p.create(ctx, key, store.Bytes(content), int64(len(content)))
		switch {
		case i == 0 && err != nil:
			return err
		case i == 1 && err == nil:
			return &LiarError{Did: "it stored an object a second time that was to be stored only if there was none"}
		case i == 1 && !errors.Is(err, store.ErrExists):
			return err
		}
	}
	return nil
}

// slowAgainstFast has a writer wait in the middle of an object, while another one creates it.
func (p *prober) slowAgainstFast(ctx context.Context) error {
	// How often a client goes over what it sends is its own affair: it is sent the last time.
	counted := &slowContent{Bytes: random(slowSize)}
	if _, err := p.create(ctx, p.key("count"), counted, slowSize); err != nil {
		return err
	}
	slow := &slowContent{Bytes: random(slowSize), waitAt: counted.passes.Load(), waits: make(chan struct{}), goOn: make(chan struct{})}
	key := p.key("slow")
	var slowErr, fastErr error
	var both sync.WaitGroup
	both.Go(func() { _, slowErr = p.create(ctx, key, slow, slowSize) })
	select {
	case <-slow.waits:
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
	both.Go(func() { _, fastErr = p.create(ctx, key, store.Bytes("fast"), 4) })
	err := wait(ctx, slowPause)
	close(slow.goOn)
	both.Wait()
	if err != nil {
		return err
	}
	won := 0
	for _, err := range []error{slowErr, fastErr} {
		if err == nil {
			won++
		} else if !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	if won != 1 {
		return &LiarError{Did: fmt.Sprintf("of a slow and a fast writer of an object that was to be stored only if there was none, %d succeeded", won)}
	}
	return nil
}

// slowContent waits, once, in the middle of what it holds, when that is read for the waitAt-th time; 0 stands for never.
type slowContent struct {
	store.Bytes
	passes      atomic.Int32
	waitAt      int32
	waits, goOn chan struct{}
}

// ReadAt implements io.ReaderAt.
func (s *slowContent) ReadAt(p []byte, at int64) (int, error) {
	const middle = slowSize / 2
	if at <= middle && middle < at+int64(len(p)) && s.passes.Add(1) == s.waitAt {
		close(s.waits)
		<-s.goOn
	}
	return s.Bytes.ReadAt(p, at)
}

// WriteTo implements io.WriterTo.
func (s *slowContent) WriteTo(w io.Writer) (int64, error) {
	// A writer that would take all at once is not asked to.
	return io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(s, 0, slowSize)})
}

// manyAtOnce has many writers create one object at once, several times.
func (p *prober) manyAtOnce(ctx context.Context) error {
	contents := make([]store.Bytes, probeWriters)
	for i := range contents {
		contents[i] = random(probeSize)
	}
	for round := range probeRounds {
		key := p.key(fmt.Sprint("many-", round))
		var won atomic.Int32
		g, ctx := errgroup.WithContext(ctx)
		for _, content := range contents {
			g.Go(func() error {
				_, err := p.create(ctx, key, content, probeSize)
				if err == nil {
					won.Add(1)
				}
				if errors.Is(err, store.ErrExists) {
					return nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if n := won.Load(); n != 1 {
			return &LiarError{Did: fmt.Sprintf("of %d who stored an object at once that was to be stored only if there was none, %d succeeded", probeWriters, n)}
		}
	}
	return nil
}
