package export

import "runtime/debug"

// Version returns the version of the module that the program was built from, "devel" where it was built from a checkout that
// has none. What is written, and every request, bears it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
