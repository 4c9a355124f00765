package main

import "math"

// noise is smooth random texture. Its value chooses the pattern.
type noise uint32

// lattice returns the pattern's value at a whole place, from 0 to 1.
func (n noise) lattice(x, y int) float64 {
	h := uint32(x)*0x8da6b343 ^ uint32(y)*0xd8163841 ^ uint32(n)*0xcb1ab31f
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	return float64(h) / math.MaxUint32
}

// at interpolates between the places of the lattice.
func (n noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	tx, ty := smooth(0, 1, x-fx), smooth(0, 1, y-fy)
	upper := n.lattice(ix, iy) + (n.lattice(ix+1, iy)-n.lattice(ix, iy))*tx
	lower := n.lattice(ix, iy+1) + (n.lattice(ix+1, iy+1)-n.lattice(ix, iy+1))*tx
	return upper + (lower-upper)*ty
}

// cloud adds octaves of the noise, each half as strong and twice as fine; its values lie between 0 and 1, mostly near
// the middle.
func (n noise) cloud(x, y float64, octaves int) float64 {
	sum, weight, total := 0.0, 1.0, 0.0
	for i := range octaves {
		sum += weight * (n+noise(i)).at(x, y)
		total += weight
		weight /= 2
		x, y = 2*x+17, 2*y+31
	}
	return sum / total
}

// cells returns the distance to the nearest of the points that are strewn one to a square, and a value from 0 to 1 that
// belongs to that point.
func (n noise) cells(x, y float64) (distance, value float64) {
	distance = math.Inf(1)
	cx, cy := int(math.Floor(x)), int(math.Floor(y))
	for i := cx - 1; i <= cx+1; i++ {
		for j := cy - 1; j <= cy+1; j++ {
			px, py := float64(i)+n.lattice(i, j), float64(j)+(n+1).lattice(i, j)
			if d := math.Hypot(px-x, py-y); d < distance {
				distance, value = d, (n+2).lattice(i, j)
			}
		}
	}
	return distance, value
}
