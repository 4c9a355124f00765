package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/emulator"
	"exporter/internal/llamacloud"
)

// measurement is a client with a rate, and an API with a limit.
type measurement struct {
	rate    llamacloud.Rate
	limit   emulator.RateLimit
	workers int
	latency time.Duration
	// length is the time that the requests take at the limit.
	length time.Duration
}

// perSecond returns the limit in requests a second.
func (m measurement) perSecond() float64 { return float64(m.limit.Requests) / m.limit.Window.Seconds() }

func (m measurement) String() string {
	header := string(m.limit.RetryAfter)
	if header == "" {
		header = "none"
	}
	return fmt.Sprintf("%4d in %-4v %-7s %-7s", m.limit.Requests, m.limit.Window, m.limit.Kind, header)
}

// result is what the API saw.
type result struct {
	// used is the share of the limit's requests, from the first to the last, that were accepted, and throttled the share of
	// all requests that were throttled.
	used, throttled float64
	// most is the highest number of requests, throttled ones included, in any window.
	most     int
	requests []emulator.Request
}

func (r result) String() string {
	return fmt.Sprintf("used %5.1f %%  throttled %4.2f %%  at most %4d in a window", 100*r.used, 100*r.throttled, r.most)
}

// measure fetches blobs until enough requests were accepted.
func (m measurement) measure(ctx context.Context) (result, error) {
	corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: 1, AssetsPerFile: 1000, BlobSize: 1000})
	server, err := emulator.New(emulator.Options{Corpus: corpus, Limit: &m.limit, Latency: m.latency})
	if err != nil {
		return result{}, err
	}
	if err := m.fetchFrom(ctx, server); err != nil {
		return result{}, err
	}
	return m.evaluate(server.Requests()), nil
}

func (m measurement) fetchFrom(ctx context.Context, handler http.Handler) (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	var serving errgroup.Group
	serving.Go(func() error { return server.Serve(listener) })
	defer func() {
		err = errors.Join(err, server.Close())
		if serveErr := serving.Wait(); !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
	}()
	key, err := llamacloud.NewKey("llx-limits")
	if err != nil {
		return err
	}
	client, err := llamacloud.New(llamacloud.Options{
		BaseURL: "http://" + listener.Addr().String(), Key: key, Rate: m.rate, Concurrency: m.workers, MaxPause: time.Hour,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	return m.fetch(ctx, client)
}

// fetch fetches the same few hundred blobs over and over.
func (m measurement) fetch(ctx context.Context, client *llamacloud.Client) error {
	requests := int64(math.Ceil(m.perSecond() * m.length.Seconds()))
	group, ctx := errgroup.WithContext(ctx)
	var asked atomic.Int64
	for range m.workers {
		group.Go(func() error {
			for n := asked.Add(1); n <= requests; n = asked.Add(1) {
				image, err := client.PageScreenshot(ctx, "file-00000000", int32(n%500))
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, image.Body)
				if err = errors.Join(err, image.Body.Close()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (m measurement) evaluate(requests []emulator.Request) result {
	slices.SortFunc(requests, func(a, b emulator.Request) int { return a.Time.Compare(b.Time) })
	r := result{requests: requests}
	throttled, oldest := 0, 0
	for i, request := range requests {
		if request.Status == http.StatusTooManyRequests {
			throttled++
		}
		for request.Time.Sub(requests[oldest].Time) >= m.limit.Window {
			oldest++
		}
		r.most = max(r.most, i-oldest+1)
	}
	took := requests[len(requests)-1].Time.Sub(requests[0].Time).Seconds()
	r.used = float64(len(requests)-throttled) / (took * m.perSecond())
	r.throttled = float64(throttled) / float64(len(requests))
	return r
}

// record writes the limit in requests a second, and then of each request when it came, in seconds since the first, and
// the status of its answer.
func (r result) record(name string, perSecond float64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	// Write keeps its error for Flush.
	_ = w.Write([]string{"limit", strconv.FormatFloat(perSecond, 'g', -1, 64)})
	for _, request := range r.requests {
		at := strconv.FormatFloat(request.Time.Sub(r.requests[0].Time).Seconds(), 'f', 3, 64)
		_ = w.Write([]string{at, strconv.Itoa(request.Status)})
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}
