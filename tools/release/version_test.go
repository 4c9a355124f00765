package main

import "testing"

func TestVersion_Names(t *testing.T) {
	for _, test := range []struct{ version, linux, python string }{
		{"v1.2.3", "1.2.3", "1.2.3"},
		{"v1.2.3-rc.1", "1.2.3~rc.1", "1.2.3rc1"},
		{"v1.2.3-beta.12", "1.2.3~beta.12", "1.2.3b12"},
		{"v1.2.3-alpha1", "1.2.3~alpha1", "1.2.3a1"},
		{"v1.2.3+dirty", "1.2.3+dirty", "1.2.3+dirty"},
		{"v0.0.0-20261130142900-f535821abcde", "0.0.0~20261130142900.f535821abcde", "0.0.0.dev20261130142900+gf535821abcde"},
		{"v0.0.0-20261130142900-f535821abcde+dirty", "0.0.0~20261130142900.f535821abcde+dirty", "0.0.0.dev20261130142900+gf535821abcde.dirty"},
		{"v1.2.4-0.20261130142900-f535821abcde", "1.2.4~0.20261130142900.f535821abcde", "1.2.4.dev20261130142900+gf535821abcde"},
		{"v1.2.3-night.1", "1.2.3~night.1", ""},
	} {
		v, err := parseVersion(test.version)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := v.linux(); got != test.linux {
			t.Errorf("%s: Linux calls it %q, want %q", v, got, test.linux)
		}
		if got, err := v.python(); got != test.python || (err != nil) != (test.python == "") {
			t.Errorf("%s: Python calls it %q (%v), want %q", v, got, err, test.python)
		}
	}
	for _, wrong := range []string{"", "devel", "1.2.3", "v1.2", "v1.2.3-", "(devel)"} {
		if v, err := parseVersion(wrong); err == nil {
			t.Errorf("%q is taken as the version %s", wrong, v)
		}
	}
}
