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

	"exporter/internal/spell"
)

// loadTOML applies the document of the file called name. What is wrong with it goes to problems: all of it, but of what is no TOML
// the first thing only.
//
// The decoder proper checks the document as a whole; the values are then taken from its syntax tree, which alone knows
// the line of each, whether it is good or bad.
func (l *loader) loadTOML(name string, data []byte) {
	name = printable(name)
	if err := checkTOML(name, data); err != nil {
		l.problems = append(l.problems, err)
		return
	}
	w := &tomlWalk{loader: l, scratch: newLoader(l.config.ownKeys...), name: name, data: data, line: 1}
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if err := w.parser.Error(); err != nil {
		w.report(&Error{Origin: name, Problem: err.Error(), Err: err})
	}
	if err := l.checkJobPlaces(); err != nil && len(l.problems) == 0 {
		w.report(err)
	}
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
	// scratch takes the values of jobs, to find out whether they are good.
	scratch *loader
	name    string
	data    []byte
	parser  unstable.Parser
	// table is the table that the following keys are in. They are passed over where it is none of ours.
	table []string
	isOdd bool
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

// report keeps what is wrong.
func (w *tomlWalk) report(err error) { w.loader.problems = append(w.loader.problems, err) }

func (w *tomlWalk) expression(n *unstable.Node) {
	path := w.names(n)
	switch n.Kind {
	case unstable.ArrayTable:
		w.isOdd = true
		w.report(w.refuse(path, "a section cannot be repeated", "write it in single brackets, once"))
		return
	case unstable.Table:
		w.table = path
		err := w.section(path)
		if w.isOdd = err != nil; err != nil {
			w.report(err)
		}
		return
	}
	if !w.isOdd {
		w.keyValue(slices.Concat(w.table, path), n.Value())
	}
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

// inJob takes a path apart that leads into a job. The name is "" where it leads to none.
func (w *tomlWalk) inJob(path []string) (name string, rest []string, err *Error) {
	if len(path) < 2 || path[0] != jobTable {
		return "", path, nil
	}
	name, rest = path[1], path[2:]
	if problem := checkJobName(name); problem != "" {
		return "", nil, w.refuse(path, problem, "letters, digits, '_' and '-' are allowed, 64 at most")
	}
	jobs := &w.loader.config.jobs
	if !slices.ContainsFunc(*jobs, func(j *job) bool { return j.name == name }) {
		*jobs = append(*jobs, &job{name: name, at: w.place()})
	}
	return name, rest, nil
}

// section refuses a table that is no section.
func (w *tomlWalk) section(path []string) *Error {
	name, rest, err := w.inJob(path)
	switch {
	case err != nil:
		return err
	case slices.ContainsFunc(rest, isKeyName):
		return w.refuseKey(path)
	case name != "" && len(rest) == 0 || len(path) == 1 && path[0] == jobTable:
		return nil
	}
	known := w.loader.sections()
	text := joinPath(rest)
	begins := func(s string) bool { return strings.HasPrefix(s, text+".") }
	if slices.Contains(known, text) || slices.ContainsFunc(known, begins) {
		return nil
	}
	prefix, remedy := "", "the sections are "+strings.Join(known, ", ")
	if name != "" {
		prefix = joinPath(path[:2]) + "."
	}
	if hint := closest(text, "."+text, known); hint != "" {
		remedy = "did you mean [" + prefix + hint + "]?"
	}
	return w.refuse(path, "unknown section", remedy)
}

func (w *tomlWalk) keyValue(path []string, value *unstable.Node) {
	name, rest, err := w.inJob(path)
	switch {
	case err != nil:
		w.report(err)
		return
	case slices.ContainsFunc(rest, isKeyName):
		w.report(w.refuseKey(path))
		return
	}
	text := joinPath(rest)
	s, known := w.loader.byPath[text]
	isTable := name != "" && len(rest) == 0 || text == jobTable || slices.Contains(w.loader.sections(), text)
	switch {
	case known:
		w.assign(name, s, value)
	case value.Kind == unstable.InlineTable:
		w.inlineTable(path, value)
	case isTable:
		w.report(w.refuse(path, "wrong type: want table, got "+typeName(value.Kind), "write it as a section in brackets"))
	default:
		w.report(w.unknownKey(path, rest))
	}
}

// unknownKey returns an Error about a key that there is not; rest is its path without that of its job.
func (w *tomlWalk) unknownKey(path, rest []string) *Error {
	last := rest[len(rest)-1]
	if flag := flagOnly(last); len(rest) > 1 && flag != "" {
		problem, remedy := onlyFlag(flag)
		return w.refuse(path, problem, remedy)
	}
	var paths []string
	for _, k := range w.loader.keys() {
		paths = append(paths, k.Path())
	}
	remedy := "config.example.toml has all keys"
	if hint := closest(joinPath(rest), "."+last, paths); hint != "" {
		if len(rest) < len(path) {
			hint = joinPath(path[:2]) + "." + hint
		}
		remedy = "did you mean " + hint + "?"
	} else if flag := spell.Closest(strings.ReplaceAll(last, "_", "-"), FlagsOnly()); flag != "" {
		remedy = meantFlag(flag)
	}
	return w.refuse(path, "unknown key", remedy)
}

func (w *tomlWalk) inlineTable(path []string, table *unstable.Node) {
	if err := w.section(path); err != nil {
		w.report(err)
		return
	}
	for it := table.Children(); it.Next(); {
		n := it.Node()
		w.keyValue(slices.Concat(path, w.names(n)), n.Value())
	}
}

// assign gives a key its value, for all or for a job.
func (w *tomlWalk) assign(name string, s *setting, value *unstable.Node) {
	from := w.place()
	items, err := w.items(s, value)
	if err != nil {
		w.report(ofJob(name, err))
		return
	}
	path, to := s.key().Path(), w.loader
	if name != "" {
		to = w.scratch
	}
	if err := to.assign(to.byPath[path], from, items); err != nil {
		w.report(ofJob(name, err))
		return
	}
	for _, j := range w.loader.config.jobs {
		if j.name == name {
			j.values = append(j.values, assignment{path, from, items})
		}
	}
}

// items returns the values of a node.
func (w *tomlWalk) items(s *setting, value *unstable.Node) ([]item, error) {
	from := w.place()
	if s.typ != TypeList {
		if !fits(s.typ, value.Kind) {
			return nil, w.wrongType(s, value)
		}
		return []item{{literal(value), from}}, nil
	}
	if value.Kind != unstable.Array {
		return nil, w.wrongType(s, value)
	}
	var items []item
	for it := value.Children(); it.Next(); {
		n := it.Node()
		w.moveTo(n)
		if n.Kind != unstable.String {
			return nil, w.wrongType(s, n)
		}
		items = append(items, item{string(n.Data), w.place()})
	}
	return items, nil
}

func (w *tomlWalk) wrongType(s *setting, got *unstable.Node) error {
	remedy := s.allowed
	switch {
	case s.typ == TypeList:
		remedy = `write it as ["` + s.placeholder + `"]`
	case remedy == "" && s.typ == TypeString:
		remedy = "write it in quotes"
	case remedy == "":
		remedy = "write a number, without quotes"
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
