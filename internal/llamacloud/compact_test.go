package llamacloud

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// compactSeeds are JSON, and what is nearly JSON.
var compactSeeds = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `nulll`, `truefalse`, `True`, `0`, `-0`, `-`, `00`, `01`, `-1.5e+10`, `1.`, `.5`, `1e`, `1E-7`, `1e+`,
	`12a`, `NaN`, `Infinity`, `-Infinity`, `""`, `"`, `"a`, `"\`, `"\"`, `"\u00e9"`, `"\u00E9\ud83d"`, `"\u00g0"`, `"\u12"`, `"\x"`, "\"\t\"", "\"\x7f\xff\"",
	`"\\\"\/\b\f\n\r\t"`, `[]`, `[ ]`, `[1,]`, `[,1]`, `[1 2]`, `[1, 2 ]`, `[1}`, `{}`, `{ }`, `{"a":1}`, ` { "a" : [ 1 , { "b" : null } ] , "c d" : "e  f" } `,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":1]`, `{"a" 1}`, `[1] [2]`, `[1]x`, "[1]\x00", "\ufeff[1]", "[\v1]", "[\u00a01]",
	strings.Repeat("[", maxJSONDepth) + strings.Repeat("]", maxJSONDepth), strings.Repeat("[", maxJSONDepth+1) + strings.Repeat("]", maxJSONDepth+1),
	`{"id":"3f2b","updated_at":"2026-01-02T03:04:05.678901Z","metadata":{"n":9007199254740993,"x":[true,false,null]},"name":"名前 🐚"}`,
}

// checkCompact fails unless JSON becomes what encoding/json makes of it, behind what is there, and all else is refused.
func checkCompact(t *testing.T, text []byte) {
	t.Helper()
	var want bytes.Buffer
	err := json.Compact(&want, text)
	got, ok := appendCompact([]byte("before"), text)
	switch {
	case ok && err != nil:
		t.Errorf("%q is taken for JSON, but: %v", text, err)
	case ok && string(got) != "before"+want.String():
		t.Errorf("%q becomes %q, want %q", text, got, want.Bytes())
	case !ok && string(got) != "before":
		t.Errorf("%q is refused, and leaves %q", text, got)
	case !ok && err == nil && checkJSON(text) == nil:
		t.Errorf("%q is refused, though it is JSON", text)
	}
}

// Texts in which a few bytes are others, or not there, are taken as encoding/json takes them.
func TestAppendCompact_NearlyJSON_IsAsTheLibraryHasIt(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const some = "{}[]\",:\\ \n0123456789eE+-.truefalsn/\x00\x1f\xff"
	for _, seed := range compactSeeds {
		checkCompact(t, []byte(seed))
		for range 500 {
			text := []byte(seed)
			for range 1 + rng.IntN(3) {
				at := rng.IntN(len(text) + 1)
				switch b := some[rng.IntN(len(some))]; {
				case at < len(text) && rng.IntN(3) == 0:
					text = append(text[:at], text[at+1:]...)
				case at < len(text) && rng.IntN(2) == 0:
					text[at] = b
				default:
					text = append(text[:at], append([]byte{b}, text[at:]...)...)
				}
			}
			checkCompact(t, text)
		}
	}
}

func FuzzAppendCompact(f *testing.F) {
	for _, seed := range compactSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkCompact)
}
