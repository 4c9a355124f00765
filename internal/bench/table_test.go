package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTable_IsAligned(t *testing.T) {
	var table table
	table.add("name", "÷ bound")
	table.add("a", "1.00")
	var out bytes.Buffer
	if err := table.write(&out); err != nil {
		t.Fatal(err)
	}
	const want = `
| name | ÷ bound |
| ---- | ------: |
| a    |    1.00 |

`
	if out.String() != want {
		t.Errorf("got %swant %s", out.String(), want)
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[time.Duration][]time.Duration{1: {1}, 3: {4, 2}, 5: {9, 5, 1}, 6: {100, 7, 5, 0}} {
		if got := median(values); got != want {
			t.Errorf("%v: got %d, want %d", values, got, want)
		}
	}
}

func TestShowStandings(t *testing.T) {
	took := func(name string, peer bool, seconds ...time.Duration) *standing {
		s := &standing{contestant: contestant{name: name, peer: peer}}
		for _, n := range seconds {
			s.samples = append(s.samples, sample{usage: usage{wall: n * time.Second, cpu: time.Second}, emulator: time.Second})
		}
		return s
	}
	missing := took(nameCurl, true)
	missing.missing = true
	var out bytes.Buffer
	b := &bench{out: &out}
	err := b.showStandings(place{targets: []target{{nameArchive, false, 1.5}, {nameLocal, true, 1}}}, newCorpus(100, 1000), []*standing{
		took(nameBound, false, 3, 1, 2), took(nameLoop, true, 6, 4, 5), missing, took(nameAria, true, 8),
		took(nameLocal, false, 10), took(nameArchive, false, 3),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| bound             |     2.00 |   1.00..3.00 |    1.00 |           0.40 |  1.00 |             1.00 |",
		"| loop              |     5.00 |   4.00..6.00 |    2.50 |           1.00 |  1.00 |             1.00 |",
		"| curl              |  missing |              |         |                |       |                  |",
		"| exporter, local   |    10.00 | 10.00..10.00 |    5.00 |           2.00 |  1.00 |             1.00 |",
		"- the emulator's ceiling: bound reached 50 requests",
		"- exporter, archive: 1.50 × bound; at most 1.5 is the target: reached",
		"- exporter, local: 2.00 × the fastest peer, loop; at most 1.0 is the target: missed",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
}
