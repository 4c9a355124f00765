package config

import (
	"testing"

	"github.com/pelletier/go-toml/v2"

	"exporter/internal/secret"
)

// What is a secret is not shown, whatever layer it comes from. Where it is not given, that is shown.
func TestConfig_Values_HideSecrets(t *testing.T) {
	own := []Own{{
		Key:   Key{Section: "hush", Name: "word", Flag: "word", Type: TypeString, Secret: true},
		Check: func(string) error { return nil },
	}}
	c, err := Load(LoadOptions{Own: own, Environ: []string{"EXPORTER_HUSH_WORD=sesame"}})
	if err != nil {
		t.Fatal(err)
	}
	values := c.Values()
	last := values[len(values)-1]
	if last.Path() != "hush.word" || last.TOML() != `"`+secret.Redacted+`"` || last.Any() != secret.Redacted || last.Origin != "EXPORTER_HUSH_WORD" {
		t.Errorf("%+v, want it redacted", last)
	}
	if texts, given := c.Own("hush.word"); !given || texts[0] != "sesame" {
		t.Errorf("Own = %q, %v, want the word", texts, given)
	}
}

// Whatever a text is, TOML has it as it is.
func TestTOMLString_Texts_ComeBack(t *testing.T) {
	for _, text := range []string{"", "a b", `"`, `\`, `C:\new\u0041`, "a\nb\tc\r\x00\x1b\x7f", "ü 🐚 \u202e \u00ad", "'''"} {
		var document struct{ X string }
		if err := toml.Unmarshal([]byte("x = "+tomlString(text)), &document); err != nil || document.X != text {
			t.Errorf("%q is %s, and read as %q, %v", text, tomlString(text), document.X, err)
		}
	}
}
