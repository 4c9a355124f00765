package whole

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// commit commits a file with one asset to the export in a directory, and merges its tables where that is wanted.
func commit(t *testing.T, dir, id string, merge bool) {
	t.Helper()
	st, err := store.OwnDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := manifest.Open(t.Context(), st, manifest.Info{Version: "test", Source: `{"source.project":"true"}`, Sink: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.Commit(t.Context(), pipeline.Rows{
		Files: []*pipeline.FileRow{{File: pipeline.File{ID: id}, Status: pipeline.Complete}},
		Assets: []*pipeline.Row{{
			Asset: pipeline.Asset{FileID: pipeline.ID(id), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile}, File: &pipeline.File{ID: id},
			Status: pipeline.Stored, Content: pipeline.Content{Size: 1, MediaType: "image/jpeg"},
			Location: pipeline.Location{Path: "blobs/1c/" + id + "/page_screenshots/0.jpg"},
		}},
	})
	if err == nil && merge {
		err = ledger.Compact(t.Context())
	}
	if err := errors.Join(err, ledger.Close(), st.Close()); err != nil {
		t.Fatal(err)
	}
}

// inParts makes an export of three parts, of which the first two have a file each.
func inParts(t *testing.T) (out string) {
	t.Helper()
	out = t.TempDir()
	if err := os.WriteFile(filepath.Join(out, parts.PlanName), parts.New(3).Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, filepath.Join(out, "parts", "part=0000"), "a", true)
	commit(t, filepath.Join(out, "parts", "part=0001"), "b", false)
	return out
}

// pathsOf returns where the blobs of an export are, and what its opening logs.
func pathsOf(t *testing.T, out string) (paths []string, logged string) {
	t.Helper()
	var log bytes.Buffer
	r, err := Open(t.Context(), out, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := manifest.OpenSnapshot(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range snapshot.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, row.Location.Path)
	}
	if err := errors.Join(snapshot.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	return paths, log.String()
}

// merge merges the parts of an export, as far as they have tables.
func merge(t *testing.T, out string) {
	t.Helper()
	e, err := OpenParts(t.Context(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	states, err := e.States(t.Context(), e.Folders())
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, folder := range e.Folders() {
		if states[folder] != "" {
			folders = append(folders, folder)
		}
	}
	st, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := e.Merge(t.Context(), folders, manifest.Info{Version: "test", Source: "{}"}, st.Spool)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tables.Put(t.Context(), st), tables.Close(), st.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
}

// Merged or not, the parts are read as one export; who reads it is told what the tables are of.
func TestOpen_Parts_AreOneExport(t *testing.T) {
	out := inParts(t)
	const both = "parts/part=0000/blobs/1c/a/page_screenshots/0.jpg parts/part=0001/blobs/1c/b/page_screenshots/0.jpg"
	if paths, logged := pathsOf(t, out); strings.Join(paths, " ") != both || !strings.Contains(logged, "are not merged") {
		t.Errorf("before a merge: %q, and the log says %s", paths, logged)
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 2 {
		t.Errorf("reading left %v, %v", entries, err)
	}
	merge(t, out)
	if paths, logged := pathsOf(t, out); strings.Join(paths, " ") != both || logged != "" {
		t.Errorf("merged: %q, and the log says %s", paths, logged)
	}
	commit(t, filepath.Join(out, "parts", "part=0002"), "c", true)
	commit(t, filepath.Join(out, "parts", "part=0000"), "d", false)
	if paths, logged := pathsOf(t, out); strings.Join(paths, " ") != both || !strings.Contains(logged, "exporter merge "+out+" brings it up to date\" parts=2") {
		t.Errorf("after other commits: %q, and the log says %s", paths, logged)
	}
	merge(t, out)
	if paths, logged := pathsOf(t, out); len(paths) != 4 || logged != "" {
		t.Errorf("merged again: %q, and the log says %s", paths, logged)
	}
	if err := os.RemoveAll(filepath.Join(out, "parts", "part=0002")); err != nil {
		t.Fatal(err)
	}
	if paths, logged := pathsOf(t, out); len(paths) != 4 || !strings.Contains(logged, "are not there any more") || strings.Contains(logged, "committed") {
		t.Errorf("without a part: %q, and the log says %s", paths, logged)
	}
}

// Who reads what is of one file is told of the part alone that has it, and who has no log asks no part.
func TestOpenOf_OtherPartCommitted_IsNoMatter(t *testing.T) {
	out := inParts(t)
	merge(t, out)
	e, err := OpenParts(t.Context(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := pipeline.FileKey{FileID: "a"}
	own := e.Plan.Of(key)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	logged := func() string {
		t.Helper()
		var log bytes.Buffer
		r, err := OpenOf(t.Context(), out, func(p parts.Plan) int { return p.Of(key) }, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	commit(t, filepath.Join(out, "parts", parts.Name((own+1)%3)), "c", true)
	if text := logged(); text != "" {
		t.Errorf("after a commit of another part: %s", text)
	}
	commit(t, filepath.Join(out, "parts", parts.Name(own)), "d", true)
	if text := logged(); !strings.Contains(text, "parts=1") {
		t.Errorf("after a commit of its part: %s", text)
	}
}

// What is not in parts is read as it is.
func TestOpen_PlainExport_IsItself(t *testing.T) {
	out := t.TempDir()
	commit(t, out, "a", true)
	if paths, logged := pathsOf(t, out); strings.Join(paths, " ") != "blobs/1c/a/page_screenshots/0.jpg" || logged != "" {
		t.Errorf("%q, and the log says %s", paths, logged)
	}
	if _, err := OpenParts(t.Context(), out, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenParts: %v, want fs.ErrNotExist", err)
	}
}

// Folders are those of the plan, and then what was moved there; a name that readers of tables would take for a column is refused.
func TestOpenParts_Folders_AreThoseOfThePlan(t *testing.T) {
	out := inParts(t)
	for _, name := range []string{"before", ".hidden", "part=0009"} {
		if err := os.Mkdir(filepath.Join(out, "parts", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	e, err := OpenParts(t.Context(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(e.Folders(), " "), "part=0000 part=0001 part=0002 before"; got != want {
		t.Errorf("Folders = %s, want %s", got, want)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(out, "parts", "file_id=a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenParts(t.Context(), out, nil); !isFolderError(err, "file_id=a") {
		t.Errorf("OpenParts: %v, want a *FolderError of file_id=a", err)
	}
}

func isFolderError(err error, name string) bool {
	e, ok := errors.AsType[*FolderError](err)
	return ok && e.Name == name
}

// Tables that are fetched are those of the export, of one moment, and nothing else of it.
func TestFetch_Tables_AreThoseOfTheExport(t *testing.T) {
	out := t.TempDir()
	commit(t, out, "a", true)
	commit(t, out, "b", false)
	dir, err := store.OpenDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	want, err := manifest.State(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	missed := 0
	f, err := fetch(t.Context(), missing{dir, func(key string) bool {
		missed++
		return missed == 1
	}})
	if err != nil || missed < 2 {
		t.Fatal(missed, err)
	}
	if got, err := manifest.State(t.Context(), f); got != want || err != nil {
		t.Errorf("the state is %q, %v, want %q", got, err, want)
	}
	snapshot, err := manifest.OpenSnapshot(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, err := range snapshot.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	if rows != 2 {
		t.Errorf("%d rows, want 2", rows)
	}
	if _, err := f.Open(t.Context(), "run.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is no table: %v, want fs.ErrNotExist", err)
	}
	if err := errors.Join(snapshot.Close(), f.Close()); err != nil {
		t.Error(err)
	}
}

// missing is a reader of which some tables go while they are fetched.
type missing struct {
	store.Reader
	isGone func(key string) bool
}

// Open implements store.Reader.
func (m missing) Open(ctx context.Context, key string) (store.Object, error) {
	if m.isGone(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	return m.Reader.Open(ctx, key)
}
