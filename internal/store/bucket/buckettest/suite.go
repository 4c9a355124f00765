package buckettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// RunClient checks what a bucket.Client promises as long as nothing fails. open returns one of a bucket that is empty.
func RunClient(t *testing.T, open func(t *testing.T) bucket.Client) {
	for _, c := range []struct {
		name  string
		check func(*checked)
	}{
		{"Put_Replaces", (*checked).putReplaces},
		{"Put_Sizes", (*checked).putSizes},
		{"Put_WrongSize_KeepsTheOldOne", (*checked).putOfWrongSize},
		{"Put_ContentThatChanges_IsRefused", (*checked).putOfOtherBytes},
		{"Create_Exists", (*checked).createExists},
		{"Create_OneOfMany", (*checked).createOneOfMany},
		{"Get_Ranges", (*checked).getRanges},
		{"Get_Empty", (*checked).getEmpty},
		{"Get_Missing", (*checked).getMissing},
		{"Get_Changed", (*checked).getChanged},
		{"List_Order_Prefixes_After", (*checked).list},
		{"List_Pages_And_Remove", (*checked).listPages},
		{"Keys_Odd", (*checked).oddKeys},
		{"Context_Ended", (*checked).contextEnded},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(&checked{t, open(t), t.Context()}) })
	}
}

// checked is a client that is under test.
type checked struct {
	*testing.T
	bucket.Client
	ctx context.Context
}

func (c *checked) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *checked) put(key, content string) bucket.Version {
	c.Helper()
	v, err := c.Put(c.ctx, key, store.Bytes(content), int64(len(content)))
	c.must(err)
	return v
}

// read returns a range of an object.
func (c *checked) read(key string, offset, length int64, of bucket.Version) (string, bucket.Info, error) {
	r, info, err := c.Get(c.ctx, key, offset, length, of)
	if err != nil {
		return "", info, err
	}
	text, err := io.ReadAll(r)
	return string(text), info, errors.Join(err, r.Close())
}

// has fails unless an object holds exactly this.
func (c *checked) has(key, want string) {
	c.Helper()
	got, info, err := c.read(key, 0, int64(len(want))+10, "")
	if err != nil || got != want || info.Size != int64(len(want)) || info.Key != key {
		c.Fatalf("%q holds %d bytes, %.60q, %+v, %v, want %d bytes, %.60q", key, len(got), got, info, err, len(want), want)
	}
}

// keys are those of a list.
func (c *checked) keys(prefix, after string) []string {
	c.Helper()
	var keys []string
	for info, err := range c.List(c.ctx, prefix, after) {
		c.must(err)
		keys = append(keys, info.Key)
	}
	return keys
}

func (c *checked) lists(prefix, after string, want ...string) {
	c.Helper()
	if got := c.keys(prefix, after); !slices.Equal(got, want) {
		c.Fatalf("below %q, behind %q are %q, want %q", prefix, after, got, want)
	}
}

// level compares the entries of one level.
func (c *checked) level(prefix, after string, want ...string) {
	c.Helper()
	var got []string
	for info, err := range c.Level(c.ctx, prefix, after) {
		c.must(err)
		got = append(got, info.Key)
	}
	if !slices.Equal(got, want) {
		c.Errorf("right below %q, behind %q are %q, want %q", prefix, after, got, want)
	}
}

func (c *checked) putReplaces() {
	first := c.put("a/run.json", "a long first one")
	second := c.put("a/run.json", "short")
	c.has("a/run.json", "short")
	if first == second || first == "" || second == "" {
		c.Errorf("the versions are %q and %q, want two", first, second)
	}
	_, info, err := c.read("a/run.json", 0, 5, "")
	c.must(err)
	if info.Version != second || info.Now.IsZero() || info.Modified.IsZero() || info.Now.Before(info.Modified.Add(-2e9)) {
		c.Errorf("got %+v, want the version %q, and two times of which Now is not before Modified", info, second)
	}
}

// often counts how often content is asked for, as a spooled file may be.
type often struct {
	store.Bytes
	times int
}

func (o *often) WriteTo(w io.Writer) (int64, error) {
	o.times++
	return o.Bytes.WriteTo(w)
}

func (c *checked) putSizes() {
	for _, size := range []int{0, 1, 100_000, 5 << 20, 17 << 20} {
		content := make([]byte, size)
		random := rand.NewChaCha8([32]byte{byte(size)})
		_, _ = random.Read(content)
		key := fmt.Sprintf("size/%d", size)
		twice := &often{Bytes: content}
		for again := true; again; again = twice.times == 1 && size < 1<<20 {
			if _, err := c.Put(c.ctx, key, twice, int64(size)); err != nil {
				c.Fatal(err)
			}
		}
		r, info, err := c.Get(c.ctx, key, 0, int64(size)+1, "")
		c.must(err)
		got, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) || info.Size != int64(size) {
			c.Errorf("%d bytes came back as %d other ones, %+v, %v", size, len(got), info, err)
		}
	}
}

func (c *checked) putOfWrongSize() {
	c.put("x", "old")
	for _, size := range []int64{0, 3, 5} {
		if _, err := c.Put(c.ctx, "x", store.Bytes("four"), size); err == nil {
			c.Errorf("4 bytes were put as %d", size)
		}
	}
	c.has("x", "old")
}

// otherBytes is content that is something else each time.
type otherBytes struct {
	store.Bytes
	times byte
}

func (o *otherBytes) WriteTo(w io.Writer) (int64, error) {
	o.times++
	o.Bytes[0] = o.times
	n, err := w.Write(o.Bytes)
	o.Bytes[0]++
	return int64(n), err
}

// What arrives is not what was meant to be sent: the store compares a sum.
func (c *checked) putOfOtherBytes() {
	for _, size := range []int{100, 17 << 20} {
		key := fmt.Sprintf("x/%d", size)
		c.put(key, "old")
		if _, err := c.Put(c.ctx, key, &otherBytes{Bytes: make([]byte, size)}, int64(size)); err == nil {
			c.Errorf("%d bytes that are not those of the sum were stored", size)
		}
		c.has(key, "old")
	}
}

func (c *checked) createExists() {
	v, err := c.Create(c.ctx, "log/0001", store.Bytes("mine"), 4)
	c.must(err)
	if v == "" {
		c.Error("what was created has no version")
	}
	for _, content := range []string{"theirs", "mine"} {
		if _, err := c.Create(c.ctx, "log/0001", store.Bytes(content), int64(len(content))); !errors.Is(err, store.ErrExists) {
			c.Errorf("created again: got error %v, want %v", err, store.ErrExists)
		}
	}
	c.has("log/0001", "mine")
	c.must(c.Remove(c.ctx, "log/0001"))
	_, err = c.Create(c.ctx, "log/0001", store.Bytes("later"), 5)
	c.must(err)
	c.has("log/0001", "later")
}

func (c *checked) createOneOfMany() {
	for round := range 3 {
		key := fmt.Sprintf("log/%04d", round)
		won := make([]bool, 16)
		var writers sync.WaitGroup
		for n := range won {
			writers.Go(func() {
				content := strings.Repeat(fmt.Sprintf("%02d", n), 50_000)
				_, err := c.Create(c.ctx, key, store.Bytes(content), int64(len(content)))
				won[n] = err == nil
				if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrUnsure) {
					c.Errorf("got error %v, want %v", err, store.ErrExists)
				}
			})
		}
		writers.Wait()
		got, _, err := c.read(key, 0, 2, "")
		c.must(err)
		for n, is := range won {
			if is && got != fmt.Sprintf("%02d", n) {
				c.Errorf("round %d: writer %02d was told that it created what is writer %s's", round, n, got)
			}
		}
	}
}

func (c *checked) getRanges() {
	v := c.put("x", "0123456789")
	for _, tt := range []struct {
		offset, length int64
		want           string
	}{{0, 10, "0123456789"}, {0, 3, "012"}, {3, 4, "3456"}, {9, 1, "9"}, {8, 100, "89"}, {0, 1 << 40, "0123456789"}, {10, 5, ""}, {1000, 1, ""}, {2, 0, ""}} {
		for _, of := range []bucket.Version{"", v} {
			got, info, err := c.read("x", tt.offset, tt.length, of)
			if err != nil || got != tt.want || info.Size != 10 || info.Version != v {
				c.Errorf("%d bytes from %d on: got %q, %+v, %v, want %q of 10 bytes of version %q", tt.length, tt.offset, got, info, err, tt.want, v)
			}
		}
	}
}

func (c *checked) getEmpty() {
	v := c.put("empty", "")
	for _, length := range []int64{0, 1, 1 << 20} {
		got, info, err := c.read("empty", 0, length, v)
		if err != nil || got != "" || info.Size != 0 || info.Version != v {
			c.Errorf("%d bytes of nothing: got %q, %+v, %v, want nothing of version %q", length, got, info, err, v)
		}
	}
}

func (c *checked) getMissing() {
	c.put("a/b", "x")
	for _, key := range []string{"x", "a/c", "c/d/e"} {
		if _, _, err := c.read(key, 0, 10, ""); !errors.Is(err, fs.ErrNotExist) {
			c.Errorf("get %s: got error %v, want %v", key, err, fs.ErrNotExist)
		}
	}
}

func (c *checked) getChanged() {
	old := c.put("x", "0123456789")
	now := c.put("x", "abcdefghij")
	for _, offset := range []int64{0, 5, 10, 20} {
		if got, _, err := c.read("x", offset, 5, old); !errors.Is(err, bucket.ErrChanged) {
			c.Errorf("from %d on, of the old version: got %q, error %v, want %v", offset, got, err, bucket.ErrChanged)
		}
	}
	if got, _, err := c.read("x", 5, 5, now); err != nil || got != "fghij" {
		c.Errorf("of the new version: got %q, %v", got, err)
	}
	c.must(c.Remove(c.ctx, "x"))
	if _, _, err := c.read("x", 0, 5, now); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, bucket.ErrChanged) {
		c.Errorf("of what was removed: got error %v, want %v", err, fs.ErrNotExist)
	}
}

func (c *checked) list() {
	c.lists("", "")
	// In the order of bytes, '-' and '.' come before '/', and '0' behind it.
	keys := []string{"a-b", "a.b", "a/b", "a/b.c/d", "a/b0", "a/é", "a0", "b/10", "b/9"}
	for _, key := range slices.Backward(keys) {
		c.put(key, key+"!")
	}
	c.lists("", "", keys...)
	c.lists("a/", "", "a/b", "a/b.c/d", "a/b0", "a/é")
	c.lists("a/b", "", "a/b", "a/b.c/d", "a/b0")
	c.lists("a/b.c/", "", "a/b.c/d")
	c.lists("no/", "")
	c.lists("", "a/b", "a/b.c/d", "a/b0", "a/é", "a0", "b/10", "b/9")
	c.lists("a/", "a/b.c", "a/b.c/d", "a/b0", "a/é")
	c.lists("a/", "a/é")
	c.lists("b/", "a", "b/10", "b/9")
	c.level("", "", "a-b", "a.b", "a/", "a0", "b/")
	c.level("a/", "", "a/b", "a/b.c/", "a/b0", "a/é")
	c.level("", "a.b", "a/", "a0", "b/")
	c.level("", "a/", "a0", "b/")
	c.level("no/", "")
	for info, err := range c.List(c.ctx, "a/b0", "") {
		c.must(err)
		if info.Size != 5 || info.Modified.IsZero() {
			c.Errorf("got %+v, want 5 bytes and a time", info)
		}
		break
	}
}

func (c *checked) listPages() {
	const many = 1001
	var keys []string
	var writers sync.WaitGroup
	next := make(chan string)
	for range 8 {
		writers.Go(func() {
			for key := range next {
				if _, err := c.Put(c.ctx, key, store.Bytes("x"), 1); err != nil {
					c.Error(err)
				}
			}
		})
	}
	for n := range many {
		keys = append(keys, fmt.Sprintf("many/%04d", n))
		next <- keys[n]
	}
	close(next)
	writers.Wait()
	c.lists("many/", "", keys...)
	c.lists("many/", keys[1], keys[2:]...)
	c.level("", "", "many/")
	c.level("many/", keys[1], keys[2:]...)
	c.put("other", "x")
	c.must(c.Remove(c.ctx, append([]string{"missing/1", "others/missing"}, keys...)...))
	c.lists("", "", "other")
	c.must(c.Remove(c.ctx, keys[0], "other"))
	c.must(c.Remove(c.ctx))
	c.lists("", "")
}

func (c *checked) oddKeys() {
	keys := []string{"odd/a b", "odd/a%20b", "odd/a%b", "odd/a&b<c>'d\"", "odd/a+b", "odd/a=b;c,d", "odd/a~b", "odd/日本 語", "odd/é", "odd/" + strings.Repeat("long", 50), "odd/#?x=y", "odd/é +&%20/x"}
	slices.Sort(keys)
	for _, key := range keys {
		c.put(key, key)
	}
	for _, key := range keys {
		c.has(key, key)
	}
	c.lists("odd/", "", keys...)
	folded := slices.Clone(keys)
	for n, key := range folded {
		if folder, isIn := strings.CutSuffix(key, "/x"); isIn {
			folded[n] = folder + "/"
		}
	}
	c.level("odd/", "", folded...)
	for n, key := range keys {
		c.lists("odd/", key, keys[n+1:]...)
	}
	_, err := c.Create(c.ctx, keys[0], store.Bytes("x"), 1)
	if !errors.Is(err, store.ErrExists) {
		c.Errorf("create %q again: got error %v, want %v", keys[0], err, store.ErrExists)
	}
	c.must(c.Remove(c.ctx, keys...))
	c.lists("odd/", "")
}

func (c *checked) contextEnded() {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(c.ctx)
	cancel(cause)
	_, putErr := c.Put(ctx, "x", store.Bytes("x"), 1)
	_, createErr := c.Create(ctx, "x", store.Bytes("x"), 1)
	_, _, getErr := c.Get(ctx, "x", 0, 1, "")
	removeErr := c.Remove(ctx, "x")
	var listErr error
	for _, err := range c.List(ctx, "", "") {
		listErr = err
	}
	for op, err := range map[Op]error{Put: putErr, Create: createErr, Get: getErr, Remove: removeErr, List: listErr} {
		if !errors.Is(err, cause) {
			c.Errorf("%s: got error %v, want %v", op, err, cause)
		}
	}
	c.lists("", "")
}
