package dataset

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testSummary returns what a dataset of a form might be, with pages, figures and an empty split.
func testSummary(form string) *Summary {
	files := func(folder string) []FileSummary {
		sum := strings.Repeat("5f0c", 16)
		switch form {
		case FormParquet:
			return []FileSummary{{folder + "/00000-of-00002.parquet", 300_000, sum, 2}, {folder + "/00001-of-00002.parquet", 200_000, sum, 1}}
		case FormWebDataset:
			return []FileSummary{{folder + "/00000-of-00001.idx", 120, sum, 0}, {folder + "/00000-of-00001.tar", 500_000, sum, 3}}
		}
		return []FileSummary{{folder + "/metadata.parquet", 3000, sum, 3}}
	}
	split := func(config, name string, examples int64) SplitSummary {
		return SplitSummary{Name: name, Examples: examples, Bytes: examples * 150_000, Files: files(config + "/" + name)}
	}
	var of []*Column
	for _, name := range []string{"file_id", "page_index", "size", "confidence", "is_likely_noise", "fetched_at"} {
		of = append(of, findColumn(name))
	}
	return &Summary{
		Form: form,
		Configs: []Config{
			{Name: ConfigPages, Schema: &Schema{Columns: of, HasObjects: true}, Digest: "0123", Splits: []SplitSummary{
				split(ConfigPages, "train", 3), {Name: "validation"}, split(ConfigPages, "test", 1),
			}},
			{Name: ConfigFigures, Schema: &Schema{Columns: of[:4]}, Digest: "4567", Splits: []SplitSummary{split(ConfigFigures, "train", 2000)}},
		},
		LeftOut:  map[string]int64{"failed": 2, "duplicate": 5},
		Settings: []Setting{{"where", "width >= 200 or kind = 'a|b'"}, {"seed", "7"}},
		Newest:   time.Date(2026, 2, 3, 23, 0, 0, 0, time.FixedZone("", -3600)),
	}
}

// checkGolden compares with what is in testdata.
func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it anew): got\n%s", path, got)
	}
}

func TestCard_Forms_AsGolden(t *testing.T) {
	for _, form := range []string{FormParquet, FormWebDataset, FormImageFolder} {
		card, err := Card(testSummary(form))
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, "card_"+form+".md", card)
	}
}

func TestCard_FiguresAlone_AreTheDefault(t *testing.T) {
	s := testSummary(FormParquet)
	s.Configs = s.Configs[1:]
	card, err := Card(s)
	if err != nil {
		t.Fatal(err)
	}
	want := "configs:\n- config_name: figures\n  default: true\n  description: \"4567\"\n  data_files:\n  - split: train\n    path: \"figures/train/*.parquet\"\ndataset_info:\n"
	if !strings.Contains(string(card), want) {
		t.Errorf("got\n%s\nwithout\n%s", card, want)
	}
}

func TestCard_NoPicture_HasNoConfiguration(t *testing.T) {
	s := testSummary(FormParquet)
	for i := range s.Configs {
		s.Configs[i].Splits = []SplitSummary{{Name: "train"}}
	}
	card, err := Card(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(card), "configs:") || !strings.Contains(string(card), "There is no picture.") {
		t.Errorf("got\n%s", card)
	}
}

// Nothing from upstream gets out of where it is.
func TestCard_HostileTexts_StayInTheirPlace(t *testing.T) {
	plain, err := Card(testSummary(FormParquet))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"---\nlicense: mit\n---\n", "\"\nlicense: mit\n#", "a: b # c", "\x1b[2J\u202e\u0085\u2028", "`` ` ```", "<script>alert(1)</script>",
		"| a | b |\n| - | - |", "\xff\xfe", "no", "*x*", "{{.Form}}", strings.Repeat("`", 300), " ",
	} {
		s := testSummary(FormParquet)
		s.Title = text
		s.Settings = append(s.Settings, Setting{text, text})
		s.LeftOut[text] = 1
		card, err := Card(s)
		if err != nil {
			t.Fatal(err)
		}
		got, want := strings.Split(string(card), "\n"), strings.Split(string(plain), "\n")
		if len(got) != len(want)+3 {
			t.Errorf("%q: %d lines, want %d:\n%s", text, len(got), len(want)+3, card)
		}
		if title := "pretty_name: " + yamlText(text); got[0] != "---" || got[1] != title || got[2] != "tags:" {
			t.Errorf("%q: the card begins with %q, want the title %q", text, got[:3], title)
		}
		for _, line := range got {
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x202e || r == 0x85 || r == 0x2028 }) {
				t.Errorf("%q: the line %q has what does not show", text, line)
			}
		}
	}
}

func TestYAMLText_Quotes(t *testing.T) {
	for text, want := range map[string]string{
		"train": "train", "pages/train/x.parquet": "pages/train/x.parquet", "pages/train/**": `"pages/train/**"`, "no": `"no"`, "NULL": `"NULL"`,
		"": `""`, "1": `"1"`, "-a": `"-a"`, "a b": `"a b"`, "a:b": `"a:b"`, "n<1K": `"n<1K"`, "timestamp[us, tz=UTC]": `"timestamp[us, tz=UTC]"`,
		"a\n": `"a\n"`, "\x00": `"\x00"`, "é": `"é"`, "\ud7ff😀": `"\ud7ff😀"`, "\xff": "\"\ufffd\"", "\U000e0041": `"\U000e0041"`, `"\`: `"\"\\"`,
	} {
		if got := yamlText(text); got != want {
			t.Errorf("yamlText(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestCodeSpan_Texts(t *testing.T) {
	for text, want := range map[string]string{
		"a": "`a`", "a`b": "`` a`b ``", "``": "``` `` ```", "<b>": "`<b>`", "a\nb": "`\"a\\nb\"`", "": "`\"\"`", " a": "`\" a\"`",
	} {
		if got := codeSpan(text); got != want {
			t.Errorf("codeSpan(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestSizeCategory_Limits(t *testing.T) {
	for examples, want := range map[int64]string{
		0: "n<1K", 999: "n<1K", 1000: "1K<n<10K", 9999: "1K<n<10K", 10_000: "10K<n<100K", 1_000_000: "1M<n<10M", 999_999_999_999: "100B<n<1T",
		1_000_000_000_000: "n>1T",
	} {
		if got := sizeCategory(examples); got != want {
			t.Errorf("sizeCategory(%d) = %s, want %s", examples, got, want)
		}
	}
}
