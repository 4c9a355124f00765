package emulator

import (
	"encoding/json"
	"iter"
	"strconv"
)

// Kind says which of the two sorts of picture an asset is.
type Kind string

// The kinds of asset.
const (
	Screenshot Kind = "screenshot"
	Figure     Kind = "figure"
)

// segment is what the kind is called in the API's paths.
func (k Kind) segment() string {
	if k == Screenshot {
		return "page_screenshots"
	}
	return "page-figures"
}

// AssetSpec describes an asset of a corpus that is built by hand.
type AssetSpec struct {
	Kind Kind
	// Page is the page_index.
	Page int64
	// Name is the figure_name: any string, the empty one included. Screenshots have none.
	Name string
	// Data is the blob.
	Data []byte
	// ContentType is what the blob is served as; when empty, what http.DetectContentType makes of Data.
	ContentType string
	// ListedSize is the size in bytes that the listing tells; nil for the true one.
	ListedSize *int64
	// Confidence is a figure's.
	Confidence float64
	// IsLikelyNoise is a figure's; absent from the listing when nil.
	IsLikelyNoise *bool
	// Metadata is listed as it is; absent from the listing when nil.
	Metadata json.RawMessage
	// Raw, when not nil, is what the listing holds in place of all that would be made from the fields above, whether or
	// not it is JSON. The blob is still served under Kind, Page and Name.
	Raw json.RawMessage
}

// picture is an asset as it is listed, with its blob.
type picture struct {
	pictureKey
	listed json.RawMessage
	blob   blob
}

type pictureKey struct {
	kind Kind
	page int64
	name string
}

func (a *AssetSpec) picture(fileID string) picture {
	p := picture{pictureKey{a.Kind, a.Page, a.Name}, a.Raw, newMemoryBlob(a.Data, a.ContentType)}
	if a.Raw == nil {
		p.listed = a.listed(fileID)
	}
	return p
}

func (a *AssetSpec) listed(fileID string) json.RawMessage {
	size := int64(len(a.Data))
	if a.ListedSize != nil {
		size = *a.ListedSize
	}
	listedSize := json.RawMessage(strconv.FormatInt(size, 10))
	page := json.RawMessage(strconv.FormatInt(a.Page, 10))
	var o object
	if a.Kind == Screenshot {
		o = object{{"file_id", quote(fileID)}, {"image_size", listedSize}, {"page_index", page}}
	} else {
		confidence, _ := json.Marshal(a.Confidence)
		o = object{
			{"confidence", confidence}, {"figure_name", quote(a.Name)}, {"figure_size", listedSize},
			{"file_id", quote(fileID)}, {"page_index", page},
		}
	}
	if a.IsLikelyNoise != nil {
		o = o.set("is_likely_noise", json.RawMessage(strconv.FormatBool(*a.IsLikelyNoise)))
	}
	if a.Metadata != nil {
		o = o.set("metadata", a.Metadata)
	}
	return o.bytes()
}

// pictures are the assets of one file. Implementations may be read by many goroutines at once.
type pictures interface {
	// all yields the assets of one kind in the order of the listing.
	all(kind Kind) iter.Seq[picture]
	// find returns nil when there is no such asset.
	find(key pictureKey) blob
}

// album is a file's assets in memory.
type album struct {
	listed []picture
	blobs  map[pictureKey]blob
}

func newAlbum() *album { return &album{blobs: map[pictureKey]blob{}} }

func (a *album) all(kind Kind) iter.Seq[picture] {
	return func(yield func(picture) bool) {
		for _, p := range a.listed {
			if p.kind == kind && !yield(p) {
				return
			}
		}
	}
}

func (a *album) find(key pictureKey) blob { return a.blobs[key] }

// add lists a picture, even where its key is listed already.
func (a *album) add(p picture) {
	a.listed = append(a.listed, p)
	a.blobs[p.pictureKey] = p.blob
}

// albumOf returns a copy of p that can be changed.
func albumOf(p pictures) *album {
	a := newAlbum()
	for _, kind := range []Kind{Screenshot, Figure} {
		for picture := range p.all(kind) {
			a.add(picture)
		}
	}
	return a
}
