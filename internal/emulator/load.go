package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// LoadCorpus reads a recorded corpus:
//
//	DIRECTORY_ID/directory.json                                {id, name, project_id, organization_id}
//	DIRECTORY_ID/DIRECTORY_FILE_ID/file.json                   the directory file
//	DIRECTORY_ID/DIRECTORY_FILE_ID/page_screenshots.json       the two listings of its file_id
//	DIRECTORY_ID/DIRECTORY_FILE_ID/page-figures.json
//	DIRECTORY_ID/DIRECTORY_FILE_ID/page_screenshots/PAGE.jpg   the blobs
//	DIRECTORY_ID/DIRECTORY_FILE_ID/page-figures/PAGE/NAME
//
// JSON files are the bodies that the API would answer. NAME is the figure_name, percent-encoded as by JavaScript's
// encodeURIComponent. Every listed blob has to be there in its listed size, where that is not 0. Files at the top, and
// folders whose name begins with a dot, are ignored. Blobs are read from fsys when they are asked for.
//
// Files are listed in the order of their folders. An error names the file that is at fault.
func LoadCorpus(fsys fs.FS) (*Corpus, error) {
	l := loader{fsys: fsys, corpus: NewCorpus()}
	folders, err := l.folders(".")
	if err != nil {
		return nil, fmt.Errorf("load corpus: %w", err)
	}
	for _, name := range folders {
		if err := l.directory(name); err != nil {
			return nil, fmt.Errorf("load corpus: %w", err)
		}
	}
	if len(folders) == 0 {
		return nil, errors.New("load corpus: it holds no folder of a directory")
	}
	return l.corpus, nil
}

type loader struct {
	fsys   fs.FS
	corpus *Corpus
}

// folders returns the names of the folders in dir that are not hidden.
func (l *loader) folders(dir string) ([]string, error) {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// read parses the JSON of a file into v and returns its compact text.
func (l *loader) read(name string, v any) (json.RawMessage, error) {
	raw, err := fs.ReadFile(l.fsys, name)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return compact(raw), nil
}

func (l *loader) directory(id string) error {
	var d struct {
		ID             string `json:"id"`
		Name           string `json:"name"`
		ProjectID      string `json:"project_id"`
		OrganizationID string `json:"organization_id"`
	}
	name := path.Join(id, "directory.json")
	if _, err := l.read(name, &d); err != nil {
		return err
	}
	if d.ID != id {
		return fmt.Errorf("%s: id is %q, its folder is %q", name, d.ID, id)
	}
	if err := l.corpus.AddDirectory(DirectorySpec{
		ID: d.ID, Name: d.Name, ProjectID: d.ProjectID, OrganizationID: d.OrganizationID,
	}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	files, err := l.folders(id)
	if err != nil {
		return err
	}
	added, _ := l.corpus.directories.get(id)
	for _, file := range files {
		if err := l.file(added, file); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) file(d *directory, id string) error {
	var f struct {
		ID          string          `json:"id"`
		DirectoryID string          `json:"directory_id"`
		DisplayName string          `json:"display_name"`
		UniqueID    string          `json:"unique_id"`
		UpdatedAt   time.Time       `json:"updated_at"`
		DeletedAt   time.Time       `json:"deleted_at"`
		FileID      string          `json:"file_id"`
		Metadata    json.RawMessage `json:"metadata"`
	}
	folder := path.Join(d.ID, id)
	name := path.Join(folder, "file.json")
	raw, err := l.read(name, &f)
	if err != nil {
		return err
	}
	switch {
	case f.ID != id:
		return fmt.Errorf("%s: id is %q, its folder is %q", name, f.ID, id)
	case f.DirectoryID != d.ID:
		return fmt.Errorf("%s: directory_id is %q, its directory is %q", name, f.DirectoryID, d.ID)
	}
	a, err := l.album(folder, f.FileID)
	if err != nil {
		return err
	}
	_, known := l.corpus.files[f.FileID]
	l.corpus.addEntry(d, &FileSpec{
		ID: f.ID, FileID: f.FileID, DisplayName: f.DisplayName, UniqueID: f.UniqueID,
		UpdatedAt: f.UpdatedAt, DeletedAt: f.DeletedAt, Metadata: f.Metadata, Raw: raw,
	})
	if f.FileID == "" {
		return nil
	}
	file := l.corpus.files[f.FileID]
	if known && !sameListing(file.pictures.(*album), a) {
		return fmt.Errorf("%s: file_id %q is also another directory file's, with other assets", name, f.FileID)
	}
	file.pictures = a
	return nil
}

func sameListing(a, b *album) bool {
	if len(a.listed) != len(b.listed) {
		return false
	}
	for i := range a.listed {
		if !bytes.Equal(a.listed[i].listed, b.listed[i].listed) {
			return false
		}
	}
	return true
}

// recordedAsset is what the two listings tell.
type recordedAsset struct {
	FileID     string  `json:"file_id"`
	PageIndex  *int64  `json:"page_index"`
	FigureName *string `json:"figure_name"`
	ImageSize  *int64  `json:"image_size"`
	FigureSize *int64  `json:"figure_size"`
}

// album reads both listings of a directory file's folder.
func (l *loader) album(folder, fileID string) (*album, error) {
	a := newAlbum()
	for _, kind := range []Kind{Screenshot, Figure} {
		name := path.Join(folder, kind.segment())
		var list []json.RawMessage
		if _, err := l.read(name+".json", &list); err != nil {
			return nil, err
		}
		for i, raw := range list {
			p, err := l.asset(name, kind, fileID, raw)
			if err != nil {
				return nil, fmt.Errorf("%s.json: item %d: %w", name, i, err)
			}
			a.add(p)
		}
	}
	return a, nil
}

// asset makes a picture of an item of a listing; its blob is below folder.
func (l *loader) asset(folder string, kind Kind, fileID string, raw json.RawMessage) (picture, error) {
	var r recordedAsset
	if err := json.Unmarshal(raw, &r); err != nil {
		return picture{}, err
	}
	size := r.ImageSize
	if kind == Figure {
		size = r.FigureSize
	}
	switch {
	case fileID == "" || r.FileID != fileID:
		return picture{}, fmt.Errorf("file_id is %q, that of file.json is %q", r.FileID, fileID)
	case r.PageIndex == nil:
		return picture{}, errors.New("page_index is missing")
	case size == nil:
		return picture{}, errors.New("the size is missing")
	case kind == Figure && r.FigureName == nil:
		return picture{}, errors.New("figure_name is missing")
	}
	page := strconv.FormatInt(*r.PageIndex, 10)
	key, name := pictureKey{kind: kind, page: *r.PageIndex}, folder+"/"+page+".jpg"
	if kind == Figure {
		key.name = *r.FigureName
		name = folder + "/" + page + "/" + encodeURIComponent(*r.FigureName)
	}
	b, err := newRecordedBlob(l.fsys, name)
	if err != nil {
		return picture{}, err
	}
	if *size != 0 && *size != b.length {
		return picture{}, fmt.Errorf("%s has %d bytes, %d are listed", name, b.length, *size)
	}
	return picture{key, compact(raw), b}, nil
}

// encodeURIComponent is JavaScript's function of that name: all but A-Z a-z 0-9 - _ . ! ~ * ' ( ) is percent-encoded.
func encodeURIComponent(s string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").
		Replace(url.QueryEscape(s))
}
