package emulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"
)

// The ids of what a synthetic corpus has one of at most.
const (
	// SyntheticDirectory is the id of the directory, and of the pipeline, that has the files.
	SyntheticDirectory = "synthetic"
	// SyntheticIndex is the id of the index, and SyntheticExport its export_config_id.
	SyntheticIndex  = "idx-synthetic"
	SyntheticExport = "exp-synthetic"
	// SyntheticOutput is the id of the index's output directory, which is empty.
	SyntheticOutput = "synthetic-output"
	// SyntheticBatch is the id of the batch.
	SyntheticBatch = "bat-synthetic"
)

// SyntheticIDs says what the ids of a synthetic corpus look like.
type SyntheticIDs string

// The kinds of SyntheticIDs.
const (
	// ShortIDs are such as file-00000000; those of directory files dfl-00000000.
	ShortIDs SyntheticIDs = ""
	// UUIDs are the API's today: those of directory files are "dfl-" and a UUID.
	UUIDs SyntheticIDs = "uuid"
	// TypedIDs are UUIDs, but a file's is that of its directory file.
	TypedIDs SyntheticIDs = "dfl"
)

// SyntheticOptions say how large a synthetic corpus is. The same options give the same corpus.
type SyntheticOptions struct {
	// Files is the number of files; there is a directory file for each.
	Files int
	// AssetsPerFile is the number of assets of each file: half of them screenshots, rounded up, the rest figures.
	AssetsPerFile int
	// AttachmentFiles is how many of the files, the last ones, have attachments in place of assets: as many, all screenshots. Their
	// source_id is the directory file's id.
	AttachmentFiles int
	// BlobSize is the size of each blob in bytes. It is raised to 67, the smallest that begins and ends as a JPEG does.
	BlobSize int
	// DocumentSize is the size of each file's document in bytes; 0 for none.
	DocumentSize int
	// Metadata is how many bytes the metadata of each file have at least, and AssetMetadata that of each asset; 0 leaves an asset's
	// out.
	Metadata, AssetMetadata int
	// ParseJobs is the number of parse jobs. Each has ParseImages images and ParsePages pages, whose texts have at least PageText
	// bytes.
	ParseJobs, ParseImages, ParsePages, PageText int
	// Index adds an index over the directory. Batch adds a batch: each file's job is the parse job of its number, as far as they go.
	Index, Batch bool
	// ExpiresAt is when the directory says that it goes; never when zero.
	ExpiresAt time.Time
	IDs       SyntheticIDs
	Seed      uint64
}

// SyntheticFile returns the id of the file of a number, which counts from 0, and that of its directory file.
func (o *SyntheticOptions) SyntheticFile(number int) (fileID, directoryFileID string) {
	switch o.IDs {
	case UUIDs:
		return numberedUUID(o.Seed, 'f', uint64(number)), "dfl-" + numberedUUID(o.Seed, 'd', uint64(number))
	case TypedIDs:
		id := "dfl-" + numberedUUID(o.Seed, 'd', uint64(number))
		return id, id
	}
	return fmt.Sprintf("file-%08d", number), fmt.Sprintf("dfl-%08d", number)
}

// project returns the ids of the project and the organization.
func (o *SyntheticOptions) project() (projectID, organizationID string) {
	if o.IDs == ShortIDs {
		return "synthetic-project", "synthetic-organization"
	}
	return numberedUUID(0, 'p', 1), numberedUUID(0, 'o', 1)
}

func syntheticEpoch() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// Synthetic computes a corpus for benchmarks. Blobs, attachments and parse jobs cost no memory: they are computed while they are
// sent. No two blobs are alike, they do not compress, and they begin and end as a JPEG does.
func Synthetic(o SyntheticOptions) *Corpus {
	g := newGenerator(o)
	c := NewCorpus()
	projectID, organizationID := o.project()
	// None of what is added has an id that is taken.
	_ = c.AddProject(ProjectSpec{ID: projectID, Name: "Synthetic", OrganizationID: organizationID, IsDefault: true})
	_ = c.AddDirectory(DirectorySpec{
		ID: SyntheticDirectory, Name: "Synthetic", ProjectID: projectID, OrganizationID: organizationID, CreatedAt: syntheticEpoch(),
		ExpiresAt: o.ExpiresAt,
	})
	d, _ := c.directories.get(SyntheticDirectory)
	for i := range o.Files {
		at := syntheticEpoch().Add(time.Duration(i) * time.Second)
		id, entryID := o.SyntheticFile(i)
		c.addEntry(d, &FileSpec{
			ID: entryID, FileID: id, DisplayName: fmt.Sprintf("Document %d.pdf", i),
			UniqueID: fmt.Sprintf("document-%d", i), CreatedAt: at, UpdatedAt: at,
			Metadata: syntheticMetadata(o.Seed, uint64(i), o.Metadata),
		})
		pictures := &syntheticPictures{g, id, uint64(i) * uint64(o.AssetsPerFile)}
		if i < o.Files-o.AttachmentFiles {
			c.files[id].pictures = pictures
		} else {
			c.attachments[entryID] = syntheticAttachments{pictures, at}
		}
		if o.DocumentSize > 0 {
			c.files[id].document = syntheticDocument{int64(o.DocumentSize), uint64(i)}
		}
	}
	if o.ParseJobs > 0 {
		c.computed = &syntheticJobs{
			generator: g, count: o.ParseJobs, imagesEach: o.ParseImages, pagesEach: o.ParsePages, textSize: o.PageText,
			projectID: projectID, before: c.seq, first: uint64(o.Files) * uint64(o.AssetsPerFile),
		}
		c.seq += uint64(o.ParseJobs)
	}
	if o.Index {
		c.addSyntheticIndex(projectID, organizationID)
	}
	if o.Batch {
		c.addSyntheticBatch(&o, projectID)
	}
	return c
}

func (c *Corpus) addSyntheticIndex(projectID, organizationID string) {
	_ = c.AddDirectory(DirectorySpec{
		ID: SyntheticOutput, Name: "Synthetic output", ProjectID: projectID, OrganizationID: organizationID, Type: IndexDirectory,
		CreatedAt: syntheticEpoch(),
	})
	_ = c.AddIndex(IndexSpec{
		ID: SyntheticIndex, ExportConfigID: SyntheticExport, Name: "Synthetic", ProjectID: projectID,
		SourceDirectoryID: SyntheticDirectory, OutputDirectoryID: SyntheticOutput, SyncConfigID: "syn-synthetic",
		CreatedAt: syntheticEpoch(), UpdatedAt: syntheticEpoch(), LastSyncedAt: syntheticEpoch(), LastExportedAt: syntheticEpoch(),
		Metadata: json.RawMessage(`{"status":"ready"}`),
	})
}

func (c *Corpus) addSyntheticBatch(o *SyntheticOptions, projectID string) {
	jobs := c.computed
	_ = c.addBatch(BatchSpec{
		ID: SyntheticBatch, ProjectID: projectID, SourceDirectoryID: SyntheticDirectory, ConfigurationID: "cfg-synthetic",
		CreatedAt: syntheticEpoch(), UpdatedAt: syntheticEpoch(),
	}, min(o.Files, o.ParseJobs), func(count int) iter.Seq[BatchResult] {
		return func(yield func(BatchResult) bool) {
			for i := range count {
				_, entryID := o.SyntheticFile(i)
				if !yield(BatchResult{DirectoryFileID: entryID, JobID: jobs.id(i)}) {
					return
				}
			}
		}
	})
}

// syntheticMetadata returns metadata of at least so many bytes, in which nothing repeats itself.
func syntheticMetadata(seed, number uint64, size int) json.RawMessage {
	text := fmt.Appendf(nil, `{"number":%d`, number)
	if size > len(text)+1 {
		text = append(text, `,"text":"`...)
		text = append(text, randomText(seed, number, size-2-len(text))...)
		text = append(text, '"')
	}
	return append(text, '}')
}

// randomText returns letters and digits of at least so many bytes, in which nothing repeats itself.
func randomText(seed, number uint64, size int) string {
	random := rand.New(rand.NewPCG(seed, number))
	var text []byte
	for len(text) < size {
		text = strconv.AppendUint(text, random.Uint64(), 36)
	}
	return string(text)
}

// syntheticPictures computes the assets of one file.
type syntheticPictures struct {
	*generator
	fileID string
	// first is the number of the file's first asset among those of the corpus.
	first uint64
}

// count returns how many assets of a kind the file has, and the number of the first.
func (s *syntheticPictures) count(kind Kind) (n int64, first uint64) {
	screenshots := (s.assets + 1) / 2
	if kind == Screenshot {
		return screenshots, s.first
	}
	return s.assets - screenshots, s.first + uint64(screenshots)
}

func syntheticName(page int64) string {
	return "page_" + strconv.FormatInt(page+1, 10) + "_figure_1.jpg"
}

func (s *syntheticPictures) all(kind Kind) iter.Seq[picture] {
	return func(yield func(picture) bool) {
		n, first := s.count(kind)
		for page := range n {
			b := syntheticBlob{s.generator, first + uint64(page)}
			spec := AssetSpec{Kind: kind, Page: page, ListedSize: &s.length}
			if s.metadata > 0 {
				spec.Metadata = syntheticMetadata(s.seed, b.number, s.metadata)
			}
			if kind == Figure {
				noise := page%8 == 7
				spec.Name, spec.Confidence, spec.IsLikelyNoise = syntheticName(page), 0.875, &noise
			}
			if !yield(picture{pictureKey{kind, page, spec.Name}, spec.listed(s.fileID), b}) {
				return
			}
		}
	}
}

func (s *syntheticPictures) find(key pictureKey) blob {
	n, first := s.count(key.kind)
	if key.page < 0 || key.page >= n || key.kind == Figure && key.name != syntheticName(key.page) {
		return nil
	}
	return syntheticBlob{s.generator, first + uint64(key.page)}
}
