package buckettest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/s3"
)

func openServer(t *testing.T, v Vices) (bucket.Client, *Server) {
	t.Helper()
	s := NewServer(t, v)
	c, err := s3.New(t.Context(), s3.Options{Bucket: s.Bucket, Variable: s.Variable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, s
}

// create tells how many of so many that create a key at once were told that they did.
func create(t *testing.T, c bucket.Client, key string, many int) int {
	t.Helper()
	won := make([]bool, many)
	var writers sync.WaitGroup
	for n := range many {
		writers.Go(func() {
			_, err := c.Create(t.Context(), key, store.Bytes(fmt.Sprint(n)), int64(len(fmt.Sprint(n))))
			won[n] = err == nil
			if err != nil && !errors.Is(err, store.ErrExists) {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	n := 0
	for _, is := range won {
		if is {
			n++
		}
	}
	return n
}

// Liars lie: each where it was told to, and an honest server does not.
func TestServer_Create_Vices(t *testing.T) {
	for name, tt := range map[string]struct {
		vices        Vices
		again, races bool
	}{
		"honest":              {Vices{}, false, false},
		"ignores a condition": {Vices{IgnoreCreate: true}, true, true},
		"looks, then acts":    {Vices{Gap: 300 * time.Millisecond}, false, true},
	} {
		c, s := openServer(t, tt.vices)
		won := create(t, c, "at once", 8)
		if won < 1 || (won > 1) != tt.races {
			t.Errorf("%s: %d of 8 created a key at once, want more than one: %v", name, won, tt.races)
		}
		s.SetVices(tt.vices)
		if again := create(t, c, "at once", 1); (again == 1) != tt.again {
			t.Errorf("%s: created again %d times, want one: %v", name, again, tt.again)
		}
	}
}

// slow is content whose end waits until it may be sent.
type slow struct {
	store.Bytes
	began, goOn chan struct{}
	once        sync.Once
}

func (c *slow) ReadAt(p []byte, at int64) (int, error) {
	if at > 0 {
		c.once.Do(func() { close(c.began) })
		<-c.goOn
	}
	return c.Bytes.ReadAt(p, at)
}

// A store that looks at the condition before the body has come lets the slow overwrite the fast.
func TestServer_CheckFirst_SlowAgainstFast(t *testing.T) {
	for _, lies := range []bool{false, true} {
		c, s := openServer(t, Vices{CheckFirst: lies})
		a := &slow{Bytes: make(store.Bytes, 1<<20), began: make(chan struct{}), goOn: make(chan struct{})}
		done := make(chan error)
		go func() {
			_, err := c.Create(t.Context(), "x", a, int64(len(a.Bytes)))
			done <- err
		}()
		<-a.began
		for s.Count(Create) == 0 {
			time.Sleep(time.Millisecond)
		}
		if _, err := c.Create(t.Context(), "x", store.Bytes("fast"), 4); err != nil {
			t.Fatal(err)
		}
		close(a.goOn)
		if err := <-done; errors.Is(err, store.ErrExists) == lies {
			t.Errorf("looks first %v: the slow one got error %v", lies, err)
		}
		if got, _ := s.Content("x"); (string(got) == "fast") == lies {
			t.Errorf("looks first %v: %d bytes are stored", lies, len(got))
		}
	}
}

func TestServer_Hold_StopsOneRequest(t *testing.T) {
	for _, at := range []Moment{BeforeActing, BeforeReplying} {
		c, s := openServer(t, Vices{})
		held := s.Hold(at, func(r Received) bool { return r.Op == Put && strings.HasPrefix(r.Key, "held/") })
		done := make(chan error)
		go func() {
			_, err := c.Put(t.Context(), "held/x", store.Bytes("x"), 1)
			done <- err
		}()
		<-held.Reached
		if _, err := c.Put(t.Context(), "y", store.Bytes("y"), 1); err != nil {
			t.Fatal(err)
		}
		if _, stored := s.Content("held/x"); stored != (at == BeforeReplying) {
			t.Errorf("held at %d: stored %v", at, stored)
		}
		held.Release()
		if err := <-done; err != nil || s.Count(Put) != 2 {
			t.Errorf("released: %v after %d requests, want 2", err, s.Count(Put))
		}
	}
}

func TestServer_Sometimes_IsNeitherNeverNorAlways(t *testing.T) {
	c, s := openServer(t, Vices{Fault: Sometimes(1, 3, LoseReply(), ResetBefore(), Broken())})
	failed := 0
	for n := range 60 {
		if _, err := c.Put(t.Context(), fmt.Sprint(n), store.Bytes("x"), 1); err != nil {
			failed++
		}
	}
	if failed < 5 || failed > 40 || s.Count(Put) != 60 {
		t.Errorf("%d of %d requests failed, want about 20 of 60", failed, s.Count(Put))
	}
}

// What is new appears in lists after a while, and what is replaced stays there.
func TestServer_ListDelay_HidesWhatIsNew(t *testing.T) {
	c, s := openServer(t, Vices{ListDelay: 10 * time.Minute})
	s.Set("x", nil)
	listed := func() (keys []string) {
		for info, err := range c.List(t.Context(), "", "") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, info.Key)
		}
		return keys
	}
	if got := listed(); len(got) > 0 {
		t.Errorf("got %q, want nothing", got)
	}
	s.SetVices(Vices{ListDelay: 10 * time.Minute, ClockOff: 11 * time.Minute})
	s.Set("x", []byte("again"))
	if got := listed(); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %q, want x", got)
	}
	if r, _, err := c.Get(t.Context(), "x", 0, 10, ""); err != nil {
		t.Error(err)
	} else if text, err := io.ReadAll(r); err != nil || string(text) != "again" {
		t.Errorf("got %q, %v", text, err)
	}
}
