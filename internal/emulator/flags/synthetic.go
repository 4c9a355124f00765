package flags

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/config"
	"exporter/internal/emulator"
)

// syntheticFlags are the flags of a computed corpus.
type syntheticFlags struct {
	files, assets, attachments int
	blobSize, documents        string
	metadata, assetMetadata    string
	jobs, jobImages, jobPages  int
	pageText                   string
	index, batch               bool
	ids                        string
	expires                    time.Duration
}

// idKinds are the values of --synthetic-ids.
func idKinds() []string { return []string{"short", "uuid", "dfl"} }

func (s *syntheticFlags) addFlags(fs *pflag.FlagSet) {
	fs.IntVar(&s.files, "synthetic-files", 0,
		"serve a computed corpus with this `NUMBER` of files instead, in the directory \"synthetic\"")
	fs.IntVar(&s.assets, "synthetic-assets", 100, "`NUMBER` of assets of each computed file")
	fs.StringVar(&s.blobSize, "synthetic-size", "100KB", "`SIZE` of each computed blob")
	fs.StringVar(&s.metadata, "synthetic-metadata", "20B", "least `SIZE` of the metadata of each computed file")
	fs.StringVar(&s.assetMetadata, "synthetic-asset-metadata", "",
		"least `SIZE` of the metadata of each computed asset; none where it is empty")
	fs.IntVar(&s.attachments, "synthetic-attachments", 0,
		"`NUMBER` of the computed files whose pictures are attachments only, the last ones")
	fs.StringVar(&s.documents, "synthetic-documents", "", "`SIZE` of the original of each computed file; none where it is empty")
	fs.StringVar(&s.ids, "synthetic-ids", "short",
		"`KIND` of ids: short, such as file-00000000; uuid, as the API's; or dfl, where a file's is that of its directory file, "+
			"and all pictures are attachments")
	fs.IntVar(&s.jobs, "synthetic-jobs", 0, "compute this `NUMBER` of parse jobs")
	fs.IntVar(&s.jobImages, "synthetic-job-images", 30, "`NUMBER` of images of each computed parse job")
	fs.IntVar(&s.jobPages, "synthetic-job-pages", 10, "`NUMBER` of pages of each computed parse job")
	fs.StringVar(&s.pageText, "synthetic-page-text", "", "least `SIZE` of the text of each page of a computed parse job")
	fs.DurationVar(&s.expires, "synthetic-expires", 0, "have the directory \"synthetic\" say that it expires so `LONG` after the start")
	fs.BoolVar(&s.index, "synthetic-index", false, "compute an index over the directory \"synthetic\"")
	fs.BoolVar(&s.batch, "synthetic-batch", false, "compute a batch, whose jobs are the computed parse jobs")
}

// options returns nil where no corpus is to be computed.
func (s *syntheticFlags) options(fs *pflag.FlagSet, seed uint64) (*emulator.SyntheticOptions, error) {
	for name, n := range map[string]int{
		"files": s.files, "assets": s.assets, "attachments": s.attachments, "jobs": s.jobs, "job-images": s.jobImages,
		"job-pages": s.jobPages,
	} {
		if n < 0 {
			return nil, fmt.Errorf("--synthetic-%s %d: must not be negative", name, n)
		}
	}
	if s.files == 0 {
		if err := needs(fs, "--synthetic-files", "synthetic-assets", "synthetic-metadata", "synthetic-asset-metadata",
			"synthetic-attachments", "synthetic-documents", "synthetic-index", "synthetic-expires"); err != nil {
			return nil, err
		}
	}
	if s.jobs == 0 {
		if err := needs(fs, "--synthetic-jobs", "synthetic-job-images", "synthetic-job-pages", "synthetic-page-text",
			"synthetic-batch"); err != nil {
			return nil, err
		}
	}
	if s.files == 0 && s.jobs == 0 {
		return nil, needs(fs, "--synthetic-files or --synthetic-jobs", "synthetic-size", "synthetic-ids")
	}
	o := &emulator.SyntheticOptions{
		Files: s.files, AssetsPerFile: s.assets, AttachmentFiles: s.attachments, ParseJobs: s.jobs, ParseImages: s.jobImages,
		ParsePages: s.jobPages, Index: s.index, Batch: s.batch, Seed: seed,
	}
	if fs.Changed("synthetic-expires") {
		o.ExpiresAt = time.Now().Add(s.expires)
	}
	if s.attachments > s.files {
		return nil, fmt.Errorf("--synthetic-attachments %d: there are %d files", s.attachments, s.files)
	}
	switch s.ids {
	case "uuid":
		o.IDs = emulator.UUIDs
	case "dfl":
		// The routes of assets do not take these ids.
		o.IDs, o.AttachmentFiles = emulator.TypedIDs, s.files
	case "short":
	default:
		return nil, fmt.Errorf("--synthetic-ids %q: want %s", s.ids, choice(idKinds()))
	}
	return o, s.sizes(o)
}

// sizes adds the sizes to the options.
func (s *syntheticFlags) sizes(o *emulator.SyntheticOptions) error {
	for _, of := range []struct {
		flag, text string
		size       *int
	}{
		{"synthetic-size", s.blobSize, &o.BlobSize}, {"synthetic-metadata", s.metadata, &o.Metadata},
		{"synthetic-asset-metadata", s.assetMetadata, &o.AssetMetadata}, {"synthetic-documents", s.documents, &o.DocumentSize},
		{"synthetic-page-text", s.pageText, &o.PageText},
	} {
		if of.text == "" && of.flag != "synthetic-size" && of.flag != "synthetic-metadata" {
			continue
		}
		size, err := config.ParseSize(of.text)
		if err != nil {
			return fmt.Errorf("--%s: %w", of.flag, err)
		}
		*of.size = int(size)
	}
	return nil
}
