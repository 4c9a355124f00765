// Command exporter copies every page screenshot and every figure of a LlamaCloud directory, pipeline, project or list of
// files to disk, with a Parquet manifest that says what each blob is.
//
// This package parses, wires and prints, and holds no logic of its own: there is a file for each command.
package main

import (
	"context"
	"os"
	"runtime"
)

func main() {
	// Sampling what is allocated takes memory. --pprof turns it on again.
	runtime.MemProfileRate = 0
	ctx, stop := withSignals(context.Background())
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), system: os.DirFS("/"), stop: stop, ownProcess: true,
	}
	os.Exit(orStopped(ctx, func() int { return run(ctx, a, os.Args[1:]) }))
}
