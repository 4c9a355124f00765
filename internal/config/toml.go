package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// loadTOML applies the document of the file called name.
//
// The decoder proper checks the document as a whole; the values are then taken from its syntax tree, which alone knows
// the line of each, whether it is good or bad.
func (l *loader) loadTOML(name string, data []byte) error {
	name = printable(name)
	if err := checkTOML(name, data); err != nil {
		return err
	}
	w := &tomlWalk{loader: l, name: name, data: data, line: 1}
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		if err := w.expression(w.parser.Expression()); err != nil {
			return err
		}
	}
	if err := w.parser.Error(); err != nil {
		return &Error{Origin: name, Problem: err.Error(), Err: err}
	}
	return nil
}

// checkTOML refuses what is no TOML document, one with duplicate keys included.
func checkTOML(name string, data []byte) error {
	var document map[string]any
	err := toml.Unmarshal(data, &document)
	if err == nil {
		return nil
	}
	e := &Error{Origin: name, Problem: strings.TrimPrefix(err.Error(), "toml: "), Err: err}
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := at.Position()
		e.Origin = fmt.Sprintf("%s:%d:%d", name, line, column)
	}
	return e
}

// tomlWalk goes through a document from its beginning to its end.
type tomlWalk struct {
	loader *loader
	name   string
	data   []byte
	parser unstable.Parser
	// table is the table that the following keys are in.
	table []string
	// offset is a place in data, line and column are the same place counted from 1. They only move forward.
	offset, line, column int
}

// moveTo moves on to where a node is. A node that does not know its place is where the one before it was.
func (w *tomlWalk) moveTo(n *unstable.Node) {
	at := int(n.Raw.Offset)
	if n.Raw.Length == 0 || at < w.offset {
		return
	}
	w.line += bytes.Count(w.data[w.offset:at], []byte{'\n'})
	w.offset, w.column = at, at-bytes.LastIndexByte(w.data[:at], '\n')
}

// place returns the line that the walk is at.
func (w *tomlWalk) place() origin { return origin{text: fmt.Sprintf("%s:%d", w.name, w.line)} }

func (w *tomlWalk) expression(n *unstable.Node) error {
	path := w.names(n)
	switch n.Kind {
	case unstable.ArrayTable:
		return w.refuse(path, "a section cannot be repeated", "write it in single brackets, once")
	case unstable.Table:
		w.table = path
		return w.section(path)
	}
	return w.keyValue(slices.Concat(w.table, path), n.Value())
}

// names moves to a node's key and returns its parts.
func (w *tomlWalk) names(n *unstable.Node) []string {
	var path []string
	for it := n.Key(); it.Next(); {
		if path == nil {
			w.moveTo(it.Node())
		}
		path = append(path, string(it.Node().Data))
	}
	return path
}

// section refuses a table that is no section.
func (w *tomlWalk) section(path []string) error {
	if slices.ContainsFunc(path, isKeyName) {
		return w.refuseKey(path)
	}
	known := make([]string, 0, len(Sections()))
	for _, s := range Sections() {
		known = append(known, string(s))
	}
	name := joinPath(path)
	if slices.Contains(known, name) {
		return nil
	}
	remedy := "the sections are " + strings.Join(known, ", ")
	if hint := closest(name, "."+name, known); hint != "" {
		remedy = "did you mean [" + hint + "]?"
	}
	return w.refuse(path, "unknown section", remedy)
}

func (w *tomlWalk) keyValue(path []string, value *unstable.Node) error {
	if slices.ContainsFunc(path, isKeyName) {
		return w.refuseKey(path)
	}
	s, known := w.loader.byPath[joinPath(path)]
	switch {
	case known:
		return w.assign(s, value)
	case value.Kind == unstable.InlineTable:
		return w.inlineTable(path, value)
	case slices.Contains(Sections(), Section(joinPath(path))):
		return w.refuse(path, "wrong type: want table, got "+typeName(value.Kind), "write it as a section in brackets")
	}
	paths := make([]string, 0, len(w.loader.settings))
	for _, k := range Keys() {
		paths = append(paths, k.Path())
	}
	if len(path) == 2 && Section(path[0]) == SectionRun && slices.Contains(flagsOnly(), path[1]) {
		problem, remedy := onlyFlag(path[1])
		return w.refuse(path, problem, remedy)
	}
	remedy := "config.example.toml has all keys"
	if hint := closest(joinPath(path), "."+path[len(path)-1], paths); hint != "" {
		remedy = "did you mean " + hint + "?"
	}
	return w.refuse(path, "unknown key", remedy)
}

func (w *tomlWalk) inlineTable(path []string, table *unstable.Node) error {
	if err := w.section(path); err != nil {
		return err
	}
	for it := table.Children(); it.Next(); {
		n := it.Node()
		if err := w.keyValue(slices.Concat(path, w.names(n)), n.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (w *tomlWalk) assign(s *setting, value *unstable.Node) error {
	from := w.place()
	if s.typ != TypeList {
		if !fits(s.typ, value.Kind) {
			return w.wrongType(s, value)
		}
		return w.loader.assign(s, from, []item{{literal(value), from}})
	}
	if value.Kind != unstable.Array {
		return w.wrongType(s, value)
	}
	var items []item
	for it := value.Children(); it.Next(); {
		n := it.Node()
		w.moveTo(n)
		if n.Kind != unstable.String {
			return w.wrongType(s, n)
		}
		items = append(items, item{string(n.Data), w.place()})
	}
	return w.loader.assign(s, from, items)
}

func (w *tomlWalk) wrongType(s *setting, got *unstable.Node) error {
	remedy := s.allowed
	switch {
	case s.typ == TypeList:
		remedy = `write it as ["` + s.placeholder + `"]`
	case remedy == "":
		remedy = "write it in quotes"
	}
	problem := fmt.Sprintf("wrong type: want %s, got %s", s.typ, typeName(got.Kind))
	return w.place().fail(s.key().Path(), problem, remedy)
}

// refuse returns an Error about a key or a table itself, with its column.
func (w *tomlWalk) refuse(path []string, problem, remedy string) *Error {
	from := origin{text: fmt.Sprintf("%s:%d:%d", w.name, w.line, w.column)}
	return from.fail(joinPath(path), problem, remedy)
}

func (w *tomlWalk) refuseKey(path []string) *Error {
	const problem = "an API key does not belong in the TOML file, which gets shared"
	return w.place().fail(joinPath(path), problem, keyRemedy)
}

// joinPath returns a path as TOML writes it.
func joinPath(path []string) string {
	parts := make([]string, len(path))
	for i, name := range path {
		parts[i] = name
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isBare(r) }) {
			parts[i] = strconv.Quote(name)
		}
	}
	return strings.Join(parts, ".")
}

func isBare(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-'
}

func fits(want Type, got unstable.Kind) bool {
	switch got {
	case unstable.String:
		return want == TypeString
	case unstable.Bool:
		return want == TypeBool
	case unstable.Integer:
		return want == TypeInteger || want == TypeNumber
	case unstable.Float:
		return want == TypeNumber
	}
	return false
}

// typeName returns the name of a value's type for a message.
func typeName(k unstable.Kind) string {
	switch k {
	case unstable.String, unstable.Float, unstable.Integer:
		return strings.ToLower(k.String())
	case unstable.Bool:
		return string(TypeBool)
	case unstable.Array:
		return "list"
	case unstable.InlineTable:
		return "table"
	}
	return "date or time"
}

// literal returns the value of a scalar node. Integers come in several notations in TOML, numbers with underscores.
func literal(n *unstable.Node) string {
	text := string(n.Data)
	switch n.Kind {
	case unstable.Integer:
		if i, err := strconv.ParseInt(text, 0, 64); err == nil {
			return strconv.FormatInt(i, 10)
		}
	case unstable.Float:
		return strings.ReplaceAll(text, "_", "")
	}
	return text
}
