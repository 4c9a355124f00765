package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Narrower says, each in some words, what the settings now lack of those before, in the form of SourceSettings and
// SinkSettings, or have in place of them. A source more, a filter less and a wider one lack nothing.
func Narrower(before, now map[string]string) []string {
	kinds := map[string]Key{}
	for _, k := range Keys() {
		kinds[k.Path()] = k
	}
	paths := map[string]string{}
	maps.Copy(paths, before)
	maps.Copy(paths, now)
	var differences []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		k, known := kinds[path]
		was, is := k.textIn(before), k.textIn(now)
		if !known {
			was, is = before[path], now[path]
		}
		switch {
		case was == is:
		case path == "source.include" || path == "source.exclude":
			if text := k.leavesOut(was, is); text != "" {
				differences = append(differences, text)
			}
		case k.Type == TypeList:
			if missing := lacking(was, is); len(missing) > 0 {
				differences = append(differences, path+" lacks "+quoteSome(missing))
			}
		case !k.includes(was, is):
			differences = append(differences, fmt.Sprintf("%s is %s, not %s", path, quote(is), quote(was)))
		}
	}
	return differences
}

// leavesOut says which files one text of include or exclude leaves out that the other did not; "" for none.
func (k Key) leavesOut(was, is string) string {
	added := lacking(is, was)
	switch {
	case k.Name == "exclude" && len(added) > 0:
		return k.Path() + " has " + quoteSome(added) + " too"
	case k.Name == "exclude" || is == "":
		return ""
	case was == "":
		return k.Path() + " is " + quoteSome(splitList(is)) + ", not everything"
	}
	if missing := lacking(was, is); len(missing) > 0 {
		return k.Path() + " lacks " + quoteSome(missing)
	}
	return ""
}

// textIn returns the key's text among settings. Those of an earlier version may lack it, when what is its default now held.
func (k Key) textIn(settings map[string]string) string {
	if text, ok := settings[k.Path()]; ok {
		return text
	}
	return k.Default
}

// includes tells whether whatever is exported with one text of a key of the source is exported with the other, too.
func (k Key) includes(was, is string) bool {
	switch k.Path() {
	case "source.project", "source.parse_jobs", "source.batches", "source.include_deleted":
		return is == "true"
	case "source.display_name", "source.display_name_contains", "source.unique_id", "source.file_id":
		return is == ""
	case "source.updated_at_on_or_after":
		return is == "" || isEarlier(is, was)
	case "source.updated_at_on_or_before":
		return is == "" || isEarlier(was, is)
	}
	return false
}

// isEarlier tells whether both texts are times, and the first is not the later one.
func isEarlier(a, b string) bool {
	first, err := parseTime(a)
	second, err2 := parseTime(b)
	return err == nil && err2 == nil && a != "" && b != "" && !first.After(second)
}

// lacking returns the items of one text that the other does not have.
func lacking(was, is string) []string {
	has := splitList(is)
	return slices.DeleteFunc(splitList(was), func(text string) bool { return text == "" || slices.Contains(has, text) })
}

// quoteSome returns the first few items in quotes, and says how many more there are.
func quoteSome(items []string) string {
	const most = 3
	quoted := make([]string, 0, most)
	for _, text := range items[:min(most, len(items))] {
		quoted = append(quoted, quote(text))
	}
	text := strings.Join(quoted, ", ")
	if more := len(items) - len(quoted); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// String returns the setting for a message, cut short where it is long.
func (r Recalled) String() string {
	if items := splitList(r.Text); len(items) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:3], ","), len(items)-3)
	}
	return r.Text
}
