package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// fetchCommand makes this program a contestant: a loop in Go that fetches a list of blobs.
const fetchCommand = "fetch"

// fetcher is what people write by hand: some workers that share a list, with no retry, no check and no sync.
type fetcher struct {
	client *http.Client
	urls   []string
	// out is the directory that gets a file for each blob; where it is empty the bytes are thrown away.
	out string
	// hash says that the SHA-256 of stored blobs is computed.
	hash  bool
	next  atomic.Int64
	bytes atomic.Int64
}

// runFetch fetches the list and prints how many blobs and bytes there were.
func runFetch(ctx context.Context, args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet(fetchCommand, flag.ContinueOnError)
	list := fs.String("list", "", "file with a URL a line")
	workers := fs.Int("workers", 32, "requests at once")
	out := fs.String("out", "", "directory to store the blobs in; thrown away where it is empty")
	hash := fs.Bool("hash", false, "compute the SHA-256 of each stored blob")
	if err := fs.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(*list)
	if err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: *workers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	f := &fetcher{client: &http.Client{Transport: transport}, urls: strings.Split(string(text), "\n"), out: *out, hash: *hash}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return fmt.Errorf("make the directory: %w", err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for range *workers {
		group.Go(func() error { return f.work(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, len(f.urls), f.bytes.Load())
	return err
}

func (f *fetcher) work(ctx context.Context) error {
	for {
		n := int(f.next.Add(1)) - 1
		if n >= len(f.urls) {
			return nil
		}
		if err := f.fetch(ctx, n); err != nil {
			return fmt.Errorf("fetch blob %d: %w", n, err)
		}
	}
}

func (f *fetcher) fetch(ctx context.Context, n int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.urls[n], nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+benchKey)
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	size, err := f.keep(response, n)
	f.bytes.Add(size)
	return errors.Join(err, response.Body.Close())
}

// keep stores a blob, or throws it away.
func (f *fetcher) keep(response *http.Response, n int) (int64, error) {
	if response.StatusCode != http.StatusOK {
		return 0, errors.New(response.Status)
	}
	if f.out == "" {
		return io.Copy(io.Discard, response.Body)
	}
	file, err := os.Create(filepath.Join(f.out, blobName(n)))
	if err != nil {
		return 0, err
	}
	var to io.Writer = file
	if f.hash {
		to = io.MultiWriter(sha256.New(), file)
	}
	size, err := io.Copy(to, response.Body)
	return size, errors.Join(err, file.Close())
}
