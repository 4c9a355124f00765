package export

import (
	"encoding/json"
	"log/slog"
	"math"
	"time"
)

// Seconds is a duration that prints as a number of seconds, to the millisecond: in JSON, in the log and wherever else a program reads it.
// What is called so ends in "seconds".
type Seconds time.Duration

// number returns the seconds, rounded so that no digit is noise.
func (s Seconds) number() float64 {
	return math.Round(time.Duration(s).Seconds()*1000) / 1000
}

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(s.number()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var n float64
	err := json.Unmarshal(b, &n)
	*s = Seconds(n * float64(time.Second))
	return err
}

// LogValue implements slog.LogValuer.
func (s Seconds) LogValue() slog.Value { return slog.Float64Value(s.number()) }
