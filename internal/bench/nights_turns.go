package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// sameNight is a night that is spent again and again, each time with the export that there was before. What else a machine does
// changes within the minutes that a year takes, so that nights are compared that take turns.
type sameNight struct {
	number int
	// folder has the export as it was before the night, and again is what the night took each time.
	folder string
	again  []night
}

// keepNight keeps a copy of an export before a night that takes turns.
func (b *bench) keepNight(out string, turns []*sameNight, number int) error {
	for _, t := range turns {
		if t.number != number {
			continue
		}
		// Before the first night there is none.
		if err := os.MkdirAll(out, 0o777); err != nil {
			return fmt.Errorf("begin the export: %w", err)
		}
		t.folder = filepath.Join(b.roomy, fmt.Sprintf("night-%d", number))
		if err := os.CopyFS(t.folder, os.DirFS(out)); err != nil {
			return fmt.Errorf("keep the export before night %d: %w", number, err)
		}
	}
	return nil
}

// takeTurns spends nights so many times again, in turns, and removes what was kept for that.
func (b *bench) takeTurns(ctx context.Context, turns []*sameNight, times int, address string, o exportOptions) error {
	for n := range times {
		for _, t := range turns {
			if err := removeExport(o); err != nil {
				return err
			}
			if err := os.CopyFS(o.out, os.DirFS(t.folder)); err != nil {
				return fmt.Errorf("take up night %d: %w", t.number, err)
			}
			one, err := b.spendNight(ctx, corpus{t.number, picturesANight, b.size}, address, o)
			if err != nil {
				return fmt.Errorf("night %d, turn %d: %w", t.number, n+1, err)
			}
			t.again = append(t.again, one)
		}
	}
	for _, t := range turns {
		if err := os.RemoveAll(t.folder); err != nil {
			return fmt.Errorf("remove the export before night %d: %w", t.number, err)
		}
	}
	return nil
}

func inMilliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
