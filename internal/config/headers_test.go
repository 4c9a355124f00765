package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"exporter/internal/secret"
)

func TestConfig_ReadHeaders(t *testing.T) {
	for value, want := range map[string][]string{
		"":                                       nil,
		" \r\n\n":                                nil,
		"X-Tenant: seven":                        {"X-Tenant: seven"},
		"X-A: 1\r\n\n\tx-b :  two words \nX-A:3": {"X-A: 1", "x-b: two words", "X-A: 3"},
		"Cookie: a=b; c=d":                       {"Cookie: a=b; c=d"},
		"X-URL: https://x.test/?y":               {"X-URL: https://x.test/?y"},
		"sesame\nX-Tenant: seven\nsesame;":       {"X-Tenant: seven"},
		"authorization: Basic sesame":            {"authorization: Basic sesame"},
	} {
		c, err := load(t, "", []string{"LLAMA_CLOUD_CUSTOM_HEADERS=" + value})
		if err != nil {
			t.Fatal(err)
		}
		headers, warnings, err := c.ReadHeaders()
		var got []string
		for _, h := range headers {
			got = append(got, h.Name+": "+h.Value.Reveal())
		}
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: ReadHeaders() = %q, %v; want %q", value, got, err, want)
		}
		// A value, or a line that may be one, has "sesame" in it.
		odd := strings.Count(value, "sesame")
		if text := strings.Join(warnings, "\n"); len(warnings) != odd || strings.Contains(text, "sesame") {
			t.Errorf("%q: the warnings are %q, want %d", value, warnings, odd)
		}
		if text := fmt.Sprintf("%v %+v %#v", headers, headers, headers); len(got) > 0 && !strings.Contains(text, secret.Redacted) ||
			strings.Contains(text, "seven") || strings.Contains(text, "two words") {
			t.Errorf("%q prints as %s", value, text)
		}
	}
}

// What is wrong is named by its line, and by its name where that is one of ours; nothing else of the line is shown.
func TestConfig_ReadHeaders_Refuses(t *testing.T) {
	const noName = "there is no name of a header before the colon"
	const noValue = "the value is empty, or holds characters other than ASCII"
	for line, want := range map[string]string{
		": sesame":                          noName,
		"X Sesame: sesame":                  noName,
		"X-Sésame: sesame":                  noName,
		"X-Sesame:":                         noValue,
		"X-Sesame: \t":                      noValue,
		"X-Sesame: sésame":                  noValue,
		"X-Sesame: sesame\rX-Other: x":      noValue,
		"X-Sesame: sesame\x00":              noValue,
		"HOST: sesame":                      "the header Host is not to be given: exporter sets it, or goes without",
		"Accept-Encoding: gzip, sesame":     "the header Accept-Encoding is not to be given: exporter sets it, or goes without",
		"range: bytes=0-sesame":             "the header Range is not to be given: exporter sets it, or goes without",
		"Content-Length: 12":                "the header Content-Length is not to be given: exporter sets it, or goes without",
		"if-none-match: sesame":             "the header If-None-Match is not to be given: exporter sets it, or goes without",
		"Proxy-Authorization: Basic sesame": "the header Proxy-Authorization is not to be given: exporter sets it, or goes without",
		"Transfer-Encoding: chunked":        "the header Transfer-Encoding is not to be given: exporter sets it, or goes without",
		"user-agent: sesame":                "the header User-Agent is not to be given: exporter sets it, or goes without",
	} {
		c, err := load(t, "", []string{"LLAMA_CLOUD_CUSTOM_HEADERS=X-First: 1\n\n" + line})
		if err != nil {
			t.Fatal(err)
		}
		full := "LLAMA_CLOUD_CUSTOM_HEADERS: line 3: " + want + ` (a header in each line, as "Name: value")`
		if headers, _, err := c.ReadHeaders(); err == nil || err.Error() != full || headers != nil {
			t.Errorf("%q:\n got %v, %v\nwant %s", line, headers, err, full)
		}
	}
}
