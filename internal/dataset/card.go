package dataset

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// CardName is the dataset card, which Hugging Face and people read.
const CardName = "README.md"

// loadingText says how each form is loaded. CONFIG and SPLIT stand for a configuration and one of its splits.
//
//go:embed card_parquet.md card_webdataset.md card_imagefolder.md
var loadingText embed.FS

// Card returns the dataset card.
func Card(s *Summary) ([]byte, error) {
	c := &cardWriter{Summary: s, configs: s.filled()}
	writeFrontMatter(&c.Builder, s)
	if err := c.writePage(); err != nil {
		return nil, fmt.Errorf("write the card: %w", err)
	}
	return []byte(c.String()), nil
}

// writeFrontMatter writes the block of YAML. A split without a picture is left out, as a pattern that matches nothing fails all splits, and
// all configurations are of one kind, as the first one chooses the reader of all.
func writeFrontMatter(b *strings.Builder, s *Summary) {
	configs := s.filled()
	b.WriteString("---\n")
	if s.Title != "" {
		b.WriteString("pretty_name: " + yamlText(s.Title) + "\n")
	}
	b.WriteString("tags:\n- documents\n- image\n")
	var all totals
	for i := range configs {
		all.add(s.totals(&configs[i]))
	}
	b.WriteString("size_categories:\n- " + yamlText(sizeCategory(all.examples)) + "\n")
	if len(configs) > 0 {
		writeConfigs(b, s, configs)
		writeInfo(b, s, configs)
	}
	b.WriteString("---\n")
}

func writeConfigs(b *strings.Builder, s *Summary, configs []Config) {
	b.WriteString("configs:\n")
	for i, c := range configs {
		b.WriteString("- config_name: " + yamlText(c.Name) + "\n")
		if i == 0 {
			b.WriteString("  default: true\n")
		}
		if c.Digest != "" {
			// The cache of datasets (5.2.0, 3.6.0) knows a local folder by its name and its configuration alone: it would give the rows of before
			// for a dataset that was made anew.
			b.WriteString("  description: " + yamlText(c.Digest) + "\n")
		}
		b.WriteString("  data_files:\n")
		for _, split := range c.Splits {
			fmt.Fprintf(b, "  - split: %s\n    path: %s\n", yamlText(split.Name), yamlText(s.pattern(c.Name, split.Name)))
		}
	}
}

func writeInfo(b *strings.Builder, s *Summary, configs []Config) {
	b.WriteString("dataset_info:\n")
	for i := range configs {
		c := &configs[i]
		b.WriteString("- config_name: " + yamlText(c.Name) + "\n  features:\n")
		for _, f := range c.Schema.featuresIn(s.Form) {
			f.writeYAML(b, "  ")
		}
		b.WriteString("  splits:\n")
		for _, split := range c.Splits {
			fmt.Fprintf(b, "  - name: %s\n    num_bytes: %d\n    num_examples: %d\n", yamlText(split.Name), split.Bytes, split.Examples)
		}
		t := s.totals(c)
		fmt.Fprintf(b, "  download_size: %d\n  dataset_size: %d\n", t.stored, t.bytes)
	}
}

// sizeCategory returns Hugging Face's name for a number of examples.
func sizeCategory(examples int64) string {
	names := []string{"1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"}
	if examples < 1000 {
		return "n<" + names[0]
	}
	for i, most := 1, int64(10_000); i < len(names); i, most = i+1, most*10 {
		if examples < most {
			return names[i-1] + "<n<" + names[i]
		}
	}
	return "n>" + names[len(names)-1]
}

// cardWriter writes what follows the block of YAML.
type cardWriter struct {
	strings.Builder
	*Summary
	configs []Config
}

func (c *cardWriter) writePage() error {
	title := ""
	if c.Title != "" {
		title = ": " + codeSpan(c.Title)
	}
	fmt.Fprintf(c, `# Pictures of documents%s

Made by `+"`exporter dataset`"+` of exports of LlamaCloud files, in the form %s. `+"`dataset.json`"+` is the report of what was made,
`+"`croissant.json`"+` describes the files for programs.

`, title, codeSpan(c.Form))
	if len(c.configs) == 0 {
		c.WriteString("There is no picture.\n\n")
	} else if err := c.writeContents(); err != nil {
		return err
	}
	c.writeProvenance()
	c.WriteString(`
## License

The pictures belong to whom the documents belong to, and nothing here says under which license. Whoever publishes them says so, in a line ` +
		"`license: …`" + `
in the block at the beginning of this file.
`)
	return nil
}

// writeContents writes what there is, how it is loaded, and what the columns mean.
func (c *cardWriter) writeContents() error {
	c.WriteString("| configuration | split | pictures | their bytes | files |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, config := range c.configs {
		for i := range config.Splits {
			split := &config.Splits[i]
			fmt.Fprintf(c, "| %s | %s | %d | %d | %d |\n", codeSpan(config.Name), tableCell(codeSpan(split.Name)), split.Examples, split.Bytes,
				c.totalsOf(split).files)
		}
	}
	c.WriteString("\n## How to load it\n\nPaths are relative to the folder that this file is in.\n\n")
	text, err := loadingText.ReadFile("card_" + c.Form + ".md")
	if err != nil {
		return err
	}
	first := c.configs[0]
	c.WriteString(strings.NewReplacer("CONFIG", first.Name, "SPLIT", first.Splits[0].Name).Replace(string(text)))
	c.WriteString(`
Hugging Face turns pictures by their EXIF orientation. ` + "`width`, `height` and boxes are those of the picture as it is stored: where `orientation`" + ` is
neither null nor 1, they are of another picture than the one that it shows.

`)
	c.writeColumns()
	return nil
}

// writeColumns writes a table of the columns.
func (c *cardWriter) writeColumns() {
	in := map[*Column][]string{}
	var names, objects []string
	for _, config := range c.configs {
		for _, column := range config.Schema.Columns {
			in[column] = append(in[column], config.Name)
		}
		if names = append(names, config.Name); config.Schema.HasObjects {
			objects = append(objects, config.Name)
		}
	}
	c.WriteString("## Columns\n\n| column | type | meaning | configurations |\n| --- | --- | --- | --- |\n")
	row := func(name, kind, meaning string, configs []string) {
		fmt.Fprintf(c, "| `%s` | %s | %s | %s |\n", name, kind, meaning, strings.Join(configs, ", "))
	}
	if c.Form == FormWebDataset {
		row("jpg", "picture", "the picture", names)
		c.WriteString("| `json` | | all that follows | " + strings.Join(names, ", ") + " |\n")
	} else {
		row("image", "picture", "the picture", names)
	}
	for _, column := range columns {
		if len(in[column]) == 0 {
			continue
		}
		kind := column.Type.arrow()
		if c.Form == FormWebDataset && column.Type == Timestamp {
			kind = String.arrow()
		}
		row(column.Name, kind, tableCell(column.Doc), in[column])
	}
	if objects != nil {
		row("objects", "lists", "what is on the page: `bbox` (x, y, width and height in pixels), `category`, `label`, `caption`, `confidence`, "+
			"`upstream_name`", objects)
	}
	c.WriteString("\nWhat is not known is null. Texts are as the API sent them.\n\n")
}

// writeProvenance writes what the dataset was made of.
func (c *cardWriter) writeProvenance() {
	c.WriteString("## Where it comes from\n\n")
	if len(c.Settings) == 0 {
		c.WriteString("No option was given.\n\n")
	} else {
		c.WriteString("| option | value |\n| --- | --- |\n")
		for _, setting := range c.Settings {
			fmt.Fprintf(c, "| %s | %s |\n", tableCell(codeSpan(setting.Name)), tableCell(codeSpan(setting.Value)))
		}
		c.WriteString("\n")
	}
	if len(c.LeftOut) == 0 {
		c.WriteString("No picture was left out.\n")
		return
	}
	c.WriteString("Left out were\n\n| why | pictures |\n| --- | ---: |\n")
	for _, reason := range slices.Sorted(maps.Keys(c.LeftOut)) {
		fmt.Fprintf(c, "| %s | %d |\n", tableCell(codeSpan(reason)), c.LeftOut[reason])
	}
}

// codeSpan returns a text as code in Markdown. Nothing of it is read as Markdown or HTML, and what does not show is escaped.
func codeSpan(text string) string {
	plain := strings.ToValidUTF8(text, "\uFFFD")
	if strings.ContainsFunc(plain, func(r rune) bool { return !strconv.IsPrint(r) }) || plain != strings.TrimSpace(plain) || plain == "" {
		plain = strconv.Quote(plain)
	}
	longest := 0
	for run := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r != '`' }) {
		longest = max(longest, len(run))
	}
	fence, pad := strings.Repeat("`", longest+1), ""
	if longest > 0 {
		pad = " "
	}
	return fence + pad + plain + pad + fence
}

// tableCell returns a text for a table, in which code is no exception.
func tableCell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
