package place

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/store"
)

func TestParse_KnowsWhatIsWhat(t *testing.T) {
	long := strings.Repeat("x", maxSegment)
	for _, tt := range []struct{ text, want string }{
		{"export", "export"}, {"./s3://bucket", "./s3://bucket"}, {"/data/s3:/x", "/data/s3:/x"}, {`C:/data`, `C:/data`}, {`C:\data`, `C:\data`},
		{"a:b", "a:b"}, {"2024-01-01T00:00/x", "2024-01-01T00:00/x"}, {"a//b/", "a//b/"},
		{"s3://bucket", "s3://bucket"}, {"s3://bucket/", "s3://bucket"}, {"s3://bucket/prefix/", "s3://bucket/prefix"},
		{"s3://my.bucket-1/a b/ü%~+?#=@/c", "s3://my.bucket-1/a b/ü%~+?#=@/c"}, {"s3://bucket/" + long, "s3://bucket/" + long},
		{"s3://bucket/...", "s3://bucket/..."}, {"gs://bucket/a/", "gs://bucket/a"}, {"az://container/a", "az://container/a"},
	} {
		p, err := Parse(tt.text)
		if err != nil || p.String() != tt.want || p.IsBucket() != (strings.HasPrefix(tt.text, "s3://") || strings.HasPrefix(tt.text, "gs://") || strings.HasPrefix(tt.text, "az://")) {
			t.Errorf("Parse(%q) = %q (in a bucket: %t), %v, want %q", tt.text, p, p.IsBucket(), err, tt.want)
		}
	}
}

// What is no place says so, and what to do. No address becomes the name of a folder.
func TestParse_NoPlace_SaysWhatToDo(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "the path is empty"},
		{"a\x00b", "NUL"},
		{"~", "write the path in full"},
		{"~/export", "write the path in full"},
		{"S3://b", "write s3://BUCKET/PREFIX"},
		{"s3:/bucket", "write s3://BUCKET/PREFIX"},
		{"s3a://bucket/x", "write s3://BUCKET/PREFIX"},
		{"gs://b/p", "write gs://BUCKET/PREFIX"},
		{"gcs://bucket/p", "write gs://BUCKET/PREFIX"},
		{"gs://bucket//x", "two slashes in a row"},
		{"abfss://c@a.dfs.core.windows.net/x", "write az://CONTAINER/PREFIX"},
		{"wasb://c/x", "write az://CONTAINER/PREFIX"}, {"az://c/x", "is no name of a bucket"},
		{"https://host/x", "AWS_ENDPOINT_URL says where it is"},
		{"file:///tmp/x", "by its path alone"},
		{"host:/path", `a directory that is called so is ./"host:/path"`},
		{"ftp://host/x", `a directory that is called so is ./"ftp://host/x"`},
		{"s3://", "no bucket is named"},
		{"s3:///prefix", "no bucket is named"},
		{"s3://ab/x", "is no name of a bucket"},
		{"s3://Bucket/x", "is no name of a bucket"},
		{"s3://a..b/x", "is no name of a bucket"},
		{"s3://bucket-/x", "is no name of a bucket"},
		{"s3://" + strings.Repeat("b", 64), "is no name of a bucket"},
		{"s3://bucket//x", "two slashes in a row"},
		{"s3://bucket/a//x", "two slashes in a row"},
		{"s3://bucket/a//", "two slashes in a row"},
		{"s3://bucket/a/../x", `the prefix has ".."`},
		{"s3://bucket/./x", `the prefix has "."`},
		{"s3://bucket/a\nb", "a control character"},
		{"s3://bucket/a\u0085b", "a control character"},
		{"s3://bucket/a\u2028b", "a control character"},
		{"s3://bucket/a\xff", "no valid UTF-8"},
		{`s3://bucket/a\b`, "a backslash"},
		{"s3://bucket/" + strings.Repeat("x", maxSegment+1), "between two slashes"},
		{"s3://bucket/" + strings.Repeat("x/", maxPrefix), "want 512 at most"},
	} {
		p, err := Parse(tt.text)
		if _, ok := errors.AsType[*Error](err); !ok || p != (Place{}) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %q, error %v, want one that says %q", tt.text, p, err, tt.want)
		}
	}
}

// A URL may have a password in it, which no message shows.
func TestParse_Password_IsNotShown(t *testing.T) {
	for _, text := range []string{"s3://AKIA:sesame@bucket/x", "https://me:sesame@host/x", "ftp://me:sesame@host/x", "S3://me:sesame@b", "gs://me:sesame@bucket/x"} {
		if _, err := Parse(text); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("Parse(%q): %v, want an error without the password", text, err)
		}
	}
}

func TestSame_Places(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("there", 0o700); err != nil {
		t.Fatal(err)
	}
	// Not everybody may make links everywhere.
	linked := os.Symlink("there", "link") == nil
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "./a/", true}, {"a", "b/../a", true}, {"a", filepath.Join(here, "a"), true}, {"there", "link", linked},
		{"a", "b", false}, {"a", "a/b", false}, {"there", "a", false},
		{"s3://bucket/a", "s3://bucket/a/", true}, {"s3://bucket", "s3://bucket/", true}, {"s3://bucket/a", "s3://bucket/b", false},
		{"s3://bucket/a", "./s3:/bucket/a", false}, {"s3://bucket/a", "s3://other/a", false},
	} {
		if got := Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestWithin_Places(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		inner, outer string
		want         bool
	}{
		{"a/b", "a", true}, {"a", "a", true}, {"a/../b", "a", false}, {"ab", "a", false}, {"a", "a/b", false}, {"..a", ".", true},
		{"s3://bucket/a/b", "s3://bucket/a", true}, {"s3://bucket/a/", "s3://bucket/a", true}, {"s3://bucket/ab", "s3://bucket/a", false},
		{"s3://bucket/a", "s3://bucket", true}, {"s3://bucket", "s3://bucket/a", false}, {"s3://bucket/a", "a", false}, {"a", "s3://bucket", false},
	} {
		if got := IsWithin(tt.inner, tt.outer); got != tt.want {
			t.Errorf("IsWithin(%q, %q) = %v, want %v", tt.inner, tt.outer, got, tt.want)
		}
	}
}

func TestFolders_LeadThere(t *testing.T) {
	t.Chdir(t.TempDir())
	for text, want := range map[string]string{"a/size=1/b": "a/size=1/b", "s3://bucket/x/size=1": "x/size=1", "s3://bucket": ""} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		folders, err := p.Folders()
		if got := strings.Join(folders, "/"); err != nil || !strings.HasSuffix(got, want) || p.IsBucket() && got != want {
			t.Errorf("folders of %q are %q, %v, want them to end in %q", text, got, err, want)
		}
	}
}

// A directory is opened as it always was.
func TestPlace_Directory_IsOwnedOnce(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "out")
	if _, err := Open(ctx, path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is missing: got error %v, want %v", err, fs.ErrNotExist)
	}
	if isNew, err := IsNew(ctx, path); !isNew || err != nil {
		t.Errorf("what is missing is new: %t, %v", isNew, err)
	}
	s, err := Own(ctx, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Own(ctx, path, Options{}); !errors.Is(err, store.ErrOwned) {
		t.Errorf("own it again: got error %v, want %v", err, store.ErrOwned)
	}
	if err := store.PutBytes(ctx, s, "x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if owned, err := IsOwned(ctx, path); owned != want || err != nil {
			t.Errorf("it is owned: %t, %v, want %t", owned, err, want)
		}
		if err := s.Close(); want && err != nil {
			t.Fatal(err)
		}
	}
	if isNew, err := IsNew(ctx, path); isNew || err != nil {
		t.Errorf("what was owned is new: %t, %v", isNew, err)
	}
	r, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := store.ReadBytes(ctx, r, "x", 10); string(b) != "y" || err != nil {
		t.Errorf("it holds %q, %v, want y", b, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// What names no place is opened by nobody.
func TestPlace_NoPlace_IsNotOpened(t *testing.T) {
	ctx, text := t.Context(), "gs://bucket/x"
	t.Chdir(t.TempDir())
	_, openErr := Open(ctx, text)
	_, ownErr := Own(ctx, text, Options{})
	_, newErr := IsNew(ctx, text)
	_, ownedErr := IsOwned(ctx, text)
	for _, err := range []error{openErr, ownErr, newErr, ownedErr} {
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("got error %v, want one that says that it is no place", err)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("there is %v, %v, want nothing", entries, err)
	}
}
