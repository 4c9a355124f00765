package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// The sinks of exporter.
const (
	sinkLocal   = "local"
	sinkArchive = "archive"
)

// exportOptions say what "exporter run" does.
type exportOptions struct {
	url, out, sink, rate string
	workers              int
}

func (b *bench) exportCommand(o exportOptions) []string {
	return []string{
		b.exporter, "run", "--base-url", o.url, "--directory", "synthetic", "--out", o.out, "--sink", o.sink,
		"--rate", o.rate, "--concurrency", strconv.Itoa(o.workers), "--no-progress",
	}
}

// export runs exporter, and returns what it took and what it says of itself.
func (b *bench) export(ctx context.Context, o exportOptions) (usage, *runReport, error) {
	u, _, err := runProcess(ctx, b.exportCommand(o))
	if err != nil {
		return u, nil, err
	}
	r, err := readReport(o.out)
	return u, r, err
}

// roomyExport are the options of an export that is compared with nothing.
func (b *bench) roomyExport(url, sink string) exportOptions {
	return exportOptions{url: url, out: filepath.Join(b.roomy, "out"), sink: sink, rate: "unlimited", workers: b.workers}
}

// exportChecked exports a corpus for the first time, and checks that it is all there.
func (b *bench) exportChecked(ctx context.Context, c corpus, o exportOptions) (usage, *runReport, error) {
	u, r, err := b.export(ctx, o)
	if err != nil {
		return u, nil, err
	}
	if err := checkExport(c, o.out, o.sink, r); err != nil {
		return u, nil, fmt.Errorf("check what was stored: %w", err)
	}
	return u, r, nil
}

func removeExport(o exportOptions) error {
	if err := os.RemoveAll(o.out); err != nil {
		return fmt.Errorf("remove the export: %w", err)
	}
	return nil
}

// runReport is the part of an export's run.json that is looked at.
type runReport struct {
	Seconds  float64 `json:"seconds"`
	ExitCode int     `json:"exit_code"`
	Counts   struct {
		Assets struct {
			Planned     int   `json:"planned"`
			Stored      int   `json:"stored"`
			StoredBytes int64 `json:"stored_bytes"`
			Kept        int   `json:"kept"`
		} `json:"assets"`
		Requests struct {
			Sent      int `json:"sent"`
			Throttled int `json:"throttled"`
		} `json:"requests"`
	} `json:"counts"`
}

func readReport(out string) (*runReport, error) {
	text, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	r := &runReport{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return r, nil
}
