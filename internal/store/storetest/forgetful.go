package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
)

// Forgetful returns a store that keeps nothing which is unfinished, as a bucket does: what grows in it is in spools of s until it is
// finished.
func Forgetful(s store.Store) store.Store { return &forgetful{Store: s, open: map[string]bool{}} }

type forgetful struct {
	store.Store

	mu   sync.Mutex
	open map[string]bool
}

// KeepsUnfinished implements store.Store.
func (f *forgetful) KeepsUnfinished() bool { return false }

// Grow implements store.Store.
func (f *forgetful) Grow(_ context.Context, key string) (store.Growing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[key] {
		return nil, fmt.Errorf("grow %s: it is open", key)
	}
	s, err := f.Spool()
	if err != nil {
		return nil, err
	}
	f.open[key] = true
	return &spooled{Spool: s, in: f, key: key}, nil
}

// Reopen implements store.Store.
func (f *forgetful) Reopen(_ context.Context, key string) (store.Growing, error) {
	return nil, fmt.Errorf("reopen %s: %w", key, errors.ErrUnsupported)
}

// spooled is a store.Growing of which nothing is left unless it is finished.
type spooled struct {
	store.Spool
	in  *forgetful
	key string
}

// Truncate implements store.Growing.
func (s *spooled) Truncate(size int64) error {
	kept, err := s.in.Spool()
	if err != nil {
		return err
	}
	if _, err := io.Copy(kept, io.NewSectionReader(s.Spool, 0, size)); err != nil {
		return errors.Join(err, kept.Close())
	}
	old := s.Spool
	s.Spool = kept
	return old.Close()
}

// Sync implements store.Growing.
func (s *spooled) Sync() error { return fmt.Errorf("sync %s: %w", s.key, errors.ErrUnsupported) }

// Finish implements store.Growing.
func (s *spooled) Finish(ctx context.Context) error {
	err := s.in.Put(ctx, s.key, s.Spool, s.Size())
	return errors.Join(err, s.Close())
}

// Close implements store.Growing.
func (s *spooled) Close() error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	delete(s.in.open, s.key)
	return s.Spool.Close()
}

// ForgetfulDisk is a disk whose store keeps nothing that is unfinished.
type ForgetfulDisk struct{ Disk }

// Open implements Disk.
func (d ForgetfulDisk) Open() (store.Store, error) {
	s, err := d.Disk.Open()
	if err != nil {
		return nil, err
	}
	return Forgetful(s), nil
}

// Recover implements Disk.
func (d ForgetfulDisk) Recover(drop durabletest.Drop, seed uint64) Disk {
	return ForgetfulDisk{d.Disk.Recover(drop, seed)}
}
