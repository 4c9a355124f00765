package durable

import (
	"errors"
	"os"
	"testing"
)

// Who has locked a file that is no longer the lock guards nothing: a run that cleaned up removed it meanwhile, and another one may have
// made a new one.
func TestDir_Sign_RemovedMeanwhile_IsNoLock(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		path := t.TempDir()
		first := mustOpen(t, path)
		f, err := first.root.OpenFile(LockName, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := first.sign(f); err != nil {
			t.Fatal(err)
		}
		if err := first.root.Remove(LockName); err != nil {
			t.Fatal(err)
		}
		if replaced {
			if err := first.root.WriteFile(LockName, nil, filePermissions); err != nil {
				t.Fatal(err)
			}
		}
		if err := first.sign(f); !errors.Is(err, ErrLocked) {
			t.Errorf("replaced %v: got error %v, want %v", replaced, err, ErrLocked)
		}
	}
}
