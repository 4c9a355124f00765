package dataset

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"exporter/pipeline"
	"exporter/sinks"
)

const (
	// batchBytes is how many bytes of pictures are read before they are written. Two batches take turns, and a longer picture is a batch.
	batchBytes = 256 << 10
	batches    = 2
	// farBytes is batchBytes of pictures in a bucket, of which so many are read at once, if they lie there by themselves.
	farBytes, farReads = 4 << 20, 16
)

// batch is pictures of a unit that were read, one behind the other, in the unit's order.
type batch struct {
	pictures []readAhead
	content  []byte
}

// readAhead is a picture that was read: that part of the batch's content, or what is wrong with it.
type readAhead struct {
	from, to int
	damage   *pipeline.DamageError
}

// readUnit reads the pictures of a unit, and sends them in batches that it takes from free. It closes full.
func (w *unitWriter) readUnit(ctx context.Context, u *unit, free <-chan batch, full chan<- batch) error {
	defer close(full)
	for next := 0; next < len(u.samples); {
		var b batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		first, bytes, most := next, int64(0), int64(batchBytes)
		if w.exports.areFar() {
			most = farBytes
		}
		for ; next < len(u.samples); next++ {
			if bytes += u.samples[next].Row.Content.Size; next > first && bytes > most {
				break
			}
		}
		if err := w.readAll(ctx, u.samples[first:next], &b); err != nil {
			return err
		}
		select {
		case full <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// readAll adds the pictures of samples to a batch, in their order.
func (w *unitWriter) readAll(ctx context.Context, samples []*candidate, b *batch) error {
	far := make([]farPicture, len(samples))
	reading, readingCtx := errgroup.WithContext(ctx)
	reading.SetLimit(farReads)
	for i, s := range samples {
		if from := w.exports[s.from]; from.isFar && s.Row.Location.Shard == nil {
			reading.Go(func() error { return far[i].read(readingCtx, from, s.Row, !w.options.NoVerify) })
		}
	}
	if err := reading.Wait(); err != nil {
		return err
	}
	for i, s := range samples {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if p := &far[i]; p.isRead {
			b.add(append(b.content, p.content...), p.damage)
			far[i] = farPicture{}
			continue
		}
		content, err := appendPicture(ctx, b.content, w.exports[s.from], w.blobs[s.from], s.Row, !w.options.NoVerify)
		damage, isDamaged := errors.AsType[*pipeline.DamageError](err)
		if err != nil && !isDamaged {
			return err
		}
		b.add(content, damage)
	}
	return nil
}

// add adds a picture, with which the content is this, or what is wrong with it. What is not what the export's row says is damaged.
func (b *batch) add(content []byte, damage *pipeline.DamageError) {
	from := len(b.content)
	if damage == nil {
		b.content = content
	}
	b.pictures = append(b.pictures, readAhead{from, len(b.content), damage})
}

// farPicture is a picture that was read while others were.
type farPicture struct {
	isRead  bool
	content []byte
	damage  *pipeline.DamageError
}

func (p *farPicture) read(ctx context.Context, from *export, row *pipeline.Row, verify bool) error {
	blobs := sinks.NewReader(from.dir)
	content, err := appendPicture(ctx, nil, from, blobs, row, verify)
	err = errors.Join(err, blobs.Close())
	damage, isDamaged := errors.AsType[*pipeline.DamageError](err)
	if err != nil && !isDamaged {
		return err
	}
	p.isRead, p.content, p.damage = true, content, damage
	return nil
}

// again returns a batch that is to be filled again. It does not keep the room of a long picture.
func (b batch) again() batch {
	clear(b.pictures)
	if cap(b.content) > 2*batchBytes {
		return batch{pictures: b.pictures[:0]}
	}
	return batch{b.pictures[:0], b.content[:0]}
}
