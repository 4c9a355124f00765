package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

func loose(t *testing.T, client bucket.Client, o bucket.Options) *bucket.Loose {
	t.Helper()
	l, err := bucket.NewLoose(client, "some", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func readLoose(t *testing.T, l *bucket.Loose, key string) string {
	t.Helper()
	o, err := l.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Whether the answer to the first, second or third request is lost, and whether it was carried out or not: of two writers one makes the object, and each
// knows whether it was the one.
func TestLoose_Create_AnswersLost(t *testing.T) {
	for lost := 1; lost <= 3; lost++ {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("request %d, done %v", lost, done), func(t *testing.T) {
				m := buckettest.NewMemory()
				fate := func(r buckettest.Request) buckettest.Fate {
					if r.Number == lost {
						return buckettest.Fate{Err: buckettest.Lost(r.Kind, r.Key), Done: done}
					}
					return buckettest.Fate{}
				}
				l := loose(t, m.Client(fate), quick())
				if err := l.Create(t.Context(), "once", []byte("first")); err != nil {
					t.Errorf("the first writer: %v", err)
				}
				if err := l.Create(t.Context(), "once", []byte("second")); !errors.Is(err, store.ErrExists) {
					t.Errorf("the second writer: %v, want store.ErrExists", err)
				}
				if got := readLoose(t, l, "once"); got != "first" {
					t.Errorf("the object holds %q, want that of the first writer", got)
				}
			})
		}
	}
}

// A writer whose answer was lost, and that another one has overtaken, knows that.
func TestLoose_Create_OvertakenAfterALostAnswer(t *testing.T) {
	m := buckettest.NewMemory()
	other := loose(t, m.Client(nil), quick())
	fate := func(r buckettest.Request) buckettest.Fate {
		if r.Number != 1 {
			return buckettest.Fate{}
		}
		if err := other.Create(context.Background(), "once", []byte("theirs")); err != nil {
			t.Error(err)
		}
		return buckettest.Fate{Err: buckettest.Lost(r.Kind, r.Key)}
	}
	if err := loose(t, m.Client(fate), quick()).Create(t.Context(), "once", []byte("ours")); !errors.Is(err, store.ErrExists) {
		t.Errorf("%v, want store.ErrExists", err)
	}
}

func TestLoose_Create_OfManyOneSucceeds(t *testing.T) {
	m := buckettest.NewMemory()
	var all sync.WaitGroup
	made := make([]bool, 16)
	for i := range made {
		l := loose(t, m.Client(nil), quick())
		all.Go(func() {
			err := l.Create(context.Background(), "once", fmt.Append(nil, i))
			if made[i] = err == nil; err != nil && !errors.Is(err, store.ErrExists) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := readLoose(t, loose(t, m.Client(nil), quick()), "once")
	for i, isMade := range made {
		if isMade != (got == fmt.Sprint(i)) {
			t.Errorf("writer %d made it: %v, but the object is that of writer %s", i, isMade, got)
		}
	}
}

func TestLoose_Open_AndPut(t *testing.T) {
	m := buckettest.NewMemory()
	l := loose(t, m.Client(nil), quick())
	if _, err := l.Open(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing object: %v, want fs.ErrNotExist", err)
	}
	// Larger than what is read at once.
	for _, text := range []string{"old", strings.Repeat("0123456789", 1<<18)} {
		if err := l.Put(t.Context(), "a/b", store.Bytes(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
		if got := readLoose(t, l, "a/b"); got != text {
			t.Errorf("%d bytes are read, not the %d that were put", len(got), len(text))
		}
	}
	if keys := m.Keys(); len(keys) != 1 || keys[0] != "some/a/b" {
		t.Errorf("the bucket has %q, want some/a/b alone", keys)
	}
	for _, key := range []string{"", "/a", "../a", "a/"} {
		_, openErr := l.Open(t.Context(), key)
		if err := l.Create(t.Context(), key, nil); !errors.Is(err, fs.ErrInvalid) || !errors.Is(openErr, fs.ErrInvalid) ||
			!errors.Is(l.Put(t.Context(), key, store.Bytes(nil), 0), fs.ErrInvalid) {
			t.Errorf("the key %q is taken: %v, %v", key, err, openErr)
		}
	}
}
