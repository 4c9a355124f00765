//go:build !race

package export

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
)

// matrixFailure is how operations fail: one of them, or from one on all until the run has ended.
type matrixFailure struct {
	err  error
	last bool
}

// fail lets operations of a step fail, and tells whether it has such an operation. mayPass says that some failures are of no
// consequence.
func (m *matrix) fail(disk storetest.Disk, f matrixFault, failure matrixFailure, mayPass bool, most int) (failed bool, err error) {
	disk.FailWith(func(number int) error {
		if number == f.n || failure.last && number > f.n {
			return failure.err
		}
		return nil
	})
	err = m.step(disk, f.step)
	if disk.Operations() < f.n {
		return false, err
	}
	if !errors.Is(err, failure.err) && (err != nil || !mayPass) {
		return true, fmt.Errorf("got error %w, want %w", err, failure.err)
	}
	disk.FailWith(func(int) error { return nil })
	if err := m.checkRows(disk, f.step); err != nil {
		return true, err
	}
	return true, m.checkEnd(disk, f.step, most, matrixUncommitted)
}

// In runs over changes, as those that crash, an operation fails, loses its request or its answer, or the disk is full from it on. The run
// says so, and with room, and a store that works, the next ones make the export exact.
func TestExport_RunsOverChangesFail_EndExact(t *testing.T) {
	testmain.Long(t)
	failures := []matrixFailure{
		{err: syscall.EIO}, {err: syscall.ENOSPC, last: true}, {err: storetest.ErrAnswerLost}, {err: storetest.ErrRequestLost},
	}
	for _, c := range crashCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			isDirectory, failures := strings.HasSuffix(c.name, "/directory"), failures
			if isDirectory {
				// A file system loses no answer.
				failures = failures[:2]
			}
			eachFault(t, c, len(failures), func(m *matrix, disk storetest.Disk, f matrixFault, most int) (bool, error) {
				// Closing a file that was read, and removing one that is gone when it is closed, may fail.
				return m.fail(disk, f, failures[f.kind], isDirectory, most)
			})
		})
	}
}
