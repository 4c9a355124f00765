package llamacloud

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Timestamp is a point in time as the API writes it, in UTC.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads what parseTimestamp does.
func (t *Timestamp) UnmarshalJSON(data []byte) (err error) {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*t, err = parseTimestamp(text)
	return err
}

// timestampSpelling takes a time apart: date, time of day, seconds, fraction and zone. RFC 3339 is one of what it takes; the other ones
// have a blank for the T, lower case, a comma, no seconds, a zone without colon or minutes, or none at all.
var timestampSpelling = regexp.MustCompile(
	`^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2}))?(?:[.,]([0-9]+))? ?([Zz]|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?$`)

// parseTimestamp reads every spelling of a point in time that leaves no doubt. A time without a zone is UTC, as the API's are.
// The second 60, of which there is one when the clocks of the world are set, is the one that follows it.
func parseTimestamp(text string) (Timestamp, error) {
	if isUTC(text) {
		// Most are spelled so.
		if parsed, err := time.Parse(time.RFC3339, text); err == nil && !parsed.IsZero() && parsed.Year() >= 1 {
			return Timestamp{parsed}, nil
		}
	}
	return parseSpelling(text)
}

// isUTC tells whether a text is spelled as RFC 3339 spells times in UTC, whatever its numbers are.
func isUTC(text string) bool {
	const shape = "0000-00-00T00:00:00"
	if len(text) <= len(shape) || text[len(text)-1] != 'Z' {
		return false
	}
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	for i := range len(shape) {
		if text[i] != shape[i] && !(shape[i] == '0' && isDigit(text[i])) {
			return false
		}
	}
	fraction := text[len(shape) : len(text)-1]
	for i := range len(fraction) {
		if (i == 0) != (fraction[i] == '.') || i > 0 && !isDigit(fraction[i]) {
			return false
		}
	}
	return true
}

// parseSpelling is parseTimestamp for all spellings.
func parseSpelling(text string) (Timestamp, error) {
	refused := fmt.Errorf("%.40q is not a time of RFC 3339", text)
	p := timestampSpelling.FindStringSubmatch(strings.TrimSpace(text))
	if p == nil {
		return Timestamp{}, refused
	}
	date, clock, second, fraction, zone := p[1], p[2], p[3], p[4], strings.ToUpper(p[5])
	leap := second == "60"
	switch {
	case leap:
		second = "59"
	case second == "" && fraction != "":
		return Timestamp{}, refused
	case second == "":
		second = "00"
	}
	if fraction != "" && !leap {
		second += "." + fraction
	}
	switch {
	case zone == "" || zone == "UTC":
		zone = "Z"
	case zone == "Z":
	case len(zone) == len("+00"):
		zone += ":00"
	case len(zone) == len("+0000"):
		zone = zone[:3] + ":" + zone[3:]
	}
	parsed, err := time.Parse(time.RFC3339, date+"T"+clock+":"+second+zone)
	if leap {
		parsed = parsed.Add(time.Second)
	}
	// A zone may shift a time out of the years that can be written, and the first moment of them stands for none.
	if parsed = parsed.UTC(); err != nil || parsed.IsZero() || parsed.Year() < 1 || parsed.Year() > 9999 {
		return Timestamp{}, refused
	}
	return Timestamp{parsed}, nil
}
