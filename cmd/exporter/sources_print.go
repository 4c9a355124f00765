package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// sourcePrinter prints what there is of a kind: a table, or lines of JSON.
type sourcePrinter struct {
	kind sourceKind
	// to takes what there is, and say what is to be known beside it.
	to     io.Writer
	say    func(message string) error
	asJSON bool
	table  *tabwriter.Writer
	rows   int
	// odd tells that there was one that cannot be read, or counted.
	odd bool
}

func (s *sourcesCommand) newPrinter(kind sourceKind) *sourcePrinter {
	p := &sourcePrinter{kind: kind, to: printableWriter{s.stdout}, say: s.note, asJSON: s.asJSON}
	p.table = tabwriter.NewWriter(p.to, 0, 0, 2, ' ', 0)
	return p
}

// begin begins the table.
func (p *sourcePrinter) begin(isFirst bool) {
	if p.asJSON {
		return
	}
	if !isFirst {
		fmt.Fprintln(p.table)
	}
	fmt.Fprintln(p.table, p.kind.title)
}

// row prints one of the kind.
func (p *sourcePrinter) row(r sourceRow) error {
	if r.malformed != nil {
		return p.note("one of the %s cannot be read: %v", p.kind.title, r.malformed)
	}
	if r.uncounted != nil {
		if err := p.note("%v", r.uncounted); err != nil {
			return err
		}
	}
	if p.asJSON {
		return p.object(r)
	}
	if p.rows == 0 {
		fmt.Fprintf(p.table, "  %s\n", strings.Join(p.kind.columns, "\t"))
	}
	p.rows++
	_, err := fmt.Fprintf(p.table, "  %s\n", strings.Join(r.cells, "\t"))
	return err
}

// note notes what is odd.
func (p *sourcePrinter) note(format string, args ...any) error {
	p.odd = true
	return p.say(fmt.Sprintf(format, args...))
}

// object prints what JSON has of one, with its kind before it and the number of its files behind.
func (p *sourcePrinter) object(r sourceRow) error {
	item, err := json.Marshal(r.item)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	fmt.Fprintf(&line, `{"kind":%q,%s`, p.kind.name, bytes.TrimSuffix(item[1:], []byte("}")))
	if r.files != nil {
		fmt.Fprintf(&line, `,"files":%d`, *r.files)
	}
	line.WriteString("}\n")
	_, err = p.to.Write(line.Bytes())
	return err
}

// end ends the table, with a note where there is one.
func (p *sourcePrinter) end(note string) error {
	switch {
	case p.asJSON && note != "":
		return p.say(fmt.Sprintf("%s: %s", p.kind.title, note))
	case p.asJSON:
		return nil
	case note != "":
		fmt.Fprintf(p.table, "  %s\n", note)
	case p.rows == 0:
		fmt.Fprintln(p.table, "  none")
	}
	return p.table.Flush()
}
