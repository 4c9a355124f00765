package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// meter stands between a program and an emulator, and counts the answers that are not throttled.
type meter struct {
	url    string
	passed atomic.Int64
	server *http.Server
	group  errgroup.Group
}

// startMeter serves a meter that passes everything on to the emulator at a URL.
func startMeter(target string) (*meter, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("start a meter: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a meter: %w", err)
	}
	m := &meter{url: "http://" + listener.Addr().String()}
	m.server = &http.Server{Handler: m.handler(to), ReadHeaderTimeout: 10 * time.Second}
	m.group.Go(func() error { return m.server.Serve(listener) })
	return m, nil
}

func (m *meter) handler(to *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusOK {
				m.passed.Add(1)
			}
			return nil
		},
	}
}

func (m *meter) close() error {
	err := m.server.Close()
	if served := m.group.Wait(); !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// jain returns Jain's index of what each has got: 1 where all have the same, one nth where one of n has all.
func jain(got []float64) float64 {
	var sum, squares float64
	for _, x := range got {
		sum, squares = sum+x, squares+x*x
	}
	return sum * sum / (float64(len(got)) * squares)
}
