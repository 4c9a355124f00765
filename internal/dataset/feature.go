package dataset

import "strings"

// arrow returns the type as Arrow and Hugging Face call it.
func (t Type) arrow() string {
	if t == Timestamp {
		return "timestamp[us, tz=UTC]"
	}
	return string(t)
}

// feature is a column as Hugging Face's dataset_info has it. One of dtype, list and fields says what its values are.
type feature struct {
	name  string
	dtype string
	// list is what the elements of a list are; their name does not count.
	list *feature
	// fields are those of a struct.
	fields []feature
}

// objectFeatures are the fields of the column of objects: lists that are as long as each other.
func objectFeatures() []feature {
	return []feature{
		{name: "bbox", list: &feature{list: &feature{dtype: Float64.arrow()}}},
		{name: "category", list: &feature{dtype: String.arrow()}},
		{name: "label", list: &feature{dtype: String.arrow()}},
		{name: "caption", list: &feature{dtype: String.arrow()}},
		{name: "confidence", list: &feature{dtype: Float64.arrow()}},
		{name: "upstream_name", list: &feature{dtype: String.arrow()}},
	}
}

// features returns what is beside the picture.
func (s *Schema) features() (all []feature) {
	for _, c := range s.Columns {
		all = append(all, feature{name: c.Name, dtype: c.Type.arrow()})
	}
	if s.HasObjects {
		all = append(all, feature{name: "objects", fields: objectFeatures()})
	}
	return all
}

// featuresIn returns all columns that datasets has of a form. What WebDataset has in JSON has no type for times: they are texts.
func (s *Schema) featuresIn(form string) []feature {
	beside := s.features()
	if form != FormWebDataset {
		return append([]feature{{name: "image", dtype: "image"}}, beside...)
	}
	for i := range beside {
		if beside[i].dtype == Timestamp.arrow() {
			beside[i].dtype = String.arrow()
		}
	}
	return []feature{
		{name: "jpg", dtype: "image"}, {name: "json", fields: beside},
		{name: "__key__", dtype: String.arrow()}, {name: "__url__", dtype: String.arrow()},
	}
}

// writeYAML writes the feature as an element of a list. Releases of datasets from 2 to 5 read it; "list" is understood since 4 only.
func (f *feature) writeYAML(b *strings.Builder, indent string) {
	b.WriteString(indent + "- name: " + yamlText(f.name) + "\n")
	f.writeType(b, indent+"  ")
}

func (f *feature) writeType(b *strings.Builder, indent string) {
	switch {
	case f.list != nil && f.list.dtype != "":
		b.WriteString(indent + "sequence: " + yamlText(f.list.dtype) + "\n")
	case f.list != nil:
		b.WriteString(indent + "sequence:\n")
		f.list.writeType(b, indent+"  ")
	case f.fields != nil:
		b.WriteString(indent + "struct:\n")
		for i := range f.fields {
			f.fields[i].writeYAML(b, indent)
		}
	default:
		b.WriteString(indent + "dtype: " + yamlText(f.dtype) + "\n")
	}
}
