package llamacloud

import "sync/atomic"

// memo keeps what a text was taken for last: in some headers most answers say what the one before has said. It is safe for concurrent
// use.
type memo[T any] struct {
	known atomic.Pointer[understood[T]]
}

// understood is a text and what it was taken for.
type understood[T any] struct {
	text  string
	value T
}

// of returns what a text is taken for, which understand finds out.
func (l *memo[T]) of(text string, understand func(string) T) T {
	if u := l.known.Load(); u != nil && u.text == text {
		return u.value
	}
	u := &understood[T]{text, understand(text)}
	l.known.Store(u)
	return u.value
}
