package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// style is that of the file. It names nothing outside of it.
const style = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}` +
	`h1{overflow-wrap:anywhere}table{border-collapse:collapse;display:block;overflow-x:auto}th,td{padding:.15rem .6rem;border-bottom:1px solid #8884;text-align:right;vertical-align:top;white-space:nowrap}` +
	`th:first-child,td:first-child,.text{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:9rem}.text{min-width:16rem}.plot{overflow-x:auto}svg{display:block;width:100%;min-width:50rem;height:auto;font:10px system-ui,sans-serif}` +
	`.a{fill:#2b6cb0}.b{fill:#c05621}.c{fill:#718096}text,.line{fill:currentColor}.key{opacity:.7}`

// writeHTML returns the report as one HTML file.
func (d *document) writeHTML() []byte {
	var b strings.Builder
	title := html.EscapeString(plain(d.title))
	b.WriteString(htmlHead + "<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	b.WriteString("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n<h1>%s</h1>\n", title, style, title)
	for _, text := range d.intro {
		fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(text))
	}
	for _, p := range d.parts {
		fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(plain(p.title)))
		if p.text != "" {
			fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(p.text))
		}
		if p.plot != nil && len(p.plot.bars) > 0 {
			p.plot.writeSVG(&b)
		}
		if p.table != nil {
			p.table.writeHTML(&b)
		}
	}
	b.WriteString("</html>\n")
	return []byte(b.String())
}

func (t *table) writeHTML(b *strings.Builder) {
	row := func(cells []string, name string) {
		b.WriteString("<tr>")
		for i, text := range cells {
			class := ""
			if slices.Contains(t.texts, i) {
				class = ` class="text"`
			}
			fmt.Fprintf(b, "<%s%s><bdi>%s</bdi></%s>", name, class, html.EscapeString(plain(text)), name)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("<table>\n")
	row(t.head, "th")
	for _, cells := range t.rows {
		row(cells, "td")
	}
	b.WriteString("</table>\n")
}

// The picture of a plot, in units of its own.
const (
	plotWidth, plotHeight = 800., 160.
	plotTop, plotBottom   = 20., 16.
	widestBar             = 72.
	// mostLabels is how many bars have a label at most, and widestCharacter how wide one of a label is at most, in whatever font: that of a digit, of 10 high.
	mostLabels, widestCharacter = 12, 6.5
)

// writeSVG draws the bars, each with a title that browsers show.
func (p *plot) writeSVG(b *strings.Builder) {
	most := p.most()
	width := min(plotWidth/float64(len(p.bars)), widestBar)
	fmt.Fprintf(b, "<div class=\"plot\"><svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">\n", plotWidth, plotTop+plotHeight+plotBottom, html.EscapeString(strings.Join(p.names, ", ")))
	fmt.Fprintf(b, "<text class=\"key\" x=\"0\" y=\"12\">at most %s</text>\n", count(int64(most)))
	if len(p.names) > 1 {
		for i, name := range p.names {
			x := 110 + float64(i)*100
			fmt.Fprintf(b, "<rect class=\"%c\" x=\"%g\" y=\"3\" width=\"10\" height=\"10\"/><text x=\"%g\" y=\"12\">%s</text>\n", 'a'+rune(i), x, x+14, html.EscapeString(name))
		}
	}
	every, said := p.labelled(width), ""
	for i, bar := range p.bars {
		x, y := float64(i)*width, plotTop+plotHeight
		fmt.Fprintf(b, "<g><title>%s</title>", html.EscapeString(plain(bar.says)))
		for n, value := range bar.parts {
			height := plotHeight * value / most
			y -= height
			fmt.Fprintf(b, "<rect class=\"%c\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>", 'a'+rune(n), x, y, max(width-1, 0.5), height)
		}
		b.WriteString("</g>\n")
		// Of some with one label, such as runs of a day, the first has it.
		if i%every == 0 && bar.label != said && x+labelWidth(bar.label) <= plotWidth {
			fmt.Fprintf(b, "<text x=\"%.2f\" y=\"%g\">%s</text>\n", x, plotTop+plotHeight+12, html.EscapeString(plain(bar.label)))
			said = bar.label
		}
	}
	fmt.Fprintf(b, "<rect class=\"line\" x=\"0\" y=\"%g\" width=\"%g\" height=\"0.5\"/>\n</svg></div>\n", plotTop+plotHeight, plotWidth)
}

// labelled returns of how many bars of some width one has a label, so that none of these is over the next one.
func (p *plot) labelled(width float64) int {
	every := (len(p.bars) + mostLabels - 1) / mostLabels
	for _, bar := range p.bars {
		every = max(every, int(math.Ceil(labelWidth(bar.label)/width)))
	}
	return every
}

// labelWidth is how wide a label is at most, with a space behind it.
func labelWidth(label string) float64 {
	return float64(utf8.RuneCountInString(label)+1) * widestCharacter
}

// most is the height of the highest bar, and 1 at least.
func (p *plot) most() float64 {
	most := 1.
	for _, bar := range p.bars {
		all := 0.
		for _, value := range bar.parts {
			all += value
		}
		most = max(most, all)
	}
	return most
}
