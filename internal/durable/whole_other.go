//go:build !linux

package durable

import (
	"errors"
	"os"
)

// openWhole returns nil: SyncAll can vouch for nothing here.
func openWhole(*os.Root) (*os.File, error) { return nil, nil }

// SyncAll implements FS.
func (d *Dir) SyncAll() error { return errors.ErrUnsupported }
