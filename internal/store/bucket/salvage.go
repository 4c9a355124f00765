package bucket

import (
	"context"
	"maps"
	"time"
)

// salvage reads what is left of a log that is damaged: of all entries that can be read, those that say last what a key holds count. What
// readers who know no log find under its own key is believed in place of what the log says of it.
func (r *Reader) salvage(ctx context.Context) error {
	s, err := r.newestReadable(ctx)
	if err != nil {
		return err
	}
	last := s.Number
	for info, err := range r.client.all(ctx, logPrefix, "") {
		if err != nil {
			return err
		}
		number, ok := numberOf(info.Key, logPrefix)
		if !ok || number <= s.Number {
			continue
		}
		last = max(last, number)
		e, err := r.readEntry(ctx, number)
		if isDamage(err) || isMissing(err) {
			continue
		}
		if err != nil {
			return err
		}
		// What is between this entry and the one before is lost.
		s.Number, s.Epoch = number-1, e.Epoch
		if e.Event == taken {
			s.Epoch--
		}
		if err := s.apply(e.entry, e.line); err != nil {
			return err
		}
	}
	s.Number, s.Adopts = last, true
	maps.DeleteFunc(s.Objects, func(key string, _ place) bool { return isPublic(key) })
	maps.DeleteFunc(s.Removed, func(key string, _ bool) bool { return isPublic(key) })
	clear(s.Copies)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.loaded = s, time.Now()
	return nil
}

// beginAnew begins the log anew, with a checkpoint above all numbers that were used, which says what was salvaged.
func (b *Bucket) beginAnew(ctx context.Context) error {
	if b.state.isOwned() {
		if err := b.outwait(ctx); err != nil {
			return err
		}
	}
	last := b.state.Number
	b.state.Number, b.state.Event = last+1, released
	if err := b.putCheckpoint(ctx); err != nil {
		return err
	}
	b.options.Log.Warn("the log of the export was damaged: it begins anew with what is left of it", "entries", last)
	return nil
}

// newestReadable returns the newest checkpoint that can be read, under the highest number that any has.
func (r *Reader) newestReadable(ctx context.Context) (*state, error) {
	s, highest := newState(), 0
	for info, err := range r.client.all(ctx, checkpointPrefix, "") {
		if err != nil {
			return nil, err
		}
		number, ok := numberOf(info.Key, checkpointPrefix)
		if !ok {
			continue
		}
		highest = max(highest, number)
		data, _, err := r.client.read(ctx, info.Key, 0, maxCheckpoint, "")
		if err != nil {
			return nil, err
		}
		if read, err := decodeState(data, number); err == nil {
			s = read
		} else if !isDamage(err) {
			return nil, err
		}
	}
	s.Number = highest
	return s, nil
}
