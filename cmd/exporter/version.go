package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"exporter/internal/export"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	_, err := fmt.Fprintf(a.stdout, "exporter %s %s %s/%s\n", export.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
