package dataset

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
	// maxWhere bounds the length of a condition, in bytes, and maxWhereDepth how deep its parts are nested.
	maxWhere      = 64 << 10
	maxWhereDepth = 100
)

// ParseWhere reads a condition, such as
//
//	width >= 200 and category in ('table', 'chart') and not (caption is null or caption like 'Figure%')
//
// Columns are compared with values of their type: =, ==, !=, <>, <, <=, >, >=, in, like, is null, and not before each of the last three. A
// column of booleans stands for itself as well. Words are the same in capitals. An error says where it is.
func ParseWhere(text string) (*Where, error) {
	s := source(text)
	if len(text) > maxWhere {
		return nil, s.errorf(0, "the condition has %d bytes: %d are the most", len(text), maxWhere)
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
	p := &whereParser{source: s, tokens: tokens}
	root, err := p.alternatives()
	if err == nil && p.next().kind != tokenEnd {
		err = p.unexpected("and, or, or the end")
	}
	if err != nil {
		return nil, err
	}
	return &Where{root}, nil
}

// whereParser reads the tokens of a condition.
type whereParser struct {
	source
	// tokens are those that were not taken.
	tokens []token
	// depth is how deep the next one is nested.
	depth int
}

func (p *whereParser) next() token { return p.tokens[0] }

// take takes the next token, if it is not the end.
func (p *whereParser) take() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// takes takes the next token if it is a word, however it is capitalized.
func (p *whereParser) takes(word string) bool {
	if !p.next().isWord(word) {
		return false
	}
	p.take()
	return true
}

func (p *whereParser) takesSymbol(symbol string) bool {
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
func (p *whereParser) unexpected(want string) error {
	t := p.next()
	if t.kind == tokenEnd {
		return p.errorf(t.at, "the condition ends early: want %s", want)
	}
	return p.errorf(t.at, "unexpected %s: want %s", p.of(t), want)
}

// nested reads something that is nested one deeper.
func (p *whereParser) nested(read func() (condition, error)) (condition, error) {
	if p.depth++; p.depth > maxWhereDepth {
		return nil, p.errorf(p.next().at, "the condition is nested more than %d deep", maxWhereDepth)
	}
	defer func() { p.depth-- }()
	return read()
}

// alternatives reads what is joined by or.
func (p *whereParser) alternatives() (condition, error) { return p.join(byOr, p.conjunction) }

// conjunction reads what is joined by and.
func (p *whereParser) conjunction() (condition, error) { return p.join(byAnd, p.term) }

// join reads conditions that are joined by a word, each by read.
func (p *whereParser) join(by string, read func() (condition, error)) (condition, error) {
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
func (p *whereParser) term() (condition, error) {
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
func (p *whereParser) predicate() (condition, error) {
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

func negated(c condition, isNot bool) condition {
	if isNot {
		return negation{c}
	}
	return c
}

// column reads the name of a column.
func (p *whereParser) column() (*Column, error) {
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
	if c := findColumn(t.text); c != nil {
		return c, nil
	}
	return nil, p.errorf(t.at, "%w", unknownColumn(p.of(t)))
}

func (p *whereParser) comparison(c *Column) (condition, error) {
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

func (p *whereParser) membership(c *Column) (condition, error) {
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

func (p *whereParser) likeness(c *Column, name token) (condition, error) {
	if c.Type != String {
		return nil, p.errorf(name.at, "%s is %s: like is for columns of type string", c.Name, c.Type)
	}
	if p.next().kind != tokenText {
		return nil, p.unexpected("a pattern in single quotes, in which % stands for any characters and _ for one")
	}
	return likeness{c, p.take().text}, nil
}

// literal reads a value for a column.
func (p *whereParser) literal(c *Column) (l literal, err error) {
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
