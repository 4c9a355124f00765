//go:build !race

// These make a dataset hundreds of times, which other tests do with the race detector.

package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
)

// makeOn makes a dataset on a disk.
func makeOn(t *testing.T, disk storetest.Disk, o Options, e *testExport) error {
	t.Helper()
	o.Exports, o.Out, o.Log = []string{e.path}, filepath.Join(t.TempDir(), "nowhere"), quiet
	o.Watch = func(func() Progress) func() { return func() {} }
	o.Own = func(context.Context, string, place.Options) (store.Store, error) { return disk.Open() }
	_, err := Make(context.Background(), o)
	return err
}

// treeOn returns the contents of all objects of a disk but those that are private, by their keys.
func treeOn(t *testing.T, disk storetest.Disk) map[string]string {
	t.Helper()
	st, err := disk.Open()
	must(t, err)
	defer st.Close()
	files := map[string]string{}
	for e, err := range st.List(t.Context(), "") {
		must(t, err)
		if strings.HasPrefix(e.Key, store.PrivatePrefix) {
			continue
		}
		o, err := st.Open(t.Context(), e.Key)
		must(t, err)
		data, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		must(t, errors.Join(err, o.Close()))
		files[e.Key] = string(data)
	}
	return files
}

// A dataset is made on a disk that crashes at every operation, and loses all, half or nothing of what was not synced. Nothing has its name that is
// not whole, and the next one ends as if nothing had happened.
func TestMake_CrashesAtEveryOperation_EndsExact(t *testing.T) {
	testmain.Long(t)
	e := newTestExport(t, local).add(testFiles(0, 2))
	for where, newDisk := range storetest.Disks() {
		// Each of the forms is tried somewhere.
		for _, form := range map[string][]string{"directory": {FormParquet}, "memory": {FormWebDataset}, storetest.Bucket: {FormParquet}}[where] {
			o := Options{Form: form, ShardSize: 6_000, Workers: 1, Columns: []string{"file_id", "sha256"}}
			undisturbed := newDisk(func(int) error { return nil })
			must(t, makeOn(t, undisturbed, o, e))
			want := treeOn(t, undisturbed)
			for first, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
				t.Run(fmt.Sprintf("%s/%s/drop %s", form, where, drop), func(t *testing.T) {
					t.Parallel()
					for n := 1 + first; ; n += testmain.Apart(7) {
						crashing := newDisk(func(number int) error {
							if number >= n {
								return storetest.ErrCrashed
							}
							return nil
						})
						err := makeOn(t, crashing, o, e)
						if err == nil && crashing.Operations() < n {
							break
						}
						if !errors.Is(err, storetest.ErrCrashed) {
							t.Fatalf("operation %d: error %v, want %v", n, err, storetest.ErrCrashed)
						}
						recovered := crashing.Recover(drop, uint64(n))
						for key, data := range treeOn(t, recovered) {
							if key != reportName && !strings.HasSuffix(key, store.PartialSuffix) && data != want[key] {
								t.Errorf("after a crash at operation %d: %s is not what it is to be", n, key)
							}
						}
						if err := makeOn(t, recovered, o, e); err != nil {
							t.Fatalf("after a crash at operation %d: %v", n, err)
						}
						if diff := cmp.Diff(want, treeOn(t, recovered)); diff != "" {
							t.Fatalf("after a crash at operation %d (-want +got):\n%s", n, diff)
						}
					}
				})
			}
		}
	}
}

// The disk is full from an operation on: that is said, and with room the same command ends as if nothing had happened.
func TestMake_FullDisk_SaysSoAndGoesOn(t *testing.T) {
	testmain.Long(t)
	e := newTestExport(t, archive).add(testFiles(0, 2))
	for _, form := range []string{FormParquet, FormWebDataset} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			o := Options{Form: form, ShardSize: 5_000, Workers: 1, Columns: []string{"file_id"}}
			undisturbed := storetest.Disks()["directory"](func(int) error { return nil })
			must(t, makeOn(t, undisturbed, o, e))
			want := treeOn(t, undisturbed)
			for n := 1; ; n += 3 {
				full := storetest.Disks()["directory"](func(number int) error {
					if number >= n {
						return syscall.ENOSPC
					}
					return nil
				})
				err := makeOn(t, full, o, e)
				if full.Operations() < n {
					must(t, err)
					break
				}
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("operation %d: error %v, want %v", n, err, syscall.ENOSPC)
				}
				full.FailWith(func(int) error { return nil })
				must(t, makeOn(t, full, o, e))
				if diff := cmp.Diff(want, treeOn(t, full)); diff != "" {
					t.Fatalf("after operation %d (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}
