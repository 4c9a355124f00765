package place

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"exporter/internal/store"
)

func TestPlace_Join_AndOuter(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, joined, outer string }{
		{"s3://bucket/a/b", "s3://bucket/a/b/parts/part=0003", "s3://bucket/a/b"},
		{"s3://bucket", "s3://bucket/parts/part=0003", "s3://bucket"},
		{"gs://bucket/a", "gs://bucket/a/parts/part=0003", "gs://bucket/a"},
		{"out", filepath.Join("out", "parts", "part=0003"), filepath.Join(here, "out")},
		{".", filepath.Join("parts", "part=0003"), here},
	} {
		p, err := Parse(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		joined := p.Join("parts/part=0003")
		if got := joined.String(); got != tt.joined {
			t.Errorf("%s joined is %s, want %s", tt.text, got, tt.joined)
		}
		if _, err := Parse(joined.String()); err != nil {
			t.Errorf("%s joined: %v", tt.text, err)
		}
		outer, names, ok := joined.Outer(2)
		if !ok || outer.String() != tt.outer || names[0] != "parts" || names[1] != "part=0003" {
			t.Errorf("around %v is %v with %q, %v, want %s", joined, outer, names, ok, tt.outer)
		}
	}
	if p, _ := Parse("s3://bucket/a"); p.IsBucket() {
		if outer, _, ok := p.Outer(2); ok {
			t.Errorf("two folders around %v is %v, want none", p, outer)
		}
	}
}

func TestCreateOnce_ReadObject_InADirectory(t *testing.T) {
	at := filepath.Join(t.TempDir(), "a", "once")
	if _, err := ReadObject(t.Context(), at, 10, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v, want fs.ErrNotExist", err)
	}
	if err := CreateOnce(t.Context(), at, []byte("first"), Options{}); err != nil {
		t.Fatal(err)
	}
	if err := CreateOnce(t.Context(), at, []byte("second"), Options{}); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second time: %v, want store.ErrExists", err)
	}
	if got, err := ReadObject(t.Context(), at, 5, Options{}); err != nil || string(got) != "first" {
		t.Errorf("it holds %q, %v, want first", got, err)
	}
	if got, err := ReadObject(t.Context(), at, 4, Options{}); err == nil {
		t.Errorf("more than is wanted: %q, want an error", got)
	}
	if _, err := OpenObject(t.Context(), filepath.Dir(at), Options{}); !errors.Is(err, store.ErrNotRegular) {
		t.Errorf("a directory: %v, want store.ErrNotRegular", err)
	}
}

func TestWriteObject_InADirectory_IsWholeOrNothing(t *testing.T) {
	folder := t.TempDir()
	at := filepath.Join(folder, "list")
	write := func(text string, failure error) error {
		return WriteObject(context.Background(), at, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, failure)
		}, Options{})
	}
	broken := errors.New("broken")
	if err := write("half", broken); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("a failure left %v, %v", entries, err)
	}
	for _, text := range []string{"old", "new"} {
		if err := write(text, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := write("half", broken); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	if got, err := os.ReadFile(at); err != nil || string(got) != "new" {
		t.Errorf("it holds %q, %v, want new", got, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("there are %v, %v, want the list alone", entries, err)
	}
}

// Whoever could not read the old file cannot read the new one.
func TestWriteObject_InADirectory_KeepsPermissions(t *testing.T) {
	at := filepath.Join(t.TempDir(), "list")
	for _, want := range []os.FileMode{0o600, 0o666, 0o444} {
		if err := errors.Join(os.WriteFile(at, nil, 0o600), os.Chmod(at, want)); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteObject(t.Context(), at, func(w io.Writer) error { return nil }, Options{}); err != nil {
			t.Fatal(err)
		}
		if after, err := os.Stat(at); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%v, %v, want %v", after, err, before.Mode())
		}
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
	}
}

// What a killed writer has left is gone with the next one; what others have there stays.
func TestWriteObject_InADirectory_RemovesWhatWasLeft(t *testing.T) {
	folder := t.TempDir()
	write := func(name string) {
		t.Helper()
		err := WriteObject(t.Context(), filepath.Join(folder, name), func(w io.Writer) error {
			entries, err := os.ReadDir(folder)
			for _, e := range entries {
				// A copy is what SIGKILL would leave.
				if e.Name()[0] == '.' {
					err = errors.Join(err, os.WriteFile(filepath.Join(folder, e.Name()+"X"), nil, 0o600))
				}
			}
			return err
		}, Options{})
		if err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	if err := os.WriteFile(filepath.Join(folder, ".exporter-other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteObject(t.Context(), filepath.Join(folder, "a"), func(io.Writer) error { return nil }, Options{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Contains(names, ".exporter-other") || !slices.Contains(names, "a") || len(names) != 2 {
		t.Errorf("there are %q, want what others have, and no file that was left of a", names)
	}
}

func TestOpenObject_ABucketByItself_SaysWhatToDo(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("AWS_REGION", "us-east-1")
	if _, err := OpenObject(t.Context(), "s3://bucket", Options{}); !isError(err) {
		t.Errorf("%v, want an *Error", err)
	}
}

func isError(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}
