package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"exporter/internal/store"
)

// attempt is one to write an entry: whenever it is repeated, the same bytes are.
type attempt struct {
	entry entry
	data  []byte
	line  int64
}

// write writes the next entry, and with it the copies that were made since the last one. body is what its changes hold inline. The caller
// has locked. After an error nothing is known of it; the next call finds out.
func (b *Bucket) write(ctx context.Context, e entry, body []byte) error {
	if err := b.settlePending(ctx); err != nil {
		return err
	}
	e.Version, e.Number, e.Nonce, e.Writer = formatVersion, b.state.Number+1, nonce(), b.writer
	if e.Copies = maps.Clone(b.copies); len(e.Copies) == 0 {
		e.Copies = nil
	}
	data, err := e.encode(body)
	if err != nil {
		return err
	}
	b.pending = &attempt{e, data, int64(len(data) - len(body))}
	return b.settlePending(ctx)
}

// settlePending finds out whether the pending entry was written, and writes it where it was not. It fails with store.ErrOwned where
// another writer has taken its number.
func (b *Bucket) settlePending(ctx context.Context) error {
	if b.lost != nil {
		return b.lost
	}
	a := b.pending
	if a == nil {
		return nil
	}
	sent := time.Now()
	if err := b.create(ctx, a); err != nil {
		return b.giveUp(err)
	}
	// Of numbers that were folded, the entries go one day: where this one is among them, it was made anew.
	passed, err := b.lastCheckpoint(ctx, a.entry.Number-1)
	if err == nil && passed > 0 {
		err = errPassed
	}
	if err != nil {
		return b.giveUp(err)
	}
	b.pending = nil
	s := b.state.clone()
	if err := s.apply(&a.entry, a.line); err != nil {
		return err
	}
	for key := range a.entry.Copies {
		if b.copies[key] == a.entry.Copies[key] {
			delete(b.copies, key)
		}
	}
	b.mu.Lock()
	b.state = s
	b.mu.Unlock()
	b.wrote = sent
	if s.Number-b.checkpoint >= foldAfter {
		b.fold(ctx)
	}
	return nil
}

// errPassed says that the log has gone on without this writer.
var errPassed = fmt.Errorf("%w: the log has gone on without this run, which was not heard of for long", store.ErrOwned)

// giveUp notes that the export is lost, where an error says so, and returns the error.
func (b *Bucket) giveUp(err error) error {
	if errors.Is(err, store.ErrOwned) {
		b.lost, b.pending = err, nil
	}
	return err
}

// create creates the object of an entry. Where an answer is lost, the same is tried again: it then succeeds, or finds what is there.
func (b *Bucket) create(ctx context.Context, a *attempt) error {
	key, began := logKey(a.entry.Number), time.Now()
	for bound := b.options.Delay; ; bound = min(2*bound, mostDelay) {
		_, err := b.client.Create(ctx, key, store.Bytes(a.data), int64(len(a.data)))
		if errors.Is(err, store.ErrExists) {
			return b.whose(ctx, a)
		}
		isOpen := errors.Is(err, store.ErrUnsure) || isTemporary(err)
		if !isOpen || ctx.Err() != nil || time.Since(began) > b.options.Within {
			return err
		}
		delay := rand.N(bound) + bound/4
		if failed, ok := errors.AsType[*Error](err); ok {
			delay = max(delay, failed.RetryAfter)
		}
		if err := wait(ctx, delay); err != nil {
			return err
		}
	}
}

// whose tells whether the entry that has the number of an attempt is that attempt.
func (b *Bucket) whose(ctx context.Context, a *attempt) error {
	there, err := b.readEntry(ctx, a.entry.Number)
	switch {
	case err != nil:
		return err
	case there.Nonce == a.entry.Nonce:
		return nil
	}
	return ownedBy(there.Writer)
}

// confirm fails with store.ErrOwned where another has taken the export. It comes before what cannot be undone.
func (b *Bucket) confirm(ctx context.Context) error {
	if err := b.lock(ctx); err != nil {
		return err
	}
	defer b.unlock()
	if err := b.settlePending(ctx); err != nil || b.options.SingleWriter {
		return err
	}
	there, err := b.readEntry(ctx, b.state.Number+1)
	if err == nil {
		return b.giveUp(ownedBy(there.Writer))
	}
	if !isMissing(err) {
		return err
	}
	passed, err := b.lastCheckpoint(ctx, b.state.Number)
	if err == nil && passed > 0 {
		err = b.giveUp(errPassed)
	}
	return err
}

// fold writes what the log says into a checkpoint. Where that fails it is done after a later entry.
func (b *Bucket) fold(ctx context.Context) {
	if err := b.putCheckpoint(ctx); err != nil {
		b.options.Log.Warn("the log of the bucket could not be folded", "error", err)
	}
}

func (b *Bucket) putCheckpoint(ctx context.Context) error {
	data, err := b.state.encode()
	if err != nil {
		return err
	}
	if _, err := b.client.put(ctx, checkpointKey(b.state.Number), store.Bytes(data), int64(len(data))); err != nil {
		return err
	}
	b.checkpoint = b.state.Number
	return nil
}

// update says in the log what some keys hold from now on, in one entry.
func (b *Bucket) update(ctx context.Context, changes []pendingChange) error {
	var body bytes.Buffer
	e := entry{Event: changed}
	for _, c := range changes {
		at := c.change
		if at.Object == "" && !at.Removed {
			at.Offset = int64(body.Len())
			body.Write(c.inline)
		}
		e.Changes = append(e.Changes, at)
	}
	if err := b.lock(ctx); err != nil {
		return err
	}
	defer b.unlock()
	e.Epoch = b.state.Epoch
	return b.write(ctx, e, body.Bytes())
}

// pendingChange is a change that no entry says yet, and what it holds where that goes into the entry.
type pendingChange struct {
	change
	inline []byte
}
