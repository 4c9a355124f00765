package s3

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/wire"
)

// keysOf returns what is listed, and the error that ended it.
func keysOf(t *testing.T, c *Client, prefix, after string) (keys []string, err error) {
	for info, err := range c.List(t.Context(), prefix, after) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, info.Key)
	}
	return keys, nil
}

func TestClient_List_ShuffledPage_IsSorted(t *testing.T) {
	c, s := serve(t, buckettest.Vices{ListOrder: func(keys []string) { slices.Reverse(keys) }})
	for n := range 10 {
		s.Set(fmt.Sprintf("k/%d", n), nil)
	}
	got, err := keysOf(t, c, "k/", "k/4")
	if want := []string{"k/5", "k/6", "k/7", "k/8", "k/9"}; err != nil || !slices.Equal(got, want) {
		// What is behind the key in this order is not listed at all: the order of the store holds for it, too.
		if err != nil || len(got) > 0 {
			t.Errorf("got %q, %v, want %q or nothing", got, err, want)
		}
	}
	got, err = keysOf(t, c, "k/", "")
	if err != nil || len(got) != 10 || !slices.IsSorted(got) {
		t.Errorf("got %q, %v, want ten keys in order", got, err)
	}
}

func TestClient_List_ShuffledPages_IsAnError(t *testing.T) {
	c, s := serve(t, buckettest.Vices{ListOrder: func(keys []string) { slices.Reverse(keys) }})
	for n := range 1500 {
		s.Set(fmt.Sprintf("k/%04d", n), nil)
	}
	if got, err := keysOf(t, c, "", ""); !errors.Is(err, wire.ErrOrder) {
		t.Errorf("got %d keys, error %v, want %v", len(got), err, wire.ErrOrder)
	}
}

// What is new may be missing from a list.
func TestClient_List_Late(t *testing.T) {
	c, s := serve(t, buckettest.Vices{ListDelay: time.Hour})
	s.Set("k", nil)
	if got, err := keysOf(t, c, "", ""); err != nil || len(got) > 0 {
		t.Errorf("got %q, %v, want nothing", got, err)
	}
}

func TestClient_List_LosesAPage_Fails(t *testing.T) {
	for _, fault := range []buckettest.Fault{buckettest.Broken(), {Cut: true}} {
		c, s := serve(t, buckettest.Vices{Fault: func(r buckettest.Received) buckettest.Fault {
			if r.N == 1 {
				return fault
			}
			return buckettest.Fault{}
		}})
		for n := range 1500 {
			s.Set(fmt.Sprintf("k/%04d", n), nil)
		}
		got, err := keysOf(t, c, "", "")
		if e := buckettest.Failure(t, err); len(got) != 1000 || !e.Temporary {
			t.Errorf("%+v: got %d keys, error %v, want 1000 and one that is temporary", fault, len(got), err)
		}
	}
}

// Lists that cannot be right end with an error, not in a circle and not in silence.
func TestClient_List_OddPages(t *testing.T) {
	const entry = "<Contents><Key>%s</Key><Size>%d</Size></Contents>"
	for name, tt := range map[string]struct {
		page string
		is   error
	}{
		"another prefix":   {fmt.Sprintf(entry, "other/x", 1), wire.ErrOdd},
		"a negative size":  {fmt.Sprintf(entry, "k/x", -1), wire.ErrOdd},
		"a token repeated": {fmt.Sprintf(entry, "k/x", 1) + "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>", wire.ErrOdd},
		"no token":         {fmt.Sprintf(entry, "k/x", 1) + "<IsTruncated>true</IsTruncated>", wire.ErrOdd},
		"a broken escape":  {"<EncodingType>url</EncodingType>" + fmt.Sprintf(entry, "k/%zz", 1), wire.ErrOdd},
		"no XML":           {"<a", wire.ErrOdd},
	} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			_, _ = io.WriteString(w, "<ListBucketResult>"+tt.page+"</ListBucketResult>")
		}))
		t.Cleanup(server.Close)
		s := &buckettest.Server{URL: server.URL, Bucket: "bucket", AccessKey: "KEY", SecretKey: "sesame", Region: "us-east-1"}
		if got, err := keysOf(t, open(t, s), "k/", ""); !errors.Is(err, tt.is) || requests > 2 || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %q, error %v after %d requests, want %v", name, got, err, requests, tt.is)
		}
	}
}
