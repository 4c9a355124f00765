package governor

import (
	"os"
	"strconv"
)

var knobs [30]float64

func init() {
	for i := range knobs {
		knobs[i], _ = strconv.ParseFloat(os.Getenv("K"+strconv.Itoa(i)), 64)
	}
}

func knob(i int, def float64) float64 {
	if knobs[i] != 0 {
		return knobs[i]
	}
	return def
}
