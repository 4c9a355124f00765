package buckettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// Commits has two writers commit to one export, each as long as it owns it. They are killed, and lose requests and answers; some of what is
// lost is carried out later.
type Commits struct {
	// Client returns a client of the store, whose requests become what a function says.
	Client func(func(Request) Fate) bucket.Client
	Prefix string
	// Options are those of both writers, but for their names.
	Options bucket.Options
	// Each is how many commits each writer tries, Pause the longest time between two of them.
	Each  int
	Pause time.Duration
	Seed  uint64

	mu           sync.Mutex
	acknowledged map[string]string
	// owned, killed, lost and cut count exports that were taken, writers that were killed, requests that were lost, and commits that were cancelled.
	owned, killed, lost, cut atomic.Int64
}

// Run fails unless whatever was acknowledged is there in the end, once.
func (c *Commits) Run(t *testing.T) {
	c.acknowledged = map[string]string{}
	var both sync.WaitGroup
	for w := range 2 {
		both.Go(func() { c.write(w) })
	}
	both.Wait()
	// What is on its way still may arrive.
	time.Sleep(c.late() + c.Options.Patience)
	t.Logf("%d commits acknowledged; owned %d times, killed %d times, %d requests lost, %d commits cancelled",
		len(c.acknowledged), c.owned.Load(), c.killed.Load(), c.lost.Load(), c.cut.Load())
	if len(c.acknowledged) < c.Each/2 || c.killed.Load() == 0 || c.lost.Load() == 0 || c.cut.Load() == 0 {
		t.Fatal("too little has happened for this to show anything")
	}
	r, err := bucket.Open(t.Context(), c.Client(nil), c.Prefix, c.Options)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]int{}
	for e, err := range r.List(t.Context(), "of-") {
		if err != nil {
			t.Fatal(err)
		}
		listed[e.Key]++
	}
	for _, key := range slices.Sorted(maps.Keys(c.acknowledged)) {
		got, err := store.ReadBytes(t.Context(), r, key, 1<<20)
		if err != nil || string(got) != c.acknowledged[key] || listed[key] != 1 {
			t.Errorf("%s holds %q, %v, and is listed %d times, want %q", key, got, err, listed[key], c.acknowledged[key])
		}
	}
}

// late bounds how much later what was lost is carried out.
func (c *Commits) late() time.Duration { return 10 * c.Pause }

// write is one writer: it takes the export, commits for a while, is killed or ends, and does so again.
func (c *Commits) write(w int) {
	ctx := context.Background()
	random := rand.New(rand.NewPCG(c.Seed, uint64(w)))
	o := c.Options
	o.Host = fmt.Sprint("writer-", w)
	for tried := 0; tried < c.Each; {
		var killed atomic.Bool
		b, err := bucket.Own(ctx, c.Client(c.fate(rand.New(rand.NewPCG(c.Seed+1, random.Uint64())), &killed)), c.Prefix, o)
		if err != nil {
			time.Sleep(rand.N(c.Pause))
			continue
		}
		c.owned.Add(1)
		for range random.IntN(40) {
			tried++
			c.commit(ctx, b, fmt.Sprintf("of-%d/%d", w, tried), fmt.Sprint(random.Uint64()), random)
			time.Sleep(time.Duration(random.Int64N(int64(c.Pause))))
		}
		if random.IntN(2) == 0 {
			c.killed.Add(1)
			killed.Store(true)
		}
		// Of one that was killed nothing arrives.
		_ = b.Close()
	}
}

func (c *Commits) commit(ctx context.Context, b *bucket.Bucket, key, content string, random *rand.Rand) {
	if random.IntN(8) == 0 {
		cut, cancel := context.WithTimeout(ctx, time.Duration(random.Int64N(int64(c.Pause/5))))
		defer cancel()
		ctx = cut
	}
	err := store.PutBytes(ctx, b, key, []byte(content))
	if errors.Is(err, context.DeadlineExceeded) {
		c.cut.Add(1)
	}
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.acknowledged[key] = content
	}
}

// fate lets requests take some time, and loses one of twelve, or its answer; half of the first are carried out later. All are lost of a writer that was killed.
func (c *Commits) fate(random *rand.Rand, killed *atomic.Bool) func(Request) Fate {
	var mu sync.Mutex
	return func(r Request) (f Fate) {
		mu.Lock()
		defer mu.Unlock()
		takes := time.Duration(random.Int64N(int64(c.Pause / 20)))
		f.Before = func() { time.Sleep(takes) }
		if killed.Load() {
			return Fate{Err: Lost(r.Kind, r.Key)}
		}
		if random.IntN(12) == 0 {
			c.lost.Add(1)
			f.Err = Lost(r.Kind, r.Key)
			f.Done = random.IntN(2) == 0
			f.Late = time.Duration(random.Int64N(2)) * time.Duration(random.Int64N(int64(c.late())))
		}
		return f
	}
}
