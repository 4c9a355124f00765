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
	took := func(name string, seconds ...time.Duration) *standing {
		s := &standing{contestant: contestant{name: name}}
		for _, n := range seconds {
			s.samples = append(s.samples, sample{usage: usage{wall: n * time.Second, cpu: n * time.Second / 2}, emulator: time.Second})
		}
		return s
	}
	lacking := took(nameAria)
	lacking.missing = true
	var out bytes.Buffer
	b := &bench{out: &out}
	err := b.showStandings(race{corpus: newCorpus(100, 1000), targets: []target{
		{nameArchive, nameBound, false, 1.5}, {nameLocal, nameCurl, true, 1}, {nameLocal, nameAria, false, 1}, {nameLocal, thanName, false, 1},
	}}, []*standing{
		took(nameBound, 3, 1, 2), took(nameCurl, 6, 4, 5), lacking, took(nameLocal, 10), took(nameArchive, 3),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| bound             |     2.00 |   1.00..3.00 |    1.00 |   0.40 |  1.00 |         10000.0 |             1.00 |",
		"| curl              |     5.00 |   4.00..6.00 |    2.50 |   1.00 |  2.50 |         25000.0 |             1.00 |",
		"| aria2c            |  missing |              |         |        |       |                 |                  |",
		"| exporter, local   |    10.00 | 10.00..10.00 |    5.00 |   2.00 |  5.00 |         50000.0 |             1.00 |",
		"- the emulator's ceiling: bound reached 50 requests",
		"- time of exporter, archive: 1.50 × bound; at most 1.50 is the target: reached",
		"- CPU of exporter, local: 2.00 × curl; at most 1.00 is the target: missed",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
	for _, name := range []string{nameAria, thanName} {
		if strings.Contains(out.String(), "× "+name) {
			t.Errorf("exporter is compared with %s, which was not there:\n%s", name, out.String())
		}
	}
}
