package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/emulator"
	"exporter/internal/emulator/flags"
	"exporter/internal/export"
)

func newEmulateCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "emulate",
		Short: "Serve a corpus as LlamaCloud would, on loopback",
		Long: `emulate serves the files, screenshots and figures of a recorded corpus on loopback, with the routes, filters, cursors and
errors of the API. Without --corpus it serves the sample of "exporter demo", or computes a corpus of any size, which may have
attachments, an index, parse jobs and a batch, too.

It can limit the rate as real APIs do, tell what is left in the headers that they use, share the limit with another
client, throttle at random, serve blobs from a storage origin with links that expire, add latency, and inject faults: the
same seed injects the same ones. docs/emulator.md explains every flag.

Its first line on standard output is "listening on URL"; where there is a storage origin, the second is "storage on URL".`,
		Example: `  exporter emulate --corpus ./corpus --listen 127.0.0.1:8080 --key llx-test
  exporter emulate --synthetic-files 100 --synthetic-assets 100 --latency 50ms --rate 200/s --retry-after seconds
  exporter emulate --synthetic-files 100 --synthetic-attachments 50 --synthetic-index --pictures-after 1m
  exporter emulate --synthetic-jobs 10 --synthetic-job-images 300 --link-life 10s
  exporter emulate --rate 20/m --quota-used 20 --quota-headers ietf
  exporter emulate --rate 100/s --throttle-share 0.01 --throttle-retry-after 1s
  exporter emulate --rate 100/s --rival 30/s --limit-kind sliding
  exporter emulate --storage --link-life 4s --storage-rate 50/s --storage-latency 20ms
  exporter emulate --tls-cert cert.pem --tls-key key.pem
  exporter emulate --faults status_503,cut,stall --fault-rate 0.3
  exporter emulate --faults status_429 --fault-rate 0.001 --fault-times -1 --fault-retry-after 60`,
		Args: cobra.NoArgs,
	}
	c.Flags().SortFlags = false
	listen := c.Flags().String("listen", "127.0.0.1:0", "loopback `ADDRESS` to listen on; port 0 takes a free one")
	certificate := c.Flags().String("tls-cert", "", "serve HTTPS, also of the storage origin, with the certificate in this `FILE` (PEM)")
	key := c.Flags().String("tls-key", "", "`FILE` of the private key of --tls-cert (PEM)")
	f := flags.Add(c.Flags())
	c.RunE = func(c *cobra.Command, _ []string) error {
		pair, err := loadCertificate(*certificate, *key)
		if err != nil {
			return err
		}
		return a.emulate(c.Context(), *listen, pair, f)
	}
	return c
}

// loadCertificate reads what --tls-cert and --tls-key name; nil stands for neither.
func loadCertificate(certificate, key string) (*tls.Certificate, error) {
	switch {
	case certificate == "" && key == "":
		return nil, nil
	case key == "":
		return nil, usagef("--tls-cert: needs --tls-key")
	case certificate == "":
		return nil, usagef("--tls-key: needs --tls-cert")
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, usagef("--tls-cert %q, --tls-key %q: %w", certificate, key, err)
	}
	return &pair, nil
}

func (a *app) emulate(ctx context.Context, listen string, certificate *tls.Certificate, f *flags.Flags) (err error) {
	ctx, cancel := export.Interruptible(ctx, a.stop)
	defer cancel()
	options, err := f.Options(time.Now)
	if err != nil {
		return &export.UsageError{Err: err}
	}
	var storage *loopbackServer
	if options.Storage != nil {
		if storage, err = listenLoopback("--storage-listen", f.StorageAddress()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, storage.close()) }()
		storage.secure(certificate)
		options.Storage.Origin = storage.url
	}
	handler, err := emulator.New(options)
	if err != nil {
		return &export.UsageError{Err: err}
	}
	s, err := listenLoopback("--listen", listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.secure(certificate)
	s.serve(handler)
	text := fmt.Sprintf("listening on %s\n", s.url)
	if storage != nil {
		storage.serve(handler.Storage())
		text += fmt.Sprintf("storage on %s\n", storage.url)
	}
	if _, err := fmt.Fprint(a.stdout, text); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
