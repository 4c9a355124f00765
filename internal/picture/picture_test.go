package picture_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"sync"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"exporter/internal/media"
	"exporter/internal/media/mediatest"
	"exporter/internal/picture"
)

// encoded returns pictures of width x height pixels of each format that Go encodes.
func encoded(t testing.TB, width, height int) map[string][]byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White, color.RGBA{200, 30, 30, 255}})
	for i := range img.Pix {
		img.Pix[i] = uint8(i / 5 % 3)
	}
	all := map[string][]byte{}
	for mediaType, encode := range map[string]func(io.Writer) error{
		media.JPEG: func(w io.Writer) error { return jpeg.Encode(w, img, nil) },
		media.PNG:  func(w io.Writer) error { return png.Encode(w, img) },
		media.GIF:  func(w io.Writer) error { return gif.Encode(w, img, nil) },
		media.TIFF: func(w io.Writer) error { return tiff.Encode(w, img, &tiff.Options{Compression: tiff.Deflate}) },
		media.BMP:  func(w io.Writer) error { return bmp.Encode(w, img) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		all[mediaType] = b.Bytes()
	}
	return all
}

func TestDecode_EveryFormat(t *testing.T) {
	known := []string{media.JPEG, media.PNG, media.WebP, media.GIF, media.TIFF, media.BMP}
	variants := map[string]bool{"tiff-of-a-press": true, "bigtiff": true, "bigtiff-big-endian": true, "bmp-of-os2": true}
	// It has a directory, and nothing else.
	broken := map[string]bool{"tiff-turned": true}
	for _, f := range mediatest.Pictures(t) {
		img, err := picture.Decode(t.Context(), f.MediaType, f.Data, picture.Options{})
		switch {
		case !slices.Contains(known, f.MediaType) || variants[f.Name]:
			if !errors.Is(err, picture.ErrUnsupported) {
				t.Errorf("%s: %v, want %v", f.Name, err, picture.ErrUnsupported)
			}
		case broken[f.Name]:
			if !isBroken(err) {
				t.Errorf("%s: %v, want that it is broken", f.Name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", f.Name, err)
		case img.Bounds().Dx() != int(f.Width) || img.Bounds().Dy() != int(f.Height):
			t.Errorf("%s: %v, want %d x %d pixels", f.Name, img.Bounds(), f.Width, f.Height)
		}
	}
}

func TestDecode_UnknownType_IsUnsupported(t *testing.T) {
	for _, mediaType := range []string{"", "text/html", media.AVIF} {
		if _, err := picture.Decode(t.Context(), mediaType, nil, picture.Options{}); !errors.Is(err, picture.ErrUnsupported) {
			t.Errorf("%q: %v, want %v", mediaType, err, picture.ErrUnsupported)
		}
	}
}

// isBroken tells whether an error says that a picture is broken, and no more than that.
func isBroken(err error) bool {
	return err != nil && !errors.Is(err, picture.ErrUnsupported) && !errors.Is(err, picture.ErrTooLarge) && !errors.Is(err, context.Canceled)
}

func TestDecode_CutPicture_IsBroken(t *testing.T) {
	for mediaType, data := range encoded(t, 64, 48) {
		for _, keep := range []int{0, 1, 10, len(data) / 4, len(data) / 2, len(data) * 9 / 10} {
			if _, err := picture.Decode(t.Context(), mediaType, data[:keep], picture.Options{}); !isBroken(err) {
				t.Errorf("%s, %d of %d bytes: %v, want that it is broken", mediaType, keep, len(data), err)
			}
		}
	}
}

func TestDecode_BytesBehind_AreForgiven(t *testing.T) {
	for mediaType, data := range encoded(t, 64, 48) {
		if _, err := picture.Decode(t.Context(), mediaType, append(data, "and some more"...), picture.Options{}); err != nil {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
}

func TestDecode_MaxPixels_IsHeeded(t *testing.T) {
	for mediaType, data := range encoded(t, 64, 48) {
		if _, err := picture.Decode(t.Context(), mediaType, data, picture.Options{MaxPixels: 64 * 48}); err != nil {
			t.Errorf("%s: %v", mediaType, err)
		}
		if _, err := picture.Decode(t.Context(), mediaType, data, picture.Options{MaxPixels: 64*48 - 1}); !errors.Is(err, picture.ErrTooLarge) {
			t.Errorf("%s: %v, want %v", mediaType, err, picture.ErrTooLarge)
		}
	}
	if _, err := picture.Decode(t.Context(), media.PNG, nil, picture.Options{MaxPixels: -1}); !isBroken(err) {
		t.Errorf("a limit of -1 pixels: %v", err)
	}
}

func TestDecode_ManyScans_AreTooMany(t *testing.T) {
	data := append(encoded(t, 8, 8)[media.JPEG], bytes.Repeat([]byte("\xff\xda"), 1000)...)
	if _, err := picture.Decode(t.Context(), media.JPEG, data, picture.Options{}); !errors.Is(err, picture.ErrTooLarge) {
		t.Errorf("%v, want %v", err, picture.ErrTooLarge)
	}
}

func TestDecode_Cancelled_Ends(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	for mediaType, data := range encoded(t, 64, 48) {
		if mediaType == media.GIF {
			// The beginning of a GIF is read at once.
			data = data[:len(data)-1]
		}
		if _, err := picture.Decode(ctx, mediaType, data, picture.Options{}); !errors.Is(err, cause) {
			t.Errorf("%s: %v, want the cause of the end", mediaType, err)
		}
	}
}

func TestDecode_Concurrently(t *testing.T) {
	all := encoded(t, 64, 48)
	var wg sync.WaitGroup
	for range 4 {
		for mediaType, data := range all {
			wg.Go(func() {
				if _, err := picture.Decode(t.Context(), mediaType, data, picture.Options{}); err != nil {
					t.Errorf("%s: %v", mediaType, err)
				}
			})
		}
	}
	wg.Wait()
}

// A picture that is decoded has no more pixels than are allowed, whatever its bytes.
func FuzzDecode(f *testing.F) {
	for _, file := range mediatest.Pictures(f) {
		f.Add(file.MediaType, file.Data)
	}
	for mediaType, data := range encoded(f, 30, 20) {
		f.Add(mediaType, data)
		f.Add(mediaType, data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, mediaType string, data []byte) {
		const most = 10_000
		img, err := picture.Decode(t.Context(), mediaType, data, picture.Options{MaxPixels: most})
		if (img == nil) == (err == nil) {
			t.Fatalf("%v, %v", img, err)
		}
		if err == nil && img.Bounds().Dx()*img.Bounds().Dy() > most {
			t.Fatalf("%v is more than %d pixels", img.Bounds(), most)
		}
	})
}
