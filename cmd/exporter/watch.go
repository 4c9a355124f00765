package main

import (
	"exporter/internal/export"
	"exporter/internal/ping"
	"exporter/internal/watch"
)

// runWatch tells others how a run goes; nil where nobody wants to know.
type runWatch struct{ *watch.Watch }

// startWatch begins to tell those whom the configuration names of a run.
func (a *app) startWatch(o *export.Options) (*runWatch, error) {
	url, warnings, err := o.Config.ReadPing()
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		o.Log.Warn(w)
	}
	if url.IsZero() && o.Config.Metrics.File == "" && o.Config.Metrics.Listen == "" {
		return nil, nil
	}
	proxies, err := o.Config.ReadProxies()
	if err != nil {
		return nil, err
	}
	roots, err := o.Config.ReadRoots()
	if err != nil {
		return nil, err
	}
	w := watch.Start(watch.Options{
		Export: o.Config.Output.Dir, Metrics: o.Config.Metrics, Log: o.Log,
		Ping: ping.Options{URL: url, UserAgent: "exporter/" + export.Version(), Proxy: proxies.For, Roots: roots},
	})
	o.Watcher = w.Over(o.Watcher)
	return &runWatch{w}, nil
}

// end tells how the run ended, with its summary and its error.
func (w *runWatch) end(s *summary, err error) {
	if w == nil {
		return
	}
	code, text := 0, ""
	if err != nil {
		e := explainError(err)
		code, text = e.code, messageOf(err)+"\n"
		if e.hint != "" {
			text += e.hint + "\n"
		}
	}
	if s.Report != nil {
		text += s.text()
	}
	w.End(code, printableLines(text))
}
