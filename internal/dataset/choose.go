package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	decoder "exporter/internal/picture"
	"exporter/pipeline"
)

// sumBytes is how much of a SHA-256 tells bytes apart.
const sumBytes = 16

// choice says what becomes of each picture that may be taken, by its number among them. It takes 8 bytes a picture, and 28 where pictures of the
// same bytes are looked for.
type choice struct {
	options *Options
	splits  *splitter
	fates   list[fate]
	// huge are the sizes of very large pictures.
	huge map[int]int64
	// left counts what is left out, for the reasons that are counted.
	left map[Reason]int64
	// sums has the beginnings of the hashes; empty unless they are needed.
	sums list[[sumBytes]byte]
	// hasObjects tells whether anything is known to lie on a page.
	hasObjects bool
	// newest is the newest date of the files; zero where none has one.
	newest time.Time
	// facts is what was found out about pictures; nil where nothing is asked for.
	facts *facts
}

// fate is what becomes of a picture.
type fate struct {
	// size is that of the picture, or hugeSize.
	size  uint32
	split int8
	// kind is the number of its kind among those that are taken.
	kind   uint8
	reason uint8
}

// hugeSize stands for a size that does not fit.
const hugeSize = math.MaxUint32

// size returns the size of a picture.
func (c *choice) size(number int) int64 {
	if size := c.fates.at(number).size; size != hugeSize {
		return int64(size)
	}
	return c.huge[number]
}

// add adds a picture that may be taken.
func (c *choice) add(f fate, size int64) {
	f.size = uint32(min(size, hugeSize))
	if f.size == hugeSize {
		c.huge[c.fates.len()] = size
	}
	c.fates.add(f)
}

// listed are the reasons of fates, of which each picture is listed, by their numbers. The first is that of pictures that are taken.
var listed = []Reason{"", ReasonDuplicate, ReasonLeak, ReasonUndecodable, ReasonSample}

// leave leaves a picture out.
func (c *choice) leave(number int, reason Reason) {
	c.fates.at(number).reason = uint8(slices.Index(listed, reason))
	c.left[reason]++
}

// taken tells whether a picture is taken.
func (f *fate) taken() bool { return f.reason == 0 }

// taken yields the pictures that are taken, each with its number among those that may be.
func (m *maker) taken(ctx context.Context, c *choice) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		number := -1
		for s, err := range m.candidates().all(ctx) {
			if err != nil {
				yield(numbered{}, err)
				return
			}
			if s.reason != "" {
				continue
			}
			if number++; c.fates.at(number).taken() && !yield(numbered{s, number}, nil) {
				return
			}
		}
	}
}

// numbered is a candidate and its number.
type numbered struct {
	*candidate
	number int
}

// choose reads all rows and decides.
func (m *maker) choose(ctx context.Context) (c *choice, err error) {
	o := m.options
	c = &choice{options: o, splits: m.splits, left: map[Reason]int64{}, huge: map[int]int64{}}
	findsSame := o.Dedup || len(m.splits.names) > 1
	var chances list[float64]
	for s, err := range m.candidates().all(ctx) {
		if err != nil {
			return nil, err
		}
		m.progress.pictures.Add(1)
		if s.reason != "" {
			c.left[s.reason]++
			continue
		}
		c.add(fate{split: int8(s.split), kind: uint8(slices.Index(o.Kinds, s.Row.Kind))}, s.Row.Content.Size)
		if findsSame {
			c.sums.add([sumBytes]byte(s.Row.Content.SHA256[:sumBytes]))
		}
		if o.Sample > 0 {
			chances.add(chance("sample", o.Seed, nameOf(s.Row)))
		}
		c.hasObjects = c.hasObjects || len(s.boxes) > 0
		if file := s.Row.File; file != nil && file.UpdatedAt.After(c.newest) {
			c.newest = file.UpdatedAt
		}
	}
	if unused, first := m.splits.unused(); unused > 0 {
		o.Log.Warn("the file of splits names what no chosen picture has: each line begins with what --split-by says", "split_by", o.SplitBy,
			"ids", unused, "first", first)
	}
	if findsSame {
		c.leaveSame()
		c.sums = list[[sumBytes]byte]{}
	}
	if o.Sample > 0 {
		c.sample(&chances)
	}
	return c, m.look(ctx, c)
}

// leaveSame leaves out pictures that have the bytes of one in a split before theirs, and where that is asked for, of one before in theirs.
func (c *choice) leaveSame() {
	order := make([]uint32, c.fates.len())
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		x, y := c.sums.at(int(a)), c.sums.at(int(b))
		return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(c.fates.at(int(a)).split, c.fates.at(int(b)).split), cmp.Compare(a, b))
	})
	first := 0
	for i, number := range order {
		if i == 0 || *c.sums.at(int(order[first])) != *c.sums.at(int(number)) {
			first = i
			continue
		}
		switch isSplit := c.fates.at(int(order[first])).split == c.fates.at(int(number)).split; {
		case !isSplit:
			c.leave(int(number), ReasonLeak)
		case c.options.Dedup:
			c.leave(int(number), ReasonDuplicate)
		}
	}
}

// sample leaves out all but some pictures: those with the least chances.
func (c *choice) sample(chances *list[float64]) {
	var taken []float64
	for i := range c.fates.len() {
		if c.fates.at(i).taken() {
			taken = append(taken, *chances.at(i))
		}
	}
	if len(taken) <= c.options.Sample {
		return
	}
	slices.Sort(taken)
	most, count := taken[c.options.Sample-1], 0
	for i := range c.fates.len() {
		if !c.fates.at(i).taken() {
			continue
		}
		// Two of one chance are as good as impossible, and do no harm.
		if *chances.at(i) > most || count == c.options.Sample {
			c.leave(i, ReasonSample)
			continue
		}
		count++
	}
}

// digest is another one where anything is decided otherwise.
func (c *choice) digest() string {
	all := sha256.New()
	if c.facts != nil {
		fmt.Fprintln(all, decoder.Version())
	}
	var line []byte
	for i := range c.fates.len() {
		f := c.fates.at(i)
		line = append(line[:0], byte(f.split), f.kind, f.reason)
		if c.facts != nil && c.facts.groups != nil {
			line = binary.BigEndian.AppendUint32(line, uint32(c.facts.groups[i]))
		}
		all.Write(line)
	}
	return hex.EncodeToString(all.Sum(nil)[:16])
}

// config is the pictures of a kind, and how they are dealt out to shards.
type config struct {
	kind   pipeline.Kind
	schema *Schema
	splits []*splitPlan
}

// splitPlan is the pictures of a kind in a split.
type splitPlan struct {
	name            string
	pictures, bytes int64
	shards          int
}

// plan counts shards, for each of the kinds that are taken and each of the splits.
func (c *choice) plan(hasPages bool) (configs []*config) {
	for _, kind := range c.options.Kinds {
		made := &config{kind: kind, schema: &Schema{
			Columns:    c.options.columnsOf(kind, hasPages),
			HasObjects: c.hasObjects && kind == pipeline.Screenshot && c.options.Columns == nil,
		}}
		for _, name := range c.splits.names {
			made.splits = append(made.splits, &splitPlan{name: name})
		}
		configs = append(configs, made)
	}
	dealers := newDealers(c.options, len(configs), len(c.splits.names))
	for i := range c.fates.len() {
		f := c.fates.at(i)
		if !f.taken() {
			continue
		}
		p := configs[f.kind].splits[f.split]
		p.pictures++
		p.bytes += c.size(i)
		p.shards = dealers[f.kind][f.split].deal(c.size(i)) + 1
	}
	return configs
}

// A shard has maxShardRows pictures at most: their rows are in memory until it is written. Each kind has a shard under way in every split, which
// are openRows together, so that many splits take no more memory than few, unless shards would have fewer than leastShardRows.
const maxShardRows, openRows, leastShardRows = 5_000, 12_000, 200

// rowBytes is about what a picture takes in a shard beside its bytes, and textBytes what the text of its page does.
const rowBytes, textBytes = 512, 4096

// dealer deals the pictures of a split out to shards.
type dealer struct {
	most, beside int64
	mostRows     int
	shard, rows  int
	bytes        int64
}

func newDealers(o *Options, configs, splits int) [][]dealer {
	mostRows := min(maxShardRows, max(leastShardRows, openRows/max(configs*splits, 1)))
	all := make([][]dealer, configs)
	for i := range all {
		all[i] = make([]dealer, splits)
		for j := range all[i] {
			all[i][j] = dealer{most: o.ShardSize, mostRows: mostRows, beside: rowBytes}
			if o.Text != TextNone {
				all[i][j].beside += textBytes
			}
		}
	}
	return all
}

// deal returns the number of the shard that takes the next picture.
func (d *dealer) deal(size int64) int {
	size += d.beside
	if d.rows > 0 && (d.rows == d.mostRows || d.bytes+size > d.most) {
		d.shard++
		d.rows, d.bytes = 0, 0
	}
	d.rows++
	d.bytes += size
	return d.shard
}

// list is a list that grows without being copied.
type list[T any] struct{ chunks [][]T }

const listChunk = 1 << 14

func (l *list[T]) add(value T) {
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last]) == listChunk {
		l.chunks = append(l.chunks, make([]T, 0, listChunk))
		last++
	}
	l.chunks[last] = append(l.chunks[last], value)
}

func (l *list[T]) len() int {
	if len(l.chunks) == 0 {
		return 0
	}
	last := len(l.chunks) - 1
	return last*listChunk + len(l.chunks[last])
}

func (l *list[T]) at(i int) *T { return &l.chunks[i/listChunk][i%listChunk] }
