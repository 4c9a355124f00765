package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

func perSecond(n int64, took time.Duration) float64 {
	return float64(n) / max(took.Seconds(), 0.001)
}

// rounded keeps three digits of a number.
func rounded(x float64) float64 {
	n, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if err != nil || math.IsInf(n, 0) {
		return x
	}
	return n
}

// timeLeft estimates when all will be done, if it goes on as it did.
func timeLeft(done, all int64, took time.Duration) (time.Duration, bool) {
	left, rate := all-done, perSecond(done, took)
	if left <= 0 || rate <= 0 {
		return 0, false
	}
	return time.Duration(float64(left) / rate * float64(time.Second)).Round(time.Second), true
}

// humanTime prints a duration for people, such as "42s", "12m30s", "3h12m" or "2d4h".
func humanTime(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}
