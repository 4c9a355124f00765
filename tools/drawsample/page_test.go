package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand_Sentence_ChoosesInBraces(t *testing.T) {
	seen := make(map[string]bool)
	random := newRandom("expand")
	for range 200 {
		got, err := expand("{a|b} has {2..3}.", random)
		if err != nil {
			t.Fatal(err)
		}
		seen[got] = true
	}
	want := map[string]bool{"a has 2.": true, "a has 3.": true, "b has 2.": true, "b has 3.": true}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("sentences (-want +got):\n%s", diff)
	}
}

func TestExpand_BadSentence_IsAnError(t *testing.T) {
	for _, sentence := range []string{"an {open brace", "{x..3}", "{3..x}", "{3..2}"} {
		if got, err := expand(sentence, newRandom("bad")); err == nil {
			t.Errorf("expand(%q) = %q, want an error", sentence, got)
		}
	}
}

func TestProse_EveryFile_ExpandsAndDoesNotRepeatSoon(t *testing.T) {
	files, err := proseFiles.ReadDir("prose")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		p, err := readProse(strings.TrimSuffix(file.Name(), ".txt"), newRandom(file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		half := len(p.deck) / 2
		if half < 8 {
			t.Fatalf("%s has %d sentences, want at least 16", file.Name(), len(p.deck))
		}
		last := make(map[string]int)
		for i := 1; i <= 6*half; i++ {
			card := p.deck[0]
			if before := last[card]; before > 0 && i-before < half {
				t.Errorf("%s: the sentence %q comes again after %d others", file.Name(), card, i-before-1)
			}
			last[card] = i
			text, err := p.paragraph(1)
			if err != nil {
				t.Fatalf("%s: %v", file.Name(), err)
			}
			if !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "{|}") {
				t.Errorf("%s: %q is no sentence", file.Name(), text)
			}
		}
	}
}

func TestTypecase_Wrap_FillsLines(t *testing.T) {
	fonts, err := newTypecase()
	if err != nil {
		t.Fatal(err)
	}
	const text = "It is off by one, and the tide has come in over the steps since then."
	lines := fonts.wrap(text, body, 150, 60)
	if got := strings.Join(lines, " "); got != text {
		t.Errorf("wrap lost words: %q", got)
	}
	for i, line := range lines {
		room := 150.0
		if i == 0 {
			room -= 60
		}
		if width := fonts.measure(line, body); width > room {
			t.Errorf("line %q is %.1f pixels wide, want at most %.0f", line, width, room)
		}
		if i+1 < len(lines) {
			next, _, _ := strings.Cut(lines[i+1], " ")
			if fonts.measure(line+" "+next, body) <= room {
				t.Errorf("%q had room for the next word, %q", line, next)
			}
		}
	}
}

func TestDocument_Print_ReportsOverflow(t *testing.T) {
	var blocks []block
	for range 30 {
		blocks = append(blocks, heading("Too much"))
	}
	d := &document{key: "overflow", prose: "stars", pages: []page{{blocks: blocks}}}
	if _, err := d.print(); err == nil || !strings.Contains(err.Error(), "page 1") {
		t.Errorf("print: error %v, want one that names page 1", err)
	}
}

func TestTable_UnevenRow_IsAnError(t *testing.T) {
	uneven := table([]column{{"A", 1, false}, {"B", 1, true}}, "only one")
	d := &document{key: "uneven", prose: "stars", pages: []page{{blocks: []block{uneven}}}}
	if _, err := d.print(); err == nil || !strings.Contains(err.Error(), "1 cells") {
		t.Errorf("print: error %v, want one that counts the cells", err)
	}
}

func TestNewAxis_Ranges_EndOnTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi, room float64
		want         []string
	}{
		{0, 6, 5, []string{"0", "2", "4", "6"}},
		{0.31, 0.79, 5, []string{"0.3", "0.4", "0.5", "0.6", "0.7", "0.8"}},
		{-12, 203, 5, []string{"-50", "0", "50", "100", "150", "200", "250"}},
		{980, 1020, 4, []string{"980", "990", "1000", "1010", "1020"}},
	} {
		var got []string
		for _, tick := range newAxis(c.lo, c.hi, c.room).ticks() {
			got = append(got, tick.label)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("ticks from %v to %v (-want +got):\n%s", c.lo, c.hi, diff)
		}
	}
}

func TestCanvas_Fill_CoversOverlapsOnce(t *testing.T) {
	c := newCanvas(40, 40, nil, white)
	c.line(graphite, 6, point{5, 20}, point{35, 20}, point{20, 5}, point{20, 35})
	for _, at := range []struct {
		x, y int
		want rgb
	}{{20, 20, graphite}, {10, 20, graphite}, {20, 30, graphite}, {4, 4, white}, {35, 35, white}} {
		r, g, b, _ := c.At(at.x, at.y).RGBA()
		if got := rgb(r>>8<<16 | g>>8<<8 | b>>8); got != at.want {
			t.Errorf("pixel %d,%d is %06x, want %06x", at.x, at.y, got, at.want)
		}
	}
	c.disc(rust, point{-500, 20}, 10) // outside: nothing to draw, nothing to break
}
