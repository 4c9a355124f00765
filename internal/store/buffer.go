package store

import "io"

// buffered is a Spool in memory until it is large.
type buffered struct {
	open func() (Spool, error)
	most int
	data pieces
	// file has all of it once it is large; nil before.
	file Spool
}

// Buffered returns a Spool that keeps so many bytes in memory, and everything in what open returns where there are more.
func Buffered(open func() (Spool, error), most int) Spool { return &buffered{open: open, most: most} }

// Write implements io.Writer.
func (b *buffered) Write(p []byte) (int, error) {
	if b.file == nil && b.data.size+len(p) <= b.most {
		b.data.add(p)
		return len(p), nil
	}
	if b.file == nil {
		file, err := b.open()
		if err != nil {
			return 0, err
		}
		b.file = file
		if _, err := b.data.WriteTo(file); err != nil {
			return 0, err
		}
		b.data = pieces{}
	}
	return b.file.Write(p)
}

func (b *buffered) content() Content {
	if b.file != nil {
		return b.file
	}
	return &b.data
}

// ReadAt implements Content.
func (b *buffered) ReadAt(p []byte, at int64) (int, error) { return b.content().ReadAt(p, at) }

// WriteTo implements Content.
func (b *buffered) WriteTo(w io.Writer) (int64, error) { return b.content().WriteTo(w) }

// Size implements Spool.
func (b *buffered) Size() int64 {
	if b.file != nil {
		return b.file.Size()
	}
	return int64(b.data.size)
}

// Close implements io.Closer.
func (b *buffered) Close() error {
	if b.file != nil {
		return b.file.Close()
	}
	return nil
}
