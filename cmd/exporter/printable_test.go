package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"exporter/internal/emulator"
	"exporter/internal/human"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// checkPrintable fails if what a command printed has a character that does not print, other than its line ends.
func checkPrintable(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !utf8.ValidString(line) || strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%s prints %+q, want escapes in it", what, line)
		}
	}
}

// JSON, and a quoted string, mean the same with the escapes as without them. Lines stay lines.
func FuzzPrintableWriter(f *testing.F) {
	for _, seed := range []string{"", "\x1b[31m", "\u202egpj.exe", "a\\\"b\n", "\U000e0041\u009b", "\xff", "{}\x7f", `\u202e`, "\ud7ff\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if n, err := (printableWriter{&out}).Write(append(line, '\n')); n != len(line)+1 || err != nil {
			t.Fatalf("Write() = %d, %v, want %d", n, err, len(line)+1)
		}
		checkPrintable(t, "the writer", out.String())
		var got, want map[string]string
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
			t.Fatalf("%s is no JSON any more: %s", line, out.String())
		}
		if err := json.Unmarshal(line, &want); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s became %s", line, out.String())
		}
		out.Reset()
		_, err = (printableWriter{&out}).Write([]byte(text))
		if err != nil || strings.Count(out.String(), "\n") != strings.Count(text, "\n") {
			t.Errorf("%+q became %+q, %v", text, out.String(), err)
		}
		checkPrintable(t, "the writer", out.String())
	})
}

// unprintable returns the hostile names that have a character that does not print.
func (s *surroundings) unprintable() []string {
	return slices.DeleteFunc(s.hostileNames(), func(name string) bool { return human.Printable(name) == name })
}

// hostileAPI serves hostile names, and fails all figures, so that they are told of.
func hostileAPI(t *testing.T, s *surroundings) (url string) {
	t.Helper()
	corpus, _ := hostileCorpus(t, s.unprintable())
	for i, id := range badIDs {
		mustAdd(t, corpus, emulator.FileSpec{ID: fmt.Sprint("\x1b]0;bad\x07", i), FileID: id})
	}
	_, url = startEmulator(t, emulator.Options{Corpus: corpus, Faults: emulator.Faults{
		Rate: 1, Times: -1, Kinds: kinds(emulator.FaultStatus404), Routes: []emulator.Route{emulator.RouteGetPageFigure},
	}})
	return url
}

// Names are printed with escapes in the place of what does not print, in every log, table, message and JSON.
func TestCommands_HostileNames_ArePrintedWithEscapes(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := newSurroundings(t)
	c := newCLI(t, hostileAPI(t, s))
	const name, escaped = "\u202egpj.exe", `\u202egpj.exe`
	run := []string{"run", "--directory", "d", "--out", s.out, "--sink", "archive"}
	for _, tt := range []struct {
		exit int
		args []string
		// names says that figures or files are named.
		names bool
	}{
		{exitIncomplete, append(run, "-v"), true},
		{exitIncomplete, append(run, "-v", "--log-format", "json"), true},
		{exitIncomplete, append(run, "--refetch", "--concurrency", "1"), false},
		{exitIncomplete, []string{"plan", "--directory", "d", "--out", s.out, "-v"}, false},
		{exitIncomplete, []string{"plan", "--directory", "d", "--out", s.out, "--json", "-v", "--log-format", "json"}, false},
		{0, []string{"ls", s.out}, true},
		{0, []string{"ls", s.out, "--tree"}, true},
		{0, []string{"ls", s.out, "--failed"}, true},
		{0, []string{"ls", s.out, "--json"}, true},
		{0, []string{"__complete", "ls", s.out, ""}, true},
		{0, []string{"__complete", "cat", "--out", s.out, "figures", "77", ""}, false},
		{0, []string{"files", "ls", "d", "-v"}, true},
		{0, []string{"files", "ls", "d", "--json", "-v", "--log-format", "json"}, true},
		{0, []string{"files", "ls", "d", "--display-name", name}, true},
		{exitUsage, []string{"files", "get", "d", name}, true},
		{exitUsage, []string{"cat", "--out", s.out, "figures", "77", name}, true},
		{exitUsage, []string{"cat", "--out", filepath.Join(s.base, name), "figures", "0"}, true},
		{exitUsage, []string{"run", "--" + name}, true},
		{exitUsage, []string{name}, true},
	} {
		code, stdout, stderr := c.run(tt.args...)
		if code != tt.exit || tt.names != strings.Contains(stdout+stderr, escaped) {
			t.Errorf("%q: exit %d, want %d; %q is in it: %v, want %v\n%s", tt.args, code, tt.exit, escaped, !tt.names,
				tt.names, stderr)
		}
		if tt.args[0] == "__complete" {
			// What is behind a tab says what the value is.
			stdout = strings.ReplaceAll(stdout, "\t", " ")
		}
		checkPrintable(t, fmt.Sprintf("%q", tt.args), stdout+stderr)
		if slices.Contains(tt.args, "--json") && slices.Contains(tt.args, "ls") {
			checkListed(t, stdout, s.unprintable())
		}
	}
	s.check()
}

// checkListed fails unless JSON lines have all of the names as they were listed.
func checkListed(t *testing.T, lines string, names []string) {
	t.Helper()
	listed := map[string]bool{}
	for line := range strings.Lines(lines) {
		var file struct {
			Name string `json:"display_name"`
		}
		if err := json.Unmarshal([]byte(line), &file); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		listed[file.Name] = true
	}
	for _, name := range names {
		if !listed[name] {
			t.Errorf("%+q is not listed", name)
		}
	}
}

// What verify and a repair say of an export that somebody has damaged names figures and files with escapes.
func TestVerify_HostileNames_ArePrintedWithEscapes(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			s := newSurroundings(t)
			corpus, _ := hostileCorpus(t, s.unprintable())
			_, url := startEmulator(t, emulator.Options{Corpus: corpus})
			c := newCLI(t, url)
			run := []string{"run", "--directory", "d", "--out", s.out, "--sink", sink, "--compression", "none"}
			c.mustRun(run...)
			for key, row := range readExport(t, s.out).rows {
				if key.Kind == pipeline.Figure {
					damage(t, s.out, row)
				}
			}
			plant(t, filepath.Join(s.out, "blobs"), "\x1b[31m\u202e\n.jpg")
			plant(t, filepath.Join(s.out, "shards"), "shard-\u009b\u202e\n.tar")
			for _, tt := range []struct {
				exit int
				args []string
			}{
				{exitDamage, []string{"verify", "--out", s.out, "-v"}},
				{exitDamage, []string{"verify", "--out", s.out, "-v", "--json"}},
				{exitDamage, []string{"cat", "--out", s.out, "figures", "7", "x.jpg\x00.php"}},
				{0, append(run, "--repair", "--log-format", "json")},
				{0, append(run, "--repair", "-v")},
			} {
				code, stdout, stderr := c.run(tt.args...)
				if code != tt.exit {
					t.Errorf("%q: exit %d, want %d\n%s", tt.args, code, tt.exit, stderr)
				}
				if tt.args[0] == "verify" && !strings.Contains(stdout, `\u202egpj.exe`) {
					t.Errorf("%q does not name what is damaged:\n%s", tt.args, stdout)
				}
				if tt.args[0] == "cat" {
					// The bytes of a blob are as they are.
					stdout = ""
				}
				checkPrintable(t, fmt.Sprintf("%q", tt.args), stdout+stderr)
			}
			s.check()
		})
	}
}

// damage changes a blob's first byte.
func damage(t *testing.T, out string, row *pipeline.Row) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(out, filepath.FromSlash(row.Location.Path)), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var at int64
	if row.Location.Shard != nil {
		at = row.Location.Shard.Offset
	}
	if _, err := f.WriteAt([]byte("?"), at); err != nil {
		t.Fatal(err)
	}
}

// plant puts a file where it does not belong.
func plant(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("planted"), 0o644); err != nil {
		t.Fatal(err)
	}
}
