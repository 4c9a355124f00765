// Package picture decodes pictures, with the decoders of Go and of golang.org/x/image and no other: to tell whether a picture is whole, and to
// look at its pixels. It trusts nothing that it is given. Of this module it imports internal/media alone.
//
// A picture is broken, too large, or of a kind that no decoder here knows; others may well know it.
package picture

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"runtime/debug"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"exporter/internal/media"
)

var (
	// ErrUnsupported says that no decoder here knows the format, or the variant of it, of a picture. It says nothing of the picture.
	ErrUnsupported = errors.New("no decoder of this kind of picture")
	// ErrTooLarge says that decoding a picture would take more than is allowed. It says nothing of the rest of the picture.
	ErrTooLarge = errors.New("the picture is too large to be decoded")
)

// DefaultMaxPixels is where Pillow begins to warn that a picture may be a bomb (Image.MAX_IMAGE_PIXELS), 30 times the pixels of a page with 200 dots
// per inch and more. So many pixels take 0.3 GB of memory in common pictures, and up to 1.3 GB in the worst.
const DefaultMaxPixels = 1024 * 1024 * 1024 / 4 / 3

// Options are limits of decoding.
type Options struct {
	// MaxPixels is how many pixels a picture may have; 0 means DefaultMaxPixels. A pixel takes 15 bytes of memory at most, in a progressive JPEG,
	// while it is decoded.
	MaxPixels int64
	// Admit is called with the number of pixels that are to be decoded, if it is set, and may wait until there is memory for them. Its error
	// ends it.
	Admit func(pixels int64) error
}

// Validate returns an error for a value that makes no sense.
func (o Options) Validate() error {
	if o.MaxPixels < 0 {
		return fmt.Errorf("MaxPixels is %d, want 0 or more", o.MaxPixels)
	}
	return nil
}

// codec decodes one format.
type codec struct {
	mediaType string
	// check returns an error for what the decoder takes for broken, or believes, and should not. It may be nil.
	check  func(picture []byte) error
	config func(*source) (image.Config, error)
	decode func(*source) (image.Image, error)
}

// codecs is never changed.
var codecs = [...]codec{
	{media.JPEG, checkJPEG, config(jpeg.DecodeConfig), decode(jpeg.Decode)},
	{media.PNG, nil, config(png.DecodeConfig), decode(png.Decode)},
	{media.WebP, checkWebP, config(webp.DecodeConfig), decode(webp.Decode)},
	{media.GIF, nil, gifConfig, decodeGIF},
	{media.TIFF, checkTIFF, config(tiff.DecodeConfig), decodeTIFF},
	{media.BMP, nil, config(bmp.DecodeConfig), decode(bmp.Decode)},
}

func config(f func(io.Reader) (image.Config, error)) func(*source) (image.Config, error) {
	return func(s *source) (image.Config, error) { return f(s) }
}

func decode(f func(io.Reader) (image.Image, error)) func(*source) (image.Image, error) {
	return func(s *source) (image.Image, error) { return f(s) }
}

// Decode returns the pixels of a picture of a media type that package media knows, or the first frame of one that moves. What is behind the picture
// is not regarded, and neither are EXIF's orientation and colour profiles.
//
// Errors are ErrUnsupported, ErrTooLarge, the cause of ctx when that has ended, or say in what the picture is broken. It is safe for concurrent use,
// keeps nothing, and does not panic.
func Decode(ctx context.Context, mediaType string, picture []byte, o Options) (img image.Image, err error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("decode picture: %w", err)
	}
	defer func() {
		if v := recover(); v != nil {
			img, err = nil, fmt.Errorf("panic: %v", v)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case isUnsupported(err) && !errors.Is(err, ErrUnsupported):
			err = fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		if err != nil {
			img, err = nil, fmt.Errorf("decode %s: %w", mediaType, err)
		}
	}()
	for i := range codecs {
		if codecs[i].mediaType == mediaType {
			return codecs[i].image(ctx, picture, o)
		}
	}
	return nil, ErrUnsupported
}

func (c *codec) image(ctx context.Context, picture []byte, o Options) (image.Image, error) {
	if c.check != nil {
		if err := c.check(picture); err != nil {
			return nil, err
		}
	}
	size, err := c.config(newSource(ctx, picture))
	if err != nil {
		return nil, err
	}
	if size.Width < 1 || size.Height < 1 {
		return nil, errors.New("it has no pixels")
	}
	most := o.MaxPixels
	if most == 0 {
		most = DefaultMaxPixels
	}
	// Neither side has more than 31 bits.
	pixels := int64(size.Width) * int64(size.Height)
	if pixels > most {
		return nil, fmt.Errorf("%w: %d x %d pixels, and %d are allowed", ErrTooLarge, size.Width, size.Height, most)
	}
	if o.Admit != nil {
		if err := o.Admit(pixels); err != nil {
			return nil, err
		}
	}
	return c.decode(newSource(ctx, picture))
}

// isUnsupported tells whether a decoder says of itself, and not of the picture, that it cannot go on.
func isUnsupported(err error) bool {
	var (
		ofJPEG jpeg.UnsupportedError
		ofPNG  png.UnsupportedError
		ofTIFF tiff.UnsupportedError
	)
	return errors.As(err, &ofJPEG) || errors.As(err, &ofPNG) || errors.As(err, &ofTIFF) || errors.Is(err, bmp.ErrUnsupported) || isTIFFVariant(err)
}

// Version names what decodes: pixels of two programs are the same where it is the same.
func Version() string {
	const own = "1"
	extra := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "golang.org/x/image" {
				extra = m.Version
			}
		}
	}
	return own + " " + runtime.Version() + " " + extra
}
