package sinks

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"exporter/internal/media"
	"exporter/internal/parts"
	"exporter/pipeline"
)

const (
	// maxName is the longest name, in bytes, that every file system takes: one that encrypts names takes no more.
	maxName = 143
	// maxStem is the longest stem before its suffixes: what tells cut names apart, what tells a version from the one before, and
	// the longest extension.
	maxStem = maxName - (1 + 2*longHash) - (2 + 2*versionHash) - len(longestExtension)
	// longestExtension is one of the longest that are kept.
	longestExtension = ".heics"
	// These are the bytes of hashes that are in names, each as two digits.
	shortHash, longHash, versionHash = 4, 16, 4

	screenshotsDir, figuresDir = "page_screenshots", "page-figures"
)

// pagedDirs are the folders, for each origin, of pictures that are called by their names, in a folder for each page; documentDirs are those
// of documents.
var (
	pagedDirs = map[pipeline.Origin]map[pipeline.Kind]string{
		pipeline.OriginFile:       {pipeline.Figure: figuresDir},
		pipeline.OriginAttachment: {pipeline.Screenshot: "attachments", pipeline.Figure: "attachment-figures"},
		pipeline.OriginParse:      {pipeline.Screenshot: "parse", pipeline.Figure: "parse-figures"},
	}
	documentDirs = map[pipeline.Origin]string{
		pipeline.OriginFile: "document", pipeline.OriginAttachment: "attachment-document", pipeline.OriginParse: "parse-document",
	}
)

// versionName returns the path of an asset's blob below a folder for blobs, with '/' as separator. Assets with
// different keys have different names, also where case is folded; every part is a plain file name on every system. A blob that takes
// the place of another, which prior leads to, has another name, and so has one of another generation; "" is none.
func versionName(a *pipeline.Asset, c *pipeline.Content, prior *pipeline.Location, generation string) string {
	name := PlainName(a, c.MediaType)
	before := ""
	if prior != nil {
		before = prior.Path
		if prior.Shard != nil {
			before = prior.Shard.Member
		}
	}
	plain := name
	if generation != "" {
		plain = withVersion(name, generation)
	}
	if before == "" || generation != "" && path.Base(plain) != path.Base(before) {
		return plain
	}
	version := withVersion(name, hex.EncodeToString(c.SHA256[:versionHash]))
	if path.Base(version) == path.Base(before) {
		return plain
	}
	return version
}

// withVersion appends what tells a blob from others of its asset to the stem of a name. No stem has '~v' otherwise.
func withVersion(name, version string) string {
	extension := path.Ext(name)
	return strings.TrimSuffix(name, extension) + "~v" + version + extension
}

// PlainName returns the path of an asset's blob below a folder for blobs, where it takes the place of no other: versionName without that.
func PlainName(a *pipeline.Asset, mediaType string) string {
	folder, page := idName(ownerOf(a)), strconv.Itoa(int(a.PageIndex))
	origin := cmp.Or(a.Origin, pipeline.OriginFile)
	name := a.Detail().UpstreamName
	if origin == pipeline.OriginFile && a.Kind == pipeline.Figure {
		name = a.FigureName
	}
	switch {
	case a.Kind == pipeline.Document:
		return folder + "/" + documentDirs[origin] + "/" + documentName(name, mediaType)
	case origin == pipeline.OriginFile && a.Kind == pipeline.Screenshot:
		return folder + "/" + screenshotsDir + "/" + page + media.Extension(mediaType)
	}
	return folder + "/" + pagedDirs[origin][a.Kind] + "/" + page + "/" + figureName(name, mediaType)
}

// ownerOf returns the id by which the folder of an asset's blob is called: that of its parse job, or of its file.
func ownerOf(a *pipeline.Asset) pipeline.ID { return cmp.Or(a.JobID, a.FileID) }

// fanOut returns the folder of the local sink that has the folder of a file or a parse job, with a '/' behind it.
func fanOut(id pipeline.ID) string {
	sum := sha256.Sum256([]byte(id))
	return LocalDir + "/" + hex.EncodeToString(sum[:1]) + "/"
}

// FolderOf returns the prefix of all blobs of the file, or the parse job, to which the blob of the local sink with a path belongs; "" where there
// is none. Earlier versions had the folders of all files in one.
func FolderOf(name string) string {
	part, name := parts.Cut(name)
	elements := strings.SplitN(name, "/", 4)
	switch {
	case len(elements) < 3 || elements[0] != LocalDir:
		return ""
	case len(elements) < 4 || len(elements[1]) != 2 || elements[2] == screenshotsDir || elements[2] == figuresDir:
		return part + elements[0] + "/" + elements[1] + "/"
	}
	return part + elements[0] + "/" + elements[1] + "/" + elements[2] + "/"
}

// IsBlob tells whether a path can be that of an object of the local sink, in this export or in a part of it.
func IsBlob(name string) bool {
	_, rest := parts.Cut(name)
	return fs.ValidPath(name) && isOwnBlob(rest)
}

// isOwnBlob is IsBlob of this export alone: what is in a part belongs to whoever owns that.
func isOwnBlob(name string) bool { return fs.ValidPath(name) && strings.HasPrefix(name, LocalDir+"/") }

// IsBlobName tells whether a path is one that the local sink, today's or that of an earlier version, gives to an object of this export.
func IsBlobName(name string) bool {
	below, ok := strings.CutPrefix(name, FolderOf(name))
	if !ok || !isOwnBlob(name) || len(below) == len(name) {
		return false
	}
	elements := strings.Split(below, "/")
	base := elements[len(elements)-1]
	extension := path.Ext(base)
	stem := strings.TrimSuffix(base, extension)
	if stem == "" || media.TypeByExtension(extension) == "" && extension != media.Extension("") {
		return len(elements) == 2 && isDocumentName(elements[0], stem, extension)
	}
	switch {
	case len(elements) == 2 && elements[0] == screenshotsDir:
		page, version, isVersion := strings.Cut(stem, "~v")
		return isPage(page) && (!isVersion || len(version) == 2*versionHash)
	case len(elements) == 2:
		return isDocumentName(elements[0], stem, extension)
	case len(elements) == 3 && isPagedDir(elements[0]):
		return isPage(elements[1]) && isStem(stem)
	}
	return false
}

// isDocumentName tells whether documentName makes such a stem and extension, in such a folder.
func isDocumentName(folder, stem, extension string) bool {
	return slices.Contains(slices.Collect(maps.Values(documentDirs)), folder) && isStem(stem) &&
		media.DocumentTypeByExtension(extension) != ""
}

func isPagedDir(folder string) bool {
	for _, byKind := range pagedDirs {
		for _, name := range byKind {
			if name == folder {
				return true
			}
		}
	}
	return false
}

func isPage(text string) bool {
	page, err := strconv.ParseInt(text, 10, 32)
	return err == nil && strconv.FormatInt(page, 10) == text
}

// isStem tells whether fileName makes such a stem.
func isStem(stem string) bool {
	return stem != "" && !strings.ContainsFunc(stem, func(r rune) bool { return !isOfStem(r) })
}

// isOfStem tells whether escape and the suffixes make such a letter.
func isOfStem(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'F' || strings.ContainsRune("_-%~", r)
}

// idName returns the directory name of a file's blobs. Ids have harmless characters only, but may differ in case alone.
func idName(id pipeline.ID) string {
	raw := string(id)
	name := raw
	// Windows takes a name for a device by what is before its first dot.
	if base, _, _ := strings.Cut(raw, "."); isDevice(base) {
		name = base + suffix(raw) + raw[len(base):]
	}
	if raw[0] == '.' || raw[len(raw)-1] == '.' || name == raw && raw != strings.ToLower(raw) {
		name += suffix(raw)
	}
	return name
}

// figureName returns the file name of a picture that has a name.
func figureName(raw, mediaType string) string {
	return fileName(raw, mediaType, media.Extension(mediaType), media.TypeByExtension)
}

// documentName returns the file name of a document.
func documentName(raw, mediaType string) string {
	return fileName(raw, mediaType, media.DocumentExtension(mediaType), media.DocumentTypeByExtension)
}

// fileName returns the file name of what has a name: a stem without any dot, and an extension that fits the media type, its own one or
// the usual one.
func fileName(raw, mediaType, usual string, typeOf func(extension string) string) string {
	stem, ext := raw, usual
	listed := ""
	if dot := strings.LastIndexByte(raw, '.'); dot >= 0 && len(raw)-dot <= len(longestExtension) {
		if t := typeOf(raw[dot:]); t != "" && t == mediaType {
			stem, listed = raw[:dot], raw[dot:]
			ext = strings.ToLower(listed)
		}
	}
	safe := escape(stem)
	if safe == stem && stem != "" && len(safe) <= maxStem && !isDevice(stem) && listed == ext {
		return safe + ext
	}
	if len(safe) > maxStem {
		return cut(safe) + longSuffix(raw) + ext
	}
	return safe + suffix(raw) + ext
}

// escape replaces every byte but a-z, 0-9, '_' and '-' by '%' and two hex digits.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// cut shortens an escaped stem to maxStem bytes without leaving half an escape.
func cut(escaped string) string {
	end := maxStem
	if i := strings.LastIndexByte(escaped[:end], '%'); i > end-3 {
		end = i
	}
	return escaped[:end]
}

// suffix tells names apart whose safe forms are alike where case is folded. No safe form of a whole name contains its '~'.
func suffix(raw string) string { return hashSuffix(raw, shortHash) }

// longSuffix tells names apart of which the safe forms were cut: nothing else does, so that nobody must be able to find
// two names with the same.
func longSuffix(raw string) string { return hashSuffix(raw, longHash) }

func hashSuffix(raw string, bytes int) string {
	sum := sha256.Sum256([]byte(raw))
	return "~" + hex.EncodeToString(sum[:bytes])
}

// isDevice tells whether Windows takes the name for a device, in any case.
func isDevice(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "con", "prn", "aux", "nul":
		return true
	}
	port, isPort := strings.CutPrefix(name, "com")
	if !isPort {
		port, isPort = strings.CutPrefix(name, "lpt")
	}
	return isPort && len(port) == 1 && '0' <= port[0] && port[0] <= '9'
}
