package export

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/manifest"
)

func TestReadme_Tables_EachThatIsThere(t *testing.T) {
	const withoutPages = `---
configs:
- config_name: manifest
  default: true
  data_files:
  - split: train
    path: manifest.parquet
- config_name: files
  data_files:
  - split: train
    path: files.parquet
---
`
	const pages = "- config_name: pages\n  data_files:\n  - split: train\n    path: pages.parquet\n---\n"
	if got := string(readme(false)); !strings.HasPrefix(got, withoutPages+readmeMark+"\n") {
		t.Errorf("got\n%s\nwant it to begin with\n%s", got, withoutPages)
	}
	if got, want := string(readme(true)), strings.TrimSuffix(withoutPages, "---\n")+pages+readmeMark; !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant it to begin with\n%s", got, want)
	}
}

func TestWriteReadme_Before_DecidesWhetherItIsWritten(t *testing.T) {
	ctx := context.Background()
	foreign := "# Mine\n"
	for _, tt := range []struct {
		name   string
		before *string
		pages  bool
		want   string
	}{
		{name: "none", want: string(readme(false))},
		{name: "none, with pages", pages: true, want: string(readme(true))},
		{name: "the same", before: new(string(readme(true))), pages: true, want: string(readme(true))},
		{name: "without pages", before: new(string(readme(false))), pages: true, want: string(readme(true))},
		{name: "an earlier one", before: new(readmeMark + "\n# Export\n"), want: string(readme(false))},
		{name: "foreign", before: &foreign, pages: true, want: foreign},
		{name: "empty", before: new(""), want: ""},
		{name: "too large", before: new(readmeMark + strings.Repeat("x", maxReadme)), want: readmeMark + strings.Repeat("x", maxReadme)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := storetest.NewMemory(nil)
			if tt.before != nil {
				mustPut(t, st, ReadmeName, *tt.before)
			}
			if tt.pages {
				mustPut(t, st, manifest.PagesName, "")
			}
			for range 2 {
				if err := writeReadme(ctx, st); err != nil {
					t.Fatal(err)
				}
				got, err := store.ReadBytes(ctx, st, ReadmeName, 2*maxReadme)
				if err != nil || string(got) != tt.want {
					t.Fatalf("got %q, %v, want %q", got, err, tt.want)
				}
				// From now on there is nothing to write.
				st.FailWith(func(o storetest.Operation) error { return fmt.Errorf("%s %s", o.Kind, o.Key) })
			}
		})
	}
}

func mustPut(t *testing.T, st store.Store, key, text string) {
	t.Helper()
	if err := store.PutBytes(context.Background(), st, key, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
