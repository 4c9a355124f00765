package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"exporter/internal/parts"
	"exporter/internal/spell"
)

// keyNames are the names under which people try to hand over an API key.
func keyNames() []string {
	return []string{"api_key", "apikey", "key", "token", "api_token", "llama_cloud_api_key", "llama_parse_api_key"}
}

// isKeyName tells whether name, however it is written, is one of keyNames.
func isKeyName(name string) bool {
	return slices.Contains(keyNames(), strings.ToLower(strings.ReplaceAll(name, "-", "_")))
}

// FlagsOnly are flags that are neither keys nor variables, as only a person is to give them: what stands in a file is given
// every night.
func FlagsOnly() []string { return []string{"force", "refetch", "repair", "accept-failed", "yes"} }

// dryRun is the name of a flag that some commands have, and run does not.
const dryRun = "dry-run"

// flagOnly returns the flag of FlagsOnly, or the dry run, that is meant by the name of a key; "" where none is.
func flagOnly(name string) string {
	name = strings.ReplaceAll(name, "_", "-")
	if name == dryRun || slices.Contains(FlagsOnly(), name) {
		return name
	}
	return ""
}

// onlyFlag says what to do in place of setting what is a flag only.
func onlyFlag(name string) (problem, remedy string) {
	if name == dryRun {
		return "there is no dry run", "exporter plan says what a run would do"
	}
	return "--" + name + " is a flag only, which a person gives", "give it on the command line, once"
}

// meantFlag is what to do in place of setting what resembles the name of a flag that is a flag only.
func meantFlag(name string) string {
	return "did you mean --" + name + "? It is a flag only: give it on the command line, once"
}

// nearestVariable returns the variable of ours that EXPORTER_ and rest was most likely meant to be, or "" where it resembles
// none: where more than two letters, or one in five, would have to be others, also if rest stands for the name of a flag, or of a
// key without its section. A name that begins as one of ours and goes on resembles it no more than any other.
func (l *loader) nearestVariable(rest string) string {
	if len(rest) > spell.Longest {
		return ""
	}
	best, least := "", len(rest)
	consider := func(candidate, variable string) {
		if d, alike := differs(rest, candidate); alike && d < least {
			best, least = variable, d
		}
	}
	for _, name := range []string{fileVariable, parts.CountVariable} {
		consider(strings.TrimPrefix(name, envPrefix), name)
	}
	for _, k := range l.keys() {
		consider(strings.TrimPrefix(k.Env(), envPrefix), k.Env())
	}
	for _, k := range Keys() {
		consider(k.Flag, k.Env())
		consider(k.Name, k.Env())
	}
	return best
}

// nearestFlagOnly is nearestVariable for what is a flag only.
func nearestFlagOnly(rest string) string {
	for _, flag := range FlagsOnly() {
		if _, alike := differs(rest, flag); alike && len(rest) <= spell.Longest {
			return flag
		}
	}
	return ""
}

// differs returns how many letters of a variable are other ones than those of a name, and whether they are few.
func differs(variable, name string) (letters int, few bool) {
	letters = spell.Distance(variable, strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	return letters, letters <= min(2, len(name)/5)
}

// closest returns the candidate that name was most likely meant to be, or "". The only candidate that ends in tail,
// which is the last part of name, wins over one that is spelt alike.
func closest(name, tail string, candidates []string) string {
	if len(name) > spell.Longest {
		return ""
	}
	var ending []string
	for _, c := range candidates {
		if strings.HasSuffix(c, tail) {
			ending = append(ending, c)
		}
	}
	if len(ending) == 1 {
		return ending[0]
	}
	return spell.Closest(name, candidates)
}

// printable returns a name as it is, or quoted where it holds what a terminal might not show.
func printable(name string) string {
	hidden := func(r rune) bool { return !strconv.IsPrint(r) }
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, hidden) {
		return strconv.Quote(name)
	}
	return name
}
