package picture

import (
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"io"
)

// The parts of a GIF (Graphics Interchange Format, version 89a).
const (
	gifHeader     = 13
	gifDescriptor = 9
	gifColours    = 256

	gifExtension = 0x21
	gifFrame     = 0x2c
	gifTrailer   = 0x3b

	gifControl     = 0xf9
	gifTransparent = 1 << 0
	gifHasTable    = 1 << 7
	gifInterlaced  = 1 << 6
)

// firstFrame is the first frame of a GIF. Package gif makes its transparent pixels black and refuses one that does not fit on its screen.
type firstFrame struct {
	// screen is what the whole picture covers. Pillow takes it as far as the frame goes.
	screen, frame image.Rectangle
	palette       [3 * gifColours]byte
	isInterlaced  bool
	// background is the index of the pixels around the frame: the transparent one, or 0.
	background uint8
	// data is where the compressed pixels begin.
	data int
}

// gifCursor reads a GIF. Once it is behind the end, all that it reads is nothing, and isCut is true.
type gifCursor struct {
	picture []byte
	at      int
	isCut   bool
}

func (c *gifCursor) take(n int) []byte {
	if n > len(c.picture)-c.at {
		c.isCut, c.at = true, len(c.picture)
		return make([]byte, n)
	}
	c.at += n
	return c.picture[c.at-n : c.at]
}

func (c *gifCursor) number(b []byte) int { return int(binary.LittleEndian.Uint16(b)) }

// palette reads a colour table. What it leaves out is a level of grey, as it is for Pillow.
func (c *gifCursor) palette(flags byte) (p [3 * gifColours]byte) {
	for i := range p {
		p[i] = byte(i / 3)
	}
	if flags&gifHasTable != 0 {
		copy(p[:], c.take(3<<(1+flags&7)))
	}
	return p
}

// extension reads an extension, and returns its first block if that is a graphic control.
func (c *gifCursor) extension() (control []byte) {
	label := c.take(1)[0]
	for first := true; !c.isCut; first = false {
		block := c.take(int(c.take(1)[0]))
		if len(block) == 0 {
			break
		}
		if first && label == gifControl {
			control = block
		}
	}
	return control
}

// findFirstFrame reads a GIF up to the pixels of its first frame. As Pillow does, it passes over bytes that begin nothing.
func findFirstFrame(picture []byte) (*firstFrame, error) {
	c := gifCursor{picture: picture}
	header := c.take(gifHeader)
	f := &firstFrame{screen: image.Rect(0, 0, c.number(header[6:]), c.number(header[8:])), palette: c.palette(header[10])}
	for !c.isCut {
		switch c.take(1)[0] {
		case gifExtension:
			if control := c.extension(); len(control) >= 4 && control[0]&gifTransparent != 0 {
				f.background = control[3]
			}
		case gifFrame:
			d := c.take(gifDescriptor)
			x, y := c.number(d), c.number(d[2:])
			f.frame = image.Rect(x, y, x+c.number(d[4:]), y+c.number(d[6:]))
			f.screen.Max = image.Pt(max(f.screen.Max.X, f.frame.Max.X), max(f.screen.Max.Y, f.frame.Max.Y))
			f.isInterlaced = d[8]&gifInterlaced != 0
			if d[8]&gifHasTable != 0 {
				f.palette = c.palette(d[8])
			}
			f.data = c.at
			if !c.isCut {
				return f, nil
			}
		case gifTrailer:
			return nil, errors.New("it has no frame")
		}
	}
	return nil, io.ErrUnexpectedEOF
}

// header returns the beginning of a GIF that has the frame alone and whole.
func (f *firstFrame) header() []byte {
	b := append([]byte("GIF89a"), f.size()...)
	b = append(b, gifHasTable|7, 0, 0)
	b = append(b, f.palette[:]...)
	b = append(b, gifFrame, 0, 0, 0, 0)
	b = append(b, f.size()...)
	if f.isInterlaced {
		return append(b, gifInterlaced)
	}
	return append(b, 0)
}

func (f *firstFrame) size() []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(f.frame.Dx()))
	return binary.LittleEndian.AppendUint16(b, uint16(f.frame.Dy()))
}

func gifConfig(s *source) (image.Config, error) {
	f, err := findFirstFrame(s.picture)
	if err != nil {
		return image.Config{}, err
	}
	if f.frame.Empty() {
		return image.Config{}, errors.New("its first frame has no pixels")
	}
	return image.Config{Width: f.screen.Dx(), Height: f.screen.Dy()}, nil
}

func decodeGIF(s *source) (image.Image, error) {
	f, err := findFirstFrame(s.picture)
	if err != nil {
		return nil, err
	}
	img, err := gif.Decode(s.from(f.header(), f.data))
	if err != nil {
		return nil, err
	}
	frame, ok := img.(*image.Paletted)
	if !ok || f.frame == f.screen {
		return img, nil
	}
	whole := image.NewPaletted(f.screen, frame.Palette)
	for i := range whole.Pix {
		whole.Pix[i] = f.background
	}
	for y := range f.frame.Dy() {
		copy(whole.Pix[whole.PixOffset(f.frame.Min.X, f.frame.Min.Y+y):], frame.Pix[y*frame.Stride:][:f.frame.Dx()])
	}
	return whole, nil
}
