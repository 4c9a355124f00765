package emulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"
)

// SyntheticDirectory is the id of the only directory, and pipeline, of a synthetic corpus.
const SyntheticDirectory = "synthetic"

// SyntheticOptions say how large a synthetic corpus is. The same options give the same corpus.
type SyntheticOptions struct {
	// Files is the number of files; there is a directory file for each.
	Files int
	// AssetsPerFile is the number of assets of each file: half of them screenshots, rounded up, the rest figures.
	AssetsPerFile int
	// BlobSize is the size of each blob in bytes. It is raised to 67, the smallest that begins and ends as a JPEG does.
	BlobSize int
	// Metadata is how many bytes the metadata of each file have at least, and AssetMetadata that of each asset; 0 leaves an asset's out.
	Metadata, AssetMetadata int
	Seed                    uint64
}

// Synthetic computes a corpus for benchmarks. Blobs cost no memory: their bytes are computed while they are sent. No two
// are alike, they do not compress, and they begin and end as a JPEG does.
func Synthetic(o SyntheticOptions) *Corpus {
	g := newGenerator(o)
	c := NewCorpus()
	d := &directory{
		DirectorySpec: DirectorySpec{SyntheticDirectory, "Synthetic", "synthetic-project", "synthetic-organization"},
		byID:          make(map[string]*entry, o.Files),
	}
	c.directories[d.ID] = d
	epoch := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range o.Files {
		at := epoch.Add(time.Duration(i) * time.Second)
		id := fmt.Sprintf("file-%08d", i)
		c.addEntry(d, &FileSpec{
			ID: fmt.Sprintf("dfl-%08d", i), FileID: id, DisplayName: fmt.Sprintf("Document %d.pdf", i),
			UniqueID: fmt.Sprintf("document-%d", i), CreatedAt: at, UpdatedAt: at,
			Metadata: syntheticMetadata(o.Seed, uint64(i), o.Metadata),
		})
		c.files[id].pictures = &syntheticPictures{g, id, uint64(i) * uint64(o.AssetsPerFile)}
	}
	return c
}

// syntheticMetadata returns metadata of at least so many bytes, in which nothing repeats itself.
func syntheticMetadata(seed, number uint64, size int) json.RawMessage {
	text := fmt.Appendf(nil, `{"number":%d`, number)
	if size > len(text)+1 {
		random := rand.New(rand.NewPCG(seed, number))
		text = append(text, `,"text":"`...)
		for len(text) < size-2 {
			text = strconv.AppendUint(text, random.Uint64(), 36)
		}
		text = append(text, '"')
	}
	return append(text, '}')
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
