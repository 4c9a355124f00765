package main

import (
	"io"
	"path"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
)

// What other programs read in a bucket are copies of the tables. Where somebody has changed one, who verifies says so, and the next run makes it anew.
func TestBucket_Verify_ChangedCopies_AreNamed(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 10, AssetsPerFile: 1, BlobSize: 100})})
	c, run := newCLI(t, api), []string{"run", "--directory", emulator.SyntheticDirectory, "--out"}
	plain, divided := b.url+"/plain", b.url+"/divided"
	ofPlain, ofPart := append(run, plain), append(run, divided, "--part", "0/1")
	merge := []string{"merge", divided}
	for _, args := range [][]string{ofPlain, ofPart, merge} {
		c.mustRun(args...)
	}
	for _, tt := range []struct {
		out, key string
		again    []string
	}{
		{plain, "manifest.parquet", ofPlain}, {plain, "files.parquet", ofPlain}, {divided, "manifest.parquet", merge}, {divided, "parts/part=0000/files.parquet", ofPart},
	} {
		check := func(want bool) {
			t.Helper()
			code, stdout, stderr := c.run("verify", tt.out)
			told := "other programs find tables that are lost or changed"
			if isTold := strings.Contains(stderr, told) && strings.Contains(stderr, "tables="+path.Base(tt.key)); code != 0 || isTold != want {
				t.Errorf("%s of %s is said to be changed: %t, want %t; exit %d\n%s%s", tt.key, tt.out, isTold, want, code, stdout, stderr)
			}
		}
		check(false)
		err := place.WriteObject(t.Context(), tt.out+"/"+tt.key, func(w io.Writer) error {
			_, err := io.WriteString(w, "no table")
			return err
		}, place.Options{})
		if err != nil {
			t.Fatal(err)
		}
		check(true)
		c.mustRun(tt.again...)
		check(false)
	}
}
