package export

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/manifest"
)

// Where no table says of which run it is, the report of the last one does.
func TestReadRemembered_TablesOfAnotherProgram(t *testing.T) {
	out := t.TempDir()
	const report = `{"source":{"source.directories":"d"},"sink":{"output.sink":"archive"},"asset_filters":{"pages":"0-9"}}`
	if err := os.WriteFile(filepath.Join(out, ReportName), []byte(report), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readRemembered(t.Context(), out, slog.New(slog.DiscardHandler))
	want := config.Remembered{"source.directories": "d", "output.sink": "archive", "assets.pages": "0-9"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("readRemembered: %v (-want +got):\n%s", err, diff)
	}
}

// Earlier versions recorded the filters of assets in run.json only, without the name of their section.
func TestReadRemembered_EarlierVersion(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	dir, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	ledger, err := manifest.Open(t.Context(), dir, manifest.Info{
		Version: "0", Source: `{"api.base_url":"https://api.cloud.llamaindex.ai","source.directories":"d"}`, Sink: `{"output.sink":"archive"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	if err := ledger.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	const report = `{"source":{"source.directories":"older"},"asset_filters":{"skip_noise":"true","min_confidence":"1e-05","pages":"0-9"}}`
	if err := os.WriteFile(filepath.Join(out, ReportName), []byte(report), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readRemembered(t.Context(), out, slog.New(slog.DiscardHandler))
	want := config.Remembered{
		"api.base_url": "https://api.cloud.llamaindex.ai", "source.directories": "d", "output.sink": "archive",
		"assets.skip_noise": "true", "assets.min_confidence": "1e-05", "assets.pages": "0-9",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("readRemembered: %v (-want +got):\n%s", err, diff)
	}
	cfg := config.Default()
	cfg.Output.Dir = out
	if err := (&run{Options: Options{Config: cfg, Log: slog.New(slog.DiscardHandler)}}).recallSettings(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Source.Directories) != 1 || !cfg.Assets.SkipNoise || cfg.Assets.MinConfidence != 1e-5 || cfg.Output.Sink != config.SinkArchive {
		t.Errorf("recalled %+v, %+v, %+v", cfg.Source, cfg.Assets, cfg.Output)
	}
}
