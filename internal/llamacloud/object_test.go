package llamacloud

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// Objects are taken apart as encoding/json does.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,"]}",{}]},"a":"\\\"","c":[]}`, `{"":"","\u0061":null}`, `[]`, `[1,[2,{"a":"]"}],"x"]`, `"x"`, `{"a":-1.5e3}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := parseJSON(raw)
		if err != nil || !utf8.Valid(v) {
			return
		}
		var want map[string]json.RawMessage
		var o object
		if isObject := v.is('{'); (o.parse(v) == nil) != isObject {
			t.Fatalf("%s is an object: %v", v, isObject)
		} else if isObject && json.Unmarshal(v, &want) == nil {
			for name, member := range want {
				if got := o.get(name); isPlain([]byte(name)) && isPlain(v) && string(got) != string(member) {
					t.Errorf("%q of %s is %s, want %s", name, v, got, member)
				}
			}
		}
	})
}
