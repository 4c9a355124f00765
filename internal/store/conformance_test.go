package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
)

func TestDir_OnDisk_KeepsItsPromises(t *testing.T) {
	testmain.Long(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		d, err := store.OwnDir(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func TestDir_InMemory_KeepsItsPromises(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := storetest.DirDisk{Memory: durabletest.NewMemory(nil)}.Open()
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestMemory_KeepsItsPromises(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.NewMemory(nil) })
}

func TestForgetful_KeepsItsPromises(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Forgetful(storetest.NewMemory(nil)) })
}

var errDisk = errors.New("the disk fails")

func TestDir_AnyOperationGoesWrong_KeepsItsPromises(t *testing.T) {
	testmain.Long(t)
	for name, whole := range map[string]bool{"sync all": true, "sync each": false} {
		t.Run(name, func(t *testing.T) {
			storetest.RunFaults(t, []storetest.Fault{storetest.Crash, storetest.Fail},
				func(number int, f storetest.Fault) (storetest.Disk, func() bool) {
					fired := false
					return storetest.DirDisk{Memory: durabletest.NewMemory(func(o durabletest.Operation) error {
						if !whole && o.Kind == "syncall" {
							return errors.ErrUnsupported
						}
						if o.Number != number {
							return nil
						}
						fired = true
						if f == storetest.Crash {
							return durabletest.ErrCrashed
						}
						return errDisk
					})}, func() bool { return fired }
				})
		})
	}
}

func TestMemory_AnyOperationGoesWrong_KeepsItsPromises(t *testing.T) {
	testmain.Long(t)
	errs := map[storetest.Fault]error{
		storetest.Crash: storetest.ErrCrashed, storetest.Fail: errDisk,
		storetest.LoseAnswer: storetest.ErrAnswerLost, storetest.LoseRequest: storetest.ErrRequestLost,
	}
	faults := []storetest.Fault{storetest.Crash, storetest.Fail, storetest.LoseAnswer, storetest.LoseRequest}
	for name, wrap := range map[string]func(storetest.Disk) storetest.Disk{
		"memory":    func(d storetest.Disk) storetest.Disk { return d },
		"forgetful": func(d storetest.Disk) storetest.Disk { return storetest.ForgetfulDisk{Disk: d} },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.RunFaults(t, faults, func(number int, f storetest.Fault) (storetest.Disk, func() bool) {
				m := storetest.NewMemory(storetest.FailAt(number, errs[f]))
				return wrap(storetest.MemoryDisk{Memory: m}), func() bool { return m.Operations() >= number }
			})
		})
	}
}

func TestOwnDir_Twice_IsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	first, err := store.OwnDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.OwnDir(path); !errors.Is(err, store.ErrOwned) {
		t.Errorf("got error %v, want %v", err, store.ErrOwned)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an export into which nothing was put was left behind: %v", err)
	}
}

func TestDir_PanicOfTheFileSystem_ReachesTheCaller(t *testing.T) {
	fsys := durabletest.Hook(durabletest.NewMemory(nil), durabletest.Hooks{Before: func(o durabletest.Operation) error {
		if o.Kind == "sync" {
			panic("the disk is odd")
		}
		return nil
	}})
	if err := durable.Prepare(fsys); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("nobody was told of the panic")
		}
	}()
	_ = store.PutBytes(context.Background(), store.OnFS(fsys), "x", []byte("x"))
}
