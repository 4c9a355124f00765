package store

import (
	"errors"
	"testing"
)

// A buffer that cannot get its file says so, and goes on saying so.
func TestBuffered_NoFile_Fails(t *testing.T) {
	want := errors.New("no room")
	b := Buffered(func() (Spool, error) { return nil, want }, 4)
	if n, err := b.Write([]byte("1234")); n != 4 || err != nil {
		t.Fatalf("Write() = %d, %v", n, err)
	}
	for range 2 {
		if n, err := b.Write([]byte("5")); n != 0 || !errors.Is(err, want) {
			t.Errorf("Write() = %d, %v, want %v", n, err, want)
		}
	}
	if b.Size() != 4 || b.Close() != nil {
		t.Errorf("it has %d bytes, want 4", b.Size())
	}
}
