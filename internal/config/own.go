package config

import (
	"cmp"
	"slices"
)

// Own is a key that is a flag of one command, in the section that is called after that. Config keeps its text, and knows nothing else
// of it.
type Own struct {
	Key
	// Check returns what is wrong with a value, or with an item of a list.
	Check func(text string) error
}

// AllKeys describes the keys of the table and those of commands, section by section.
func AllKeys(own []Own) []Key {
	keys := Keys()
	for _, o := range own {
		keys = append(keys, o.Key)
	}
	return bySection(keys, func(k Key) Section { return k.Section })
}

// bySection puts what is of one section together, in the order in which the sections come first.
func bySection[T any](all []T, section func(T) Section) []T {
	first := func(s Section) int { return slices.IndexFunc(all, func(t T) bool { return section(t) == s }) }
	return slices.SortedStableFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(first(section(a)), first(section(b))) })
}

// Own returns the texts of the key with this path, and whether some layer gives them.
func (c *Config) Own(path string) (texts []string, given bool) {
	return slices.Clone(c.own[path]), c.IsGiven(path)
}

// ownSetting binds a key of a command to a Config.
func ownSetting(c *Config, o Own) setting {
	path := o.Path()
	return setting{o.Section, o.Name, o.Flag, o.Default, o.Help, field{
		typ: o.Type, placeholder: o.Placeholder, allowed: o.Allowed, isSecret: o.Secret,
		clear: func() { delete(c.own, path) },
		add: func(text string) error {
			if err := o.Check(text); err != nil {
				return &hinted{error: err}
			}
			c.own[path] = append(c.own[path], text)
			return nil
		},
		get: func() []string {
			if texts, given := c.Own(path); given || o.Type == TypeList {
				return texts
			}
			return []string{o.Default}
		},
	}}
}
