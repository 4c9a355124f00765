package bucket_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// However a log was damaged, an owner that is to repair it goes on with what is left: what is public, and private keys of which an entry is left.
func TestOwn_Repair_DamagedLog(t *testing.T) {
	entries := func(m *buckettest.Memory) []string {
		return slices.DeleteFunc(m.Keys(), func(key string) bool { return !strings.Contains(key, "/.exporter/log/") })
	}
	for name, damage := range map[string]func(*testing.T, bucket.Client, []string){
		"FirstIsGone": func(t *testing.T, c bucket.Client, log []string) { remove(t, c, log[0]) },
		"OneIsGone":   func(t *testing.T, c bucket.Client, log []string) { remove(t, c, log[len(log)/2]) },
		"OneIsEmpty":  func(t *testing.T, c bucket.Client, log []string) { replace(t, c, log[1], "") },
		"LastIsCut":   func(t *testing.T, c bucket.Client, log []string) { replace(t, c, log[len(log)-1], `{"version":1,`) },
		"AllAreGone": func(t *testing.T, c bucket.Client, log []string) {
			remove(t, c, log[:len(log)-1]...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t)
				b := own(t, m.Client(nil), as("one"))
				put(t, b, "manifest.parquet", "public")
				for i := range 5 {
					put(t, b, fmt.Sprint(".exporter/parts/", i), "private")
				}
				put(t, b, "manifest.parquet", "public, and newer")
				closed(t, b)
				damage(t, m.Client(nil), entries(m))
				o := as("two")
				if b, err := bucket.Own(t.Context(), m.Client(nil), prefix, o); !isDamaged(err) {
					t.Fatalf("it was owned: %v, %v", b, err)
				}
				if _, err := bucket.Open(t.Context(), m.Client(nil), prefix, o); !isDamaged(err) {
					t.Errorf("got error %v, want one that says that the log is damaged", err)
				}
				o.Repair = true
				b = own(t, m.Client(nil), o)
				put(t, b, ".exporter/parts/9", "new")
				closed(t, b)
				wantHeld(t, m, "manifest.parquet", "public, and newer")
				wantHeld(t, m, ".exporter/parts/9", "new")
				if name == "OneIsEmpty" {
					wantHeld(t, m, ".exporter/parts/3", "private")
				}
				b = own(t, m.Client(nil), as("three"))
				put(t, b, "manifest.parquet", "newest")
				closed(t, b)
				wantHeld(t, m, "manifest.parquet", "newest")
			})
		})
	}
}

func isDamaged(err error) bool {
	return err != nil && strings.Contains(err.Error(), "the log of the export is damaged")
}

func remove(t *testing.T, c bucket.Client, keys ...string) {
	t.Helper()
	if err := c.Remove(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, c bucket.Client, key, content string) {
	t.Helper()
	if _, err := c.Put(t.Context(), key, store.Bytes(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}
