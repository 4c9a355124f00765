// Command exporter copies every page screenshot and every figure of a LlamaCloud directory, pipeline, project or list of
// files to disk, with a Parquet manifest that says what each blob is.
//
// This package parses, wires and prints, and holds no logic of its own: there is a file for each command.
package main

import (
	"context"
	"os"
)

func main() {
	ctx, stop := withSignals(context.Background())
	os.Exit(run(ctx, &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), stop: stop}, os.Args[1:]))
}
