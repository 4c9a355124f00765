package dataset

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"
)

// CroissantName is the description of a dataset for programs: Croissant 1.1, of https://docs.mlcommons.org/croissant/.
const CroissantName = "croissant.json"

// croissantContext says what the words of the description mean.
//
//go:embed croissant_context.json
var croissantContext string

type croissantDataset struct {
	Context     json.RawMessage `json:"@context"`
	Type        string          `json:"@type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	ConformsTo  string          `json:"conformsTo"`
	// DatePublished is the newest date of the files, which is the same whenever the dataset is made.
	DatePublished string               `json:"datePublished,omitempty"`
	Distribution  []croissantResource  `json:"distribution"`
	RecordSets    []croissantRecordSet `json:"recordSet"`
}

// croissantResource is a FileObject, which has a URL, or a FileSet.
type croissantResource struct {
	Type           string   `json:"@type"`
	ID             string   `json:"@id"`
	Name           string   `json:"name"`
	Description    string   `json:"description,omitempty"`
	ContentURL     string   `json:"contentUrl,omitempty"`
	ContentSize    string   `json:"contentSize,omitempty"`
	SHA256         string   `json:"sha256,omitempty"`
	EncodingFormat string   `json:"encodingFormat"`
	Includes       []string `json:"includes,omitempty"`
}

type croissantRecordSet struct {
	Type        string              `json:"@type"`
	ID          string              `json:"@id"`
	Name        string              `json:"name"`
	Description string              `json:"description,omitempty"`
	DataType    string              `json:"dataType,omitempty"`
	Key         *croissantReference `json:"key,omitempty"`
	Fields      []croissantField    `json:"field"`
	// Data are all records, where they are few.
	Data []map[string]string `json:"data,omitempty"`
}

type croissantField struct {
	Type        string           `json:"@type"`
	ID          string           `json:"@id"`
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	DataType    string           `json:"dataType,omitempty"`
	IsRepeated  bool             `json:"repeated,omitempty"`
	Source      *croissantSource `json:"source,omitempty"`
	// References is the field of another record set that has the values of this one.
	References *croissantSource `json:"references,omitempty"`
	SubFields  []croissantField `json:"subField,omitempty"`
}

type croissantReference struct {
	ID string `json:"@id"`
}

type croissantSource struct {
	FileSet   *croissantReference `json:"fileSet,omitempty"`
	Field     *croissantReference `json:"field,omitempty"`
	Extract   map[string]string   `json:"extract,omitempty"`
	Transform map[string]string   `json:"transform,omitempty"`
}

const (
	croissantText     = "sc:Text"
	croissantFloat    = "sc:Float"
	croissantTypeSet  = "cr:RecordSet"
	croissantTypeItem = "cr:Field"

	croissantParquet = "application/x-parquet"
	croissantTar     = "application/x-tar"
)

// croissant returns the type as Croissant calls it.
func (t Type) croissant() string {
	switch t {
	case Int32, Int64:
		return "sc:Integer"
	case Float64:
		return croissantFloat
	case Bool:
		return "sc:Boolean"
	case Timestamp:
		return "sc:DateTime"
	}
	return croissantText
}

// Croissant returns the description of a dataset for programs.
func Croissant(s *Summary) ([]byte, error) {
	d := croissantDataset{
		Context: json.RawMessage(croissantContext), Type: "sc:Dataset", Name: "Pictures of documents", ConformsTo: "http://mlcommons.org/croissant/1.1",
		Description:  "Page screenshots and figures of LlamaCloud files, made by exporter dataset. " + CardName + " says more.",
		Distribution: []croissantResource{}, RecordSets: []croissantRecordSet{},
	}
	if s.Title != "" {
		d.Name += ": " + s.Title
	}
	if !s.Newest.IsZero() {
		d.DatePublished = s.Newest.UTC().Format(time.DateOnly)
	}
	for _, c := range s.filled() {
		d.addFiles(s.Form, &c)
		if s.Form == FormWebDataset {
			// There are no records: mlcroissant unpacks an archive into a folder that it names for the relative path alone, and so takes
			// that of another dataset for it.
			d.addSet(&c, "shards", croissantTar, "*.tar")
			continue
		}
		d.addRecords(s.Form, &c)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("encode %s: %w", CroissantName, err)
	}
	return b.Bytes(), nil
}

// addFiles adds the files that have records, and in which pictures are; each picture that is a file of its own is not. A file of which the sum
// is not known is none that can be described: it is in a set all the same.
func (d *croissantDataset) addFiles(form string, c *Config) {
	for _, split := range c.Splits {
		for _, f := range split.Files {
			format := croissantFormat(f.Path)
			if format == "" || f.SHA256 == "" || form == FormImageFolder && path.Base(f.Path) != folderMetadataName {
				continue
			}
			d.Distribution = append(d.Distribution, croissantResource{
				Type: "cr:FileObject", ID: f.Path, Name: f.Path, ContentURL: f.Path, ContentSize: fmt.Sprintf("%d B", f.Bytes),
				SHA256: f.SHA256, EncodingFormat: format,
			})
		}
	}
}

// addSet adds the files of all splits of a configuration that match a pattern, and returns the id of the set.
func (d *croissantDataset) addSet(c *Config, name, format, pattern string) string {
	set := croissantResource{Type: "cr:FileSet", ID: c.Name + "-" + name, Name: c.Name + "-" + name, EncodingFormat: format}
	for _, split := range c.Splits {
		set.Includes = append(set.Includes, c.Name+"/"+split.Name+"/"+pattern)
	}
	d.Distribution = append(d.Distribution, set)
	return set.ID
}

// croissantFormat returns the media type of a file; empty for what only one reader needs.
func croissantFormat(name string) string {
	switch path.Ext(name) {
	case ".parquet":
		return croissantParquet
	case ".tar":
		return croissantTar
	}
	return ""
}

// addRecords adds what is in the tables of a configuration.
func (d *croissantDataset) addRecords(form string, c *Config) {
	tables := d.addSet(c, "tables", croissantParquet, "*.parquet")
	var names []string
	splits := croissantRecordSet{
		Type: croissantTypeSet, ID: c.Name + "_splits", Name: c.Name + "_splits", DataType: "cr:Split",
		Key:    &croissantReference{c.Name + "_splits/name"},
		Fields: []croissantField{{Type: croissantTypeItem, ID: c.Name + "_splits/name", Name: "name", DataType: croissantText}},
	}
	for _, split := range c.Splits {
		names = append(names, split.Name)
		splits.Data = append(splits.Data, map[string]string{splits.Key.ID: split.Name})
	}
	records := croissantRecordSet{Type: croissantTypeSet, ID: c.Name, Name: c.Name, Fields: []croissantField{{
		Type: croissantTypeItem, ID: c.Name + "/split", Name: "split", DataType: croissantText,
		Source: &croissantSource{
			FileSet: &croissantReference{tables}, Extract: map[string]string{"fileProperty": "fullpath"},
			// mlcroissant applies it twice, to the path and to what came of it.
			Transform: map[string]string{"regex": "(?:" + c.Name + "/)?(" + strings.Join(names, "|") + ")(?:/.*)?$"},
		},
		References: &croissantSource{Field: splits.Key},
	}}}
	from := columnsOf{c.Name, tables}
	d.RecordSets = append(d.RecordSets, splits)
	if form == FormImageFolder {
		d.addPictures(c)
		records.Fields = append(records.Fields, from.field("file_name", croissantText, "the picture, relative to the folder of its split"))
	} else {
		image := from.field("image", "sc:ImageObject", "the picture")
		image.Source.Transform = map[string]string{"jsonPath": "bytes"}
		records.Fields = append(records.Fields, image)
	}
	for _, column := range c.Schema.Columns {
		records.Fields = append(records.Fields, from.field(column.Name, column.Type.croissant(), column.Doc))
	}
	if c.Schema.HasObjects {
		records.Fields = append(records.Fields, from.objects())
	}
	d.RecordSets = append(d.RecordSets, records)
}

// addPictures adds the pictures of a configuration that are files of their own, by their paths.
func (d *croissantDataset) addPictures(c *Config) {
	set := d.addSet(c, "pictures", "image/jpeg", "*/*")
	name := c.Name + "_pictures"
	source := func(property string) *croissantSource {
		return &croissantSource{FileSet: &croissantReference{set}, Extract: map[string]string{"fileProperty": property}}
	}
	d.RecordSets = append(d.RecordSets, croissantRecordSet{Type: croissantTypeSet, ID: name, Name: name, Fields: []croissantField{
		{
			Type: croissantTypeItem, ID: name + "/path", Name: "path", DataType: croissantText, Source: source("fullpath"),
			Description: "the folder of its split, and file_name of " + c.Name,
		},
		{Type: croissantTypeItem, ID: name + "/image", Name: "image", DataType: "sc:ImageObject", Source: source("content")},
	}})
}

// columnsOf makes fields of the columns of tables.
type columnsOf struct{ records, tables string }

func (c columnsOf) field(name, dataType, description string) croissantField {
	return croissantField{
		Type: croissantTypeItem, ID: c.records + "/" + name, Name: name, Description: description, DataType: dataType,
		Source: &croissantSource{FileSet: &croissantReference{c.tables}, Extract: map[string]string{"column": name}},
	}
}

// objects returns the column of objects.
func (c columnsOf) objects() croissantField {
	field := croissantField{
		Type: croissantTypeItem, ID: c.records + "/objects", Name: "objects",
		Description: "what is on the page: lists that are as long as each other; bbox has x, y, width and height in pixels",
	}
	for _, f := range objectFeatures() {
		dataType := croissantText
		if f.list.dtype != String.arrow() {
			dataType = croissantFloat
		}
		sub := c.field("objects", dataType, "")
		sub.ID, sub.Name, sub.IsRepeated = field.ID+"/"+f.name, f.name, true
		sub.Source.Transform = map[string]string{"jsonPath": f.name}
		field.SubFields = append(field.SubFields, sub)
	}
	return field
}
