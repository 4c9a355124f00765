package report

import (
	"fmt"
	"slices"
	"strings"
)

// longestBar is how many characters the highest bar of a plot has.
const longestBar = 40

// writeMarkdown returns the report as Markdown: plots are tables with bars of characters.
func (d *document) writeMarkdown() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n# %s\n", mark, escaped(d.title))
	for _, text := range d.intro {
		fmt.Fprintf(&b, "\n%s\n", escaped(text))
	}
	for _, p := range d.parts {
		fmt.Fprintf(&b, "\n## %s\n", escaped(p.title))
		if p.text != "" {
			fmt.Fprintf(&b, "\n%s\n", escaped(p.text))
		}
		if p.plot != nil && len(p.plot.bars) > 0 {
			p.plot.table().writeMarkdown(&b)
		}
		if p.table != nil {
			p.table.writeMarkdown(&b)
		}
	}
	return []byte(b.String())
}

// table returns a plot as a table.
func (p *plot) table() *table {
	t := &table{head: append([]string{""}, p.names...), texts: []int{len(p.names) + 1}}
	t.head = append(t.head, "")
	most := p.most()
	for _, bar := range p.bars {
		row, all := []string{bar.label}, 0.
		for _, value := range bar.parts {
			row, all = append(row, count(int64(value))), all+value
		}
		t.rows = append(t.rows, append(row, strings.Repeat("█", int(all/most*longestBar+0.5))))
	}
	return t
}

func (t *table) writeMarkdown(b *strings.Builder) {
	row := func(cells []string, text func(string) string) {
		b.WriteByte('|')
		for _, cell := range cells {
			fmt.Fprintf(b, " %s |", text(cell))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	row(t.head, escaped)
	b.WriteByte('|')
	for i := range t.head {
		if i == 0 || slices.Contains(t.texts, i) {
			b.WriteString(" --- |")
		} else {
			b.WriteString(" ---: |")
		}
	}
	b.WriteByte('\n')
	for _, cells := range t.rows {
		row(cells, escaped)
	}
}

// escaped returns a text from outside as Markdown that is nothing but text.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range plain(text) {
		if strings.ContainsRune("\\`*_{}[]<>#|~&!$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
