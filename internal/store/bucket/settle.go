package bucket

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"exporter/internal/store"
)

// keepGarbage is how long what no entry needs any more stays, by the clock of the store: readers may have begun when it counted, and a
// writer that was not heard of for long must not find a number free that it holds for its own.
const keepGarbage = 24 * time.Hour

// settleIn brings a bucket that was just taken in order: copies under their own keys, and what nothing needs any more.
func (b *Bucket) settleIn(ctx context.Context) error {
	if err := b.mendCopies(ctx); err != nil {
		return err
	}
	return b.collect(ctx)
}

// mendCopies replaces copies that are not those which the log knows: a writer was killed before it made them, or one that had lost the
// export wrote them.
func (b *Bucket) mendCopies(ctx context.Context) error {
	wrong, err := b.WrongCopies(ctx)
	if err != nil {
		return err
	}
	for _, key := range wrong {
		if err := b.copyAnew(ctx, key); err != nil {
			return err
		}
	}
	s, err := b.current(ctx)
	if err != nil {
		return err
	}
	var gone []string
	for key := range s.Copies {
		if _, ok := s.Objects[key]; !ok {
			gone = append(gone, key)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := b.remove(ctx, gone); err != nil {
		return err
	}
	for _, key := range gone {
		if err := b.noteCopy(ctx, key, ""); err != nil {
			return err
		}
	}
	return nil
}

// WrongCopies returns the keys under which readers that know no log find something else than the log has, or nothing, because a writer was killed before
// it made a copy, or somebody has changed it. The next writer makes them anew. While there is one, its copies are known by its next entry.
func (r *Reader) WrongCopies(ctx context.Context) (keys []string, err error) {
	s, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(s.Objects)) {
		if !isPublic(key) {
			continue
		}
		_, info, err := r.client.read(ctx, key, 0, 1, "")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || info.Version != s.Copies[key] || info.Size != s.Objects[key].Size {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// collect removes what is older than keepGarbage and not needed: entries and checkpoints that a newer checkpoint contains, and objects
// that no key leads to.
func (b *Bucket) collect(ctx context.Context) error {
	if err := b.lock(ctx); err != nil {
		return err
	}
	needed, checkpoint := map[string]bool{}, b.checkpoint
	for _, at := range b.state.Objects {
		needed[at.Object] = true
	}
	b.unlock()
	var garbage []string
	for _, prefix := range []string{logPrefix, checkpointPrefix, objectPrefix, probePrefix} {
		for info, err := range b.client.all(ctx, prefix, "") {
			if err != nil {
				return err
			}
			if !needed[info.Key] && !info.Now.IsZero() && info.Now.Sub(info.Modified) > keepGarbage && isOver(info.Key, checkpoint) {
				garbage = append(garbage, info.Key)
			}
		}
	}
	return b.remove(ctx, garbage)
}

// isOver tells whether a key is of an entry or a checkpoint that the newest checkpoint contains, of an object, or of a probe that was killed.
func isOver(key string, checkpoint int) bool {
	for _, prefix := range []string{logPrefix, checkpointPrefix} {
		if number, ok := numberOf(key, prefix); ok {
			return number < checkpoint
		}
	}
	return strings.HasPrefix(key, objectPrefix) || strings.HasPrefix(key, probePrefix)
}

// unconditional is a Client of a store that knows no conditions, and has one writer.
type unconditional struct{ Client }

// Create implements Client.
func (u unconditional) Create(ctx context.Context, key string, c store.Content, size int64) (Version, error) {
	body, _, err := u.Get(ctx, key, 0, 1, "")
	if err == nil {
		return "", errors.Join(&Error{Op: "create", Key: key, Err: store.ErrExists}, body.Close())
	}
	if !isMissing(err) {
		return "", err
	}
	return u.Put(ctx, key, c, size)
}
