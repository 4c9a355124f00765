package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
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

// RateRange says which numbers ParseRate accepts, for those who gave another one.
func RateRange() string {
	return fmt.Sprintf("from %s to %.0f/s", Rate{PerSecond: minRate}, float64(maxRate))
}

// rateUnit is what a rate counts by.
type rateUnit struct {
	suffix string
	window time.Duration
}

func rateUnits() []rateUnit {
	return []rateUnit{{"/s", time.Second}, {"/m", time.Minute}, {"/h", time.Hour}}
}

// ParseRate parses a decimal number of requests by second, minute or hour, such as "0.5/s", "20/m" or "1000/h", or one
// of the words "auto" and "unlimited". A number is from one an hour to a million a second.
func ParseRate(text string) (Rate, error) {
	switch text {
	case rateAuto:
		return Rate{Auto: true}, nil
	case rateUnlimited:
		return Rate{}, nil
	}
	requests, window, err := ParseRequests(text)
	if err != nil {
		return Rate{}, err
	}
	return Rate{PerSecond: requests / window.Seconds()}, nil
}

// ParseRequests parses a rate that is a number, as ParseRate does, and returns how many requests it names, and the second, the
// minute or the hour that it names them by.
func ParseRequests(text string) (requests float64, window time.Duration, err error) {
	for _, unit := range rateUnits() {
		digits, found := strings.CutSuffix(text, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(digits, 64)
		if strings.Trim(digits, "0123456789.") != "" || err != nil && !errors.Is(err, strconv.ErrRange) {
			break
		}
		if perSecond := n / unit.window.Seconds(); perSecond < minRate || perSecond > maxRate {
			return 0, 0, fmt.Errorf("the rate %s is out of range", quote(text))
		}
		return n, unit.window, nil
	}
	return 0, 0, fmt.Errorf("%s is not a rate", quote(text))
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
		n := r.PerSecond * unit.window.Seconds()
		text := strconv.FormatFloat(n, 'f', -1, 64) + unit.suffix
		if n/unit.window.Seconds() == r.PerSecond && (best == "" || len(text) < len(best)) {
			best = text
		}
	}
	return best
}
