package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// testVersion is the version of what the tests make.
const testVersion = "v0.9.0-rc.1"

// What is made for this platform is the same bytes when it is made of a copy of the sources at another path, and installs, runs and is removed
// where it is meant to.
func TestRelease(t *testing.T) {
	sources, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "dist")
	makeRelease(t, sources, out, "deb", "rpm", "wheel", "sbom")
	copied := filepath.Join(t.TempDir(), "at", "another", "path")
	copySources(t, sources, copied)
	t.Run("SameBytes", func(t *testing.T) {
		again := filepath.Join(t.TempDir(), "again")
		makeRelease(t, copied, again, "deb", "wheel", "sbom")
		for _, name := range fileNames(t, again) {
			compareFiles(t, filepath.Join(out, name), filepath.Join(again, name))
		}
	})
	t.Run("Checksums", func(t *testing.T) {
		c := outside(t, "sha256sum", "--check", "--strict", "--quiet", sumsName)
		c.Dir = out
		output(t, c)
	})
	t.Run("Install", func(t *testing.T) { checkInstall(t, copied) })
	t.Run("EmptyRoot", func(t *testing.T) { checkEmptyRoot(t, copied) })
	t.Run("RPM", func(t *testing.T) { checkRPM(t, theFile(t, out, "*.rpm")) })
	t.Run("Wheel", func(t *testing.T) { checkWheel(t, theFile(t, out, "*.whl")) })
	t.Run("Debian", func(t *testing.T) { checkMachine(t, theFile(t, out, "*.deb")) })
}

// makeRelease makes some kinds of results for this platform.
func makeRelease(t *testing.T, root, out string, kinds ...string) {
	t.Helper()
	r := &release{root: root, out: out, maintainer: "Nobody <nobody@example.com>"}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	if err := r.make(testVersion, []string{hostPlatform()}, kinds); err != nil {
		t.Fatal(err)
	}
}

// copySources copies what git has or would add, without the history.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	list := outside(t, "git", "-C", from, "ls-files", "--cached", "--others", "--exclude-standard")
	for name := range strings.Lines(string(output(t, list))) {
		name = strings.TrimSuffix(name, "\n")
		content, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = stage(filepath.Join(to, name), content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// compareFiles fails where two files are not the same. The list of checksums is longer where there is more.
func compareFiles(t *testing.T, a, b string) {
	t.Helper()
	first, err := os.ReadFile(a)
	second, errSecond := os.ReadFile(b)
	if err := errors.Join(err, errSecond); err != nil {
		t.Error(err)
	} else if filepath.Base(b) != sumsName && !bytes.Equal(first, second) {
		t.Errorf("%s is not the same the second time", filepath.Base(b))
	}
}

// fileNames returns the names in a folder.
func fileNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// theFile returns the one file in a folder that matches.
func theFile(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: got %q, want one (%v)", pattern, found, err)
	}
	return found[0]
}

// output runs a command that must succeed, and returns what it printed.
func output(t *testing.T, c *exec.Cmd) []byte {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(c.Args, " "), err, out)
	}
	return out
}

// checkInstall has make install the program below another root, and looks at what it made.
func checkInstall(t *testing.T, sources string) {
	root := t.TempDir()
	output(t, outside(t, "make", "-C", sources, "install", "DESTDIR="+root, "PREFIX=/opt/exporter"))
	prefix := filepath.Join(root, "opt", "exporter")
	if got := string(output(t, exec.CommandContext(t.Context(), filepath.Join(prefix, "bin", "exporter"), "version"))); !strings.HasPrefix(got, "exporter ") {
		t.Errorf("the version is %q", got)
	}
	unit, err := os.ReadFile(filepath.Join(prefix, "lib/systemd/system/exporter@.service"))
	if err != nil || !bytes.Contains(unit, []byte("\nExecStart=/opt/exporter/bin/exporter run ")) {
		t.Errorf("%v; the unit does not start the program that was installed:\n%s", err, unit)
	}
	for _, name := range []string{"share/man/man1/exporter-run.1", "share/bash-completion/completions/exporter", "share/zsh/site-functions/_exporter",
		"share/fish/vendor_completions.d/exporter.fish", "lib/systemd/system/exporter@.timer", "lib/systemd/system/exporter-alert@.service"} {
		if info, err := os.Stat(filepath.Join(prefix, name)); err != nil || info.Mode() != 0o644 || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	output(t, outside(t, "make", "-C", sources, "uninstall", "DESTDIR="+root, "PREFIX=/opt/exporter"))
	if left := output(t, outside(t, "find", root, "!", "-type", "d")); len(left) > 0 {
		t.Errorf("uninstalled, this is left:\n%s", left)
	}
}

// checkEmptyRoot has the program, which checkInstall has made, work where there is nothing but what the container of the Dockerfile has: a folder
// for exports and one for temporary files, and a user without rights.
func checkEmptyRoot(t *testing.T, sources string) {
	if os.Getuid() != 0 {
		cannot(t, "only root may change its root")
	}
	root := t.TempDir()
	program, err := os.ReadFile(filepath.Join(sources, "bin", "exporter"))
	if err == nil {
		err = stage(filepath.Join(root, "bin", "exporter"), program)
	}
	err = errors.Join(err, os.Chmod(filepath.Join(root, "bin", "exporter"), 0o755), os.Mkdir(filepath.Join(root, "export"), 0o755),
		os.Chown(filepath.Join(root, "export"), 65532, 65532), os.Chmod(root, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"demo", "--out", "export"}, {"verify", "--out", "export"}, {"version"}} {
		c := outside(t, "chroot", append([]string{"--userspec=65532:65532", root, "/bin/exporter"}, args...)...)
		c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		output(t, c)
	}
}

// checkRPM reads the package with bsdtar, which is not what made it.
func checkRPM(t *testing.T, rpm string) {
	got := string(output(t, outside(t, "bsdtar", "-tvf", rpm)))
	for _, want := range []string{"/usr/bin/exporter", "/usr/lib/systemd/system/exporter@.service", "/usr/share/man/man1/exporter-run.1.gz",
		"/usr/share/zsh/site-functions/_exporter", "/etc/exporter"} {
		if !strings.Contains(got, want) {
			t.Errorf("the .rpm has no %s:\n%s", want, got)
		}
	}
}

// checkWheel installs the wheel as users do, calls the program in the three ways that there are, and removes it.
func checkWheel(t *testing.T, wheel string) {
	venv := filepath.Join(t.TempDir(), "venv")
	output(t, outside(t, "python3", "-m", "venv", venv))
	bin := func(name string, args ...string) string {
		return string(output(t, exec.CommandContext(t.Context(), filepath.Join(venv, "bin", name), args...)))
	}
	bin("pip", "install", "--quiet", "--no-index", "--no-compile", "--disable-pip-version-check", wheel)
	want := "exporter " + testVersion + " "
	for _, got := range []string{bin("exporter", "version"), bin(name, "version"), bin("python", "-m", pythonPackage, "version")} {
		if !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := bin("pip", "show", name); !strings.Contains(got, "\nVersion: 0.9.0rc1\n") {
		t.Errorf("pip shows\n%s", got)
	}
	bin("pip", "uninstall", "--quiet", "--yes", name)
	if left, err := filepath.Glob(filepath.Join(venv, "bin", "*exporter*")); err != nil || len(left) > 0 {
		t.Errorf("pip uninstall left %q (%v)", left, err)
	}
}

// writtenFiles lists what was written in a machine, but for what dpkg, systemd and logs keep.
const writtenFiles = "cd /run/written && find . ! -type d ! -type c ! -path './var/lib/dpkg/*' ! -path './var/lib/systemd/*' " +
	"! -path './var/log/*' ! -path './var/cache/*' | sort"

// checkMachine installs the Debian package where systemd is process 1, has instances end in every way, and removes the package.
func checkMachine(t *testing.T, deb string) {
	m := bootMachine(t)
	content, err := os.ReadFile(deb)
	if err == nil {
		err = os.WriteFile(filepath.Join(m.shared, "exporter.deb"), content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	// An index of all manual pages of the machine takes longer than everything else.
	m.run("rm -f /var/lib/man-db/auto-update && " + writtenFiles + " >/mnt/before && dpkg --install /mnt/exporter.deb")
	m.checkInstalled()
	m.startInstances()
	m.checkEnds()
	m.checkRemoval()
}

func (m *machine) checkInstalled() {
	m.t.Helper()
	if got := m.run("/usr/bin/exporter version"); !strings.HasPrefix(got, "exporter "+testVersion+" ") {
		m.t.Errorf("the version is %q", got)
	}
	m.run(`
		bash -n /usr/share/bash-completion/completions/exporter
		zcat /usr/share/man/man1/exporter-run.1.gz | grep -q '^\.TH "EXPORTER'
		grep -q 'Go standard library' /usr/share/doc/llamacloud-exporter/copyright
		test -x /usr/share/doc/llamacloud-exporter/examples/alert.example
		test -d /etc/exporter
		exporter config check /usr/share/doc/llamacloud-exporter/examples/instance.example.toml
	`)
	if got := m.run("systemd-analyze verify --man=no exporter@a.service exporter@a.timer exporter-alert@a.service 2>&1"); got != "" {
		m.t.Errorf("systemd-analyze verify: %s", got)
	}
	report := m.run("systemd-analyze security --offline=yes --no-pager --threshold=20 /usr/lib/systemd/system/exporter@.service")
	m.t.Log(report[max(0, strings.LastIndex(report, "Overall")):])
}

// startInstances starts one instance for each way in which a run ends. Restarts come at once.
func (m *machine) startInstances() {
	m.t.Helper()
	m.run(`
		mkdir /etc/systemd/system/exporter@.service.d
		printf '[Service]\nRestartSec=1ms\n' >/etc/systemd/system/exporter@.service.d/now.conf
		printf '#!/bin/sh\necho "$@" >>/run/alerts\n' >/etc/exporter/alert
		chmod +x /etc/exporter/alert
		instance() {
			printf '[api]\nbase_url = "http://127.0.0.1:%s"\n[source]\nproject = true\n' "$2" >"/etc/exporter/$1.toml"
			(umask 077; echo "$3" >"/etc/exporter/$1.key")
		}
		instance good 8001 llx-good
		instance refused 8001 llx-bad
		instance down 8002 llx-good
		instance stopped 8003 llx-good
		instance keyless 8001 llx-good
		rm /etc/exporter/keyless.key
		instance wrong 8001 llx-good
		echo 'directory = 1' >/etc/exporter/wrong.toml
		instance pinged 8001 llx-good
		(umask 077; echo http://127.0.0.1:8001/ping >/etc/exporter/pinged.ping)
		mkdir /etc/systemd/system/exporter@pinged.service.d
		printf '[Service]\nLoadCredential=ping_url:/etc/exporter/%%i.ping\nEnvironment=EXPORTER_PING_URL_FILE=%%d/ping_url\n' \
			>/etc/systemd/system/exporter@pinged.service.d/ping.conf
		systemctl daemon-reload
		emulate() {
			port=$1; shift
			systemd-run --quiet --unit="api-$port" --property=Type=exec /usr/bin/exporter emulate --listen "127.0.0.1:$port" --key llx-good "$@"
		}
		emulate 8001
		emulate 8002 --throttle-share 1 --throttle-retry-after 1h
		emulate 8003 --throttle-share 1 --throttle-retry-after 1m
	`)
	for _, port := range []string{"8001", "8002", "8003"} {
		m.wait("the API at "+port, `journalctl --unit api-`+port+` --output cat | grep -q listening`)
	}
	// A timer keeps systemd from forgetting how its service ended.
	m.run("systemctl start exporter@stopped.timer")
	m.run("systemctl start --no-block exporter@good exporter@refused exporter@down exporter@stopped exporter@keyless exporter@wrong exporter@pinged")
}

func (m *machine) checkEnds() {
	m.t.Helper()
	m.wait("four alerts", `test "$(sort /run/alerts | tr '\n' ,)" = "down 5,keyless 243,refused 4,wrong 64,"`)
	starts := func(instance string) int {
		n, err := strconv.Atoi(strings.TrimSpace(m.run(`journalctl --unit exporter@` + instance + `.service --output cat | grep -c '^Starting ' || true`)))
		if err != nil {
			m.t.Fatal(err)
		}
		return n
	}
	for instance, want := range map[string]int{"down": 5, "keyless": 1, "refused": 1, "wrong": 1, "good": 1, "pinged": 1, "stopped": 1} {
		if got := starts(instance); got != want {
			m.t.Errorf("exporter@%s was started %d times, want %d", instance, got, want)
		}
	}
	if got := m.run(`journalctl --unit exporter-alert@down.service --priority alert --output cat`); !strings.Contains(got, "exporter@down.service failed, exit status 5") {
		m.t.Errorf("the journal has no alert, but %q", got)
	}

	// An orderly stop is no failure.
	m.wait("a pause", `test -e /var/lib/private/exporter/stopped/export/.exporter/lock`)
	m.run("systemctl stop exporter@stopped.service")
	if got := m.run("systemctl show --property=ExecMainStatus,Result,ActiveState exporter@stopped.service"); got != "Result=success\nExecMainStatus=130\nActiveState=inactive\n" {
		m.t.Errorf("an instance that was stopped is\n%s", got)
	}

	m.wait("an export", `test "$(systemctl show --property=ActiveState --value exporter@good.service)" = inactive`)
	m.run("exporter verify /var/lib/exporter/good/export && grep -q '\"exit_code\": *0' /var/lib/exporter/good/export/run.json")
	if got := m.run("stat --format %A /var/lib/private/exporter/good/export/manifest.parquet"); got != "-rw-r-----\n" {
		m.t.Errorf("the manifest has rights %s", got)
	}
	complaints := "journalctl --unit exporter@good.service --output cat | grep -iE 'forbid|warn|error|permitted|denied' || true"
	if got := m.run(complaints); got != "" {
		m.t.Errorf("what the unit forbids is missed: %s", got)
	}
	// The URL of pings is read, where nobody takes them.
	m.wait("pings", `journalctl --unit exporter@pinged.service --output cat | grep -q 'ping.*404' &&
		test "$(systemctl show --property=ActiveState --value exporter@pinged.service)" = inactive`)
	if got := m.run("cat /run/alerts | wc -l"); strings.TrimSpace(got) != "4" {
		m.t.Errorf("%s alerts, want 4:\n%s", got, m.run("cat /run/alerts"))
	}

	m.run("systemctl enable --quiet --now exporter@good.timer")
	next := m.run("TZ=UTC systemctl show --property=NextElapseUSecRealtime --value exporter@good.timer")
	at, err := time.Parse("Mon 2006-01-02 15:04:05 MST", strings.TrimSpace(next))
	if minutes := at.Hour()*60 + at.Minute(); err != nil || minutes < 4*60+15 || minutes > 4*60+45 {
		m.t.Errorf("the timer starts it at %s (%v), want 04:15 to 04:45", next, err)
	}
}

func (m *machine) checkRemoval() {
	m.t.Helper()
	m.run("dpkg --remove llamacloud-exporter && dpkg --purge llamacloud-exporter")
	if got, err := m.try("systemctl cat exporter@good.service"); err == nil {
		m.t.Errorf("systemd still has the unit:\n%s", got)
	}
	if got := m.run("systemctl list-timers --all --no-legend 'exporter@*'"); got != "" {
		m.t.Errorf("a timer is left: %s", got)
	}
	// What is not a package's stays: exports and what a person wrote.
	m.run("test -f /var/lib/private/exporter/good/export/manifest.parquet && rm -r /etc/exporter /var/lib/private/exporter /var/lib/exporter")
	m.run("rm -r /etc/systemd/system/exporter@*.service.d")
	if got := m.run(writtenFiles + " | comm -13 /mnt/before -"); got != "" {
		m.t.Errorf("purged, the package left\n%s", got)
	}
	if got := m.run("dpkg --list llamacloud-exporter 2>/dev/null | grep '^ii' || true"); got != "" {
		m.t.Error(fmt.Sprint("dpkg still lists it: ", got))
	}
}

// wait waits until a script succeeds.
func (m *machine) wait(what, script string) {
	m.t.Helper()
	var out string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var err error
		if out, err = m.try(script); err == nil {
			return
		}
	}
	m.t.Fatalf("waited a minute for %s: %s\n%s\n%s", what, out, m.run("cat /run/alerts || true"), m.run("journalctl --no-pager --output cat --lines 60"))
}
