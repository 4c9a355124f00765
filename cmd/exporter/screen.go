package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// The time between two drawings is about that in which something is done, and becomes longer while nothing is. In an hour of waiting,
// drawing once a second would take as much time of the processor as all else together.
const (
	quickInterval = 200 * time.Millisecond
	slowInterval  = 5 * time.Second
)

// screen shows some lines at the end of what is written to a terminal, and draws them anew now and then. What goes wrong is nobody's
// business: where the terminal is gone, nobody looks.
type screen struct {
	terminal *os.File
	// lines returns what is to be shown where there are so many columns, and how much is done.
	lines func(columns int) (lines []string, done int64)

	mu sync.Mutex
	// shown is what is there now. No line is as long as the terminal is wide, as some wrap a line that is.
	shown []string
}

// newScreen returns a screen; nil where the terminal says that it cannot move its cursor, or not how wide it is.
func newScreen(terminal *os.File, environ []string, lines func(columns int) ([]string, int64)) *screen {
	columns, _, err := term.GetSize(int(terminal.Fd()))
	if err != nil || columns <= 0 || lookUp(environ, "TERM") == "dumb" || !understandsEscapes(terminal) {
		return nil
	}
	return &screen{terminal: terminal, lines: lines}
}

// lookUp returns the value of a variable; empty where it is not set.
func lookUp(environ []string, name string) (value string) {
	for _, entry := range environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// show draws the lines until stop is called, which leaves them as they are then.
func (s *screen) show() (stop func()) {
	before, interval := s.draw(), quickInterval
	resized, forget := resizes()
	stopDrawing := again(interval, resized, func() time.Duration {
		done := s.draw()
		interval = nextDrawing(interval, done-before)
		before = done
		return interval
	})
	return func() {
		stopDrawing()
		forget()
		s.draw()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.shown = nil
	}
}

// nextDrawing returns when to draw again, where so much was done since the drawing before.
func nextDrawing(interval time.Duration, done int64) time.Duration {
	if done <= 0 {
		return min(2*interval, slowInterval)
	}
	return min(max(interval/time.Duration(done), quickInterval), slowInterval)
}

// Write writes above the lines.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	s.erase(&b)
	b.Write(p)
	if !bytes.HasSuffix(p, []byte("\n")) {
		b.WriteByte('\n')
	}
	s.put(&b, s.shown)
	_, err := s.terminal.Write(b.Bytes())
	return len(p), err
}

// draw brings the lines up to date, and returns how much is done.
func (s *screen) draw() (done int64) {
	columns, rows, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil || columns <= 0 {
		return 0
	}
	lines, done := s.lines(columns - 1)
	if rows > 0 && len(lines) > rows-1 {
		lines = lines[:max(rows-1, 0)]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(lines, s.shown) {
		var b bytes.Buffer
		s.erase(&b)
		s.put(&b, lines)
		_, _ = s.terminal.Write(b.Bytes())
	}
	return done
}

// erase goes up to the first line, and erases everything from there on.
func (s *screen) erase(b *bytes.Buffer) {
	if len(s.shown) > 0 {
		fmt.Fprintf(b, "\r\x1b[%dA\x1b[J", len(s.shown))
	}
}

func (s *screen) put(b *bytes.Buffer, lines []string) {
	for _, line := range lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	s.shown = lines
}

// again calls f again and again until stop is called, which waits for its end: first after a while, and then after as long as f says, and
// whenever something comes from now, which may be nil.
func again(first time.Duration, now <-chan os.Signal, f func() (next time.Duration)) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		timer := time.NewTimer(first)
		defer timer.Stop()
		for {
			select {
			case <-now:
				f()
			case <-timer.C:
				timer.Reset(f())
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}
