package llamacloud

import (
	"net/url"
	"time"
)

// setText adds a parameter to a query, unless it is empty.
func setText[T ~string](query url.Values, name string, text T) {
	if text != "" {
		query.Set(name, string(text))
	}
}

// setTime adds a parameter to a query, unless it is zero.
func setTime(query url.Values, name string, at time.Time) {
	if !at.IsZero() {
		query.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
}
