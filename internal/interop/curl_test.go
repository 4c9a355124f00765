package interop

import (
	"bytes"
	"os"
	"testing"
)

// What is exported is what any HTTP client is given.
func TestCurl_Blobs_EqualTheExported(t *testing.T) {
	t.Parallel()
	e := exported(t, hostileCorpus(t))
	assets := e.wholeManifest(t, localFiles)
	for _, a := range assets {
		url := e.url + a.key().escapedRoute()
		got := output(t, program(t, "curl", "--fail", "--silent", "--show-error", "--path-as-is",
			"--header", "Authorization: Bearer "+apiKey, url))
		want, err := os.ReadFile(e.path(*a.FileName))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%v: curl got %d bytes, %s has others (%d)", a.key(), len(got), *a.FileName, len(want))
		}
	}
}
