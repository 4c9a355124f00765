package phash

import (
	"image/color"
	"testing"
)

func TestGreyOfYCbCr_IsThatOfTheRGB(t *testing.T) {
	for y := 0; y < 256; y += 5 {
		for cb := range 256 {
			for cr := 0; cr < 256; cr += 3 {
				r, g, b := color.YCbCrToRGB(uint8(y), uint8(cb), uint8(cr))
				if got, want := greyOfYCbCr(uint8(y), uint8(cb), uint8(cr)), grey(r, g, b); got != want {
					t.Fatalf("%d, %d, %d: %d, want %d", y, cb, cr, got, want)
				}
			}
		}
		if got := greyOfYCbCr(uint8(y), 128, 128); got != uint8(y) {
			t.Errorf("%d without colour: %d", y, got)
		}
	}
}
