//go:build !race

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"exporter/internal/testmain"
)

// A member of a group begins an export with umask 002 in a folder of the group, and is killed. Another member goes on with it, and
// the first one again.
func TestExport_KilledInAGroup_AnotherMemberGoesOn(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const group = 54321
	if os.Getuid() != 0 {
		cannot(t, "become another user: only root can")
	}
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			s := exportSettings{sink: sink, files: 4, each: 6, workers: 2, checkpoint: time.Hour}
			_, url := startEmulator(t, s.emulator())
			base := t.TempDir()
			err := errors.Join(os.Chmod(filepath.Dir(base), 0o755), os.Chown(base, 0, group), os.Chmod(base, 0o775|os.ModeSetgid))
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(base, "out")
			// A member has a user id of their own, and the group among others.
			member := func(uid uint32, o childOptions) *child {
				c := newChild(t, url, o, s.args(out)...)
				c.through("umask 002", &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{group}})
				return c.start()
			}
			member(54001, childOptions{CheckpointRows: 8, Stop: point{"rename .exporter/parts/*"}}).killAtPoint()
			for _, uid := range []uint32{54002, 54001} {
				member(uid, childOptions{}).mustExit(0)
			}
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}
