package buckettest

import (
	"errors"
	"testing"

	"exporter/internal/store/bucket"
)

// Failure returns an error as what a client has to return.
func Failure(t testing.TB, err error) *bucket.Error {
	t.Helper()
	e, ok := errors.AsType[*bucket.Error](err)
	if !ok {
		t.Fatalf("got error %v, want a *bucket.Error", err)
	}
	return e
}
