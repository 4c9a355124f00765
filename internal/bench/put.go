package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/minio/minio-go/v7/pkg/signer"
	"golang.org/x/sync/errgroup"
)

// putCommand makes this program a contestant: a loop in Go that stores files in a bucket.
const putCommand = "put"

// runPut stores each file of a directory by one signed request.
func runPut(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(putCommand, flag.ContinueOnError)
	from := flags.String("from", "", "directory of files")
	to := flags.String("to", "", "URL of the bucket, with a prefix")
	workers := flags.Int("workers", 32, "requests at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var names []string
	err := filepath.WalkDir(*from, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: *workers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range *workers {
		group.Go(func() error {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(names) {
					return nil
				}
				if err := putFile(ctx, transport, names[n], fmt.Sprintf("%s/%s", *to, blobName(n))); err != nil {
					return fmt.Errorf("put %s: %w", names[n], err)
				}
			}
		})
	}
	return group.Wait()
}

func putFile(ctx context.Context, transport http.RoundTripper, name, url string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	signed := signer.SignV4(*request, os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "", os.Getenv("AWS_REGION"))
	response, err := transport.RoundTrip(signed)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	_, copied := io.Copy(io.Discard, response.Body)
	return errors.Join(err, copied, response.Body.Close())
}
