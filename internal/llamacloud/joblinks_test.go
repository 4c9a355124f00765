package llamacloud

import (
	"testing"
	"time"
)

// A listing that took as long as its links live has links, and a picture is not gone for that.
func TestJobResult_Listed_HoweverLate(t *testing.T) {
	var j jobResult
	j.setLinks(map[string]jobLink{"a.jpg": {PresignedURL{URL: "https://storage.test/a"}, time.Now().Add(-time.Second)}})
	if link, ok := j.link("a.jpg", ""); ok {
		t.Errorf("%q is used although it is dead", link.URL)
	}
	if link, ok := j.listed("a.jpg"); !ok || link.URL != "https://storage.test/a" {
		t.Errorf("link %q, %v, want that of the listing", link.URL, ok)
	}
	if _, ok := j.listed("b.jpg"); ok {
		t.Error("there is a link that was not listed")
	}
}
