package dataset

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Share is a split and its part of all documents, from 0 to 1.
type Share struct {
	Name string
	Part float64
}

// The names of splits that everybody knows.
const (
	trainSplit      = "train"
	validationSplit = "validation"
	testSplit       = "test"
)

// What is never divided among splits. Where a picture has nothing of what is asked for, its file or parse job counts.
const (
	SplitByFile        = "file"
	SplitByDirectory   = "directory"
	SplitByUniqueID    = "unique_id"
	SplitByDisplayName = "display_name"
)

var splitKeys = []string{SplitByFile, SplitByDirectory, SplitByUniqueID, SplitByDisplayName}

// maxSplits is less than there are fates.
const maxSplits = 64

// splitName is what readers take for the name of a split.
var splitName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_]{0,63}$`)

// ParseSplit reads shares such as "train=0.9,val=0.05,test=0.05".
func ParseSplit(text string) (shares []Share, err error) {
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("split %q: want NAME=SHARE, such as train=0.9", part)
		}
		share, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			return nil, fmt.Errorf("split %q: the share is no number", part)
		}
		if name, err = ParseSplitName(strings.TrimSpace(name)); err != nil {
			return nil, err
		}
		shares = append(shares, Share{name, share})
	}
	return shares, checkShares(shares)
}

// ParseSplitName returns the name that a split has everywhere.
func ParseSplitName(name string) (string, error) {
	switch {
	case name == "val" || name == "valid" || name == "dev":
		return validationSplit, nil
	case name == "all":
		// datasets takes it for all splits together.
		return "", errors.New(`split "all": readers take that for all splits together; give it another name`)
	case !splitName.MatchString(name):
		return "", fmt.Errorf("split %q: want up to 64 letters, digits and _, which is not the first, such as train", name)
	}
	return name, nil
}

// checkShares fails unless the shares of splits add to 1.
func checkShares(shares []Share) error {
	if len(shares) > maxSplits {
		return fmt.Errorf("%d splits: want %d at most", len(shares), maxSplits)
	}
	sum := 0.0
	taken := map[string]bool{}
	for _, s := range shares {
		switch key := strings.ToLower(s.Name); {
		case taken[key]:
			return fmt.Errorf("split %q is given twice", s.Name)
		case !(s.Part >= 0 && s.Part <= 1):
			return fmt.Errorf("split %q has the share %v: want 0 to 1", s.Name, s.Part)
		default:
			taken[key] = true
		}
		sum += s.Part
	}
	if len(shares) > 0 && math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("the shares of the splits add to %v: want 1", sum)
	}
	return nil
}

// checkNames fails where two splits would have one folder on some systems.
func checkNames(names []string) error {
	taken := map[string]string{}
	for _, name := range names {
		key := strings.ToLower(name)
		if before, ok := taken[key]; ok {
			return fmt.Errorf("splits %q and %q differ in nothing but capitals: give them one name", before, name)
		}
		taken[key] = name
	}
	return nil
}

// splitter assigns samples to splits. It is not safe for concurrent use.
type splitter struct {
	by, seed string
	// names are those of all splits, in the order in which they keep pictures: bytes that are in one of them are in none behind it.
	names []string
	parts []splitPart
	given map[string]int
	// used are those of given that some sample has.
	used map[string]bool
}

// splitPart is a split and where its part of all documents ends, from 0 to 1.
type splitPart struct {
	split int
	end   float64
}

func newSplitter(o *Options) *splitter {
	s := &splitter{by: o.SplitBy, seed: o.Seed, given: map[string]int{}, used: map[string]bool{}}
	shares := o.Split
	if shares == nil && o.Splits == nil {
		shares = []Share{{trainSplit, 1}}
	}
	for _, share := range shares {
		s.names = append(s.names, share.Name)
	}
	s.names = append(s.names, slices.Sorted(maps.Values(o.Splits))...)
	known := []string{trainSplit, validationSplit, testSplit}
	rank := func(name string) int {
		if i := slices.Index(known, name); i >= 0 {
			return i
		}
		return len(known)
	}
	slices.SortStableFunc(s.names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	s.names = distinct(s.names)
	sum := 0.0
	for _, share := range shares {
		if share.Part > 0 {
			sum += share.Part
			s.parts = append(s.parts, splitPart{slices.Index(s.names, share.Name), sum})
		}
	}
	if last := len(s.parts) - 1; last >= 0 {
		// The sum of the shares is 1 but for rounding.
		s.parts[last].end = 1
	}
	for key, name := range o.Splits {
		s.given[key] = slices.Index(s.names, name)
	}
	return s
}

// distinct returns each name once, where it comes first.
func distinct(names []string) (once []string) {
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// of returns the number of the split of a sample; -1 where it is in none. It depends on the document alone, whatever else there is.
func (s *splitter) of(sample *Sample) int {
	key := s.key(sample)
	if split, ok := s.given[key]; ok {
		s.used[key] = true
		return split
	}
	part := chance("split", s.seed, key)
	for _, p := range s.parts {
		if part < p.end {
			return p.split
		}
	}
	return -1
}

// unused returns how many splits are given of what no sample has, and the first of these: it may be a mistake.
func (s *splitter) unused() (count int, first string) {
	for key := range s.given {
		if s.used[key] {
			continue
		}
		if count++; count == 1 || key < first {
			first = key
		}
	}
	return count, first
}

// key returns what is never divided.
func (s *splitter) key(sample *Sample) (key string) {
	row := sample.Row
	switch s.by {
	case SplitByDirectory:
		key = row.File.DirectoryID
	case SplitByUniqueID:
		if sample.File != nil && sample.File.UniqueID != nil {
			key = *sample.File.UniqueID
		}
	case SplitByDisplayName:
		if row.File.DisplayName != nil {
			key = *row.File.DisplayName
		}
	}
	return cmp.Or(key, string(row.FileID), string(row.JobID))
}

// chance returns a number from 0 up to but not 1 that looks random, and is always the same: the first 53 bits of the SHA-256 of the texts, each
// with its length before it.
func chance(texts ...string) float64 {
	h := sha256.New()
	for _, text := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	return float64(binary.BigEndian.Uint64(h.Sum(nil))>>11) / (1 << 53)
}

// ReadSplits reads the splits of documents from lines such as "ID,train" or "ID<tab>train". Empty lines and those that begin with # are
// passed over.
func ReadSplits(r io.Reader) (map[string]string, error) {
	splits := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexAny(line, ",\t")
		if at < 0 {
			return nil, fmt.Errorf("line %d, %q: want an id, a comma or a tab, and the name of a split", number, line)
		}
		key, name := strings.TrimSpace(line[:at]), strings.TrimSpace(line[at+1:])
		name, err := ParseSplitName(name)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if before, ok := splits[key]; ok && before != name {
			return nil, fmt.Errorf("line %d: %q is in %q, and in %q above", number, key, name, before)
		}
		splits[key] = name
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if names := distinct(slices.Sorted(maps.Values(splits))); len(names) > maxSplits {
		return nil, fmt.Errorf("%d splits: want %d at most", len(names), maxSplits)
	}
	return splits, nil
}
