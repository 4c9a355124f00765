package where

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// figureColumns are those of a figure, some of which are null.
func figureColumns() []Column {
	return []Column{
		{"file_id", String}, {"kind", String}, {"page_index", Int32}, {"display_name", String}, {"size", Int64}, {"width", Int32},
		{"height", Int32}, {"confidence", Float64}, {"is_likely_noise", Bool}, {"category", String}, {"caption", String}, {"text", String},
		{"phash", String}, {"fetched_at", Timestamp},
	}
}

// figure has a value in some of figureColumns, by name.
type figure map[string]Value

func (f figure) Value(column int) Value { return f[figureColumns()[column].Name] }

func aFigure() figure {
	text := func(s string) Value { return Value{Valid: true, Text: s} }
	number := func(i int64) Value { return Value{Valid: true, Int: i} }
	return figure{
		"file_id": text("f1"), "kind": text("figure"), "page_index": number(-1), "display_name": text("Ünï'd.pdf"), "size": number(1<<53 + 1),
		"width": number(200), "height": number(100), "confidence": {Valid: true, Float: 0.5}, "is_likely_noise": {Valid: true, Bool: true},
		"fetched_at": number(time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC).UnixMicro()),
	}
}

// parse reads a condition on figureColumns.
func parse(text string) (*Condition, error) { return Parse(text, figureColumns()) }

func TestCondition_Holds_Truth(t *testing.T) {
	for _, tt := range []struct {
		text string
		want truth
	}{
		{"width = 200", isTrue}, {"width == 200", isTrue}, {"width != 200", isFalse}, {"width <> 201", isTrue},
		{"width < 200", isFalse}, {"width <= 200", isTrue}, {"width > 199", isTrue}, {"width >= 201", isFalse},
		{"width > 199.5", isTrue}, {"width < 200.5", isTrue}, {"width = 200.0", isTrue}, {"width = 2e2", isTrue}, {"width < +.5e3", isTrue},
		{"width < 1e300", isTrue}, {"width > -1e300", isTrue}, {"page_index = -1", isTrue}, {"page_index > -1.5", isTrue}, {"page_index < -0.5", isTrue},
		{"size = 9007199254740993", isTrue}, {"size = 9007199254740992", isFalse}, {"size < 9223372036854775808", isTrue},
		{"size > -9223372036854775809", isTrue},
		{"confidence = 0.5", isTrue}, {"confidence < 1", isTrue}, {"confidence in (1, .5)", isTrue}, {"confidence not in (1, .5)", isFalse},
		{"kind = 'figure'", isTrue}, {"kind < 'g'", isTrue}, {"kind in ('screenshot', 'figure')", isTrue}, {"kind in ('Figure')", isFalse},
		{"display_name = 'Ünï''d.pdf'", isTrue}, {"display_name like '%.pdf'", isTrue}, {"display_name like '_n_''d%'", isTrue},
		{"display_name like 'Ün'", isFalse}, {"display_name not like 'x%'", isTrue},
		{"is_likely_noise", isTrue}, {"not is_likely_noise", isFalse}, {"is_likely_noise != false", isTrue}, {"is_likely_noise in (false)", isFalse},
		{"fetched_at > '2026-02-03'", isTrue}, {"fetched_at = '2026-02-03T05:05:06.000007+01:00'", isTrue}, {"fetched_at < '2026-02-03T04:05:06Z'", isFalse},
		{"caption is null", isTrue}, {"caption is not null", isFalse}, {"width is null", isFalse}, {"not (width is null)", isTrue},
		{"caption = 'x'", isUnknown}, {"caption != 'x'", isUnknown}, {"not (caption = 'x')", isUnknown}, {"caption like '%'", isUnknown},
		{"caption in ('x')", isUnknown}, {"caption not in ('x')", isUnknown}, {"not not caption = 'x'", isUnknown},
		{"caption = 'x' or width = 200", isTrue}, {"caption = 'x' or width = 1", isUnknown}, {"width = 1 or caption = 'x'", isUnknown},
		{"caption = 'x' and width = 200", isUnknown}, {"caption = 'x' and width = 1", isFalse}, {"not (caption = 'x' and width = 1)", isTrue},
		{"width = 1 and height = 1 or size > 0", isTrue}, {"width = 1 and (height = 1 or size > 0)", isFalse},
		{"not width = 1 and height = 1", isFalse}, {"NOT(width=1)AND(caption Is Null)", isTrue},
		{"width IS NOT NULL And kind In('figure') OR is_likely_noise=FALSE", isTrue},
	} {
		w, err := parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := w.root.of(aFigure()); got != tt.want {
			t.Errorf("%s is %d, want %d", tt.text, got, tt.want)
		}
		if got := w.Holds(aFigure()); got != (tt.want == isTrue) {
			t.Errorf("%s holds: %t", tt.text, got)
		}
		checkCanonical(t, w)
	}
}

// checkCanonical checks that the condition is the same when it is read from its String, and that this is its String.
func checkCanonical(t *testing.T, w *Condition) {
	t.Helper()
	text := w.String()
	again, err := parse(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	if !reflect.DeepEqual(again.root, w.root) {
		t.Errorf("%s is read as %s", text, again)
	}
	if again.String() != text {
		t.Errorf("%s is written as %s", text, again)
	}
}

func TestCondition_String_Canonical(t *testing.T) {
	for text, want := range map[string]string{
		"width==1":                                 "width = 1",
		" ( ( width<>1 ) ) ":                       "width != 1",
		"width = 1.0 or width = 1e2":               "width = 1 or width = 100",
		"width = -0.0 or width < 1.50":             "width = 0 or width < 1.5",
		"size < 99999999999999999999":              "size < 1e+20",
		"is_likely_noise":                          "is_likely_noise = true",
		"NOT is_likely_noise":                      "not is_likely_noise = true",
		"kind = 'a''b'":                            "kind = 'a''b'",
		"fetched_at > '2026-01-31'":                "fetched_at > '2026-01-31T00:00:00Z'",
		"fetched_at>'2026-01-01T00:30:00.5+01:00'": "fetched_at > '2025-12-31T23:30:00.5Z'",
		"(width=1 or width=2) and height=3":        "(width = 1 or width = 2) and height = 3",
		"width=1 or (width=2 and height=3)":        "width = 1 or width = 2 and height = 3",
		"width=1 and (width=2 and height=3)":       "width = 1 and width = 2 and height = 3",
		"(width=1 or width=2) or height=3":         "width = 1 or width = 2 or height = 3",
		"not (width=1 and height=2)":               "not (width = 1 and height = 2)",
		"not (caption is null)":                    "caption is not null",
		"not kind in('a','b')":                     "kind not in ('a', 'b')",
		"not (kind like 'a%')":                     "kind not like 'a%'",
		"not not kind is not null":                 "not not kind is not null",
	} {
		w, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := w.String(); got != want {
			t.Errorf("%s is written as %s, want %s", text, got, want)
		}
		checkCanonical(t, w)
	}
}

func TestCondition_Columns_EachOnce(t *testing.T) {
	w, err := parse("width > 1 and not (text like 'a%' or kind in ('figure') and width < 9) and phash is null")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range w.Columns() {
		got = append(got, figureColumns()[n].Name)
	}
	if want := []string{"kind", "width", "text", "phash"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParse_Wrong_SaysWhereAndWhatToDo(t *testing.T) {
	const notMoment = "fetched_at is timestamp: compare it with a date or a time in single quotes, such as '2026-01-31' or '2026-01-31T12:00:00Z', not with "
	for text, want := range map[string]string{
		"":                             "the condition is empty",
		" \n":                          "the condition is empty",
		"width = 'abc'":                "character 9: width is int32: compare it with a number, not with 'abc'",
		"kind = 'ü' and width = 'abc'": "character 24: width is int32: compare it with a number, not with 'abc'",
		"width in (1, true)":           "character 14: width is int32: compare it with a number, not with true",
		"kind = 5":                     "character 8: kind is string: compare it with a text in single quotes, not with 5",
		"kind = figure":                "character 8: kind is string: compare it with a text in single quotes, not with figure",
		`kind = "figure"`:              "character 8: texts are in single quotes, as in category = 'table', and columns in none",
		"is_likely_noise = 1":          "character 19: is_likely_noise is bool: compare it with true or false, not with 1",
		"is_likely_noise < true":       "character 17: is_likely_noise is bool: compare it by = or !=, not by <",
		"fetched_at > 2026":            "character 14: " + notMoment + "2026",
		"fetched_at > 'May'":           "character 14: " + notMoment + "'May'",
		"fetched_at > '9999-12-31T23:59:59-01:00'":    "character 14: " + notMoment + "'9999-12-31T23:59:59-01:00'",
		"fetched_at > '2026-01-01T00:00:00.0000001Z'": "character 14: " + notMoment + "'2026-01-01T00:00:00.0000001Z'",
		"width like '1%'":                      "character 1: width is int32: like is for columns of type string",
		"kind like figure":                     "character 11: unexpected figure: want a pattern in single quotes, in which % stands for any characters and _ for one",
		"caption = null":                       "character 11: nothing equals null, nor differs from it: write caption is null, or is not null",
		"catgory = 'x'":                        `character 1: there is no column "catgory": did you mean category?`,
		"WIDTH = 1":                            `character 1: there is no column "WIDTH": did you mean width?`,
		"width = 1 and foo = 2":                `character 15: there is no column "foo": there are file_id, `,
		"200 <= width":                         "character 1: unexpected 200: want a column",
		"width":                                "character 6: the condition ends early: want what width is compared by (=, !=, <, <=, >, >=, in, like, is null)",
		"width not = 1":                        "character 11: unexpected =: want in or like",
		"width is 1":                           "character 10: unexpected 1: want null",
		"width in 1":                           "character 10: unexpected 1: want a list in parentheses",
		"width in (1 2)":                       "character 13: unexpected 2: want a comma, or a parenthesis that closes",
		"width in ()":                          "character 11: unexpected ): want a value",
		"width = ":                             "character 9: the condition ends early: want a value",
		"(width = 1":                           "character 11: the condition ends early: want a parenthesis that closes",
		"width = 1)":                           "character 10: unexpected ): want and, or, or the end",
		"width = 1 height = 2":                 "character 11: unexpected height: want and, or, or the end",
		"and = 1":                              "character 1: unexpected and: want a column",
		"kind = 'it's'":                        "character 13: the text has no second quote (one inside is written twice: 'it''s')",
		"width = 1; drop":                      "character 10: unexpected ;",
		"width = 0x10":                         "character 9: 0x10 is no number",
		"width = 1e999":                        "character 9: 1e999 is no number, or too large",
		"width = -":                            "character 9: - is no number, or too large",
		"kind = '\xff'":                        "character 9: the condition is no UTF-8",
		"kind = \x1b[2J":                       `character 8: unexpected "\x1b"`,
		strings.Repeat("(", 101) + "width = 1": "character 102: the condition is nested more than 100 deep",
		strings.Repeat("not ", 101) + "width = 1": "character 405: the condition is nested more than 100 deep",
		strings.Repeat(" ", 64<<10+1):             "character 1: the condition has 65537 bytes: 65536 are the most",
	} {
		w, err := parse(text)
		switch {
		case err == nil:
			t.Errorf("%q is read as %s", text, w)
		case err.Error() != want && !(strings.HasSuffix(want, ", ") && strings.HasPrefix(err.Error(), want)):
			t.Errorf("%q: got error\n%v, want\n%s", text, err, want)
		}
	}
}

func TestIsLike_Patterns(t *testing.T) {
	for _, tt := range []struct {
		text, pattern string
		want          bool
	}{
		{"", "", true}, {"", "%", true}, {"", "_", false}, {"a", "", false}, {"abc", "abc", true}, {"abc", "ab", false}, {"ab", "abc", false},
		{"abc", "%", true}, {"abc", "a%c", true}, {"abc", "a%b", false}, {"abcbc", "a%bc", true}, {"abc", "%%%", true}, {"äbc", "_bc", true},
		{"abc", "____", false}, {"abc", "___%", true}, {"aXbXc", "a%X%c", true}, {"aaa", "%aaaa", false}, {"a%b", "a%b", true},
		{strings.Repeat("a", 5000), strings.Repeat("%a", 500) + "b", false},
	} {
		if got := isLike(tt.text, tt.pattern); got != tt.want {
			t.Errorf("isLike(%.20q, %.20q) = %t, want %t", tt.text, tt.pattern, got, tt.want)
		}
	}
}

// Whatever is accepted has one way to be written, which says the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"width >= 200 and category in ('table', 'chart') and not (caption is null or caption like 'Figure%')",
		"size = 9223372036854775807 or size < 1e+20 or confidence > -.5e-3", "not not is_likely_noise <> false",
		"fetched_at >= '2026-01-31' and fetched_at < '0000-01-01T00:00:00.000001+00:01'", "kind = '''' or kind not like '_%'", "width = 'x'",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := parse(text)
		if err != nil || len(w.String()) > maxLength {
			return
		}
		w.Holds(aFigure())
		checkCanonical(t, w)
	})
}
