//go:build !race

package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"exporter/pipeline"
)

// matrixUpstream is an upstream of a few files with a few pictures each, which change from run to run. It is a Source.
type matrixUpstream struct {
	files   map[string]*matrixFile
	fetched atomic.Int64
}

// matrixFile is a file there.
type matrixFile struct {
	updated  time.Time
	pictures map[pipeline.AssetKey]matrixPicture
}

// matrixPicture is a version of a picture. One that fails is listed, and cannot be fetched.
type matrixPicture struct {
	version, size int
	fails         bool
}

// matrixBegan is the date of all files before any of them changes.
var matrixBegan = time.Unix(1_700_000_000, 0).UTC()

// newMatrixUpstream returns what is upstream in a step.
func newMatrixUpstream(step int) *matrixUpstream {
	u := &matrixUpstream{files: map[string]*matrixFile{}}
	for i := range 4 {
		u.add(fmt.Sprint("file-", i))
	}
	for i := 1; i <= step; i++ {
		matrixSteps[i].change(u)
	}
	return u
}

// add adds a file of two pages and a figure.
func (u *matrixUpstream) add(id string) {
	f := &matrixFile{updated: matrixBegan, pictures: map[pipeline.AssetKey]matrixPicture{}}
	for i, key := range []pipeline.AssetKey{matrixPage(id, 0), matrixPage(id, 1), matrixFigure(id)} {
		f.pictures[key] = matrixPicture{size: 400 + 100*i}
	}
	u.files[id] = f
}

func matrixPage(id string, page int32) pipeline.AssetKey {
	return pipeline.AssetKey{FileID: pipeline.ID(id), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: page}
}

func matrixFigure(id string) pipeline.AssetKey {
	return pipeline.AssetKey{FileID: pipeline.ID(id), Kind: pipeline.Figure, Origin: pipeline.OriginFile, FigureName: "page_1_figure_1.jpg"}
}

// put puts a picture in the place of another, and moves the date of its file.
func (u *matrixUpstream) put(key pipeline.AssetKey, p matrixPicture) {
	f := u.files[string(key.FileID)]
	f.updated = f.updated.Add(time.Hour)
	f.pictures[key] = p
}

// remove takes a picture out of its file, and moves the date of that.
func (u *matrixUpstream) remove(key pipeline.AssetKey) {
	f := u.files[string(key.FileID)]
	f.updated = f.updated.Add(time.Hour)
	delete(f.pictures, key)
}

// content is the bytes of a picture, which do not compress.
func (p matrixPicture) content(key pipeline.AssetKey) []byte {
	b := make([]byte, p.size)
	rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, key, p.version))).Read(b)
	return b
}

// assets is how many there are.
func (u *matrixUpstream) assets() (n int) {
	for _, f := range u.files {
		n += len(f.pictures)
	}
	return n
}

// Listings implements pipeline.Source.
func (u *matrixUpstream) Listings(context.Context) []pipeline.Listing {
	return []pipeline.Listing{{Key: pipeline.ProjectSource, Files: u.list()}}
}

func (u *matrixUpstream) list() iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(u.files)) {
			if !yield(pipeline.File{ID: id, UpdatedAt: u.files[id].updated}, nil) {
				return
			}
		}
	}
}

// Pages gives none: there are no jobs.
func (u *matrixUpstream) Pages(context.Context, *pipeline.File, func(*pipeline.PageRow) error) error {
	return nil
}

// Page gives none.
func (u *matrixUpstream) Page(context.Context, *pipeline.Asset) (*pipeline.PageRow, error) {
	return nil, nil
}

// Assets implements pipeline.Source.
func (u *matrixUpstream) Assets(_ context.Context, of pipeline.Wanted, _ pipeline.Room) ([]*pipeline.Asset, error) {
	if of.Origin == pipeline.OriginAttachment {
		return nil, &pipeline.Failure{Class: "http_404", Final: true, Absent: true, Err: errors.New("not found")}
	}
	id, kind := pipeline.ID(of.File.ID), of.Kind
	pictures := u.files[string(id)].pictures
	assets := []*pipeline.Asset{}
	for _, key := range slices.SortedFunc(maps.Keys(pictures), pipeline.AssetKey.Compare) {
		if key.Kind == kind {
			size := int64(pictures[key].size)
			assets = append(assets, &pipeline.Asset{
				FileID: id, Kind: kind, Origin: key.Origin, PageIndex: key.PageIndex, FigureName: key.FigureName, ListedSize: &size,
			})
		}
	}
	return assets, nil
}

// Blob implements pipeline.Source.
func (u *matrixUpstream) Blob(_ context.Context, a *pipeline.Asset, _ pipeline.Pause) (*pipeline.Blob, error) {
	key := a.Key()
	p := u.files[string(a.FileID)].pictures[key]
	if p.fails {
		return nil, &pipeline.Failure{Class: "http_500", Attempts: 1, Err: errors.New("it cannot be fetched")}
	}
	u.fetched.Add(1)
	content := p.content(key)
	b := pipeline.NewBlob(pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"},
		bytes.NewReader(content), nil)
	b.Attempts, b.FetchedAt = 1, time.Now()
	return b, nil
}

// Stop implements pipeline.Source.
func (u *matrixUpstream) Stop() {}
