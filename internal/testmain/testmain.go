// Package testmain makes tests cheap that start a program, or a run, again and again: what it does is called by TestMain.
package testmain

import (
	"os"
	"runtime/debug"
)

// GCPercent is how much the heap of such tests may grow beyond what is live before garbage is collected. Little of theirs is live, so that
// with Go's 100 collecting takes more time than the tests.
const GCPercent = 400

// Quick collects garbage less often, and has temporary folders in memory, where this system has one with room: tests fail writes, syncs and
// renames by themselves and kill processes, which no disk has a part in. GOGC and TMPDIR in the environment come first, so that
// "TMPDIR=/var/tmp go test" is on a disk.
func Quick() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(GCPercent)
	}
	if os.Getenv("TMPDIR") == "" && hasRoom(memory) {
		// It fails for no name such as this.
		_ = os.Setenv("TMPDIR", memory)
	}
}
