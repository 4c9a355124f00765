package main

import (
	"errors"
	"net/http"
	"net/http/pprof"
	"runtime"

	"github.com/spf13/cobra"

	"exporter/internal/config"
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
		runtime.MemProfileRate = memProfileRate
		s, err := serveLoopback("--pprof", *address, pprofHandler())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		newConsole(a.stderr, cfg.Log).log.Info("serving profiles", "url", s.url+"/debug/pprof/")
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
