package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"exporter/internal/store"
)

const (
	// DefaultBeat is the longest time between two entries of a writer, and DefaultPatience how long a newcomer waits for the next one
	// before it takes the export.
	DefaultBeat, DefaultPatience = time.Minute, 150 * time.Second
	defaultWithin, defaultDelay  = 5 * time.Minute, 200 * time.Millisecond
	// mostPolls is how often a newcomer looks for the next entry while it waits.
	mostPolls = 30
	// mostInline is how many bytes a change holds in its entry at most. What is larger is an object of its own.
	mostInline = 1 << 20
	// foldAfter is after how many entries a checkpoint is made.
	foldAfter = 64
	// closeWithin bounds how long Close tries to say that the export is free.
	closeWithin = 30 * time.Second
	// abandonWithin is closeWithin of a writer that was interrupted before it had the export.
	abandonWithin = 3 * time.Second
)

// Options says how an export lies in a bucket, and who writes it. All but Direct have defaults.
type Options struct {
	// Direct are the prefixes of keys under which objects lie that are as good as never replaced, and count by what others say of them.
	Direct []string
	// Unique are those of them under which no two objects ever have one key: none is replaced by a new one.
	Unique []string
	// Host and Process tell who the writer is; where Host is "", this process on this machine.
	Host    string
	Process int
	// Scratch is the folder for what grows and for spools; "" is the system's temporary one.
	Scratch string
	// SingleWriter says that nobody else writes the export, and that the store need not know conditions.
	SingleWriter bool
	// Repair says that of a log that is damaged what is left is read, with which it begins anew when it is owned.
	Repair bool
	// Above is how many folders above this export the one is of which it is a part: what is found out about the store is kept there, for all
	// parts. 0 is for an export that is none.
	Above int
	// Beat and Patience replace DefaultBeat and DefaultPatience. Within is how long a request is tried that may succeed soon (5 min), and
	// Delay bounds the time before it is tried a second time (200 ms).
	Beat, Patience, Within, Delay time.Duration
	// Log is told what takes long.
	Log *slog.Logger
}

func (o *Options) complete() error {
	for d, by := range map[*time.Duration]time.Duration{
		&o.Beat: DefaultBeat, &o.Patience: DefaultPatience, &o.Within: defaultWithin, &o.Delay: defaultDelay,
	} {
		if *d < 0 {
			return fmt.Errorf("bucket: Beat %v, Patience %v, Within %v and Delay %v must not be negative", o.Beat, o.Patience, o.Within, o.Delay)
		}
		if *d == 0 {
			*d = by
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Host == "" {
		o.Host, o.Process = store.Host(), os.Getpid()
	}
	return nil
}

// Bucket is the store.Store of an export in a bucket, which it owns.
type Bucket struct {
	*Reader
	options Options
	writer  Writer
	isNew   bool
	// generation is in the names of objects that this writer puts, and no other.
	generation string
	// keeper has what was found out about the store.
	keeper *patient

	// writing has room for one: who has put something there may write an entry, and use what follows.
	writing chan struct{}
	// pending is an entry of which nobody knows whether it was written. It is settled before another is.
	pending *attempt
	// copies are versions that the next entry notes.
	copies map[string]Version
	// lost is why the export is not owned any more; nil while it is.
	lost error
	// wrote is when the last entry was written.
	wrote time.Time

	// stop ends beat, which keeps the export owned.
	stop context.CancelFunc
	beat sync.WaitGroup

	// creating is held by Create.
	creating sync.Mutex
	// growing are the keys that are open for growing.
	growing sync.Map
}

var _ store.Store = (*Bucket)(nil)

// Own opens the export below a prefix of a bucket for writing. While another has it, that is store.ErrOwned: one that is alive says so at
// once, and one that has not ended as it should is waited for.
func Own(ctx context.Context, client Client, prefix string, o Options) (*Bucket, error) {
	r, err := newReader(client, prefix, &o)
	if err != nil {
		return nil, err
	}
	whole := prefix
	for range o.Above {
		whole = strings.TrimSuffix(path.Dir(strings.TrimSuffix(whole, "/")), ".")
	}
	keeper, err := newReader(client, whole, &o)
	if err != nil {
		return nil, err
	}
	if o.SingleWriter {
		r.client.Client = unconditional{r.client.Client}
	}
	b := &Bucket{
		Reader: r, options: o, keeper: keeper.client, writer: Writer{o.Host, o.Process, time.Now().UTC()},
		generation: strings.ToLower(rand.Text()[:8]), copies: map[string]Version{}, writing: make(chan struct{}, 1),
	}
	isDamaged, err := r.loadOrSalvage(ctx, o.Repair)
	if err == nil && isDamaged {
		err = b.beginAnew(ctx)
	}
	if err != nil {
		return nil, err
	}
	b.isNew = r.state.Number == 0
	if err := b.probe(ctx); err != nil {
		return nil, err
	}
	if err := b.take(ctx); err != nil {
		b.abandon(ctx)
		return nil, err
	}
	alive, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.beat.Go(func() { b.keepAlive(alive) })
	if err := b.settleIn(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// IsNew tells whether nobody has owned the export before.
func (b *Bucket) IsNew() bool { return b.isNew }

// KeepsUnfinished implements store.Store: a bucket knows whole objects only.
func (b *Bucket) KeepsUnfinished() bool { return false }

// take writes the first entry of an epoch once the export is free.
func (b *Bucket) take(ctx context.Context) error {
	if b.state.isOwned() {
		if err := b.outwait(ctx); err != nil {
			return err
		}
	}
	e := entry{Event: taken, Epoch: b.state.Epoch + 1}
	if b.isNew {
		adopts, err := b.isThere(ctx)
		if err != nil {
			return err
		}
		e.Adopts = adopts
	}
	b.isOwner = true
	return b.write(ctx, e, nil)
}

// abandon says that the export is free, where taking it was interrupted and nobody knows whether its entry was written. Where it cannot, the next
// writer waits.
func (b *Bucket) abandon(ctx context.Context) {
	if ctx.Err() == nil || b.pending == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonWithin)
	defer cancel()
	if b.settlePending(ctx) == nil {
		_ = b.write(ctx, entry{Event: released, Epoch: b.state.Epoch}, nil)
	}
}

// lock waits until no other goroutine writes an entry.
func (b *Bucket) lock(ctx context.Context) error {
	select {
	case b.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Bucket) unlock() { <-b.writing }

// isThere tells whether there is anything that no log knows: an export that was copied into the bucket, or what was left of one.
func (b *Bucket) isThere(ctx context.Context) (bool, error) {
	for info, err := range b.client.all(ctx, "", "") {
		if err != nil {
			return false, err
		}
		isFolder := info.Key == "" || strings.HasSuffix(info.Key, "/")
		if !isFolder && !isInternal(info.Key) && !strings.HasPrefix(info.Key, probePrefix) {
			return true, nil
		}
	}
	return false, nil
}

// outwait returns once the writer that the log names has ended, or has written nothing for so long that it counts as dead.
func (b *Bucket) outwait(ctx context.Context) error {
	b.options.Log.Warn("the last writer of the export has not said that it ended: waiting to see whether it still writes",
		"host", b.state.Writer.Host, "process", b.state.Writer.Process, "since", b.state.Writer.Since, "wait", b.options.Patience)
	for began := time.Now(); time.Since(began) < b.options.Patience; {
		if err := wait(ctx, b.options.Patience/mostPolls); err != nil {
			return err
		}
		before := b.state.Number
		if err := b.followOne(ctx, b.state); err != nil {
			return err
		}
		switch {
		case !b.state.isOwned():
			return nil
		case b.state.Number != before:
			return ownedBy(b.state.Writer)
		}
	}
	return nil
}

// ownedBy is the error of an export that a writer has.
func ownedBy(w Writer) error {
	return &fs.PathError{Op: "lock", Path: logPrefix, Err: fmt.Errorf("%w: %v", store.ErrOwned, w)}
}

// keepAlive writes an entry now and then, until the context ends.
func (b *Bucket) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(b.options.Beat / 6)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if b.lock(ctx) != nil {
			return
		}
		if b.lost == nil && time.Since(b.wrote) >= b.options.Beat*2/3 {
			// An entry that fails is tried again, and whoever writes next hears of an export that is lost.
			if err := b.write(ctx, entry{Event: alive, Epoch: b.state.Epoch}, nil); err != nil && ctx.Err() == nil {
				b.options.Log.Warn("the log of the bucket could not be written", "error", err)
			}
		}
		b.unlock()
	}
}

// Close implements io.Closer: it says that the export is free.
func (b *Bucket) Close() error {
	b.stop()
	b.beat.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if err := b.lock(ctx); err != nil {
		return err
	}
	defer b.unlock()
	if b.lost != nil {
		return nil
	}
	err := b.write(ctx, entry{Event: released, Epoch: b.state.Epoch}, nil)
	if err == nil && b.state.Number-b.checkpoint > foldAfter/4 {
		b.fold(ctx)
	}
	b.lost = errClosed
	return err
}

// errClosed says that the store was closed.
var errClosed = errors.New("the bucket is closed")

// nonce returns a word that no other attempt has.
func nonce() string { return rand.Text()[:16] }

// Spool implements store.Store.
func (b *Bucket) Spool() (store.Spool, error) { return store.TempSpool(b.options.Scratch) }

// Generation implements store.Store.
func (b *Bucket) Generation() string { return b.generation }
