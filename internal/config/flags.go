package config

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// AddFlags adds to fs a flag for every key of the sections. Their values are checked by Load, not while they are
// parsed: package pflag would print a value that it refuses, and that might be an API key.
//
// With SectionAPI come hidden flags, such as --api-key, for which Load tells where an API key belongs.
func AddFlags(fs *pflag.FlagSet, sections ...Section) {
	for _, k := range Keys() {
		if slices.Contains(sections, k.Section) {
			addFlag(fs, k)
		}
	}
	if slices.Contains(sections, SectionAPI) {
		for _, name := range keyNames() {
			fs.VarPF(refusedValue{}, strings.ReplaceAll(name, "_", "-"), "", "refused: "+keyRemedy).Hidden = true
		}
	}
}

// AddPlaceFlags adds to fs flags for the keys that say how a bucket is written, for commands that write one which is no export of a run.
func AddPlaceFlags(fs *pflag.FlagSet) {
	for _, k := range Keys() {
		if k.Section == SectionOutput && (k.Name == "scratch" || k.Name == "single_writer") {
			addFlag(fs, k)
		}
	}
}

func addFlag(fs *pflag.FlagSet, k Key) {
	f := fs.VarPF(&flagValue{key: k}, k.Flag, shorthand(k.Flag), k.Usage())
	if k.Type == TypeBool {
		f.NoOptDefVal = "true"
	}
}

// KeyOf returns the key of which AddFlags made a flag.
func KeyOf(f *pflag.Flag) (Key, bool) {
	v, ok := f.Value.(*flagValue)
	if !ok {
		return Key{}, false
	}
	return v.key, true
}

// shorthand returns the letter that stands for a flag, or "".
func shorthand(flag string) string {
	switch flag {
	case "verbose":
		return "v"
	case "quiet":
		return "q"
	}
	return ""
}

// flagValue keeps what a flag was set to. It implements pflag.Value.
type flagValue struct {
	key   Key
	texts []string
	// times counts how often it was set.
	times int
}

// Set keeps the text, or one more item of a list.
func (v *flagValue) Set(text string) error {
	v.times++
	if v.key.Type == TypeList {
		v.texts = append(v.texts, splitList(text)...)
	} else {
		v.texts = []string{text}
	}
	return nil
}

// String returns the value, or the default as long as the flag is not set.
func (v *flagValue) String() string {
	if v.texts == nil {
		return v.key.Default
	}
	return strings.Join(v.texts, ",")
}

// items returns the texts of the flag. An empty one by itself takes back what a file or an export says of a list, but not what is to be exported: there
// it comes from a variable of a shell that is not set.
func (v *flagValue) items() []string {
	if v.key.Type == TypeList && !v.key.Selects() && len(v.texts) == 1 && v.texts[0] == "" {
		return nil
	}
	return v.texts
}

// refuseEmpty refuses a part that is empty: it comes from a variable of a shell that is not set, and would be an export of everything.
func (v *flagValue) refuseEmpty(from origin) error {
	if v.key.Path() == partPath && v.String() == "" {
		return from.fail(partPath, "it is empty", "write I/N, or auto; for an export that is not in parts, leave it out")
	}
	return nil
}

// Type returns what help shows for the value.
func (v *flagValue) Type() string {
	if v.key.Type == TypeBool {
		return "bool"
	}
	return v.key.Placeholder
}

// refusedValue forgets at once what it is set to, which must be an API key. It implements pflag.Value.
type refusedValue struct{}

func (refusedValue) Set(string) error { return nil }
func (refusedValue) String() string   { return "" }
func (refusedValue) Type() string     { return "KEY" }

// loadFlags applies the flags that were set. Flags that AddFlags did not add are not its business.
func (l *loader) loadFlags(fs *pflag.FlagSet) error {
	if fs == nil {
		return nil
	}
	var failure error
	twice := false
	fs.Visit(func(f *pflag.Flag) {
		from := origin{"--" + f.Name, true}
		if _, ok := f.Value.(refusedValue); ok && failure == nil {
			const problem = "an API key does not belong on the command line, which the process list shows"
			failure = from.fail("", problem, keyRemedy)
		}
		if v, ok := f.Value.(*flagValue); ok && failure == nil {
			if failure = v.refuseEmpty(from); failure != nil {
				return
			}
			failure = l.assign(l.byPath[v.key.Path()], from, itemsFrom(from, v.items()))
			twice = twice || v.key.Path() == "log.verbose" && v.times > 1
		}
	})
	if level := fs.Lookup(l.byPath[levelPath].flag); failure == nil && twice && l.config.Log.Verbose && !level.Changed {
		from := origin{"-vv", true}
		return l.assign(l.byPath[levelPath], from, []item{{string(LevelTrace), from}})
	}
	return failure
}
