package main

import (
	"context"
	"fmt"
)

// Targets of a million blobs.
const (
	millionBlob          = 1000
	mostMillionCPUOfThan = 0.7
	mostMillionMemory    = 64 << 20
)

// measureMillion prints what a million small blobs take.
func (b *bench) measureMillion(ctx context.Context) error {
	c := newCorpus(b.scaled(1_000_000), millionBlob)
	took, err := b.turns(ctx, fmt.Sprintf("Many: %v, archive", c), c, []turn{{name: "first"}}, nil)
	if err != nil {
		return err
	}
	b.showPeak(took, mostMillionMemory)
	than := took[thanName]
	if than == nil {
		return nil
	}
	share := ratio(took[ownName][0].cpu, than[0].cpu)
	_, err = fmt.Fprintf(b.out, "- CPU: %.2f × that of -than; at most %.2f is the target: %s\n", share, mostMillionCPUOfThan, verdict(share <= mostMillionCPUOfThan))
	return err
}
