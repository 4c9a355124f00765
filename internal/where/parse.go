package where

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxLength bounds the length of a condition, in bytes, and maxDepth how deep its parts are nested.
	maxLength = 64 << 10
	maxDepth  = 100
)

// Parse reads a condition on some columns, such as
//
//	width >= 200 and category in ('table', 'chart') and not (caption is null or caption like 'Figure%')
//
// Columns are compared with values of their type: =, ==, !=, <>, <, <=, >, >=, in, like, is null, and not before each of the last three. A
// column of booleans stands for itself as well. Words are the same in capitals. An error says where it is.
func Parse(text string, columns []Column) (*Condition, error) {
	s := source(text)
	if len(text) > maxLength {
		return nil, s.errorf(0, "the condition has %d bytes: %d are the most", len(text), maxLength)
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			return nil, s.errorf(i, "the condition is no UTF-8")
		}
	}
	tokens, err := s.tokens()
	if err != nil {
		return nil, err
	}
	if len(tokens) == 1 {
		return nil, errors.New("the condition is empty")
	}
	p := &parser{source: s, columns: columns, tokens: tokens}
	root, err := p.alternatives()
	if err == nil && p.next().kind != tokenEnd {
		err = p.unexpected("and, or, or the end")
	}
	if err != nil {
		return nil, err
	}
	return &Condition{root}, nil
}

// parser reads the tokens of a condition.
type parser struct {
	source
	columns []Column
	// tokens are those that were not taken.
	tokens []token
	// depth is how deep the next one is nested.
	depth int
}

func (p *parser) next() token { return p.tokens[0] }

// take takes the next token, if it is not the end.
func (p *parser) take() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// takes takes the next token if it is a word, however it is capitalized.
func (p *parser) takes(word string) bool {
	if !p.next().isWord(word) {
		return false
	}
	p.take()
	return true
}

func (p *parser) takesSymbol(symbol string) bool {
	if t := p.next(); t.kind != tokenSymbol || t.text != symbol {
		return false
	}
	p.take()
	return true
}

func (t token) isWord(word string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, word)
}

func (t token) isOperator() bool {
	return t.kind == tokenSymbol && slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, t.text)
}

// unexpected is an error at the next token.
func (p *parser) unexpected(want string) error {
	t := p.next()
	if t.kind == tokenEnd {
		return p.errorf(t.at, "the condition ends early: want %s", want)
	}
	return p.errorf(t.at, "unexpected %s: want %s", p.of(t), want)
}

// nested reads something that is nested one deeper.
func (p *parser) nested(read func() (node, error)) (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf(p.next().at, "the condition is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	return read()
}

// alternatives reads what is joined by or.
func (p *parser) alternatives() (node, error) { return p.join(byOr, p.conjunction) }

// conjunction reads what is joined by and.
func (p *parser) conjunction() (node, error) { return p.join(byAnd, p.term) }

// join reads conditions that are joined by a word, each by read.
func (p *parser) join(by string, read func() (node, error)) (node, error) {
	all := joined{by: by}
	for {
		c, err := read()
		if err != nil {
			return nil, err
		}
		if inner, ok := c.(joined); ok && inner.by == by {
			all.conditions = append(all.conditions, inner.conditions...)
		} else {
			all.conditions = append(all.conditions, c)
		}
		if !p.takes(by) {
			break
		}
	}
	if len(all.conditions) == 1 {
		return all.conditions[0], nil
	}
	return all, nil
}

// term reads one condition, with not before it or not.
func (p *parser) term() (node, error) {
	if p.takes("not") {
		c, err := p.nested(p.term)
		if err != nil {
			return nil, err
		}
		return negation{c}, nil
	}
	if !p.takesSymbol("(") {
		return p.predicate()
	}
	c, err := p.nested(p.alternatives)
	if err == nil && !p.takesSymbol(")") {
		err = p.unexpected("a parenthesis that closes")
	}
	return c, err
}

// predicate reads what is said of one column.
func (p *parser) predicate() (node, error) {
	name := p.next()
	c, err := p.column()
	if err != nil {
		return nil, err
	}
	if p.next().isOperator() {
		return p.comparison(c)
	}
	if p.takes("is") {
		isNot := p.takes("not")
		if !p.takes("null") {
			return nil, p.unexpected("null")
		}
		return negated(isNull{c}, isNot), nil
	}
	isNot := p.takes("not")
	switch {
	case p.takes("in"):
		m, err := p.membership(c)
		return negated(m, isNot), err
	case p.takes("like"):
		l, err := p.likeness(c, name)
		return negated(l, isNot), err
	case isNot:
		return nil, p.unexpected("in or like")
	case c.Type == Bool:
		return &comparison{c, "=", literal{isTrue: true}}, nil
	}
	return nil, p.unexpected("what " + c.Name + " is compared by (=, !=, <, <=, >, >=, in, like, is null)")
}

func negated(c node, isNot bool) node {
	if isNot {
		return negation{c}
	}
	return c
}

// column reads the name of a column.
func (p *parser) column() (*column, error) {
	t := p.next()
	for _, reserved := range []string{"and", "or", "not", "in", "is", "like", "null", "true", "false"} {
		if t.isWord(reserved) {
			return nil, p.unexpected("a column")
		}
	}
	if t.kind != tokenWord {
		return nil, p.unexpected("a column")
	}
	p.take()
	if c := findColumn(p.columns, t.text); c != nil {
		return c, nil
	}
	return nil, p.errorf(t.at, "%w", UnknownColumn(p.columns, p.of(t)))
}

func (p *parser) comparison(c *column) (node, error) {
	t := p.take()
	o := operator(t.text)
	if c.Type == Bool && o != "=" && o != "!=" {
		return nil, p.errorf(t.at, "%s is bool: compare it by = or !=, not by %s", c.Name, p.of(t))
	}
	l, err := p.literal(c)
	if err != nil {
		return nil, err
	}
	return &comparison{c, o, l}, nil
}

func (p *parser) membership(c *column) (node, error) {
	if !p.takesSymbol("(") {
		return nil, p.unexpected("a list in parentheses")
	}
	var literals []literal
	for {
		l, err := p.literal(c)
		if err != nil {
			return nil, err
		}
		literals = append(literals, l)
		if p.takesSymbol(")") {
			return newMembership(c, literals), nil
		}
		if !p.takesSymbol(",") {
			return nil, p.unexpected("a comma, or a parenthesis that closes")
		}
	}
}

func (p *parser) likeness(c *column, name token) (node, error) {
	if c.Type != String {
		return nil, p.errorf(name.at, "%s is %s: like is for columns of type string", c.Name, c.Type)
	}
	if p.next().kind != tokenText {
		return nil, p.unexpected("a pattern in single quotes, in which % stands for any characters and _ for one")
	}
	return likeness{c, p.take().text}, nil
}

// literal reads a value for a column.
func (p *parser) literal(c *column) (l literal, err error) {
	t := p.next()
	switch {
	case t.kind == tokenEnd, t.kind == tokenSymbol:
		return l, p.unexpected("a value")
	case t.isWord("null"):
		return l, p.errorf(t.at, "nothing equals null, nor differs from it: write %s is null, or is not null", c.Name)
	}
	p.take()
	isRight := false
	want := "a number"
	switch c.Type {
	case String:
		want = "a text in single quotes"
		l.text, isRight = t.text, t.kind == tokenText
	case Bool:
		want = "true or false"
		l.isTrue = t.isWord("true")
		isRight = l.isTrue || t.isWord("false")
	case Timestamp:
		want = "a date or a time in single quotes, such as '2026-01-31' or '2026-01-31T12:00:00Z'"
		l.integer, isRight = parseMoment(t.text)
		isRight = isRight && t.kind == tokenText
	default:
		isRight = t.kind == tokenNumber
		l.setNumber(t.text)
	}
	if !isRight {
		return l, p.errorf(t.at, "%s is %s: compare it with %s, not with %s", c.Name, c.Type, want, p.of(t))
	}
	return l, nil
}

// setNumber takes a number. What is whole, and no larger than floats are exact, is an integer however it is written.
func (l *literal) setNumber(text string) {
	const exact = 1 << 53
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		l.integer, l.float = i, float64(i)
		return
	}
	// It is one: the token says so.
	f, _ := strconv.ParseFloat(text, 64)
	if f == math.Trunc(f) && math.Abs(f) <= exact {
		l.integer, l.float = int64(f), float64(int64(f))
		return
	}
	l.float, l.isFraction = f, true
}

// parseMoment reads a time of RFC 3339, or a date, which is its first moment in UTC. It returns microseconds.
func parseMoment(text string) (int64, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		// What UTC makes another millennium of has no such text.
		at = at.UTC()
		if year := at.Year(); year >= 0 && year <= 9999 && at.Nanosecond()%1000 == 0 {
			return at.UnixMicro(), true
		}
	}
	return 0, false
}
