package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What an export into a bucket may take, as a share of what others take who only copy the same blobs into it.
const (
	mostOfRclone     = 0.6
	mostOfPutLoop    = 1.3
	mostWallOfRclone = 1.0
	// bucketMemory is what it may take besides limits.memory, in bytes.
	bucketMemory = 64 << 20
)

// The store of -buckets, its bucket and who asks.
const (
	gatewayBucket = "bench-bucket"
	gatewayKey    = "bench-access"
	gatewaySecret = "bench-secret"
)

// measureBuckets prints what an export into a bucket of versitygw takes, beside rclone and a loop of signed requests.
func (b *bench) measureBuckets(ctx context.Context) error {
	if b.versitygw == "" {
		fmt.Fprint(b.out, "\n### Buckets: left out, -versitygw names no program\n")
		return nil
	}
	c := newCorpus(b.blobs, b.size)
	local := filepath.Join(b.roomy, "local")
	if err := b.exportTo(ctx, c, sinkLocal, local, b.exportChecked); err != nil {
		return err
	}
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return err
	}
	defer e.stop()
	g, err := b.startGateway(ctx)
	if err != nil {
		return err
	}
	defer g.stop()
	ways := b.bucketWays(c, e.url, g, filepath.Join(local, "blobs"))
	took := map[string][]usage{}
	for round := range b.rounds {
		for i := range ways {
			way := ways[(i+round)%len(ways)]
			u, _, err := runProcess(ctx, way.command(strings.ReplaceAll(way.name, " ", "-")))
			if err == nil {
				err = g.check(way.objects(c))
			}
			if err := errors.Join(err, g.empty()); err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			// The first round warms up.
			if round > 0 {
				took[way.name] = append(took[way.name], u)
			}
		}
		b.progress("buckets: round %d of %d", round+1, b.rounds)
	}
	return errors.Join(b.showBuckets(c, ways, took), os.RemoveAll(local))
}

// bucketWay is a way to store the blobs of a corpus below a prefix of a bucket.
type bucketWay struct {
	name    string
	command func(prefix string) []string
	// objects is how many there are then at least.
	objects func(corpus) int
}

func (b *bench) bucketWays(c corpus, url string, g *gateway, blobs string) []bucketWay {
	each := func(c corpus) int { return c.blobs() }
	workers := strconv.Itoa(b.workers)
	export := func(sink string) func(string) []string {
		return func(prefix string) []string {
			o := exportOptions{url: url, out: "s3://" + gatewayBucket + "/" + prefix, sink: sink, rate: "unlimited", workers: b.workers}
			return g.as(b.exportCommand(o)...)
		}
	}
	ways := []bucketWay{
		{nameLocal, export(sinkLocal), each},
		{nameArchive, export(sinkArchive), func(corpus) int { return 1 }},
		{namePuts, func(prefix string) []string {
			return g.as(b.self, putCommand, "-workers", workers, "-from", blobs, "-to", g.url+"/"+gatewayBucket+"/"+prefix)
		}, each},
	}
	if _, err := exec.LookPath(nameRclone); err != nil {
		b.progress("buckets: there is no rclone to compare with")
		return ways
	}
	remote := fmt.Sprintf(":s3,provider=Other,env_auth=true,region=us-east-1,force_path_style=true,endpoint='%s':%s/", g.url, gatewayBucket)
	return append(ways, bucketWay{nameRclone, func(prefix string) []string {
		return g.as(nameRclone, "--config", os.DevNull, "copy", blobs, remote+prefix, "--transfers", workers, "--checkers", workers, "--quiet")
	}, each})
}

// Those who store in a bucket, besides exporter.
const (
	namePuts   = "loop of signed requests"
	nameRclone = "rclone"
)

func (b *bench) showBuckets(c corpus, ways []bucketWay, took map[string][]usage) error {
	fmt.Fprintf(b.out, "\n### Buckets: %v into versitygw, %d workers, medians of %d rounds; the store was probed before\n", c, b.workers, b.rounds-1)
	t := &table{}
	t.add("who", "median s", "CPU s", "peak MiB")
	wall, cpu := map[string]time.Duration{}, map[string]time.Duration{}
	peak := map[string]int64{}
	for _, way := range ways {
		var walls, cpus []time.Duration
		for _, u := range took[way.name] {
			walls, cpus, peak[way.name] = append(walls, u.wall), append(cpus, u.cpu), max(peak[way.name], u.rss)
		}
		wall[way.name], cpu[way.name] = median(walls), median(cpus)
		t.add(way.name, inSeconds(wall[way.name]), inSeconds(cpu[way.name]), inMiB(peak[way.name]))
	}
	if err := t.write(b.out); err != nil {
		return err
	}
	most := func(what string, of map[string]time.Duration, way, peer string, target float64) {
		if of[peer] == 0 {
			return
		}
		share := ratio(of[way], of[peer])
		fmt.Fprintf(b.out, "- %s of %s ÷ %s: %.2f; at most %.2f is the target: %s\n", what, way, peer, share, target, verdict(share <= target))
	}
	for _, way := range []string{nameLocal, nameArchive} {
		most("CPU", cpu, way, nameRclone, mostOfRclone)
		most("CPU", cpu, way, namePuts, mostOfPutLoop)
		most("time", wall, way, nameRclone, mostWallOfRclone)
		fmt.Fprintf(b.out, "- memory of %s: %s MiB; less than %s is the target: %s\n", way, inMiB(peak[way]), inMiB(defaultMemory+bucketMemory),
			verdict(peak[way] < defaultMemory+bucketMemory))
	}
	return nil
}

// defaultMemory is what limits.memory is by itself, in bytes.
const defaultMemory = 256 << 20

// gateway is a running versitygw with a bucket in a directory.
type gateway struct {
	url, dir string
	command  *exec.Cmd
}

// startGateway starts versitygw, and waits until it listens.
func (b *bench) startGateway(ctx context.Context) (*gateway, error) {
	g := &gateway{dir: filepath.Join(b.roomy, "gateway")}
	if err := os.MkdirAll(filepath.Join(g.dir, gatewayBucket), 0o755); err != nil {
		return nil, err
	}
	// A port that was free a moment ago is the best that can be given to another program.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	at := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	g.url = "http://" + at
	g.command = exec.CommandContext(ctx, b.versitygw, "--port", at, "--access", gatewayKey, "--secret", gatewaySecret, "--keep-alive", "--quiet",
		"posix", g.dir)
	g.command.Env = childEnvironment()
	if err := g.command.Start(); err != nil {
		return nil, fmt.Errorf("start versitygw: %w", err)
	}
	const tries, pause = 100, 100 * time.Millisecond
	for range tries {
		c, err := net.Dial("tcp", at)
		if err == nil {
			return g, c.Close()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			g.stop()
			return nil, ctx.Err()
		}
	}
	g.stop()
	return nil, fmt.Errorf("start versitygw: it does not listen at %s", at)
}

// stop ends the store, which has nothing to lose.
func (g *gateway) stop() {
	_ = g.command.Process.Kill()
	// It was killed, which is what Wait would say.
	_ = g.command.Wait()
}

// as returns a command that knows the store and who asks.
func (g *gateway) as(command ...string) []string {
	return append([]string{
		"env", "-u", "AWS_CA_BUNDLE", "AWS_ACCESS_KEY_ID=" + gatewayKey, "AWS_SECRET_ACCESS_KEY=" + gatewaySecret, "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL=" + g.url,
	}, command...)
}

// check fails where there are fewer objects than that.
func (g *gateway) check(least int) error {
	found := 0
	err := filepath.WalkDir(filepath.Join(g.dir, gatewayBucket), func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found++
		}
		return err
	})
	if err == nil && found < least {
		err = fmt.Errorf("there are %d objects, want %d", found, least)
	}
	return err
}

// empty removes all objects but what exporter found out about the store, which it does once for each export.
func (g *gateway) empty() error {
	return filepath.WalkDir(filepath.Join(g.dir, gatewayBucket), func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "probe.json" {
			return err
		}
		return os.Remove(name)
	})
}
