package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"exporter/internal/human"
	"exporter/internal/inventory"
)

// document is a report, before it is written in a format.
type document struct {
	title string
	intro []string
	parts []part
}

// part is a section: a text, a plot, and a table, of which each may be missing.
type part struct {
	title, text string
	plot        *plot
	table       *table
}

// table is rows of texts. Columns behind the first are numbers, which are set to the right, but those that are named.
type table struct {
	head []string
	rows [][]string
	// texts are the numbers of columns behind the first that are texts.
	texts []int
}

// plot is bars, of which each may have some parts.
type plot struct {
	bars []bar
	// names are what the parts are; one to three.
	names []string
}

type bar struct {
	label string
	parts []float64
	// says is what the bar is, in full, and span of which numbers, where it is of some.
	says, span string
}

// describe makes the report of what was counted.
func describe(f *figures) *document {
	d := &document{title: f.export.Name}
	d.intro = append([]string{"Made on " + f.export.Made.UTC().Format("2006-01-02 15:04") + " UTC."}, f.export.Notes...)
	d.sums(f)
	d.add(f.runsPart())
	d.add(f.daysPart())
	d.add(failuresPart("Failures", "asset", f.failed))
	d.add(failuresPart("Failures: files", "file", f.failedFiles))
	d.add(f.skippedPart())
	d.add(f.confidencePart())
	for _, kind := range sortedKeys(f.byKind) {
		d.add(f.powersPart(kind))
	}
	d.add(f.typesPart())
	d.add(f.copiesPart())
	return d
}

// add adds a part that has something to tell.
func (d *document) add(p *part) {
	if p != nil {
		d.parts = append(d.parts, *p)
	}
}

// sums tells how many assets there are of each kind, and files.
func (d *document) sums(f *figures) {
	states := []inventory.State{inventory.Stored, inventory.Skipped, inventory.Failed, inventory.Missed, inventory.Vanished, inventory.Expired}
	t := &table{head: []string{"kind", "assets", "stored", "left out", "failed", "missed", "vanished", "expired", "bytes stored"}}
	var all, bytes int64
	for _, kind := range sortedKeys(f.byKind) {
		k := f.byKind[kind]
		row, assets := []string{kind, ""}, int64(0)
		for _, state := range states {
			assets += k.states[state]
			row = append(row, count(k.states[state]))
		}
		row[1] = count(assets)
		t.rows = append(t.rows, append(row, human.Bytes(k.stored.bytes)))
		all, bytes = all+assets, bytes+k.stored.bytes
	}
	var files int64
	var byState []string
	for _, state := range sortedKeys(f.files) {
		files += f.files[state]
		byState = append(byState, count(f.files[state])+" "+string(state))
	}
	d.intro = append(d.intro, fmt.Sprintf("%s, %s, %s stored.", plural(files, "file"), plural(all, "asset"), human.Bytes(bytes)))
	if len(byState) > 0 {
		d.intro = append(d.intro, "Files: "+strings.Join(byState, ", ")+".")
	}
	if f.missingPages > 0 {
		d.intro = append(d.intro, fmt.Sprintf("Missing between others: %s.", plural(f.missingPages, "page")))
	}
	if len(t.rows) > 0 {
		d.add(&part{title: "Assets", table: t})
	}
}

// runsPart tells of the last runs.
func (f *figures) runsPart() *part {
	unread := ""
	if f.unread > 0 {
		unread = plural(int64(f.unread), "run report") + " cannot be read."
	}
	switch {
	case len(f.runs) == 0 && f.unread == 0:
		return &part{title: "Runs", text: "None has left a report here. Of an export in parts, each part has the reports of its own."}
	case len(f.runs) == 0:
		return &part{title: "Runs", text: unread}
	}
	p := &part{title: "Runs", plot: &plot{names: []string{"stored", "failed"}}}
	p.table = &table{head: []string{"began", "seconds", "ended with", "stored", "bytes", "kept", "failed", "requests", "throttled"}}
	for _, r := range f.runs {
		a, began := &r.Counts.Assets, r.StartedAt.UTC().Format("2006-01-02 15:04")
		p.plot.bars = append(p.plot.bars, bar{
			label: r.StartedAt.UTC().Format(time.DateOnly), parts: []float64{float64(a.Stored), float64(a.Failed)},
			says: fmt.Sprintf("%s: %s stored, %s failed", began, count(a.Stored), count(a.Failed)),
		})
	}
	const shown = 20
	for _, r := range slices.Backward(f.runs[max(0, len(f.runs)-shown):]) {
		a, q := &r.Counts.Assets, &r.Counts.Requests
		p.table.rows = append(p.table.rows, []string{
			r.StartedAt.UTC().Format("2006-01-02 15:04"), strconv.FormatFloat(r.Seconds, 'f', 1, 64), strconv.Itoa(r.ExitCode), count(a.Stored), human.Bytes(a.StoredBytes),
			count(a.Kept), count(a.Failed), count(q.Sent), count(q.Throttled),
		})
	}
	p.text = "What runs stored, and what failed: the last run."
	if len(f.runs) > 1 {
		p.text = fmt.Sprintf("What runs stored, and what failed: the last %d runs.", len(f.runs))
	}
	if len(f.runs) > shown {
		p.text += fmt.Sprintf(" The table has the last %d.", shown)
	}
	if unread != "" {
		p.text += " " + unread
	}
	return p
}

// mostBars is how many bars a plot has at most: more days are months, and more months years.
const mostBars = 120

// daysPart tells when what is stored was fetched.
func (f *figures) daysPart() *part {
	days, unit := f.days, "day"
	for _, shorter := range []struct {
		unit   string
		digits int
	}{{"month", len("2006-01")}, {"year", len("2006")}} {
		if len(days) <= mostBars {
			break
		}
		longer := map[string]*sum{}
		for day, s := range f.days {
			l := of(longer, day[:shorter.digits])
			l.count += s.count
			l.bytes += s.bytes
		}
		days, unit = longer, shorter.unit
	}
	if len(days) == 0 {
		return nil
	}
	p := &part{title: "Fetched", text: "What is stored, by the " + unit + " of its fetching (UTC).", plot: &plot{names: []string{"assets"}}}
	for _, day := range sortedKeys(days) {
		s := days[day]
		p.plot.bars = append(p.plot.bars, bar{
			label: day, parts: []float64{float64(s.count)}, says: fmt.Sprintf("%s: %s, %s", day, plural(s.count, "asset"), human.Bytes(s.bytes)),
		})
	}
	return p
}

// failuresPart tells of the failures of assets or files.
func failuresPart(title, thing string, failed map[string]*failure) *part {
	if len(failed) == 0 {
		return nil
	}
	p := &part{title: title, table: &table{head: []string{"reason", thing + "s", "accepted", "for example"}, texts: []int{3}}}
	p.text = fmt.Sprintf("The %ss that failed, by reason; exporter ls --failed lists them.", thing)
	for _, class := range mostFirst(failed, func(x *failure) int64 { return x.count }) {
		known, examples := failed[class], []string(nil)
		for _, reason := range known.reasons {
			examples = append(examples, cutMiddle(reason, longestText/samples-len(" | ")))
		}
		p.table.rows = append(p.table.rows, []string{class, count(known.count), count(known.accepted), strings.Join(examples, " | ")})
	}
	return p
}

func (f *figures) skippedPart() *part {
	if len(f.skipped) == 0 {
		return nil
	}
	p := &part{title: "Left out", table: &table{head: []string{"reason", "assets"}}}
	for _, reason := range mostFirst(f.skipped, func(s *sum) int64 { return s.count }) {
		p.table.rows = append(p.table.rows, []string{reason, count(f.skipped[reason].count)})
	}
	return p
}

func (f *figures) confidencePart() *part {
	p := &part{title: "Confidence", plot: &plot{names: []string{"no noise", "likely noise", "noise not known"}}}
	var known, noise, unknown int64
	for i, c := range f.confidence {
		from, to := float64(i)/confidenceBins, float64(i+1)/confidenceBins
		p.plot.bars = append(p.plot.bars, bar{
			label: strconv.FormatFloat(from, 'f', 2, 64), parts: []float64{float64(c.other), float64(c.noise), float64(c.unknown)},
			says: fmt.Sprintf("%.2f to %.2f: %s figures, and %s that are likely noise, and %s of which that is not known", from, to, count(c.other), count(c.noise), count(c.unknown)),
		})
		known, noise, unknown = known+c.noise+c.unknown+c.other, noise+c.noise, unknown+c.unknown
	}
	if known == 0 {
		return nil
	}
	p.text = fmt.Sprintf("Figures by their confidence: %s have one, of which %s are likely noise, and of %s that is not known; %s have none.", count(known), count(noise), count(unknown), count(f.noConfidence))
	return p
}

// powersPart tells how large the pictures of a kind are.
func (f *figures) powersPart(kind string) *part {
	k := f.byKind[kind]
	if k.stored.count == 0 {
		return nil
	}
	p := &part{title: "Sizes: " + kind + "s", plot: powers(k.sizes[:], func(n int64) string { return human.Bytes(n) }, "")}
	p.text = fmt.Sprintf("Stored %ss by their size in bytes, %s on average.", kind, human.Bytes(k.stored.bytes/k.stored.count))
	sides := powers(k.sides[:], count, " pixels on the longer side")
	if len(sides.bars) > 0 {
		p.table = &table{head: []string{"longer side, pixels", kind + "s"}}
		for _, b := range sides.bars {
			p.table.rows = append(p.table.rows, []string{b.span, count(int64(b.parts[0]))})
		}
	}
	return p
}

// powers returns a plot of what was counted by powers of two. The unit is behind the names of numbers.
func powers(counts []int64, name func(int64) string, unit string) *plot {
	p := &plot{names: []string{"assets"}}
	first := slices.IndexFunc(counts, func(n int64) bool { return n > 0 })
	if first < 0 {
		return p
	}
	last := first
	for i, n := range counts {
		if n > 0 {
			last = i
		}
	}
	for i := first; i <= last; i++ {
		span := name(1<<i) + " to " + name(1<<(i+1)-1)
		p.bars = append(p.bars, bar{
			label: name(1 << i), parts: []float64{float64(counts[i])}, says: fmt.Sprintf("%s%s: %s", span, unit, count(counts[i])), span: span,
		})
	}
	return p
}

func (f *figures) typesPart() *part {
	if len(f.types) == 0 {
		return nil
	}
	p := &part{title: "Formats", table: &table{head: []string{"media type", "assets", "bytes"}}}
	for _, name := range mostFirst(f.types, func(s *sum) int64 { return s.count }) {
		p.table.rows = append(p.table.rows, []string{name, count(f.types[name].count), human.Bytes(f.types[name].bytes)})
	}
	return p
}

func (f *figures) copiesPart() *part {
	c := f.copies.count()
	if c.distinct == 0 {
		return nil
	}
	about := ""
	if !c.isExact {
		about = "about "
	}
	return &part{title: "Copies", text: fmt.Sprintf("%s%s pictures differ; %s%s have the bytes of another one, %s in all.", about, count(c.distinct), about, count(c.copies), human.Bytes(c.bytes))}
}

// sortedKeys returns the keys of a map in order, and mostFirst those with the greatest numbers first.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func mostFirst[V any](m map[string]V, number func(V) int64) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(number(m[b]), number(m[a])), strings.Compare(a, b))
	})
}

// count returns a number with a comma before each three digits.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// longestText is how long a text from outside is at most, in characters.
const longestText = 600

// plain returns a text from outside in which nothing changes what is around it, and which is not too long.
func plain(text string) string {
	return human.Printable(cut(text, longestText))
}

// cut returns a text of so many characters at most.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// cutMiddle returns a text of so many characters at most. It keeps the beginning and the end, as that of a reason has the cause.
func cutMiddle(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	begin := (most - 1) / 2
	return string(runes[:begin]) + "…" + string(runes[len(runes)-(most-1-begin):])
}

// plural returns how many there are of a thing, whose name gets an s where they are not one.
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(n) + " " + thing + "s"
}
