package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// environment leads to the store.
func (s *objectStore) environment() map[string]string {
	e := map[string]string{}
	for _, name := range []string{
		"AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	} {
		e[name] = s.variable(name)
	}
	return e
}

// enter makes a bucket that is empty, and the environment one that leads to it. It returns the URL.
func (s *objectStore) enter(t *testing.T) string {
	t.Helper()
	for name, value := range s.environment() {
		t.Setenv(name, value)
	}
	return "s3://" + s.makeBucket(t)
}

// The program's own tests of exports in buckets hold in a store that others wrote: exports and datasets are those of directories, two
// writers are kept apart, and runs that are killed lose nothing.
func TestVersityGW_ProgramsOwnTests_Pass(t *testing.T) {
	t.Parallel()
	s := startVersityGW(t)
	passOwnTests(t, s.environment(), "s3://"+s.makeBucket(t), "Export", "Dataset_IsThat", "Nights", "SecondWriter", "KillAtRandomMoment", "UnfinishedShard")
}

// passOwnTests runs some of the program's own tests in a bucket to which an environment leads.
func passOwnTests(t *testing.T, environment map[string]string, url string, names ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "test", "-C", filepath.Join("..", ".."), "-count=1", "-v", "-run",
		"^TestBucket_("+strings.Join(names, "|")+")", "./cmd/exporter")
	c.Env = append(os.Environ(), "EXPORTER_TEST_BUCKET="+url, "CGO_ENABLED=0")
	for name, value := range environment {
		c.Env = append(c.Env, name+"="+value)
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", c, err, out)
	}
	if n := strings.Count(string(out), "\n--- PASS: TestBucket_"); n != len(names) {
		t.Errorf("%d tests were run, want %d\n%s", n, len(names), out)
	}
}

// bucketColumns are some columns of the manifest that two exports of the same corpus have in common.
const bucketColumns = "file_id, kind, page_index, figure_name, status, sha256, size, file_name"

// bucketRow is a row of these columns, as text.
type bucketRow struct{ fileID, kind, page, figure, status, sha256, size, name *string }

func (r *bucketRow) fields() []any {
	return []any{&r.fileID, &r.kind, &r.page, &r.figure, &r.status, &r.sha256, &r.size, &r.name}
}

func (r *bucketRow) String() string {
	var texts []string
	for _, p := range []*string{r.fileID, r.kind, r.page, r.figure, r.status, r.sha256, r.size, r.name} {
		if p == nil {
			texts = append(texts, "null")
		} else {
			texts = append(texts, *p)
		}
	}
	return strings.Join(texts, " ")
}

// Readers of Parquet find the manifest in the bucket, where they are told where the store is, and in it what the one in a directory has.
func TestVersityGW_Readers_FindTheManifest(t *testing.T) {
	s := startVersityGW(t)
	url := s.enter(t) + "/some/export"
	want := manifestRows(t, openDuckDB(t), exported(t, recordedCorpus(t)).manifest())
	e := exported(t, recordedCorpus(t))
	e.out = url
	e.run(t, 0)
	if len(want) == 0 {
		t.Fatal("nothing was exported")
	}
	t.Run("DuckDB", func(t *testing.T) {
		db := openDuckDB(t)
		for _, statement := range []string{
			"LOAD " + quoteSQL(duckDBExtension(t)),
			fmt.Sprintf("CREATE SECRET (TYPE s3, KEY_ID %s, SECRET %s, ENDPOINT %s, URL_STYLE 'path', USE_SSL false)",
				quoteSQL(s.key), quoteSQL(s.secret), quoteSQL(strings.TrimPrefix(s.url, "http://"))),
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		checkRows(t, want, manifestRows(t, db, url+"/manifest.parquet"))
	})
	for _, reader := range []string{"Polars", "PyArrow"} {
		t.Run(reader, func(t *testing.T) {
			var rows [][]any
			if err := json.Unmarshal(output(t, python(t, filepath.Join("python", "bucket.py"), reader, url+"/manifest.parquet")), &rows); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				var texts []string
				for _, v := range row {
					if v == nil {
						v = "null"
					}
					texts = append(texts, fmt.Sprint(v))
				}
				got = append(got, strings.Join(texts, " "))
			}
			checkRows(t, want, got)
		})
	}
}

func manifestRows(t *testing.T, db duckDB, at string) (texts []string) {
	t.Helper()
	var columns []string
	for column := range strings.SplitSeq(bucketColumns, ", ") {
		columns = append(columns, column+"::VARCHAR")
	}
	for _, row := range query(t, db, "SELECT "+strings.Join(columns, ", ")+" FROM read_parquet("+quoteSQL(at)+")", (*bucketRow).fields) {
		texts = append(texts, row.String())
	}
	return texts
}

// version is what the name of a blob in a bucket has besides that of its asset.
var version = regexp.MustCompile(`~v[0-9a-z]{8}\.`)

// checkRows compares rows, but for the versions in the names of blobs.
func checkRows(t *testing.T, want, got []string) {
	t.Helper()
	for _, rows := range [][]string{want, got} {
		for i, row := range rows {
			rows[i] = version.ReplaceAllString(row, ".")
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows of the manifest in the bucket (-want +got):\n%s", diff)
	}
}

// duckDBExtension returns the path of DuckDB's extension for S3, of the version of the DuckDB that go.mod requires. Its own site has it for
// other programs; PyPI has the same file.
func duckDBExtension(t *testing.T) string {
	t.Helper()
	const version = "1.5.5"
	program(t, "python3")
	dir := t.TempDir()
	c := program(t, "python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check", "--target", dir,
		"duckdb-extension-httpfs=="+version)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("pip install (is its index reached?): %v\n%s", err, out)
	}
	path := filepath.Join(dir, "duckdb_extension_httpfs", "extensions", "v"+version, "httpfs.duckdb_extension")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}
