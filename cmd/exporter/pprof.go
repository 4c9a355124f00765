package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/loopback"
)

// memProfileRate is how many bytes are allocated for each sample of the heap's profile. It is Go's default.
const memProfileRate = 512 << 10

// withPprof adds --pprof to a command, which serves profiles as long as the command runs.
func (a *app) withPprof(c *cobra.Command, load func() (*config.Config, error)) {
	address := c.Flags().String("pprof", "", "serve Go's profiles on this loopback `ADDRESS`; port 0 takes a free one")
	runE := c.RunE
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if *address == "" {
			return runE(c, args)
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		console, err := a.openConsole(cfg.Log)
		if err != nil {
			return err
		}
		runtime.MemProfileRate = memProfileRate
		s, err := serveLoopback("--pprof", *address, loopbackHostOnly(pprofHandler()))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		console.log.Info("serving profiles", "url", s.url+"/debug/pprof/")
		return runE(c, args)
	}
}

// pprofHandler serves what net/http/pprof would serve on the default mux, which nothing here serves.
func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// loopbackHostOnly answers requests that name the server by a loopback address or as localhost, with its port. A page in a browser
// on this machine, whose own name was made to resolve to loopback, names another host.
func loopbackHostOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port, err := net.SplitHostPort(r.Host)
		at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if err != nil || !loopback.IsHost(host) || !ok || port != strconv.Itoa(at.Port) {
			http.Error(w, "this is served to this machine only: ask by a loopback address or localhost, with the port", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
