package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// tasks is how many programs make the parts of one export.
	tasks = 4
	// tasksLength is how long their requests take at the limit.
	tasksLength = 4 * time.Minute
	// leastOfLimit is the least share of a limit that they use together until the first of them has ended, and mostOfTasksThrottled the most of their
	// requests that may be throttled.
	leastOfLimit, mostOfTasksThrottled = 0.9, 0.02
	// leastTogether is the least speed of all tasks without a limit, by that of one program that may use as many cores.
	leastTogether = 0.9
	tasksRounds   = 3
)

// sampled is what meters have passed, each second from the beginning of the tasks on.
type sampled [][]float64

// measureTasks prints how several tasks, each of which exports its part, share a limit, and how fast they are without one.
func (b *bench) measureTasks(ctx context.Context) error {
	if err := b.measureTasksWithLimit(ctx); err != nil {
		return err
	}
	return b.measureTasksWithout(ctx)
}

// partCommand is the command of a task.
func (b *bench) partCommand(o exportOptions, number int) []string {
	return append(b.exportCommand(o), "--part", fmt.Sprintf("%d/%d", number, tasks))
}

// partOut is the folder of a task's part.
func partOut(out string, number int) string {
	return filepath.Join(out, "parts", fmt.Sprintf("part=%04d", number))
}

// measureTasksWithLimit prints how the tasks share a limit.
func (b *bench) measureTasksWithLimit(ctx context.Context) (err error) {
	c := newCorpus(b.scaled(int(limit*tasksLength.Seconds())), smallBlob)
	e, err := b.startEmulator(ctx, c, append(limited(), distant()...)...)
	if err != nil {
		return err
	}
	defer e.stop()
	s := &shares{}
	defer func() { err = errors.Join(err, s.close()) }()
	for range tasks {
		m, err := startMeter(e.url)
		if err != nil {
			return err
		}
		s.meters = append(s.meters, m)
	}
	o := b.roomyExport(e.url, sinkArchive)
	o.rate = "auto"
	began := time.Now()
	// firstEnded is when the first task ended: until then all of them ask.
	var firstEnded time.Duration
	sampling, stopSampling := context.WithCancel(ctx)
	defer stopSampling()
	var overTime sampled
	sampler, _ := errgroup.WithContext(ctx)
	sampler.Go(func() error {
		overTime = s.sample(sampling)
		return nil
	})
	group, ctx := errgroup.WithContext(ctx)
	for i := range tasks {
		group.Go(func() error {
			task := o
			task.url = s.meters[i].url
			_, _, err := runProcess(ctx, b.partCommand(task, i))
			s.once.Do(func() {
				firstEnded = time.Since(began)
				s.note()
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	stopSampling()
	if err := sampler.Wait(); err != nil {
		return err
	}
	reports, err := readParts(c, o.out)
	if err != nil {
		return err
	}
	if err := b.printTasks(reports, s.got, firstEnded, took); err != nil {
		return err
	}
	if err := b.drawTasks(overTime); err != nil {
		return err
	}
	return removeExport(o)
}

// readParts returns the reports of the tasks, which have stored a corpus together.
func readParts(c corpus, out string) ([]*runReport, error) {
	var all []*runReport
	stored := 0
	for i := range tasks {
		r, err := readReport(partOut(out, i))
		if err != nil {
			return nil, err
		}
		stored += r.Counts.Assets.Stored
		all = append(all, r)
	}
	if stored != c.blobs() {
		return nil, fmt.Errorf("check what was stored: the tasks have %d blobs, want %d", stored, c.blobs())
	}
	return all, nil
}

// sample returns what the meters have passed, each second until the context ends.
func (s *shares) sample(ctx context.Context) sampled {
	all := make(sampled, len(s.meters))
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		for i, m := range s.meters {
			all[i] = append(all[i], float64(m.passed.Load()))
		}
		select {
		case <-ctx.Done():
			return all
		case <-ticker.C:
		}
	}
}

// printTasks prints what the tasks took.
func (b *bench) printTasks(reports []*runReport, got []float64, firstEnded, took time.Duration) error {
	t := &table{}
	t.add("part", "requests", "throttled", "s", "got when the first ended")
	var sent, throttled, together float64
	for i, r := range reports {
		t.add(fmt.Sprint(i), fmt.Sprint(r.Counts.Requests.Sent), fmt.Sprint(r.Counts.Requests.Throttled), fmt.Sprintf("%.1f", r.Seconds),
			fmt.Sprintf("%.0f", got[i]))
		sent, throttled = sent+float64(r.Counts.Requests.Sent), throttled+float64(r.Counts.Requests.Throttled)
		together += got[i]
	}
	fmt.Fprintf(b.out, "\n### %d tasks of one export on one limit of %d/s, 100 ms, auto\n", tasks, limit)
	if err := t.write(b.out); err != nil {
		return err
	}
	used, share := together/firstEnded.Seconds()/limit, throttled/sent
	_, err := fmt.Fprintf(b.out, "- %s of the limit used until the first ended, %s until the last; Jain's index %.2f; %s of the requests throttled; at least %s and at most %s is the target: %s\n",
		inPercent(used), inPercent((sent-throttled)/took.Seconds()/limit), jain(got), inPercent(share), inPercent(leastOfLimit), inPercent(mostOfTasksThrottled),
		verdict(used >= leastOfLimit && share <= mostOfTasksThrottled))
	return err
}

// measureTasksWithout prints how fast the tasks are without a limit, beside one program.
func (b *bench) measureTasksWithout(ctx context.Context) error {
	c := newCorpus(b.scaled(60_000), smallBlob)
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sinkArchive)
	var alone, together []time.Duration
	for range tasksRounds {
		u, _, err := b.exportChecked(ctx, c, o)
		if err != nil {
			return err
		}
		alone = append(alone, u.wall)
		if err := removeExport(o); err != nil {
			return err
		}
		took, err := b.runTasks(ctx, c, o)
		if err != nil {
			return err
		}
		together = append(together, took)
		b.progress("tasks: %s s alone, %s s together", inSeconds(u.wall), inSeconds(took))
	}
	speed := median(alone).Seconds() / median(together).Seconds()
	_, err = fmt.Fprintf(b.out, "- %v without a limit: one program %s s, %d tasks %s s: %.2f × its speed; at least %.1f is the target: %s\n", c,
		inSeconds(median(alone)), tasks, inSeconds(median(together)), speed, leastTogether, verdict(speed >= leastTogether))
	return err
}

// runTasks runs all tasks at once, checks that they have stored a corpus, and removes it.
func (b *bench) runTasks(ctx context.Context, c corpus, o exportOptions) (time.Duration, error) {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i := range tasks {
		group.Go(func() error {
			_, _, err := runProcess(ctx, b.partCommand(o, i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if _, err := readParts(c, o.out); err != nil {
		return 0, err
	}
	return took, removeExport(o)
}

// drawTasks draws what the tasks got of the limit over time into the file that -svg names, if it does and nights are not drawn there.
func (b *bench) drawTasks(of sampled) (err error) {
	if b.svg == "" || b.nights {
		return nil
	}
	file, err := os.Create(b.svg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return writeTasks(file, of)
}
