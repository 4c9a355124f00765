package media

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

// documentTypes are types of documents and the extensions by which their names end, of which the first is the usual one.
var documentTypes = []struct {
	mediaType  string
	extensions []string
	// looks is what http.DetectContentType takes such a document for.
	looks string
}{
	{"application/pdf", []string{".pdf"}, "application/pdf"},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", []string{".docx"}, zipType},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", []string{".xlsx"}, zipType},
	{"application/vnd.openxmlformats-officedocument.presentationml.presentation", []string{".pptx"}, zipType},
	{"application/vnd.oasis.opendocument.text", []string{".odt"}, zipType},
	{"application/vnd.oasis.opendocument.spreadsheet", []string{".ods"}, zipType},
	{"application/vnd.oasis.opendocument.presentation", []string{".odp"}, zipType},
	{"application/epub+zip", []string{".epub"}, zipType},
	{"application/zip", []string{".zip"}, zipType},
	{"application/msword", []string{".doc"}, unknownType},
	{"application/vnd.ms-excel", []string{".xls"}, unknownType},
	{"application/vnd.ms-powerpoint", []string{".ppt"}, unknownType},
	{"application/rtf", []string{".rtf"}, textType},
	{"text/plain", []string{".txt"}, textType},
	{"text/markdown", []string{".md", ".markdown"}, textType},
	{"text/csv", []string{".csv"}, textType},
	{"text/tab-separated-values", []string{".tsv"}, textType},
	{"application/json", []string{".json"}, textType},
	{"text/html", []string{".html", ".htm"}, "text/html"},
	{"application/xml", []string{".xml"}, "text/xml"},
	{unknownType, []string{".bin"}, unknownType},
}

const (
	zipType     = "application/zip"
	textType    = "text/plain"
	unknownType = "application/octet-stream"
)

// DocumentType returns the media type of a document by its first bytes, SniffLen of them where there are so many, and where these leave it
// open, by the extension of its name. It is "application/octet-stream" where neither tells.
func DocumentType(head []byte, name string) string {
	if mediaType := Sniff(head); mediaType != "" {
		return mediaType
	}
	looks, _, _ := strings.Cut(http.DetectContentType(head), ";")
	extension := strings.ToLower(path.Ext(name))
	named := unknownType
	for _, t := range documentTypes {
		// The library tells text by what is not in it, and HTML and XML by how they begin.
		fits := t.looks == looks || looks == textType && (t.looks == "text/html" || t.looks == "text/xml")
		for _, e := range t.extensions {
			if fits && e == extension {
				return t.mediaType
			}
		}
		if t.looks == looks && (named == unknownType || t.mediaType == looks) {
			named = t.mediaType
		}
	}
	if looks == zipType || looks == textType || looks == unknownType {
		// Nothing tells which of several it is.
		return looks
	}
	return named
}

// DocumentTypeByExtension returns the media type of a file name extension such as ".PDF", or "" when it is that of no document or picture
// that is known.
func DocumentTypeByExtension(ext string) string {
	for _, t := range documentTypes {
		if slices.Contains(t.extensions, strings.ToLower(ext)) {
			return t.mediaType
		}
	}
	return TypeByExtension(ext)
}

// DocumentExtension returns the usual extension of a type of documents or pictures, with its dot; ".bin" for one that is not known.
func DocumentExtension(mediaType string) string {
	for _, t := range documentTypes {
		if t.mediaType == mediaType {
			return t.extensions[0]
		}
	}
	return Extension(mediaType)
}

// textExtensions are those of documents that are pages, XML or JSON, and whose type is not among documentTypes.
var textExtensions = []string{
	".xhtml", ".xht", ".shtml", ".asp", ".aspx", ".cfm", ".jsp", ".php",
	".jsonl", ".ndjson", ".json5", ".jsonld", ".geojson", ".ipynb", ".har", ".log", ".yaml", ".yml",
	".xsd", ".xsl", ".xslt", ".xbrl", ".rss", ".atom", ".kml", ".gpx", ".tei", ".dita", ".fb2", ".opml", ".plist", ".musicxml", ".xliff", ".rdf",
}

// isExtension matches what may be an extension, and no part of a title.
var isExtension = regexp.MustCompile(`^\.[a-z0-9]{1,10}$`)

// BeginsAsText tells whether the document of a name may begin as HTML, XML or JSON; declared tells that the server itself declares such
// text. Of the older formats of offices that holds unless it is declared: programs save tables as HTML under their names. The same goes
// for extensions that are not known. Of titles and addresses, which have none, nothing can be said.
func BeginsAsText(name string, declared bool) bool {
	extension := strings.ToLower(path.Ext(name))
	if !isExtension.MatchString(extension) || strings.Contains(name, "://") || slices.Contains(textExtensions, extension) {
		return true
	}
	mediaType := DocumentTypeByExtension(extension)
	for _, t := range documentTypes {
		if t.mediaType != mediaType {
			continue
		}
		switch t.looks {
		case textType, "text/html", "text/xml":
			return true
		case unknownType:
			return !declared
		}
		return false
	}
	if strings.HasPrefix(mediaType, "image/") {
		return mediaType == "image/svg+xml"
	}
	return !declared
}
