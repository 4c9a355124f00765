package where

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Condition is a condition on the columns of rows.
type Condition struct{ root node }

// Holds tells whether the condition is true of a row. As in SQL, a comparison with null is neither true nor false, and so is its opposite.
func (c *Condition) Holds(r Row) bool { return c.root.of(r) == isTrue }

// Columns returns the numbers of the columns that it depends on, each once, sorted.
func (c *Condition) Columns() []int {
	var numbers []int
	c.root.eachColumn(func(c *column) { numbers = append(numbers, c.number) })
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// String returns the condition as it is to be written: two that differ in nothing but how they are written have the same one. Parse
// takes it.
func (c *Condition) String() string { return string(c.root.appendText(nil)) }

// truth is that of SQL: what depends on a null is unknown.
type truth int8

const (
	isFalse truth = iota - 1
	isUnknown
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// node is a part of a condition.
type node interface {
	// of returns what it is for a row.
	of(r Row) truth
	// appendText appends it as it is to be written.
	appendText(b []byte) []byte
	// eachColumn calls a function with each column that it names.
	eachColumn(f func(*column))
}

// joined is two conditions or more: it is true where one of them is if it is joined by or, and where all are if by and.
type joined struct {
	by         string
	conditions []node
}

// The words that join.
const (
	byOr  = "or"
	byAnd = "and"
)

func (j joined) of(r Row) truth {
	// What one of them decides for all.
	decisive, pick := isTrue, func(a, b truth) truth { return max(a, b) }
	if j.by == byAnd {
		decisive, pick = isFalse, func(a, b truth) truth { return min(a, b) }
	}
	all := -decisive
	for _, c := range j.conditions {
		if all = pick(all, c.of(r)); all == decisive {
			break
		}
	}
	return all
}

// appendText implements node. Alternatives among what has to hold together are in parentheses.
func (j joined) appendText(b []byte) []byte {
	for i, c := range j.conditions {
		if i > 0 {
			b = append(b, " "+j.by+" "...)
		}
		if inner, ok := c.(joined); ok && inner.by == byOr {
			b = appendGrouped(b, c)
			continue
		}
		b = c.appendText(b)
	}
	return b
}

func (j joined) eachColumn(f func(*column)) {
	for _, c := range j.conditions {
		c.eachColumn(f)
	}
}

func appendGrouped(b []byte, c node) []byte {
	return append(c.appendText(append(b, '(')), ')')
}

// negation is true where what it holds is false.
type negation struct{ node }

func (n negation) of(r Row) truth { return -n.node.of(r) }

func (n negation) appendText(b []byte) []byte {
	switch c := n.node.(type) {
	case joined:
		return appendGrouped(append(b, "not "...), c)
	case isNull:
		return append(append(b, c.column.Name...), " is not null"...)
	case *membership:
		return c.appendWith(b, " not in (")
	case likeness:
		return c.appendWith(b, " not like ")
	}
	return n.node.appendText(append(b, "not "...))
}

// isNull is never unknown.
type isNull struct{ column *column }

func (n isNull) of(r Row) truth { return truthOf(!n.column.of(r).Valid) }

func (n isNull) appendText(b []byte) []byte {
	return append(append(b, n.column.Name...), " is null"...)
}

func (n isNull) eachColumn(f func(*column)) { f(n.column) }

// operator is that of a comparison.
type operator string

// holds tells whether it holds between two values, of which the order is known.
func (o operator) holds(order int) bool {
	switch o {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// comparison compares a column with a value.
type comparison struct {
	column   *column
	operator operator
	literal  literal
}

func (c *comparison) of(r Row) truth {
	v := c.column.of(r)
	if !v.Valid {
		return isUnknown
	}
	return truthOf(c.operator.holds(c.literal.orderOf(c.column.Type, v)))
}

func (c *comparison) appendText(b []byte) []byte {
	return c.literal.appendText(fmt.Appendf(b, "%s %s ", c.column.Name, c.operator), c.column.Type)
}

func (c *comparison) eachColumn(f func(*column)) { f(c.column) }

// membership is true where a column has one of some values.
type membership struct {
	column   *column
	literals []literal
	// texts are those of a column of texts.
	texts map[string]bool
}

func newMembership(c *column, literals []literal) *membership {
	m := &membership{column: c, literals: literals}
	if c.Type == String {
		m.texts = make(map[string]bool, len(literals))
		for _, l := range literals {
			m.texts[l.text] = true
		}
	}
	return m
}

func (m *membership) of(r Row) truth {
	v := m.column.of(r)
	switch {
	case !v.Valid:
		return isUnknown
	case m.texts != nil:
		return truthOf(m.texts[v.Text])
	}
	return truthOf(slices.ContainsFunc(m.literals, func(l literal) bool { return l.orderOf(m.column.Type, v) == 0 }))
}

func (m *membership) appendText(b []byte) []byte { return m.appendWith(b, " in (") }

func (m *membership) appendWith(b []byte, word string) []byte {
	b = append(append(b, m.column.Name...), word...)
	for i, l := range m.literals {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = l.appendText(b, m.column.Type)
	}
	return append(b, ')')
}

func (m *membership) eachColumn(f func(*column)) { f(m.column) }

// literal is a value as a condition has it. What of it counts is said by the type of its column: integer is for whole numbers, float for
// numbers of all kinds, and integer in microseconds for times.
type literal struct {
	text       string
	integer    int64
	float      float64
	isFraction bool
	isTrue     bool
}

// orderOf compares a value of a column that is not null with the literal. Values of Bool are equal, or in no order.
func (l *literal) orderOf(t Type, v Value) int {
	switch t {
	case String:
		return strings.Compare(v.Text, l.text)
	case Float64:
		return cmp.Compare(v.Float, l.float)
	case Bool:
		if v.Bool == l.isTrue {
			return 0
		}
		return 1
	}
	if l.isFraction {
		return compareWithFloat(v.Int, l.float)
	}
	return cmp.Compare(v.Int, l.integer)
}

// compareWithFloat compares exactly: not every integer has a float.
func compareWithFloat(i int64, f float64) int {
	const beyond = 1 << 63
	switch {
	case f >= beyond:
		return -1
	case f < -beyond:
		return 1
	}
	whole := int64(f)
	return cmp.Or(cmp.Compare(i, whole), cmp.Compare(0, f-float64(whole)))
}

// appendText appends the literal of a column as it is to be written.
func (l *literal) appendText(b []byte, t Type) []byte {
	switch {
	case t == String:
		return appendQuoted(b, l.text)
	case t == Bool:
		return strconv.AppendBool(b, l.isTrue)
	case t == Timestamp:
		return appendQuoted(b, time.UnixMicro(l.integer).UTC().Format(time.RFC3339Nano))
	case l.isFraction:
		return strconv.AppendFloat(b, l.float, 'g', -1, 64)
	}
	return strconv.AppendInt(b, l.integer, 10)
}

func appendQuoted(b []byte, text string) []byte {
	return append(append(append(b, '\''), strings.ReplaceAll(text, "'", "''")...), '\'')
}
