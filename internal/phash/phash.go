// Package phash computes perceptual hashes of pictures, and finds those that look alike by them. It imports nothing of ours.
//
// A hash is that of the Python package ImageHash, to the bit, for the same pixels: imagehash.phash of version 4.3 on Pillow 13. Hashes that
// were made with it can be compared with these. Where the pixels of a file are not the same, because another decoder made them, a few bits may
// differ. Two things are not as there. Grey of 16 bits is taken by its higher byte, where Pillow cuts off what is above 255, and sees white. And
// frequencies that are equal stay equal: ImageHash lets rounding errors decide where a picture is symmetric.
package phash

import "image"

const (
	// side is how many pixels a picture has, each way, when it is transformed.
	side = 32
	// kept is how many frequencies each way have a bit.
	kept = 8
)

// Of returns the hash of a picture, in the order in which its 16 hexadecimal digits are written: the highest bit is that of the lowest
// frequencies. Transparency is not regarded, as it is not by Pillow. A picture without pixels has the hash 0. It is safe for concurrent use.
//
// The picture is made grey and 32 pixels wide and high, as Pillow does it. A bit tells whether one of the 64 lowest frequencies of its
// cosine transform is above their median.
func Of(img image.Image) uint64 {
	if img.Bounds().Empty() {
		return 0
	}
	small := shrink(img)
	lowest := lowestFrequencies(&small)
	middle := median(lowest)
	var hash uint64
	for _, f := range lowest {
		hash <<= 1
		if f > middle {
			hash |= 1
		}
	}
	return hash
}
