package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/loopback"
)

// loopbackServer serves HTTP on a loopback address, and HTTPS where it has a certificate.
type loopbackServer struct {
	url         string
	listener    net.Listener
	certificate *tls.Certificate
	server      *http.Server
	group       errgroup.Group
}

// serveLoopback listens on the address that the flag gives, and serves. Any other than a loopback address is a usage error.
func serveLoopback(flag, address string, handler http.Handler) (*loopbackServer, error) {
	s, err := listenLoopback(flag, address)
	if err != nil {
		return nil, err
	}
	s.serve(handler)
	return s, nil
}

// listenLoopback is the first half of serveLoopback, for handlers that have to know where they are.
func listenLoopback(flag, address string) (*loopbackServer, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !loopback.IsHost(host) {
		return nil, usagef("%s %q: want a loopback address, such as 127.0.0.1:8080", flag, address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, usagef("%s %q: %w (port 0 takes one that is free)", flag, address, err)
		}
		return nil, usagef("%s %q: %w", flag, address, err)
	}
	return &loopbackServer{url: "http://" + listener.Addr().String(), listener: listener}, nil
}

func (s *loopbackServer) serve(handler http.Handler) {
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.group.Go(func() error {
		if s.certificate == nil {
			return s.server.Serve(s.listener)
		}
		s.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*s.certificate}}
		return s.server.ServeTLS(s.listener, "", "")
	})
}

// secure makes the server, before it serves, one of HTTPS, where there is a certificate.
func (s *loopbackServer) secure(certificate *tls.Certificate) {
	if certificate != nil {
		s.certificate, s.url = certificate, "https://"+s.listener.Addr().String()
	}
}

// close ends all connections.
func (s *loopbackServer) close() error {
	if s.server == nil {
		return s.listener.Close()
	}
	err := s.server.Close()
	if serveErr := s.group.Wait(); !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
