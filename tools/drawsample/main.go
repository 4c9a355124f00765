// Command drawsample draws the corpus of internal/emulator/sample: the pages and figures of a few invented documents, and
// what the API says of them. The program holds what was drawn, and nothing of this: it is of the module of tools.
//
// What it draws depends on nothing but this source: there is no clock, and every random number has a fixed seed. Another
// release of Go, whose image encoders may differ, or another processor, whose arithmetic may round otherwise, can change
// single pixels and the bytes of pictures, but nothing else.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drawsample:", err)
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("drawsample", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "", "the folder to write to; files that an earlier run put there are replaced")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || flags.NArg() > 0 {
		return errors.New("name the folder to write to: drawsample -out DIR")
	}
	drawn, err := drawCorpus(library())
	if err != nil {
		return err
	}
	return drawn.write(*out)
}
