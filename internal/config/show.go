package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"exporter/internal/secret"
)

// Value is what holds for a key.
type Value struct {
	Key
	// Texts are the value, or the items of a list. A secret is redacted.
	Texts []string
	// Origin says where the value came from, such as "exporter.toml:3", "--rate" or "EXPORTER_LIMITS_RATE"; empty where it is the default.
	Origin string
}

// Values returns what holds for each key, in the order of the TOML file; of those of commands, for those that are given.
func (c *Config) Values() []Value {
	var values []Value
	all := settings(c)
	for _, o := range c.ownKeys {
		if c.IsGiven(o.Path()) {
			all = append(all, ownSetting(c, o))
		}
	}
	for _, s := range bySection(all, func(s setting) Section { return s.section }) {
		k := s.key()
		v := Value{Key: k, Texts: s.get(), Origin: c.origins[k.Path()].text}
		for i, text := range v.Texts {
			if k.Secret && text != "" {
				v.Texts[i] = secret.Redacted
			}
		}
		values = append(values, v)
	}
	return values
}

// TOML returns the value as a TOML file has it, on one line.
func (v *Value) TOML() string {
	switch v.Type {
	case TypeBool, TypeInteger, TypeNumber:
		return v.Texts[0]
	case TypeString:
		return tomlString(v.Texts[0])
	}
	items := make([]string, len(v.Texts))
	for i, text := range v.Texts {
		items[i] = tomlString(text)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// tomlString returns a text as TOML has it.
func tomlString(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString("\\" + string(r))
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\U%08X", r)
		}
	}
	return `"` + b.String() + `"`
}

// Any returns the value as JSON has it: a boolean, a number, a string or a list.
func (v *Value) Any() any {
	switch v.Type {
	case TypeBool:
		return v.Texts[0] == "true"
	case TypeInteger, TypeNumber:
		return json.Number(v.Texts[0])
	case TypeList:
		return append([]string{}, v.Texts...)
	}
	return v.Texts[0]
}

// Secrets says, a line each, where the API key and the headers come from that are sent with requests, and shows neither.
func (c *Config) Secrets() []string {
	key := "none"
	switch dir := c.variable(credentialsVariable); {
	case c.API.KeyFile != "":
		key = "the file " + quote(c.API.KeyFile)
	case c.variable(keyVariable) != "":
		key = keyVariable
	case c.variable(parseKeyVariable) != "":
		key = parseKeyVariable
	case dir != "":
		key = "the file " + quote(filepath.Join(dir, credentialName))
	}
	lines := []string{"API key: " + key}
	headers, _, err := c.ReadHeaders()
	if err != nil {
		return append(lines, "headers: "+err.Error())
	}
	var names []string
	for _, h := range headers {
		names = append(names, h.Name)
	}
	if len(names) > 0 {
		lines = append(lines, "headers: "+strings.Join(names, ", ")+" of "+headersVariable)
	}
	return lines
}
