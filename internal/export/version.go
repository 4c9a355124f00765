package export

import (
	"cmp"
	"runtime/debug"
)

// version is the linker's to set ("make release VERSION=v1.2.3"), for a source tree that has no history to take one from; nothing else does.
var version string

// Version returns the version that a release was given, else that of the module that the program was built from, "devel" where it was built
// from a checkout that has none. What is written, and every request, bears it.
func Version() string {
	built := ""
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		built = info.Main.Version
	}
	return cmp.Or(version, built, "devel")
}
