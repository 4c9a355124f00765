package metrics

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Path is where Handler has the metrics.
const Path = "/metrics"

// Handler serves what collect returns at Path, in the format that a request prefers.
func Handler(collect func() []Family) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		format := negotiate(r.Header.Values("Accept"))
		var b bytes.Buffer
		if err := Write(&b, format, collect()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", string(format))
		w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
		w.Header().Set("Vary", "Accept")
		// Who went away does not want the rest.
		_, _ = w.Write(b.Bytes())
	})
	return mux
}

// negotiate returns OpenMetrics where it is asked for by its name, and the text format is not preferred; the text format otherwise, which
// everything reads.
func negotiate(accept []string) Format {
	open, text, rest := -1.0, -1.0, -1.0
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, parameters, err := mime.ParseMediaType(strings.TrimSpace(item))
		if err != nil {
			continue
		}
		q := 1.0
		if given, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
			q = given
		}
		switch version := parameters["version"]; {
		case media == "application/openmetrics-text" && (version == "" || version == "1.0.0"):
			open = max(open, q)
		case media == "text/plain" && (version == "" || version == "0.0.4"):
			text = max(text, q)
		case media == "*/*", media == "text/*":
			rest = max(rest, q)
		}
	}
	if text < 0 {
		text = rest
	}
	if open > 0 && open >= text {
		return OpenMetrics
	}
	return Text
}
