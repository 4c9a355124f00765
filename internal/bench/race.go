package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// place is a file system that the contestants write to.
type place struct {
	name, dir string
	// synced says that writing to it is not done before it is synced.
	synced  bool
	targets []target
}

// target is the most that a contestant may take, as a multiple of another.
type target struct {
	contestant string
	// peer compares with the fastest peer; else with bound.
	peer bool
	most float64
}

func (b *bench) places() []place {
	places := []place{
		{name: "memory file system", dir: b.tmpfs, targets: []target{
			{nameArchive, false, 1.5}, {nameArchive, true, 1}, {nameLocal, true, 1},
		}},
		{name: "disk", dir: b.disk, synced: true, targets: []target{{nameArchive, true, 0.8}, {nameLocal, true, 0.8}}},
	}
	var usable []place
	for _, p := range places {
		switch {
		case p.dir == "":
			fmt.Fprintf(b.out, "\n%s: left out, no directory was given\n", p.name)
		case p.synced && !canSync:
			fmt.Fprintf(b.out, "\n%s: left out, as this system cannot sync one file system and wait for it\n", p.name)
		default:
			usable = append(usable, p)
		}
	}
	return usable
}

// standing is a contestant with what it took, in the rounds that count.
type standing struct {
	contestant
	samples []sample
}

type sample struct {
	usage
	// emulator is what the emulator computed meanwhile; 0 where it is not known.
	emulator time.Duration
}

// measureContestants compares exporter with its peers.
func (b *bench) measureContestants(ctx context.Context) error {
	c := newCorpus(b.blobs, b.size)
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return err
	}
	defer e.stop()
	fmt.Fprint(b.out, b.legend(ctx))
	for _, p := range b.places() {
		standings, err := b.race(ctx, p, c, e)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		title := fmt.Sprintf("%s: %v, %d workers, medians of %d rounds", p.name, c, b.workers, b.rounds-1)
		if p.synced {
			title += "; the peers' times include syncing the file system"
		}
		fmt.Fprintf(b.out, "\n### %s\n", title)
		if err := b.showStandings(p, c, standings); err != nil {
			return err
		}
	}
	return nil
}

// race lets the contestants take turns. Each round begins with another one, so that none always follows the same.
func (b *bench) race(ctx context.Context, p place, c corpus, e *emulatorProcess) ([]*standing, error) {
	out := filepath.Join(p.dir, "out")
	contestants, err := b.lineUp(c, e.url, out)
	if err != nil {
		return nil, err
	}
	standings := make([]*standing, len(contestants))
	for i, c := range contestants {
		standings[i] = &standing{contestant: c}
	}
	for round := range b.rounds {
		for i := range standings {
			s := standings[(i+round)%len(standings)]
			if s.missing {
				continue
			}
			taken, err := s.measure(ctx, p, out, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			b.progress("%s, round %d of %d: %s s, %s", p.name, round+1, b.rounds, inSeconds(taken.wall), s.name)
			if round > 0 {
				s.samples = append(s.samples, taken)
			}
		}
	}
	return standings, p.clear(out)
}

// measure lets the contestant run once, and checks what it did.
func (s *standing) measure(ctx context.Context, p place, out string, e *emulatorProcess) (taken sample, err error) {
	if err := p.clear(out); err != nil {
		return taken, err
	}
	if s.peer {
		if err := os.Mkdir(out, 0o755); err != nil {
			return taken, fmt.Errorf("make the directory: %w", err)
		}
	}
	before, err := e.cpu()
	if err != nil {
		return taken, err
	}
	u, stdout, err := runProcess(ctx, s.command)
	if err != nil {
		return taken, err
	}
	if s.peer && p.synced {
		start := time.Now()
		if err := syncFileSystem(p.dir); err != nil {
			return taken, err
		}
		u.wall += time.Since(start)
	}
	after, err := e.cpu()
	if err != nil {
		return taken, err
	}
	if err := s.check(stdout); err != nil {
		return taken, fmt.Errorf("check what was stored: %w", err)
	}
	return sample{u, after - before}, nil
}

// clear takes the last result out of the way, and leaves no writes of it to the next one's time.
//
// On a disk the files are emptied, and removed at the end of it all: where ext4 has no journal it does not give an inode
// away again for minutes, and among thousands that were just freed a new file costs a thousand times as much.
func (p place) clear(out string) error {
	if !p.synced {
		if err := os.RemoveAll(out); err != nil {
			return fmt.Errorf("remove the last result: %w", err)
		}
		return nil
	}
	if err := emptyFiles(out); err != nil {
		return fmt.Errorf("empty the last result: %w", err)
	}
	return syncFileSystem(p.dir)
}

// emptyFiles empties the files of a directory where there is one, and gives the directory another name.
func emptyFiles(dir string) error {
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Truncate(name, 0)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	emptied, err := os.MkdirTemp(filepath.Dir(dir), "emptied-")
	if err != nil {
		return err
	}
	return os.Rename(dir, filepath.Join(emptied, filepath.Base(dir)))
}
