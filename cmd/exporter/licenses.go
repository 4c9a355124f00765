package main

import (
	"github.com/spf13/cobra"

	"exporter/internal/licenses"
)

func newLicensesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "Print the licence of this program and those of everything that it is made of",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return licenses.Write(a.stdout) },
	}
}
