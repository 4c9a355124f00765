package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 50
	maxPageSize     = 1000
)

// readToken takes the page_token apart. Sizes of pages may change under way, filters may not.
func (s *Server) readToken(x *exchange) {
	filters := maps.Clone(x.query)
	filters.Del("page_token")
	filters.Del("page_size")
	filters.Del("hop")
	x.binding = x.r.URL.EscapedPath() + "?" + filters.Encode()
	x.token = x.query.Get("page_token")
	if x.token != "" {
		var ok bool
		x.after, ok = s.cursors.open(x.token, x.binding)
		x.badToken = !ok
	}
}

// parameters reads a query, and collects what is wrong with it. An empty value counts as absent.
type parameters struct {
	query url.Values
	errs  []fieldError
}

func (p *parameters) fail(name, message, kind string) {
	p.errs = append(p.errs, fieldError{[]string{"query", name}, message, kind})
}

// number returns a whole number from lowest to highest, and value when the parameter is absent. A negative highest is no
// bound.
func (p *parameters) number(name string, value, lowest, highest int) int {
	text := p.query.Get(name)
	if text == "" {
		return value
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		p.fail(name, "Input should be a valid integer, unable to parse string as an integer", "int_parsing")
	case n < lowest:
		p.fail(name, fmt.Sprintf("Input should be greater than or equal to %d", lowest), "greater_than_equal")
	case highest >= 0 && n > highest:
		p.fail(name, fmt.Sprintf("Input should be less than or equal to %d", highest), "less_than_equal")
	}
	return n
}

func (p *parameters) boolean(name string) bool {
	switch strings.ToLower(p.query.Get(name)) {
	case "", "false", "0", "off", "f", "n", "no":
		return false
	case "true", "1", "on", "t", "y", "yes":
		return true
	}
	p.fail(name, "Input should be a valid boolean, unable to interpret input", "bool_parsing")
	return false
}

// instant returns the zero time when the parameter is absent. A time without a zone is UTC.
func (p *parameters) instant(name string) time.Time {
	text := p.query.Get(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	p.fail(name, "Input should be a valid datetime or date, invalid character in year", "datetime_from_date_parsing")
	return time.Time{}
}

// texts returns the values of a parameter that may be repeated.
func (p *parameters) texts(name string) []string {
	return slices.DeleteFunc(slices.Clone(p.query[name]), func(v string) bool { return v == "" })
}

// text returns nil when the parameter is absent.
func (p *parameters) text(name string) *string {
	v := p.query.Get(name)
	if v == "" {
		return nil
	}
	return &v
}

// choices returns the values of a parameter that may be repeated, and fails for those that are not among all.
func choices[T ~string](p *parameters, name string, all []T) []T {
	var chosen []T
	for _, text := range p.query[name] {
		switch {
		case text == "":
		case slices.Contains(all, T(text)):
			chosen = append(chosen, T(text))
		default:
			p.fail(name, "Input should be "+alternatives(all), "enum")
			return nil
		}
	}
	return chosen
}

// alternatives is how an error names the values that a parameter takes.
func alternatives[T ~string](all []T) string {
	var b strings.Builder
	for i, v := range all {
		switch {
		case i > 0 && i == len(all)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString("'" + string(v) + "'")
	}
	return b.String()
}

// mismatch tells whether the query names another project or organization than the resource's.
func (x *exchange) mismatch(projectID, organizationID string) bool {
	project, organization := x.query.Get("project_id"), x.query.Get("organization_id")
	return project != "" && project != projectID || organization != "" && organization != organizationID
}

// directory returns the directory that the path names. The corpus is locked.
func (s *Server) directory(x *exchange) (*directory, *reply) {
	d, ok := s.corpus.directories.get(x.params[0])
	if !ok || x.mismatch(d.ProjectID, d.OrganizationID) {
		r := notFound("Directory")
		return nil, &r
	}
	return d, nil
}

// pageIndex returns the page_index of the path.
func (x *exchange) pageIndex() (int64, *reply) {
	n, err := strconv.ParseInt(x.params[1], 10, 64)
	if err != nil {
		r := wrongPage("Input should be a valid integer, unable to parse string as an integer", "int_parsing")
		return 0, &r
	}
	return n, nil
}

func wrongPage(message, kind string) reply {
	return unprocessable([]fieldError{{[]string{"path", "page_index"}, message, kind}})
}

// expands tells whether the query asks for a field to be expanded.
func (x *exchange) expands(field string) bool {
	for _, v := range x.query["expand"] {
		if v == field {
			return true
		}
	}
	return false
}

func badToken() reply {
	return unprocessable([]fieldError{{[]string{"query", "page_token"}, "Invalid page token", "value_error"}})
}

// origin is scheme and host as the client knows them.
func (x *exchange) origin() string {
	if x.r.TLS != nil {
		return "https://" + x.r.Host
	}
	return "http://" + x.r.Host
}

// answerOK is the answer for a single object.
func answerOK(o []byte) reply { return answerJSON(http.StatusOK, o) }

// answerCreated is the answer for one that was made.
func answerCreated(o []byte) reply { return answerJSON(http.StatusCreated, o) }
