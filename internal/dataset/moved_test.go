package dataset

import (
	"errors"
	"fmt"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// inBucket returns an export in a bucket, before its first run.
func inBucket(t *testing.T) (*testExport, *buckettest.Server) {
	t.Helper()
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range []string{
		"AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	} {
		t.Setenv(name, b.Variable(name))
	}
	return &testExport{t, local, "s3://" + b.Bucket + "/some"}, b
}

// moveBlobs stores all blobs of an export elsewhere, commits that, and removes those that were there, as a run that fetches again does.
func moveBlobs(t *testing.T, e *testExport, suffix string) {
	t.Helper()
	ctx := t.Context()
	st, err := place.Own(ctx, e.path, place.Options{SingleWriter: true})
	must(t, err)
	ledger, err := manifest.Open(ctx, st, manifest.Info{Version: "test", Source: `{"directory":"dir-1"}`, Sink: `{"kind":"local"}`})
	must(t, err)
	var rows []*pipeline.Row
	var old []string
	for row, err := range ledger.Rows(ctx) {
		must(t, err)
		old = append(old, row.Location.Path)
		row.Location.Path += suffix
		must(t, store.PutBytes(ctx, st, row.Location.Path, contents[row.Content.SHA256]))
		rows = append(rows, row)
	}
	must(t, ledger.Commit(ctx, pipeline.Rows{Assets: rows}))
	must(t, st.Remove(ctx, old...))
	must(t, errors.Join(ledger.Close(), st.Close()))
}

// A picture that was moved since the tables were read is read where it is by now, however often that was, and at once.
func TestAppendPicture_Moved_IsFound(t *testing.T) {
	far, _ := inBucket(t)
	for _, e := range []*testExport{newTestExport(t, local), far} {
		e.add(testFiles(0, 1))
		all, err := openExports(t.Context(), []string{e.path}, nil)
		must(t, err)
		defer all.close()
		blobs, count := sinks.NewReader(all[0].dir), 0
		for row, err := range all.rows(t.Context()) {
			must(t, err)
			if count == 0 || count == 3 {
				moveBlobs(t, e, fmt.Sprintf("~v%d", count))
			}
			count++
			got, err := appendPicture(t.Context(), nil, all[0], blobs, row.Row, true)
			if want := contents[row.Content.SHA256]; err != nil || string(got) != string(want) {
				t.Errorf("%s: picture %d: got %d bytes, error %v, want %d bytes", e.path, count, len(got), err, len(want))
			}
		}
		if count != 8 {
			t.Errorf("%s: %d pictures, want 8", e.path, count)
		}
	}
}

// Where the store fails, nothing is known of a picture: it is not damaged.
func TestAppendPicture_StoreFails_IsNoDamage(t *testing.T) {
	e, b := inBucket(t)
	e.add(testFiles(0, 1))
	all, err := openExports(t.Context(), []string{e.path}, nil)
	must(t, err)
	defer all.close()
	blobs := sinks.NewReader(all[0].dir)
	for _, status := range []int{400, 404} {
		b.SetVices(buckettest.Vices{Fault: buckettest.On(buckettest.Fault{Status: status, Code: "Odd"}, buckettest.Get)})
		for row, err := range all.rows(t.Context()) {
			must(t, err)
			_, err := appendPicture(t.Context(), nil, all[0], blobs, row.Row, true)
			if _, isDamage := errors.AsType[*pipeline.DamageError](err); isDamage || !errors.Is(err, store.ErrUnreadable) {
				t.Errorf("%d: error %v, want %v", status, err, store.ErrUnreadable)
			}
			break
		}
	}
}
