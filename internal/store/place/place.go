package place

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Place is where an export, or a dataset, lives: a directory, or what is below a prefix of a bucket. The zero value is none.
type Place struct {
	// path is that of a directory; bucket and prefix are empty then.
	path string
	// scheme is the kind of a bucket, bucket its name, and prefix has no slash at its ends; it may be empty.
	scheme, bucket, prefix string
}

// Error says why a text names no place.
type Error struct {
	// Problem says what is wrong, Remedy what to do; it is empty where the problem says that.
	Problem, Remedy string
	// Err is the cause, for errors.Is; it may be nil.
	Err error
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Problem
	}
	return e.Problem + " (" + e.Remedy + ")"
}

const (
	// These are the schemes of the buckets that are known: of stores that speak the protocol of S3, of Google and of Azure.
	s3Scheme, gsScheme, azScheme = "s3", "gs", "az"
	// maxSegment is the most bytes between two slashes that every store takes, and maxPrefix leaves room for the keys of an export within
	// the 1024 bytes that a key may have.
	maxSegment, maxPrefix = 255, 512
)

// Parse reads the path of a directory, or the URL of a bucket: s3://BUCKET or s3://BUCKET/PREFIX, or the same with gs or az. What looks like another URL is refused: a
// directory that is called so has ./ before it. An error is an *Error.
func Parse(text string) (Place, error) {
	for _, scheme := range []string{s3Scheme, gsScheme, azScheme} {
		if rest, ok := strings.CutPrefix(text, scheme+"://"); ok {
			return parseBucket(text, scheme, rest)
		}
	}
	if before, ok := addressScheme(text); ok {
		return Place{}, unknownAddress(before, text)
	}
	switch {
	case text == "":
		return Place{}, &Error{Problem: "the path is empty"}
	case strings.ContainsRune(text, 0):
		return Place{}, &Error{Problem: "the path holds a NUL byte"}
	case text == "~" || strings.HasPrefix(text, "~/"):
		return Place{}, &Error{Problem: quote(text) + ": only a shell knows what ~ means; write the path in full"}
	}
	return Place{path: text}, nil
}

// remoteAddress matches a URL, one that has lost a slash, and what programs for copying take for a host and a path. A drive of
// Windows has one letter.
var remoteAddress = regexp.MustCompile(`^([A-Za-z][0-9A-Za-z+.-]+):/`)

// addressScheme returns what is before the colon of a text that looks like an address.
func addressScheme(text string) (scheme string, ok bool) {
	if m := remoteAddress.FindStringSubmatch(text); m != nil {
		return m[1], true
	}
	return "", false
}

// unknownAddress says what to do in place of giving an address of a kind that is not known.
func unknownAddress(before, text string) *Error {
	quoted := quote(text)
	if strings.Contains(text, "@") {
		// A password may be before it.
		quoted = before + "://…"
	}
	e := &Error{Problem: quoted + " is an address, not a directory"}
	switch strings.ToLower(before) {
	case "s3", "s3a", "s3n":
		e.Problem = quoted + " is not how a bucket is named"
		e.Remedy = "write s3://BUCKET/PREFIX"
	case "gs", "gcs":
		e.Problem = quoted + " is not how a bucket is named"
		e.Remedy = "write gs://BUCKET/PREFIX"
	case "az", "azure", "abfs", "abfss", "wasb", "wasbs", "adl":
		e.Problem = quoted + " is not how a container is named"
		e.Remedy = "write az://CONTAINER/PREFIX, and set AZURE_STORAGE_ACCOUNT"
	case "http", "https":
		e.Remedy = "a bucket is s3://BUCKET/PREFIX, and AWS_ENDPOINT_URL says where it is; gs://BUCKET/PREFIX and az://CONTAINER/PREFIX are known as well"
	case "file":
		e.Remedy = "name the directory by its path alone"
	default:
		e.Remedy = "name a directory, or a bucket as s3://BUCKET/PREFIX; a directory that is called so is ./" + quoted
	}
	return e
}

func parseBucket(text, scheme, rest string) (Place, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	if strings.Contains(bucket, "@") {
		return Place{}, &Error{
			Problem: "the URL of the bucket has a name and a password in it, which everybody would see",
			Remedy: map[string]string{
				s3Scheme: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", gsScheme: "set GOOGLE_APPLICATION_CREDENTIALS",
				azScheme: "write az://CONTAINER/PREFIX, and set AZURE_STORAGE_ACCOUNT",
			}[scheme],
		}
	}
	if problem := checkBucket(bucket); problem != "" {
		return Place{}, &Error{
			Problem: quote(text) + ": " + problem,
			Remedy:  "a bucket has 3 to 63 lower case letters, digits, dots and hyphens; write " + scheme + "://BUCKET/PREFIX",
		}
	}
	prefix = strings.TrimSuffix(prefix, "/")
	if problem := checkPrefix(prefix); problem != "" {
		return Place{}, &Error{Problem: quote(text) + ": " + problem, Remedy: "give it a prefix of plain names with one slash between them"}
	}
	return Place{scheme: scheme, bucket: bucket, prefix: prefix}, nil
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkBucket returns what is wrong with the name of a bucket, or "".
func checkBucket(name string) string {
	switch {
	case name == "":
		return "no bucket is named"
	case !bucketName.MatchString(name) || strings.Contains(name, ".."):
		return quote(name) + " is no name of a bucket"
	}
	return ""
}

// checkPrefix returns what is wrong with the prefix of an export in a bucket, or "". Stores differ in what they make of such.
func checkPrefix(prefix string) string {
	if prefix == "" {
		return ""
	}
	isControl := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	switch {
	case !utf8.ValidString(prefix):
		return "the prefix is no valid UTF-8"
	case strings.ContainsFunc(prefix, isControl):
		return "the prefix has a control character"
	case strings.ContainsRune(prefix, '\\'):
		return "the prefix has a backslash"
	case len(prefix) > maxPrefix:
		return fmt.Sprintf("the prefix has %d bytes, want %d at most", len(prefix), maxPrefix)
	}
	for segment := range strings.SplitSeq(prefix, "/") {
		switch {
		case segment == "":
			return "the prefix has two slashes in a row"
		case segment == "." || segment == "..":
			return "the prefix has " + quote(segment) + " between its slashes"
		case len(segment) > maxSegment:
			return fmt.Sprintf("the prefix has %d bytes between two slashes, want %d at most", len(segment), maxSegment)
		}
	}
	return ""
}

// IsBucket tells whether it is in a bucket.
func (p Place) IsBucket() bool { return p.bucket != "" }

// IsBucket tells whether a text names a place in a bucket.
func IsBucket(text string) bool {
	p, err := Parse(text)
	return err == nil && p.IsBucket()
}

// String returns the text that Parse reads, without what means nothing.
func (p Place) String() string {
	switch {
	case !p.IsBucket():
		return p.path
	case p.prefix == "":
		return p.scheme + "://" + p.bucket
	}
	return p.scheme + "://" + p.bucket + "/" + p.prefix
}

// Absolute returns the text that names the place from everywhere.
func (p Place) Absolute() (string, error) {
	if p.IsBucket() {
		return p.String(), nil
	}
	return filepath.Abs(p.path)
}

// Folders returns the names of the folders that lead to the place, from the topmost to its own.
func (p Place) Folders() ([]string, error) {
	path := p.prefix
	if !p.IsBucket() {
		absolute, err := filepath.Abs(p.path)
		if err != nil {
			return nil, err
		}
		path = filepath.ToSlash(absolute)
	}
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" }), nil
}

// errNoDirectory says that a place in a bucket has no path.
var errNoDirectory = errors.New("it is in a bucket, not a directory")

// Path returns the path of a directory. A place in a bucket has none.
func (p Place) Path() (string, error) {
	if p.IsBucket() {
		return "", fmt.Errorf("%v: %w", p, errNoDirectory)
	}
	return p.path, nil
}

// quote returns text in quotes for a message, cut short where it is long.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		return strconv.Quote(strings.ToValidUTF8(text[:most], "")) + "…"
	}
	return strconv.Quote(text)
}

// QuotePath returns a path as it may be pasted into a command line.
func QuotePath(path string) string {
	isPlain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._=:-+@", r)
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !isPlain(r) }) {
		return strconv.Quote(path)
	}
	return path
}
