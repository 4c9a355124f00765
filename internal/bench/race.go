package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// place is a file system that the contestants write to.
type place struct {
	name, dir string
	// synced says that writing to it is not done before it is synced.
	synced bool
}

// race is a comparison of contestants over the same blobs in one place.
type race struct {
	place
	corpus
	// secure says that the blobs come over HTTPS.
	secure bool
	// field are the names of those who take part, beside exporter.
	field   []string
	targets []target
}

// The most that exporter may take, as a multiple of what others do.
const (
	mostCPUOfThan     = 0.75
	mostCPUOfHashing  = 1.0
	mostWallOfBound   = 1.5
	mostWallOfCurl    = 1.0
	mostSecureOfCurl  = 1.3
	mostWallOfPackage = 1.0
)

// target is the most that a contestant may take, in time or of the processors, as a multiple of what another takes.
type target struct {
	contestant, against string
	cpu                 bool
	most                float64
}

// ownTargets are those of both sinks.
func ownTargets(all ...target) (targets []target) {
	for _, sink := range []string{sinkArchive, sinkLocal} {
		for _, t := range all {
			t.contestant = ownName + ", " + sink
			if t.against == thanName {
				t.against += ", " + sink
			}
			targets = append(targets, t)
		}
	}
	return targets
}

// races are those of -contestants.
func (b *bench) races() (races []race) {
	memory, disk := place{name: "memory file system", dir: b.tmpfs}, place{name: "disk", dir: b.disk, synced: true}
	hands := []string{nameBound, nameLoop, nameHashing, nameCurl, nameAria}
	plain := ownTargets(target{against: thanName, cpu: true, most: mostCPUOfThan}, target{against: nameHashing, cpu: true, most: mostCPUOfHashing},
		target{against: nameBound, most: mostWallOfBound}, target{against: nameCurl, most: mostWallOfCurl})
	secure := ownTargets(target{against: nameCurl, most: mostSecureOfCurl}, target{against: nameCurl, cpu: true, most: mostSecureOfCurl})
	synced := ownTargets(target{against: nameCurl, most: mostWallOfCurl})
	var others []target
	for _, name := range append(packageNames, nameAria) {
		others = append(others, target{against: name, most: mostWallOfPackage})
	}
	large, small := newCorpus(b.blobs, b.size), newCorpus(max(1, b.blobs*b.size/b.small), b.small)
	for _, c := range []corpus{large, small} {
		races = append(races, race{memory, c, false, hands, plain},
			race{memory, c, true, []string{nameBound, nameHashing, nameCurl}, secure}, race{disk, c, false, hands, synced})
	}
	return append(races, race{memory, large, false, append(packageNames, nameBound, nameAria), ownTargets(others...)})
}

// usable tells whether a place can be measured, or says why not.
func (b *bench) usable(p place) bool {
	switch {
	case p.dir == "":
		fmt.Fprintf(b.out, "\n%s: left out, no directory was given\n", p.name)
	case p.synced && !canSync:
		fmt.Fprintf(b.out, "\n%s: left out, as this system cannot sync one file system and wait for it\n", p.name)
	default:
		return true
	}
	return false
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
	fmt.Fprint(b.out, b.legend(ctx))
	for _, r := range b.races() {
		if !b.usable(r.place) {
			continue
		}
		standings, err := b.race(ctx, r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.title(), err)
		}
		fmt.Fprintf(b.out, "\n### %s, %d workers, medians of %d rounds\n", r.title(), b.workers, b.rounds-1)
		if err := b.showStandings(r, standings); err != nil {
			return err
		}
	}
	return nil
}

func (r *race) title() string {
	text := r.place.name
	if r.secure {
		text += ", TLS 1.3"
	}
	text += ": " + r.corpus.String()
	if r.synced {
		text += "; the peers' times include syncing the file system"
	}
	return text
}

// race lets the contestants take turns. Each round begins with another one, so that none always follows the same.
func (b *bench) race(ctx context.Context, r race) ([]*standing, error) {
	start := b.startSecure
	if !r.secure {
		start = func(ctx context.Context, c corpus) (*emulatorProcess, error) { return b.startEmulator(ctx, c) }
	}
	e, err := start(ctx, r.corpus)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	out := filepath.Join(r.dir, "out")
	contestants, err := b.lineUp(r.corpus, e, out)
	if err != nil {
		return nil, err
	}
	var standings []*standing
	for _, c := range contestants {
		if c.own || slices.Contains(r.field, c.name) {
			standings = append(standings, &standing{contestant: c})
		}
	}
	for round := range b.rounds {
		for i := range standings {
			s := standings[(i+round)%len(standings)]
			if s.missing {
				continue
			}
			taken, err := s.measure(ctx, r.place, out, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			b.progress("%s, round %d of %d: %s s, %s", r.title(), round+1, b.rounds, inSeconds(taken.wall), s.name)
			if round > 0 {
				s.samples = append(s.samples, taken)
			}
		}
	}
	return standings, r.clear(out)
}

// measure lets the contestant run once, and checks what it did.
func (s *standing) measure(ctx context.Context, p place, out string, e *emulatorProcess) (taken sample, err error) {
	if err := p.clear(out); err != nil {
		return taken, err
	}
	if !s.own {
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
	if !s.own && p.synced {
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
