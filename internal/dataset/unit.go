package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/pipeline"
	"exporter/sinks"
)

// unitWriter writes units, one after the other.
type unitWriter struct {
	*writer
	// blobs and pages are those of each export.
	blobs []*sinks.Reader
	pages []*pageCursor
}

func newUnitWriter(w *writer) *unitWriter {
	u := &unitWriter{writer: w}
	for _, s := range w.exports {
		u.blobs = append(u.blobs, sinks.NewReader(s.dir))
		u.pages = append(u.pages, newPageCursor(s, w.options.Text, "width", "height", "error"))
	}
	return u
}

func (w *unitWriter) close() {
	for i := range w.blobs {
		// Nothing was written, so that nothing can be lost.
		_ = w.blobs[i].Close()
		w.pages[i].close()
	}
}

// write writes a unit and records it.
func (w *unitWriter) write(ctx context.Context, u *unit) (err error) {
	done := &unitDone{}
	if w.options.Form == FormImageFolder && place.IsBucket(w.options.Out) {
		err = w.putPictures(ctx, u, done)
	} else if w.options.Form == FormImageFolder {
		err = w.place(ctx, u, done)
	} else {
		err = w.writeShard(ctx, u, done)
	}
	if err != nil {
		return err
	}
	u.done, u.samples, u.numbers = done, nil, nil
	return w.state.add(ctx, w.out, u.name(), done)
}

// writeShard writes a unit as one file. The file has its name when all of it is durable.
func (w *unitWriter) writeShard(ctx context.Context, u *unit, done *unitDone) (err error) {
	form := shardFormOf(w.options.Form)
	key := u.name() + form.extension()
	file, err := w.out.Grow(ctx, key)
	if err != nil {
		return err
	}
	side, err := w.fill(ctx, u, form, file, done)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	done.Files[0].Path = key
	if side != nil {
		name := u.name() + side.extension
		if err := store.PutBytes(ctx, w.out, name, side.data); err != nil {
			return errors.Join(err, file.Close())
		}
		done.Files = append(done.Files, FileReport{Path: name, Bytes: int64(len(side.data)), XXH64: hexOf(xxhash.Sum64(side.data))})
	}
	return file.Finish(ctx)
}

// hexOf returns the digits of a sum.
func hexOf(sum uint64) string { return fmt.Sprintf("%016x", sum) }

// fill writes a shard to its file, and returns what is to be stored beside it.
func (w *unitWriter) fill(ctx context.Context, u *unit, form shardForm, file store.Growing, done *unitDone) (*sideFile, error) {
	if err := file.Truncate(0); err != nil {
		return nil, err
	}
	sum := xxhash.New()
	shard := form.newShard(io.MultiWriter(file, sum), u.config.schema)
	if err := w.each(ctx, u, done, func(s *candidate, picture []byte) error { return shard.add(&s.Sample, picture) }); err != nil {
		return nil, err
	}
	side, err := shard.close()
	done.Files = []FileReport{{Pictures: done.Pictures, Bytes: file.Size(), XXH64: hexOf(sum.Sum64())}}
	return side, err
}

// puts is how many pictures are put into a bucket at once by each who writes a unit.
const puts = 16

// putPictures writes the pictures of a unit as objects of their own.
func (w *unitWriter) putPictures(ctx context.Context, u *unit, done *unitDone) error {
	objects := w.out.NewBatch()
	group, putting := errgroup.WithContext(ctx)
	group.SetLimit(puts)
	err := w.each(putting, u, done, func(s *candidate, picture []byte) error {
		key, content := u.folder()+"/"+folderName(s.Name), store.Bytes(slices.Clone(picture))
		group.Go(func() error { return objects.Put(putting, key, content, int64(len(content))) })
		return nil
	})
	if putErr := group.Wait(); putErr != nil {
		return putErr
	}
	if err != nil {
		return err
	}
	return objects.Sync(ctx)
}

// place writes the pictures of a unit as files of their own.
func (w *unitWriter) place(ctx context.Context, u *unit, done *unitDone) error {
	folder := filepath.Join(w.options.Out, filepath.FromSlash(u.folder()))
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	folders := map[string]bool{".": true}
	err := w.each(ctx, u, done, func(s *candidate, picture []byte) error {
		from := ""
		if export := w.exports[s.from]; s.Row.Location.Shard == nil && !export.isFar {
			from = filepath.Join(export.path, filepath.FromSlash(s.Row.Location.Path))
		}
		for dir := path.Dir(folderName(s.Name)); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
		return placePicture(folder, s.Name, from, picture)
	})
	if err != nil {
		return err
	}
	// The names are durable before the unit counts as done, those of the folders above, too.
	for dir := path.Dir(u.folder()); ; dir = path.Dir(dir) {
		if err := syncFolder(filepath.Join(w.options.Out, filepath.FromSlash(dir))); err != nil {
			return err
		}
		if dir == "." {
			break
		}
	}
	for dir := range folders {
		if err := syncFolder(filepath.Join(folder, filepath.FromSlash(dir))); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder makes the names in a folder durable, where the system can do that.
func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if runtime.GOOS == "windows" {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// each writes the pictures of a unit by a function, in their order, while others are read. Those that are damaged are left out, unless that is
// an error.
func (w *unitWriter) each(ctx context.Context, u *unit, done *unitDone, write func(*candidate, []byte) error) error {
	free, full := make(chan batch, batches), make(chan batch)
	for range batches {
		free <- batch{}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.readUnit(ctx, u, free, full) })
	group.Go(func() error {
		next := 0
		for b := range full {
			for i := range b.pictures {
				if err := w.writePicture(ctx, u, next, &b, &b.pictures[i], done, write); err != nil {
					return err
				}
				next++
			}
			// There is room: as many are in turn as free holds.
			free <- b.again()
		}
		return context.Cause(ctx)
	})
	return group.Wait()
}

// writePicture writes a picture of a batch, which is that of a sample of the unit.
func (w *unitWriter) writePicture(ctx context.Context, u *unit, number int, b *batch, p *readAhead, done *unitDone,
	write func(*candidate, []byte) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	s := u.samples[number]
	// What was written is not kept in memory.
	u.samples[number] = nil
	if p.damage != nil {
		return w.leaveDamaged(s, p.damage, done)
	}
	if err := w.complete(ctx, s, int(u.numbers[number])); err != nil {
		return err
	}
	picture := b.content[p.from:p.to]
	if err := write(s, picture); err != nil {
		return err
	}
	done.Pictures++
	done.Bytes += int64(len(picture))
	w.progress.pictures.Add(1)
	w.progress.bytes.Add(int64(len(picture)))
	return nil
}

// leaveDamaged leaves a damaged picture out, unless that is an error.
func (w *unitWriter) leaveDamaged(s *candidate, damage *pipeline.DamageError, done *unitDone) error {
	if w.options.Strict {
		return damage
	}
	w.options.Log.Warn("a damaged picture is left out", "export", w.exports[s.from].path, "path", damage.Path, "error", damage.Err)
	done.Damaged = append(done.Damaged, leftOut(s.Row, ReasonDamaged, damage))
	w.progress.damaged.Add(1)
	return nil
}

// complete adds what is known of a sample beside its row.
func (w *unitWriter) complete(ctx context.Context, s *candidate, number int) error {
	s.Name = nameOf(s.Row)
	w.chosen.facts.add(&s.Sample, number)
	if s.Row.Kind != pipeline.Screenshot || s.Row.Detail().PageNumber == nil {
		return nil
	}
	page, err := w.pages[s.from].find(ctx, s.Row.Key().Owner(), *s.Row.Detail().PageNumber)
	if err != nil {
		return err
	}
	s.Text = w.options.textOf(page)
	s.Objects = scale(s.boxes, page, s.Row)
	return nil
}

// appendPicture appends the picture of a row to b, and compares it with its SHA-256 where that is asked for. What is not what the row says is a
// *pipeline.DamageError.
func appendPicture(ctx context.Context, b []byte, from *export, blobs *sinks.Reader, row *pipeline.Row, verify bool) ([]byte, error) {
	after, err := blobs.Append(ctx, b, row.Location, row.Content.Size)
	for errors.Is(err, fs.ErrNotExist) && context.Cause(ctx) == nil {
		// A run or a compaction may have moved it since the tables were opened.
		at, failed := from.moved(ctx, row)
		if failed != nil {
			return nil, failed
		}
		if at == nil {
			break
		}
		row.Location = *at
		after, err = blobs.Append(ctx, b, row.Location, row.Content.Size)
	}
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrPermission), errors.Is(err, store.ErrUnreadable), isExhausted(err), context.Cause(ctx) != nil:
		return nil, err
	default:
		return nil, &pipeline.DamageError{Path: row.Location.Path, Err: err}
	}
	if verify && sha256.Sum256(after[len(b):]) != row.Content.SHA256 {
		return nil, &pipeline.DamageError{Path: row.Location.Path, Err: fmt.Errorf("the SHA-256 of %q is not that of the manifest", nameOf(row))}
	}
	return after, nil
}

// isExhausted tells whether this process, or this machine, has run out of something that reading takes: that says nothing of the picture.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}
