package buckettest

import (
	"fmt"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// Probed says in a bucket that it was found good for the export below a prefix, so that a test need not wait for that.
func Probed(t testing.TB, c bucket.Client, prefix string) {
	t.Helper()
	r, err := bucket.Open(t.Context(), c, prefix, bucket.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := fmt.Sprintf(`{"of":%q,"returns":true,"conditions":true}`, r)
	if _, err := c.Put(t.Context(), prefix+"/.exporter/probe.json", store.Bytes(found), int64(len(found))); err != nil {
		t.Fatal(err)
	}
}
