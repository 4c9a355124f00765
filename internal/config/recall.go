package config

import (
	"fmt"
	"maps"
	"slices"
)

// Remembered are settings that an export was made with, by path of key, in the form of SourceSettings and its like. Whoever
// may write to the export can change them.
type Remembered map[string]string

// Recalled is a setting that Recall took.
type Recalled struct{ Path, Text string }

// Recall takes the settings of the export at where for keys that no layer gives: those of the API and of the sink, and where no
// source is named, those of the source with its filters, and of the assets. It returns, in the order of the keys, what differs
// from what would hold otherwise. The error is an *Error, and c is not to be used then.
//
// The API key goes to a remembered API by itself only if that is an official one or on loopback: others give --base-url.
func (c *Config) Recall(r Remembered, where string) ([]Recalled, error) {
	from := origin{text: fmt.Sprintf("the export in %q", where)}
	whole := !c.NamesSource()
	if path := r.unknown(); whole && path != "" {
		problem := fmt.Sprintf("it was made with %s, which is no setting of a run", quote(path))
		return nil, from.fail("", problem, "say what to export, and give another --out")
	}
	var taken []Recalled
	for _, s := range settings(c) {
		k := s.key()
		text, remembered := r[k.Path()]
		if !remembered || text == s.text() || c.isGiven(k, whole) || !c.recalls(k, r, whole) {
			continue
		}
		l := &loader{config: c}
		if err := l.assign(&s, from, recalledItems(s.typ, from, text)); err != nil {
			return nil, err
		}
		if k.Path() == apiPath && !isTrusted(c.API.BaseURL) {
			problem := fmt.Sprintf("it was made with the API at %s, which is neither an official one nor on this machine, and no "+
				"export is to say where the API key goes", quote(text))
			return nil, from.fail("", problem, "if it is meant, give --base-url "+text)
		}
		taken = append(taken, Recalled{k.Path(), text})
	}
	c.suitPlace()
	return taken, c.validate()
}

// RecallSink is Recall of how blobs are stored, and of nothing else.
func (c *Config) RecallSink(r Remembered, where string) ([]Recalled, error) {
	sink := Remembered{}
	for _, k := range Keys() {
		if text, ok := r[k.Path()]; ok && identifiesSink(k) {
			sink[k.Path()] = text
		}
	}
	return c.Recall(sink, where)
}

// IsGiven tells whether some layer says what the key with this path is to be.
func (c *Config) IsGiven(path string) bool {
	_, given := c.origins[path]
	return given
}

// isGiven tells whether some layer says what a key is to be. Where nothing is named, an empty list of what to export says nothing.
func (c *Config) isGiven(k Key, whole bool) bool {
	return c.IsGiven(k.Path()) && !(whole && k.Selects())
}

// Selects tells whether a key names what to export. The other keys of its section leave some of that out.
func (k Key) Selects() bool {
	return k.Section == SectionSource && slices.Contains([]string{
		"directories", "pipelines", "indexes", "files", "project", "parse_job_ids", "parse_jobs", "batch_ids", "batches",
	}, k.Name)
}

// apiPath is the path of the key that says where the API is.
const apiPath = "api.base_url"

// recalls tells whether a key's setting is one to recall; whole says that the source is. Ids of an organization and of a project
// are of use only to the API that they are of. Other keys are not an export's business, whatever somebody wrote into it.
func (c *Config) recalls(k Key, r Remembered, whole bool) bool {
	switch {
	case k.Path() == apiPath, k.Path() == partPath:
		return true
	case identifiesSource(k) && k.Section == SectionAPI:
		return c.API.BaseURL.String() == r[apiPath]
	case identifiesSource(k), k.Section == SectionAssets:
		return whole
	}
	return identifiesSink(k)
}

// unknown returns the first path with a text that is none of a key, or "".
func (r Remembered) unknown() string {
	for _, path := range slices.Sorted(maps.Keys(r)) {
		if r[path] != "" && !slices.ContainsFunc(Keys(), func(k Key) bool { return k.Path() == path }) {
			return path
		}
	}
	return ""
}

func recalledItems(typ Type, from origin, text string) []item {
	switch {
	case typ != TypeList:
		return []item{{text, from}}
	case text == "":
		return nil
	}
	return itemsFrom(from, splitList(text))
}
