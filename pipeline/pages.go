package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Pages is a set of page indexes, as listed. The zero value holds every page.
type Pages struct {
	// ranges are sorted, and neither overlap nor touch.
	ranges []pageRange
}

type pageRange struct{ first, last int32 }

// ParsePages parses comma-separated page indexes and inclusive ranges such as "0-9,12". An empty text means every page.
func ParsePages(text string) (Pages, error) {
	if strings.TrimSpace(text) == "" {
		return Pages{}, nil
	}
	var ranges []pageRange
	for item := range strings.SplitSeq(text, ",") {
		r, err := parsePageRange(strings.TrimSpace(item))
		if err != nil {
			return Pages{}, fmt.Errorf("pages %q: %w", text, err)
		}
		ranges = append(ranges, r)
	}
	slices.SortFunc(ranges, func(a, b pageRange) int { return int(int64(a.first) - int64(b.first)) })
	merged := ranges[:1]
	for _, r := range ranges[1:] {
		if top := &merged[len(merged)-1]; int64(r.first) <= int64(top.last)+1 {
			top.last = max(top.last, r.last)
		} else {
			merged = append(merged, r)
		}
	}
	return Pages{ranges: merged}, nil
}

func parsePageRange(item string) (pageRange, error) {
	from, to, isRange := strings.Cut(item, "-")
	first, err := parsePage(from)
	if err != nil {
		return pageRange{}, err
	}
	if !isRange {
		return pageRange{first, first}, nil
	}
	last, err := parsePage(to)
	if err != nil {
		return pageRange{}, err
	}
	if last < first {
		return pageRange{}, fmt.Errorf("the range %q ends before it begins", item)
	}
	return pageRange{first, last}, nil
}

func parsePage(s string) (int32, error) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is not a page index (want pages such as 0-9,12, from 0 to %d)", s, math.MaxInt32)
	}
	return int32(n), nil
}

// Contains tells whether the page is in the set.
func (p Pages) Contains(page int32) bool {
	if len(p.ranges) == 0 {
		return true
	}
	i, found := slices.BinarySearchFunc(p.ranges, page, func(r pageRange, page int32) int {
		switch {
		case r.last < page:
			return -1
		case r.first > page:
			return 1
		}
		return 0
	})
	return found && i < len(p.ranges)
}

// String returns the set in the form that ParsePages reads; empty for every page.
func (p Pages) String() string {
	items := make([]string, len(p.ranges))
	for i, r := range p.ranges {
		items[i] = strconv.Itoa(int(r.first))
		if r.last != r.first {
			items[i] += "-" + strconv.Itoa(int(r.last))
		}
	}
	return strings.Join(items, ",")
}
