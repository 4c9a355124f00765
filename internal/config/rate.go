package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Rate says how many requests may be sent. The zero Rate sets no limit.
type Rate struct {
	// PerSecond is the number of requests a second; 0 where there is no limit or where Auto is set.
	PerSecond float64
	// Auto asks to find the API's limit.
	Auto bool
}

const (
	rateAuto      = "auto"
	rateUnlimited = "unlimited"

	// minRate is one request an hour: anything slower is a mistake, not a limit. maxRate is in requests a second.
	minRate = 1.0 / 3600
	maxRate = 1e6
)

// rateUnit is what a rate counts by.
type rateUnit struct {
	suffix  string
	seconds float64
}

func rateUnits() []rateUnit { return []rateUnit{{"/s", 1}, {"/m", 60}, {"/h", 3600}} }

// ParseRate parses a decimal number of requests by second, minute or hour, such as "0.5/s", "20/m" or "1000/h", or one
// of the words "auto" and "unlimited". A number is from one an hour to a million a second.
func ParseRate(text string) (Rate, error) {
	switch text {
	case rateAuto:
		return Rate{Auto: true}, nil
	case rateUnlimited:
		return Rate{}, nil
	}
	for _, unit := range rateUnits() {
		digits, found := strings.CutSuffix(text, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(digits, 64)
		if strings.Trim(digits, "0123456789.") != "" || err != nil && !errors.Is(err, strconv.ErrRange) {
			break
		}
		r := Rate{PerSecond: n / unit.seconds}
		if r.PerSecond < minRate || r.PerSecond > maxRate {
			return Rate{}, fmt.Errorf("the rate %s is out of range", quote(text))
		}
		return r, nil
	}
	return Rate{}, fmt.Errorf("%s is not a rate", quote(text))
}

// String returns the shortest form that ParseRate reads back as the same rate.
func (r Rate) String() string {
	switch {
	case r.Auto:
		return rateAuto
	case r.PerSecond == 0:
		return rateUnlimited
	}
	best := ""
	for _, unit := range rateUnits() {
		n := r.PerSecond * unit.seconds
		text := strconv.FormatFloat(n, 'f', -1, 64) + unit.suffix
		if n/unit.seconds == r.PerSecond && (best == "" || len(text) < len(best)) {
			best = text
		}
	}
	return best
}
