package bucket_test

import (
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/storetest"
)

// quick are options for tests that do not want to wait.
func quick() bucket.Options {
	return bucket.Options{
		Direct: []string{"blobs/", "shards/"}, Host: "here", Process: 1,
		Beat: time.Second, Patience: 2 * time.Second, Within: 5 * time.Second,
	}
}

func own(t *testing.T, client bucket.Client, o bucket.Options) *bucket.Bucket {
	t.Helper()
	b, err := bucket.Own(t.Context(), client, "some/export", o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBucket_Suite(t *testing.T) {
	for name, change := range map[string]func(*bucket.Options){
		"Logged":       func(o *bucket.Options) { o.Direct = nil },
		"Direct":       func(o *bucket.Options) { o.Direct = []string{""} },
		"SingleWriter": func(o *bucket.Options) { o.SingleWriter = true },
	} {
		t.Run(name, func(t *testing.T) {
			o := quick()
			change(&o)
			storetest.Run(t, func(t *testing.T) store.Store { return own(t, buckettest.NewMemory(nil, nil).Client(nil), o) })
		})
	}
}
