package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"exporter/internal/store"
)

// privatePrefix is that of keys that nobody outside reads under their names.
const privatePrefix = store.PrivatePrefix

// isPublic tells whether a copy of what a key holds is to lie under the key itself, for readers who know no log.
func isPublic(key string) bool { return !strings.HasPrefix(key, privatePrefix) }

// Put implements store.Store.
func (b *Bucket) Put(ctx context.Context, key string, c store.Content, size int64) error {
	if err := checkKey("put", key); err != nil {
		return err
	}
	if b.isDirect(key) {
		_, err := b.replace(ctx, key, c, size)
		return err
	}
	at, err := b.lay(ctx, key, c, size)
	if err != nil {
		return err
	}
	if err := b.update(ctx, []pendingChange{at}); err != nil {
		return err
	}
	return b.copyOut(ctx, key, c, size)
}

func checkKey(op, key string) error {
	if !fs.ValidPath(key) || key == "." || isInternal(key) {
		return &fs.PathError{Op: op, Path: key, Err: fs.ErrInvalid}
	}
	return nil
}

// lay puts what a key is to hold where it stays, unless it goes into the entry that will say so.
func (b *Bucket) lay(ctx context.Context, key string, c store.Content, size int64) (pendingChange, error) {
	at := pendingChange{change: change{Key: key, Size: size}}
	if size <= mostInline {
		data, err := inMemory(key, c, size)
		at.inline = data
		return at, err
	}
	at.Object = fmt.Sprintf("%s%s-%s", objectPrefix, nonce(), path.Base(key))
	_, err := b.client.put(ctx, at.Object, c, size)
	return at, err
}

// inMemory returns content that is small.
func inMemory(key string, c store.Content, size int64) ([]byte, error) {
	var data bytes.Buffer
	n, err := c.WriteTo(&data)
	if err == nil && n != size {
		err = fmt.Errorf("write %s: %d of %d bytes", key, n, size)
	}
	return data.Bytes(), err
}

// copyOut puts a copy of what the log says of a key under the key itself.
func (b *Bucket) copyOut(ctx context.Context, key string, c store.Content, size int64) error {
	if !isPublic(key) {
		return nil
	}
	version, err := b.replace(ctx, key, c, size)
	if err != nil {
		return err
	}
	return b.noteCopy(ctx, key, version)
}

// noteCopy has the next entry say of which version a copy is.
func (b *Bucket) noteCopy(ctx context.Context, key string, version Version) error {
	if err := b.lock(ctx); err != nil {
		return err
	}
	defer b.unlock()
	b.copies[key] = version
	return nil
}

// replace puts an object under its own key, in place of one that has it. Before each try it looks whether another has the export by now:
// this one may have slept.
func (b *Bucket) replace(ctx context.Context, key string, c store.Content, size int64) (v Version, err error) {
	err = b.client.again(ctx, func() error {
		if err := b.confirm(ctx); err != nil {
			return err
		}
		v, err = b.client.Put(ctx, key, c, size)
		return err
	})
	return v, err
}

// remove removes objects under their own keys, as replace replaces them.
func (b *Bucket) remove(ctx context.Context, keys []string) error {
	for some := range slices.Chunk(keys, removeAtOnce) {
		err := b.client.again(ctx, func() error {
			if err := b.confirm(ctx); err != nil {
				return err
			}
			return b.client.Remove(ctx, some...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// putNew puts an object under a key that none has. What lies there is the same, of an earlier try, or of another writer; only where
// objects may be replaced, another takes its place.
func (b *Bucket) putNew(ctx context.Context, key string, c store.Content, size int64) error {
	if b.options.SingleWriter {
		_, err := b.client.put(ctx, key, c, size)
		return err
	}
	err := b.client.again(ctx, func() error {
		_, err := b.client.Create(ctx, key, c, size)
		if errors.Is(err, store.ErrUnsure) && !isTemporary(err) {
			err = &Error{Op: "create", Key: key, Temporary: true, Err: err}
		}
		return err
	})
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	if same, failed := b.holds(ctx, key, c, size); failed != nil || same {
		return failed
	}
	if hasPrefixOf(key, b.options.Unique) {
		return fmt.Errorf("%w, and is not overwritten: the list of the store lacked it, or another program writes here; the next run takes another name", err)
	}
	_, err = b.replace(ctx, key, c, size)
	return err
}

// holds tells whether an object has exactly this content.
func (b *Bucket) holds(ctx context.Context, key string, c store.Content, size int64) (bool, error) {
	here := make([]byte, min(size, blockSize))
	for at, of := int64(0), Version(""); ; {
		there, info, err := b.client.read(ctx, key, at, blockSize, of)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrChanged) {
			return false, nil
		}
		if err != nil || info.Size != size {
			return false, err
		}
		n := min(int64(len(here)), size-at)
		if _, err := c.ReadAt(here[:n], at); err != nil && err != io.EOF {
			return false, err
		}
		if !bytes.Equal(here[:n], there) {
			return false, nil
		}
		if at += n; at >= size {
			return true, nil
		}
		of = info.Version
	}
}

// Create implements store.Store.
func (b *Bucket) Create(ctx context.Context, key string, data []byte) error {
	if err := checkKey("create", key); err != nil {
		return err
	}
	b.creating.Lock()
	defer b.creating.Unlock()
	o, err := b.Open(ctx, key)
	if err == nil {
		return errors.Join(&fs.PathError{Op: "create", Path: key, Err: store.ErrExists}, o.Close())
	}
	if !isMissing(err) {
		return err
	}
	return store.PutBytes(ctx, b, key, data)
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Remove implements store.Store.
func (b *Bucket) Remove(ctx context.Context, keys ...string) error {
	var direct []string
	var logged []pendingChange
	known, err := b.current(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := checkKey("remove", key); err != nil {
			return err
		}
		_, isKnown := known.Objects[key]
		isHeld := isKnown || known.Adopts && !known.Removed[key]
		switch {
		case b.isDirect(key):
			direct = append(direct, key)
		case isHeld:
			logged = append(logged, pendingChange{change: change{Key: key, Removed: true}})
			if isPublic(key) || known.Adopts {
				direct = append(direct, key)
			}
		}
	}
	if len(logged) > 0 {
		if err := b.update(ctx, logged); err != nil {
			return err
		}
	}
	if len(direct) == 0 {
		return nil
	}
	if err := b.remove(ctx, direct); err != nil {
		return err
	}
	for _, c := range logged {
		if isPublic(c.Key) {
			err = errors.Join(err, b.noteCopy(ctx, c.Key, ""))
		}
	}
	return err
}

// removeAtOnce is how many objects are removed between two looks at the log.
const removeAtOnce = 1000

// NewBatch implements store.Store.
func (b *Bucket) NewBatch() store.Batch { return &batch{bucket: b} }

// batch is a store.Batch. What lies under its own key is durable at once; the log says the rest in one entry.
type batch struct {
	bucket *Bucket

	mu      sync.Mutex
	changes []pendingChange
}

// Put implements store.Batch.
func (t *batch) Put(ctx context.Context, key string, c store.Content, size int64) error {
	if err := checkKey("put", key); err != nil {
		return err
	}
	b := t.bucket
	if b.isDirect(key) {
		return b.putNew(ctx, key, c, size)
	}
	at, err := b.lay(ctx, key, c, size)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes = append(t.changes, at)
	return nil
}

// Sync implements store.Batch.
func (t *batch) Sync(ctx context.Context) error {
	changes := t.changes
	for len(changes) > 0 {
		count, size := 0, int64(0)
		for count < len(changes) && (count == 0 || size+int64(len(changes[count].inline)) <= mostBody) {
			size += int64(len(changes[count].inline))
			count++
		}
		if err := t.bucket.update(ctx, changes[:count]); err != nil {
			return err
		}
		for _, c := range changes[:count] {
			if err := t.bucket.copyAnew(ctx, c.Key); err != nil {
				return err
			}
		}
		changes = changes[count:]
	}
	return nil
}

// mostBody is how many bytes an entry holds inline at most.
const mostBody = 4 << 20

// copyAnew is copyOut of what the log says that a key holds.
func (b *Bucket) copyAnew(ctx context.Context, key string) (err error) {
	if !isPublic(key) {
		return nil
	}
	o, err := b.Open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return b.copyOut(ctx, key, store.ContentOf(o), o.Size())
}
