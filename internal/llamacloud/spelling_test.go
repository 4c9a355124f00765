package llamacloud

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestSpellString(t *testing.T) {
	for quoted, want := range map[string]string{
		`"plain é \ud83d\ude00 😀"`: "plain é 😀 😀",
		`"\"\\\/\b\f\n\r\t\u0041"`: "\"\\/\b\f\n\r\tA",
		`"\ud83d"`:                 "\U0010f7ed\U0010f7a0\U0010f7bd",
		`"\ude00\ud83d"`:           "\U0010f7ed\U0010f7b8\U0010f780\U0010f7ed\U0010f7a0\U0010f7bd",
		`"\ud83dx"`:                "\U0010f7ed\U0010f7a0\U0010f7bdx",
		`"\ud83d\u0041"`:           "\U0010f7ed\U0010f7a0\U0010f7bdA",
		"\"a\xffb\"":               "a\U0010f7ffb",
		"\"\xe2\x82\"":             "\U0010f7e2\U0010f782",
		"\"\U0010f7ff\"":           "\U0010f7f4\U0010f78f\U0010f79f\U0010f7bf",
		`"\udbfd\udfff"`:           "\U0010f7f4\U0010f78f\U0010f79f\U0010f7bf",
		"\"\ufffd\"":               "\ufffd",
	} {
		if got := spellString([]byte(quoted)); got != want {
			t.Errorf("%s is spelled %q, want %q", quoted, got, want)
		}
	}
}

func TestSpellDocument_IsJSONAndKeepsItsSpelling(t *testing.T) {
	for document, want := range map[string]string{
		`{"b":1.00,"a":"\u0041\/"}`:       `{"b":1.00,"a":"\u0041\/"}`,
		`{"\ud83d":["\udc00x","\u00e9"]}`: "{\"\U0010f7ed\U0010f7a0\U0010f7bd\":[\"\U0010f7ed\U0010f7b0\U0010f780x\",\"\\u00e9\"]}",
		"{\"a\":\"\xff\"}":                "{\"a\":\"\U0010f7ff\"}",
	} {
		got := spellDocument([]byte(document))
		if string(got) != want || !json.Valid(got) {
			t.Errorf("%s is spelled %s, want %s", document, got, want)
		}
	}
}

// Texts that differ stay different, as there is a way back; and all of them are Unicode.
func FuzzSpelling(f *testing.F) {
	for _, seed := range []string{
		"", "a", "\xff", "\U0010f7ff", "\xed\xa0\xbd", "\xf4\x8f\x9e", "\xf4\x90\x80\x80", "\ufffd", `\ud83d`, `\\`, `\"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		quoted := append(append([]byte(`"`), raw...), '"')
		if !json.Valid(quoted) {
			// It is no JSON, which is refused before it is spelled.
			return
		}
		spelling := spellString(quoted)
		if !utf8.ValidString(spelling) {
			t.Fatalf("%q is spelled %q, which is no Unicode", quoted, spelling)
		}
		document := spellDocument(quoted)
		var decoded string
		if err := json.Unmarshal(document, &decoded); err != nil || decoded != spelling {
			t.Errorf("%q is spelled %q, and %q in a document (%v)", quoted, spelling, document, err)
		}
		if back := unspell(spelling); !containsEscape(raw) && back != string(raw) {
			t.Errorf("%q comes back as %q", raw, back)
		}
	})
}

func containsEscape(raw []byte) bool {
	for _, b := range raw {
		if b == '\\' {
			return true
		}
	}
	return false
}
