package llamacloud

import (
	"net/url"
	"strconv"
	"strings"

	"exporter/pipeline"
)

// segment is one segment of a URL path, escaped; or why it cannot be one.
type segment struct {
	escaped string
	err     error
}

// idSegment checks the identifier again: any string can be converted to a pipeline.ID.
func idSegment(id pipeline.ID) segment {
	_, err := pipeline.ParseID(string(id))
	return segment{escaped: string(id), err: err}
}

func pageSegment(page int32) segment { return segment{escaped: strconv.Itoa(int(page))} }

// nameSegment escapes every byte but letters, digits, '-', '_', '~' and '.'; the dots too when there is nothing else, as
// a segment of dots would be taken for a step in the path.
func nameSegment(name string) segment {
	const hex = "0123456789ABCDEF"
	name = unspell(name)
	onlyDots := strings.Trim(name, ".") == ""
	var b strings.Builder
	b.Grow(len(name))
	for i := range len(name) {
		c := name[i]
		if isUnreserved(c) || c == '.' && !onlyDots {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return segment{escaped: b.String()}
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '~'
}

// expand fills the placeholders of a route's template, in order, and puts the result behind the base URL. What is
// escaped is sent as it is.
func expand(base *url.URL, route string, segments []segment, query url.Values) (*url.URL, error) {
	var filled strings.Builder
	filled.Grow(2 * len(route))
	for _, s := range segments {
		if s.err != nil {
			return nil, s.err
		}
		before, rest, _ := strings.Cut(route, "{")
		_, route, _ = strings.Cut(rest, "}")
		filled.WriteString(before)
		filled.WriteString(s.escaped)
	}
	filled.WriteString(route)
	escaped := filled.String()
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, err
	}
	u := *base
	u.Path, u.RawPath = base.Path+path, base.EscapedPath()+escaped
	u.RawQuery = query.Encode()
	return &u, nil
}
