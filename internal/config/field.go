package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"exporter/pipeline"
)

// field connects a key with a field of a Config. Whatever layer a value comes from, it arrives as text.
type field struct {
	typ Type
	// placeholder stands for the value in help; empty for booleans.
	placeholder string
	// allowed says which values are allowed, as a remedy for those that are not; it may be empty.
	allowed string
	// choices are those of a Key.
	choices []string
	// isSecret tells that the value is not to be shown.
	isSecret bool
	// clear forgets the earlier value of a list.
	clear func()
	// add takes a value, or one more item of a list.
	add func(text string) error
	// get returns the value or the items in a form that add accepts, but for secrets, which it does not show.
	get func() []string
}

func scalar[T any](f field, p *T, parse func(string) (T, error), format func(T) string) field {
	f.clear = func() {}
	f.add = func(text string) (err error) {
		v, err := parse(text)
		if err == nil {
			*p = v
		}
		return err
	}
	f.get = func() []string { return []string{format(*p)} }
	return f
}

// withChoices returns the field with the values that are known.
func withChoices(f field, choices ...string) field {
	f.choices = choices
	return f
}

func textField(p *string) field {
	parse := func(text string) (string, error) { return text, nil }
	return scalar(field{typ: TypeString, placeholder: "TEXT"}, p, parse, func(s string) string { return s })
}

// sinceField takes "last", or an empty text for none.
func sinceField(p *Since) field {
	parse := func(text string) (Since, error) {
		if text != "" && Since(text) != SinceLast {
			err := fmt.Errorf("%s: the only value is %q", quote(text), SinceLast)
			return "", &hinted{err, "for a time of your own there is --updated-at-on-or-after"}
		}
		return Since(text), nil
	}
	return scalar(field{typ: TypeString, placeholder: "last"}, p, parse, func(s Since) string { return string(s) })
}

// placeField takes a place of an export: the path of a directory, or the URL of a bucket.
func placeField(p *string) field {
	parse := func(text string) (string, error) { return text, checkPlace(text) }
	return scalar(field{typ: TypeString, placeholder: "DIR"}, p, parse, func(s string) string { return s })
}

func pathField(p *string, placeholder string) field {
	parse := func(text string) (string, error) { return text, checkPath(text) }
	return scalar(field{typ: TypeString, placeholder: placeholder}, p, parse, func(s string) string { return s })
}

func checkPath(text string) error {
	switch {
	case strings.ContainsRune(text, 0):
		return errors.New("the path holds a NUL byte")
	case text == "~" || strings.HasPrefix(text, "~/"):
		return fmt.Errorf("%s: only a shell knows what ~ means; write the path in full", quote(text))
	}
	return nil
}

func boolField(p *bool) field {
	parse := func(text string) (bool, error) {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return false, fmt.Errorf("%s is neither true nor false", quote(text))
		}
		return b, nil
	}
	return scalar(field{typ: TypeBool, allowed: "true or false", choices: []string{"true", "false"}}, p, parse, strconv.FormatBool)
}

func intField(p *int, least, most int) field {
	parse := func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return 0, fmt.Errorf("%s is not a whole number", quote(text))
		case err != nil || n < least || n > most:
			return 0, fmt.Errorf("%s is out of range", quote(text))
		}
		return n, nil
	}
	allowed := fmt.Sprintf("from %d to %d", least, most)
	return scalar(field{typ: TypeInteger, placeholder: "N", allowed: allowed}, p, parse, strconv.Itoa)
}

// fractionField takes numbers from 0 to 1.
func fractionField(p *float64) field {
	parse := func(text string) (float64, error) {
		x, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return 0, fmt.Errorf("%s is not a number", quote(text))
		case !(x >= 0 && x <= 1): // so written, it is true for NaN
			return 0, fmt.Errorf("%s is out of range", quote(text))
		}
		return x, nil
	}
	format := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	return scalar(field{typ: TypeNumber, placeholder: "N", allowed: "from 0 to 1"}, p, parse, format)
}

func choiceField[T ~string](p *T, choices ...T) field {
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = string(c)
	}
	allowed := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	parse := func(text string) (T, error) {
		if !slices.Contains(choices, T(text)) {
			return "", fmt.Errorf("%s is not a choice", quote(text))
		}
		return T(text), nil
	}
	format := func(c T) string { return string(c) }
	return scalar(field{typ: TypeString, placeholder: "NAME", allowed: allowed, choices: names}, p, parse, format)
}

func rateField(p *Rate) field {
	allowed := `a decimal number in /s, /m or /h, such as "20/m", ` + RateRange() + `; or "auto" or "unlimited"`
	return scalar(field{typ: TypeString, placeholder: "RATE", allowed: allowed}, p, ParseRate, Rate.String)
}

// sizeField takes sizes other than 0.
func sizeField(p *Size) field {
	const allowed = `such as "64KB", "256MiB" or "1GiB"`
	return scalar(field{typ: TypeString, placeholder: "SIZE", allowed: allowed}, p, parseSize, Size.String)
}

// parseSize parses a size other than 0.
func parseSize(text string) (Size, error) {
	s, err := ParseSize(text)
	if err == nil && s == 0 {
		err = errors.New("the size is zero")
	}
	return s, err
}

// memoryField takes sizes, and auto for 0.
func memoryField(p *Size) field {
	const auto = "auto"
	size := sizeField(p)
	parse := func(text string) (Size, error) {
		if text == auto {
			return 0, nil
		}
		return parseSize(text)
	}
	print := func(s Size) string {
		if s == 0 {
			return auto
		}
		return s.String()
	}
	return scalar(field{typ: size.typ, placeholder: size.placeholder, allowed: size.allowed + `; or "auto"`}, p, parse, print)
}

// durationField takes positive durations.
func durationField(p *time.Duration) field {
	parse := func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s is not a duration", quote(text))
		case d <= 0:
			return 0, fmt.Errorf("the duration %s is not positive", quote(text))
		}
		return d, nil
	}
	const allowed = `such as "5s", "1m30s" or "15m"`
	return scalar(field{typ: TypeString, placeholder: "DURATION", allowed: allowed}, p, parse, time.Duration.String)
}

func timeField(p *time.Time) field {
	format := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	const allowed = `RFC 3339, such as "2024-06-13T12:00:00Z"`
	return scalar(field{typ: TypeString, placeholder: "TIME", allowed: allowed}, p, parseTime, format)
}

// parseTime parses an RFC 3339 timestamp into UTC; the zero time where text is empty.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		err := fmt.Errorf("%s has no time of day", quote(text))
		return time.Time{}, &hinted{err, fmt.Sprintf("write %q", day.Format(time.RFC3339))}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is not a timestamp", quote(text))
	}
	if t = t.UTC(); t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("the timestamp %s is not in the years 1970 to 9999", quote(text))
	}
	return t, nil
}

func pagesField(p *pipeline.Pages) field {
	parse := func(text string) (pipeline.Pages, error) {
		pages, err := pipeline.ParsePages(text)
		if err != nil {
			return pipeline.Pages{}, &hinted{error: err}
		}
		return pages, nil
	}
	const allowed = `such as "0-9,12"; empty for all`
	return scalar(field{typ: TypeString, placeholder: "PAGES", allowed: allowed}, p, parse, pipeline.Pages.String)
}

// idField takes an id, or an empty text for none.
func idField(p *pipeline.ID) field {
	parse := func(text string) (pipeline.ID, error) {
		if text == "" {
			return "", nil
		}
		return parseID(text)
	}
	return scalar(field{typ: TypeString, placeholder: "ID"}, p, parse, func(id pipeline.ID) string { return string(id) })
}

func idsField(p *[]pipeline.ID) field {
	return listField(field{placeholder: "ID"}, p, parseID, func(id pipeline.ID) string { return string(id) })
}

// textsField takes texts that are not empty.
func textsField(p *[]string) field {
	parse := func(text string) (string, error) {
		if text == "" {
			return "", errors.New("the text is empty")
		}
		if strings.Contains(text, ",") {
			return "", fmt.Errorf("%s has a comma, which separates texts", quote(text))
		}
		return text, nil
	}
	return listField(field{placeholder: "TEXT"}, p, parse, func(s string) string { return s })
}

func listField[T any](f field, p *[]T, parse func(string) (T, error), format func(T) string) field {
	f.typ = TypeList
	f.clear = func() { *p = nil }
	f.add = func(text string) error {
		v, err := parse(text)
		if err == nil {
			*p = append(*p, v)
		}
		return err
	}
	f.get = func() []string {
		items := make([]string, len(*p))
		for i, v := range *p {
			items[i] = format(v)
		}
		return items
	}
	return f
}

func parseID(text string) (pipeline.ID, error) {
	id, err := pipeline.ParseID(text)
	if err != nil {
		return "", &hinted{error: err}
	}
	return id, nil
}

func urlField(p **url.URL) field {
	const allowed = `such as "https://api.cloud.llamaindex.ai"`
	return scalar(field{typ: TypeString, placeholder: "URL", allowed: allowed}, p, parseBaseURL, (*url.URL).String)
}

// quote returns text in quotes for a message, cut short where it is long.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		return strconv.Quote(strings.ToValidUTF8(text[:most], "")) + "…"
	}
	return strconv.Quote(text)
}
