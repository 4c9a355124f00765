package manifest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// aboutBlob returns what Blobs says of a row.
func aboutBlob(r *pipeline.Row) *pipeline.Row {
	about := &pipeline.Row{
		Asset: pipeline.Asset{
			FileID: r.FileID, JobID: r.JobID, Kind: r.Kind, Origin: r.Origin, PageIndex: r.PageIndex, FigureName: r.FigureName,
			Details: pipeline.Details{UpstreamName: r.Detail().UpstreamName}.Ref(),
		},
		File: &pipeline.File{ID: r.File.ID, JobID: r.File.JobID}, Status: r.Status, Location: r.Location,
	}
	about.Content.Size, about.Content.SHA256, about.Content.MediaType = r.Content.Size, r.Content.SHA256, r.Content.MediaType
	return about
}

// checkBlobs compares what Blobs says with what Rows does.
func checkBlobs(t *testing.T, what string, s *Snapshot) {
	t.Helper()
	var got, want []*pipeline.Row
	for r, err := range s.Blobs(t.Context()) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got = append(got, r)
	}
	for _, r := range collect(t, s) {
		want = append(want, aboutBlob(r))
	}
	if len(want) == 0 {
		t.Errorf("%s: no rows", what)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// What is said of blobs is what whole rows say of them: of tables of every version and of other programs, of parts above them, and of damaged ones.
func TestSnapshot_Blobs_SameAsRows(t *testing.T) {
	testmain.Long(t)
	salvaged := func(st store.Reader) *Snapshot {
		t.Helper()
		s, _, err := Salvage(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	mixed := storetest.NewMemory(nil)
	findable(t, mixed)
	l := openLedger(t, mixed)
	inShard := figureRow("z", 3, "a")
	inShard.Location = pipeline.Location{Path: "shards/shard-000001.tar.zst", Shard: &pipeline.ShardLocation{
		Member: "z/3.jpg", Offset: 512, Frame: &pipeline.Frame{Offset: 8, Size: 300, Start: 0},
	}}
	plain := figureRow("z", 4, "b")
	plain.Location = pipeline.Location{Path: "shards/shard-000002.tar", Shard: &pipeline.ShardLocation{Member: "z/4.jpg", Offset: 512}}
	ofJob := storedRow("y", 1)
	ofJob.JobID, ofJob.Origin, ofJob.Details = "job", pipeline.OriginParse, &pipeline.Details{UpstreamName: "img.png"}
	ofJob.File.JobID = "job"
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{ofJob, failedRow(storedRow("y", 2)), inShard, plain}}); err != nil {
		t.Fatal(err)
	}
	checkBlobs(t, "a table and parts", salvaged(mixed))

	other := storetest.NewMemory(nil)
	writeFile(t, other, AssetsName, asOther(t, slices.Concat(figureRows(40), []*pipeline.Row{storedRow("z", 1)})))
	checkBlobs(t, "a table of another program", salvaged(other))

	for _, column := range []string{"sha256", "caption", "file_id", "attempts"} {
		damaged := storetest.NewMemory(nil)
		content := encode(t, figureRows(1500), parquet.PageBufferSize(16<<10), parquet.MaxRowsPerRowGroup(500))
		writeFile(t, damaged, AssetsName, flipped(content, middleOf(t, content, column)))
		checkBlobs(t, "a damaged "+column, salvaged(damaged))
	}
	for _, version := range []string{"testdata/schema1", "testdata/schema2.1"} {
		dir, err := store.OpenDir(version)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		checkBlobs(t, version, salvaged(dir))
	}
}

// A stored row of which something is missing is damage, by name.
func TestSnapshot_Blobs_Nonsense_IsDamage(t *testing.T) {
	for name, spoil := range map[string]func(*assetRow){
		"no size":         func(r *assetRow) { r.Size = nil },
		"no hash":         func(r *assetRow) { r.SHA256 = new("zz") },
		"a file in shard": func(r *assetRow) { r.Shard = new("shards/shard-000001.tar") },
	} {
		row := fromRow(storedRow("a", 0))
		spoil(&row)
		d := newBlobDecoder(assetSeries(nil).schema)
		if got, err := d.decode(rowOf(assetSeries(nil).schema, &row)); got != nil || !isDamageOf(err, AssetsName) {
			t.Errorf("%s: got %v, %v, want damage of %s", name, got, err, AssetsName)
		}
	}
}
