package llamacloud

import (
	"net/http"
	"slices"
	"strings"
)

// codings are the content codings that change bytes: those that IANA lists (RFC 9110, section 16.6.1), but for identity, and
// the older names of two. They are never changed.
var codings = []string{
	"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip", "zstd",
}

// contentEncoding returns the first content coding that an answer declares and that was not asked for; "" where there is none.
// Stores keep other values there as they were once given: a charset, "aws-chunked", "binary", "none", some of them twice. Those
// are odd, and say nothing about the bytes.
func contentEncoding(h http.Header) (coding string, odd bool) {
	for _, values := range h.Values("Content-Encoding") {
		for value := range strings.SplitSeq(values, ",") {
			value = strings.ToLower(strings.TrimSpace(value))
			switch {
			case slices.Contains(codings, value):
				return value, true
			case value != "" && value != "identity":
				odd = true
			}
		}
	}
	return "", odd
}
