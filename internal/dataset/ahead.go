package dataset

import (
	"context"
	"errors"

	"exporter/pipeline"
)

const (
	// batchBytes is how many bytes of pictures are read before they are written. Two batches take turns, and a longer picture is a batch.
	batchBytes = 256 << 10
	batches    = 2
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
		for ; next < len(u.samples); next++ {
			s := u.samples[next]
			if len(b.pictures) > 0 && int64(len(b.content))+s.Row.Content.Size > batchBytes {
				break
			}
			if err := w.read(ctx, s, &b); err != nil {
				return err
			}
		}
		select {
		case full <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// read adds the picture of a sample to a batch. What is not what the export's row says is damaged.
func (w *unitWriter) read(ctx context.Context, s *candidate, b *batch) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	from := len(b.content)
	content, err := appendPicture(ctx, b.content, w.exports[s.from], w.blobs[s.from], s.Row, !w.options.NoVerify)
	damage, isDamaged := errors.AsType[*pipeline.DamageError](err)
	if err != nil && !isDamaged {
		return err
	}
	if !isDamaged {
		b.content = content
	}
	b.pictures = append(b.pictures, readAhead{from, len(b.content), damage})
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
