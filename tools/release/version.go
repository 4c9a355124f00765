package main

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// version is a version of Go modules, with its "v".
type version string

func parseVersion(text string) (version, error) {
	if !semver.IsValid(text) || semver.Canonical(text) != strings.TrimSuffix(text, semver.Build(text)) {
		return "", fmt.Errorf("the version is %q: give one, such as VERSION=v1.2.3, or tag the commit", text)
	}
	return version(text), nil
}

// plain returns the version without its "v", as names of files have it.
func (v version) plain() string { return strings.TrimPrefix(string(v), "v") }

// linux returns what dpkg and rpm sort as Go does: what comes before a release has a tilde, and there is no minus.
func (v version) linux() string {
	release, pre, build := v.parts()
	if pre != "" {
		release += "~" + strings.ReplaceAll(pre, "-", ".")
	}
	if build != "" {
		release += "+" + strings.ReplaceAll(build, "-", ".")
	}
	return release
}

// preRelease matches the names that pip knows, with a number.
var preRelease = regexp.MustCompile(`^(alpha|beta|rc|a|b)[.-]?([0-9]+)$`)

// python returns what pip sorts as Go does (PEP 440): "dev" with the time for a commit between releases, a, b or rc for what comes
// before one. It fails for a name that pip does not know.
func (v version) python() (string, error) {
	release, pre, build := v.parts()
	local := strings.NewReplacer("-", ".", "_", ".").Replace(build)
	bare := strings.TrimSuffix(string(v), semver.Build(string(v)))
	switch {
	case module.IsPseudoVersion(bare):
		at, err := module.PseudoVersionTime(bare)
		if err != nil {
			return "", err
		}
		rev, err := module.PseudoVersionRev(bare)
		if err != nil {
			return "", err
		}
		release += ".dev" + at.Format("20060102150405")
		local = strings.Trim("g"+rev+"."+local, ".")
	case pre != "":
		m := preRelease.FindStringSubmatch(pre)
		if m == nil {
			return "", fmt.Errorf("pip does not know %q of version %s: use alpha.N, beta.N or rc.N", pre, v)
		}
		release += map[byte]string{'a': "a", 'b': "b", 'r': "rc"}[m[1][0]] + m[2]
	}
	if local != "" {
		release += "+" + local
	}
	return release, nil
}

// parts returns the numbers, what comes before a release, and what was built of it.
func (v version) parts() (release, pre, build string) {
	pre, build = strings.TrimPrefix(semver.Prerelease(string(v)), "-"), strings.TrimPrefix(semver.Build(string(v)), "+")
	release, _, _ = strings.Cut(v.plain(), "+")
	release = strings.TrimSuffix(release, "-"+pre)
	return release, pre, build
}
