package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"exporter/internal/llamacloud/governor/simulate"
)

// The panels are drawn from simulated runs, and what is drawn is XML.
func TestRun_Draw(t *testing.T) {
	var drawn bytes.Buffer
	if err := run([]string{"-draw"}, &drawn); err != nil {
		t.Fatal(err)
	}
	lines, titles := strings.Count(drawn.String(), "<polyline"), 0
	for _, p := range panels() {
		titles += strings.Count(drawn.String(), ">"+p.title+"<")
	}
	for d := xml.NewDecoder(&drawn); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("what was drawn is no XML: %v", err)
		}
	}
	if titles != len(panels()) || lines != len(panels())+1 {
		t.Errorf("%d titles and %d lines for %d panels, of which one has two programs", titles, lines, len(panels()))
	}
}

func TestWriteTable(t *testing.T) {
	failed := simulate.GroupResult{Name: "x", About: "some cases", Passed: 1, Cases: 3, Target: 2}
	failed.Failed = []simulate.Line{{Name: "a case", Verdict: simulate.Verdict{Figure: 0.5, More: "more"}}}
	var got bytes.Buffer
	if err := writeTable(&got, []simulate.GroupResult{failed, {Name: "y", About: "others", Passed: 3, Cases: 3}}, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| (x) | some cases | 1 of 3 | 2 | missed by 1 |", "| (y) | others | 3 of 3 |  |  |", "- a case: 0.500, more",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %q in\n%s", want, got.String())
		}
	}
}

func TestRun_Rejects(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-seeds", "0"}, {"-limit", "1/s"}} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// Who asks for help gets it, and no error.
func TestMain_Help_Succeeds(t *testing.T) {
	if os.Getenv("LIMITS_HELP") != "" {
		os.Args = []string{"limits", "-h"}
		main()
		os.Exit(0)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestMain_Help_Succeeds$")
	c.Env = append(os.Environ(), "LIMITS_HELP=1")
	out, err := c.CombinedOutput()
	if err != nil || strings.Count(string(out), "Usage of limits") != 1 || strings.Contains(string(out), "help requested") {
		t.Errorf("%v, %q: want exit 0 and the usage once", err, out)
	}
}
