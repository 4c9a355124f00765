package manifest

import (
	"cmp"
	"iter"
	"slices"
)

// span is a run of rows or of bytes.
type span struct{ first, count int64 }

// between returns the span from one place to before another.
func between(first, end int64) span { return span{first, end - first} }

func (s span) end() int64 { return s.first + s.count }

// and returns what two spans have in common, which may be nothing.
func (s span) and(o span) span {
	first := max(s.first, o.first)
	return between(first, max(first, min(s.end(), o.end())))
}

// from returns the span as seen from the first of another one.
func (s span) from(o span) span { return span{s.first - o.first, s.count} }

// spans are in order, and neither overlap nor touch.
type spans []span

// union returns the spans that hold what any of some spans holds, which may come in any order.
func union(some []span) spans {
	slices.SortFunc(some, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var united spans
	for _, s := range some {
		united = united.with(s)
	}
	return united
}

// with returns the spans and another one, which begins before none of them.
func (s spans) with(next span) spans {
	if n := len(s); n > 0 && next.first <= s[n-1].end() {
		s[n-1] = between(s[n-1].first, max(s[n-1].end(), next.end()))
		return s
	}
	return append(s, next)
}

// count returns how much the spans hold.
func (s spans) count() int64 {
	count := int64(0)
	for _, one := range s {
		count += one.count
	}
	return count
}

// touch tells whether the spans hold any of another one.
func (s spans) touch(other span) bool {
	for _, inside := range s.split(other) {
		if inside {
			return true
		}
	}
	return false
}

// split yields the pieces of a span in order, and of each whether the spans hold it.
func (s spans) split(whole span) iter.Seq2[span, bool] {
	return func(yield func(span, bool) bool) {
		at := whole.first
		next, _ := slices.BinarySearchFunc(s, at, func(one span, at int64) int { return cmp.Compare(one.end(), at+1) })
		for _, one := range s[next:] {
			if one.first >= whole.end() || at == whole.end() {
				break
			}
			if at < one.first && !yield(between(at, one.first), false) {
				return
			}
			at = max(at, one.first)
			end := min(one.end(), whole.end())
			if !yield(between(at, end), true) {
				return
			}
			at = end
		}
		if at < whole.end() {
			yield(between(at, whole.end()), false)
		}
	}
}
