package store

import (
	"bytes"
	"errors"
	"io"
	"slices"
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

// What is read of a buffer in memory is the same wherever its pieces end.
func TestBuffered_ReadAt_AcrossPieces(t *testing.T) {
	want := make([]byte, 5*pieceBytes/2)
	for i := range want {
		want[i] = byte(i % 251)
	}
	b := Buffered(func() (Spool, error) { return nil, errors.New("all of it has room in memory") }, len(want))
	for some := range slices.Chunk(want, 999) {
		if n, err := b.Write(some); n != len(some) || err != nil {
			t.Fatalf("Write() = %d, %v", n, err)
		}
	}
	for _, length := range []int{1, 1000, pieceBytes, len(want)} {
		got := make([]byte, length)
		for at := 0; at <= len(want); at += 777 {
			rest := want[at:min(at+length, len(want))]
			n, err := b.ReadAt(got, int64(at))
			if !bytes.Equal(got[:n], rest) {
				t.Fatalf("%d bytes from %d on: got %d that are not those written, want %d", length, at, n, len(rest))
			}
			if isWhole := n == length; isWhole != (err == nil) || !isWhole && err != io.EOF {
				t.Fatalf("%d bytes from %d on: %d, %v, want io.EOF where some are missing", length, at, n, err)
			}
		}
	}
	if n, err := b.ReadAt(make([]byte, 1), int64(len(want))+1); n != 0 || err != io.EOF {
		t.Errorf("behind the end: %d, %v, want 0, io.EOF", n, err)
	}
}
