package bucket_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/s3"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
)

// prefix is where the export of these tests lies.
const prefix = "some/export"

// quick are options for tests that do not want to wait.
func quick() bucket.Options {
	return bucket.Options{
		Direct: []string{"blobs/", "shards/"}, Beat: time.Second, Patience: 2 * time.Second, Within: 5 * time.Second, Delay: time.Millisecond,
	}
}

// newMemory returns a store whose bucket was probed.
func newMemory(t *testing.T) *buckettest.Memory {
	t.Helper()
	m := buckettest.NewMemory()
	buckettest.Probed(t, m.Client(nil), prefix)
	return m
}

func own(t *testing.T, client bucket.Client, o bucket.Options) *bucket.Bucket {
	t.Helper()
	b, err := bucket.Own(t.Context(), client, prefix, o)
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
			storetest.Run(t, func(t *testing.T) store.Store { return own(t, newMemory(t).Client(nil), o) })
		})
	}
}

// A bucket whose answers are lost now and then keeps all promises as well.
func TestBucket_Suite_AnswersLost(t *testing.T) {
	fate := func(r buckettest.Request) buckettest.Fate {
		if r.Number%7 == 3 && r.Number > 5 {
			return buckettest.Fate{Err: buckettest.Lost(r.Kind, r.Key), Done: r.Number%2 == 0}
		}
		return buckettest.Fate{}
	}
	storetest.Run(t, func(t *testing.T) store.Store { return own(t, newMemory(t).Client(fate), quick()) })
}

// Over the protocol of S3, with a server that is honest or has some vice, an export keeps all promises, too.
func TestBucket_Suite_Server(t *testing.T) {
	testmain.Long(t)
	for name, vices := range map[string]buckettest.Vices{
		"Honest":       {},
		"LosesReplies": {Fault: buckettest.Sometimes(1, 10, buckettest.LoseReply(), buckettest.ResetBefore())},
		"IsBusy": {Fault: buckettest.Sometimes(2, 10, buckettest.SlowDown("0"), buckettest.Broken(), buckettest.Conflict(),
			buckettest.Fault{Status: http.StatusConflict, Code: "ExistingObjectIsDirectory"})},
		"ListsLate": {ListDelay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			o := quick()
			if vices.ListDelay > 0 {
				// What lies under its own key is found by lists alone.
				o.Direct = nil
			}
			storetest.Run(t, func(t *testing.T) store.Store {
				s := buckettest.NewServer(t, buckettest.Vices{})
				client, err := s3.New(t.Context(), s3.Options{Bucket: s.Bucket, Variable: s.Variable})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(client.Close)
				buckettest.Probed(t, client, prefix)
				s.SetVices(vices)
				return own(t, client, o)
			})
		})
	}
}

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		vice buckettest.Vice
		want string
	}{
		"True":             {buckettest.None, ""},
		"IgnoresCondition": {buckettest.IgnoresCondition, "a second time"},
		"ChecksThenActs":   {buckettest.ChecksThenActs, "of a slow and a fast writer"},
		"Races":            {buckettest.Races, "of 16 who stored an object at once"},
		"OtherBytes":       {buckettest.OtherBytes, "came back as other"},
		"ListsNothing":     {buckettest.ListsNothing, "not in its list"},
	} {
		t.Run(name, func(t *testing.T) {
			m := buckettest.NewMemory()
			m.Vice = c.vice
			b, err := bucket.Own(t.Context(), m.Client(nil), prefix, quick())
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				for _, key := range m.Keys() {
					if strings.Contains(key, "/probe-") {
						t.Errorf("%s is left of the probe", key)
					}
				}
				return
			}
			var liar *bucket.LiarError
			if !errors.As(err, &liar) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
		})
	}
}
