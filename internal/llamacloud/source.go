package llamacloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"exporter/pipeline"
)

// Selection says which files a Source gives. The zero Selection has none.
type Selection struct {
	// Directories, Pipelines and Indexes are listed in order, then the project where Project is set, then Files are given as they
	// stand, whatever the filters say.
	Directories, Pipelines, Indexes, Files []pipeline.ID
	Project                                bool
	// Expiries are when directories go, zero for never, of which that is known. Of others the API is asked.
	Expiries map[pipeline.ID]time.Time
	// Then come parse jobs, which no filter of files concerns: those of Batches, those of the batches of Directories where
	// DirectoryBatches is set, ParseJobs, and where AllParseJobs is set, those of the project that were created at JobsSince or later and
	// have JobStatus; zero values do not narrow it.
	Batches, ParseJobs             []pipeline.ID
	DirectoryBatches, AllParseJobs bool
	JobsSince                      time.Time
	JobStatus                      string
	// Wait has jobs and batches waited for that are not done.
	Wait bool

	// DisplayName and the other filters narrow the listings; zero values do not. The API applies them to directories, the
	// Source to the rest, where the API is asked for no more than can match as far as it knows: there DisplayNameContains minds upper and lower case, UniqueID is the external_file_id, removed
	// files are not listed at all, and a file whose time of change is not known is taken for changed at the right time.
	DisplayName, DisplayNameContains, UniqueID, FileID string
	IncludeDeleted                                     bool
	// UpdatedAtOnOrAfter and UpdatedAtOnOrBefore are inclusive.
	UpdatedAtOnOrAfter, UpdatedAtOnOrBefore time.Time
}

// Source gives the files of a Selection and their assets.
//
// An error that concerns one file or asset is a *pipeline.Failure with a class of this package, one that concerns one listing of
// files a *pipeline.SourceError with a *ListingError. The others, which end a run, are *APIError where the API refused the key,
// *RequestError where its certificate was refused, *PauseError, *pipeline.StorageError, an error that wraps pipeline.ErrStopped, and the cause of the context.
type Source struct {
	client    *Client
	selection Selection
	attached  attached
	jobs      jobResults
}

var _ pipeline.Source = (*Source)(nil)

// NewSource returns a Source that uses the client, whose requests Stop ends too.
func NewSource(c *Client, selection Selection) *Source {
	return &Source{client: c, selection: selection, jobs: newJobResults()}
}

// Stop implements pipeline.Source.
func (s *Source) Stop() { s.client.origins.Stop() }

// Listings implements pipeline.Source.
func (s *Source) Listings(ctx context.Context) []pipeline.Listing {
	var all []pipeline.Listing
	query, expiries := s.directoryQuery(), &expiries{client: s.client, known: s.selection.Expiries}
	for _, id := range s.selection.Directories {
		files := s.client.DirectoryFiles(ctx, id, query)
		key := pipeline.DirectorySource(string(id))
		of := listing(key, "directory "+quoteID(id), files, func(f *DirectoryFile) (pipeline.File, bool) {
			return directoryFile(f, id), true
		})
		of.Expiry = func() (time.Time, bool, error) { return expiries.of(ctx, id) }
		all = append(all, of)
	}
	for _, id := range s.selection.Pipelines {
		files := s.client.PipelineFiles(ctx, id, s.pipelineQuery())
		key := pipeline.PipelineSource(string(id))
		all = append(all, listing(key, "pipeline "+quoteID(id), files, func(f *PipelineFile) (pipeline.File, bool) {
			file := pipelineFile(f, id)
			return file, s.selection.matches(&file)
		}))
	}
	for _, id := range s.selection.Indexes {
		all = append(all, s.indexListing(ctx, id))
	}
	if s.selection.Project {
		files := s.client.ProjectFiles(ctx, s.projectQuery())
		all = append(all, listing(pipeline.ProjectSource, "project files", files, func(f *ProjectFile) (pipeline.File, bool) {
			file := projectFile(f)
			return file, s.selection.matches(&file)
		}))
	}
	for _, id := range s.selection.Files {
		all = append(all, pipeline.Listing{Key: pipeline.FileSource(string(id)), Files: func(yield func(pipeline.File, error) bool) {
			yield(pipeline.File{ID: string(id)}, nil)
		}})
	}
	return append(all, s.jobListings(ctx)...)
}

// listing converts the items of a listing, and leaves out those that are not wanted.
func listing[T any, P listItem[T]](
	key pipeline.SourceKey, what string, items iter.Seq2[T, error], convert func(*T) (file pipeline.File, wanted bool),
) pipeline.Listing {
	return pipeline.Listing{Key: key, Files: func(yield func(pipeline.File, error) bool) {
		for t, err := range items {
			if err != nil {
				yield(pipeline.File{}, listingError(key, what, err))
				return
			}
			item := P(&t).item()
			file, wanted := convert(&t)
			switch {
			case item.Malformed != nil:
				// It goes by its own id alone, so that it is not taken for a file that is known.
				file.ID, file.DirectoryFileID = "", item.identity
				failure := &pipeline.Failure{Class: ClassMalformed, Err: fmt.Errorf("list %s: %w", what, item.Malformed)}
				if !yield(file, failure) {
					return
				}
			case wanted:
				file.Odd = item.Odd
				if !yield(file, nil) {
					return
				}
			}
		}
	}}
}

func (s *Source) directoryQuery() DirectoryFilesQuery {
	sel := &s.selection
	return DirectoryFilesQuery{
		DisplayName: sel.DisplayName, DisplayNameContains: sel.DisplayNameContains,
		FileID: sel.FileID, UniqueID: sel.UniqueID, IncludeDeleted: sel.IncludeDeleted,
		UpdatedAtOnOrAfter: sel.UpdatedAtOnOrAfter, UpdatedAtOnOrBefore: sel.UpdatedAtOnOrBefore,
	}
}

// projectQuery is what the API can filter by of what matches does.
func (s *Source) projectQuery() ProjectFilesQuery {
	q := ProjectFilesQuery{Name: s.selection.DisplayName, ExternalFileID: s.selection.UniqueID}
	if id := s.selection.FileID; id != "" {
		q.FileIDs = []string{id}
	}
	return q
}

// pipelineQuery is what the API can filter by of what matches does, and lets more through: it does not mind upper and lower case.
// What a database may take for more than a letter is not left to it.
func (s *Source) pipelineQuery() PipelineFilesQuery {
	name := cmp.Or(s.selection.DisplayNameContains, s.selection.DisplayName)
	isPlain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" .-()", r)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !isPlain(r) }) || strings.TrimSpace(name) != name {
		return PipelineFilesQuery{}
	}
	return PipelineFilesQuery{NameContains: name}
}

// matches applies the filters to a file of a listing, of which the API may have applied some.
func (s *Selection) matches(f *pipeline.File) bool {
	after, before := s.UpdatedAtOnOrAfter, s.UpdatedAtOnOrBefore
	switch {
	case s.FileID != "" && f.ID != s.FileID,
		s.DisplayName != "" && (f.DisplayName == nil || *f.DisplayName != s.DisplayName),
		s.DisplayNameContains != "" && (f.DisplayName == nil || !strings.Contains(*f.DisplayName, s.DisplayNameContains)),
		s.UniqueID != "" && (f.UniqueID == nil || *f.UniqueID != s.UniqueID):
		return false
	case f.UpdatedAt.IsZero():
		return true
	}
	return !f.UpdatedAt.Before(after) && (before.IsZero() || !f.UpdatedAt.After(before))
}

// Assets implements pipeline.Source. An answer that is no listing is the file's failure.
func (s *Source) Assets(ctx context.Context, of pipeline.Wanted, room pipeline.Room) ([]*pipeline.Asset, error) {
	id := pipeline.ID(of.File.ID)
	switch {
	case of.Origin == pipeline.OriginAttachment:
		return s.attachments(ctx, of.File, room)
	case of.Origin == pipeline.OriginParse:
		return s.jobAssets(ctx, of, room)
	case of.Kind == pipeline.Document:
		return document(of.File, room)
	}
	if isTyped(id) {
		return nil, &pipeline.NoAssetsError{Reason: fmt.Sprintf(
			"no screenshots and figures can be asked for: %.80q is not the id of a stored file, which is a UUID", string(id))}
	}
	switch of.Kind {
	case pipeline.Screenshot:
		return assets(ctx, s, screenshotsRoute, id, room, readPageScreenshot, screenshotAsset)
	case pipeline.Figure:
		return assets(ctx, s, figuresRoute, id, room, readPageFigure, figureAsset)
	}
	return nil, fmt.Errorf("list assets: there is no kind %q", of.Kind)
}

// typedID is a UUID behind a word, by which the API tells ids of other things than stored files, such as directory files (dfl-)
// and parse jobs (pjb-). The image routes take none of them.
var typedID = regexp.MustCompile(`^[A-Za-z]+[-_]` + uuid + `$`)

const uuid = `[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`

var madeID = regexp.MustCompile(`^([A-Za-z]+[-_])?` + uuid + `$`)

// HasUUID tells whether a text is an id as the API makes them: a UUID, or one behind a word.
func HasUUID(text string) bool { return madeID.MatchString(text) }

func isTyped(id pipeline.ID) bool { return typedID.MatchString(string(id)) }

func assets[T any, P listItem[T]](
	ctx context.Context, s *Source, route string, id pipeline.ID, room pipeline.Room, decode func(*object, value) T,
	convert func(pipeline.ID, *T) *pipeline.Asset,
) (list []*pipeline.Asset, err error) {
	k, err := s.client.newCall(http.MethodGet, route, nil, idSegment(id))
	if err != nil {
		return nil, failure(err, 0)
	}
	k.single = true
	taken := int64(0)
	err = k.stream(ctx, s.client.maxJSON, func(st *stream) error {
		list = nil
		// What an attempt before has taken is given back.
		before := taken
		taken = 0
		if st.failed = room(-before); st.failed != nil {
			return st.failed
		}
		return st.items(func(o *object, v value) error {
			t := decode(o, v)
			item := P(&t).item()
			s.client.cleanItem(item)
			asset := convert(id, &t)
			if len(item.Odd) > 0 {
				asset.Details = &pipeline.Details{Odd: item.Odd}
			}
			if item.Malformed != nil {
				asset = &pipeline.Asset{FileID: id, Kind: asset.Kind, Origin: asset.Origin, Details: malformed(item.Malformed)}
			}
			list = append(list, asset)
			// What is kept of the item is accounted for by its weight.
			st.counted -= int64(st.sent)
			taken += asset.Weight()
			st.failed = room(asset.Weight())
			return st.failed
		}, func() error {
			list = []*pipeline.Asset{}
			return nil
		})
	})
	if err != nil {
		return nil, failure(err, k.requests)
	}
	numberMalformed(list)
	return list, nil
}

// malformed returns the details of an item that cannot be told from others.
func malformed(why error) *pipeline.Details {
	return &pipeline.Details{Malformed: &pipeline.Failure{Class: ClassMalformed, Err: why}}
}

// numberMalformed gives those that cannot be told from others a page of their own, from -1 downwards.
func numberMalformed(list []*pipeline.Asset) {
	isMalformed := func(a *pipeline.Asset) bool { return a.Detail().Malformed != nil }
	if !slices.ContainsFunc(list, isMalformed) {
		return
	}
	taken := map[int32]bool{}
	for _, a := range list {
		if !isMalformed(a) && a.PageIndex < 0 {
			taken[a.PageIndex] = true
		}
	}
	page := int32(-1)
	for _, a := range list {
		if !isMalformed(a) {
			continue
		}
		for taken[page] {
			page--
		}
		a.PageIndex = page
		page--
	}
}

// Blob implements pipeline.Source.
func (s *Source) Blob(ctx context.Context, asset *pipeline.Asset, pause pipeline.Pause) (*pipeline.Blob, error) {
	k, err := s.blobCall(asset)
	if err != nil {
		return nil, failure(err, 0)
	}
	k.single, k.blob, k.pause = true, true, pause
	expected, _ := asset.ExpectedSize()
	var blob *pipeline.Blob
	err = k.do(ctx, func(a *answer) (err error) {
		if asset.Kind == pipeline.Document {
			blob, err = s.client.takeDocument(a, documentName(asset))
		} else {
			blob, err = s.client.takeBlob(a, expected)
		}
		return err
	})
	if err != nil {
		return nil, failure(err, k.requests)
	}
	return blob, nil
}

func (s *Source) blobCall(a *pipeline.Asset) (*call, error) {
	switch {
	case a.Origin == pipeline.OriginAttachment:
		return s.attachmentCall(a)
	case a.Origin == pipeline.OriginParse:
		return s.jobPictureCall(a)
	case a.Kind == pipeline.Document:
		return s.documentCall(a)
	case a.Kind == pipeline.Figure:
		return s.client.figureCall(a.FileID, a.PageIndex, a.FigureName)
	}
	return s.client.screenshotCall(a.FileID, a.PageIndex)
}

// failure makes an error that concerns only one file or asset a *pipeline.Failure.
func failure(err error, requests int) error {
	if class, ok := concern(err); ok {
		f := &pipeline.Failure{Class: class, Attempts: requests, Err: err, Final: class == ClassMalformed}
		if refused, ok := errors.AsType[*APIError](err); ok && refused.own {
			f.Final, f.Absent = refused.final(), refused.absent()
		}
		return f
	}
	return err
}

// listingError says which listing it is that was refused or cannot be trusted. What ends a run whatever was asked for
// stays as it is.
func listingError(key pipeline.SourceKey, what string, err error) error {
	if !EndsAll(err) {
		return &pipeline.SourceError{Key: key, Absent: isGone(err), Err: &ListingError{What: what, Err: err}}
	}
	return err
}

// quoteID quotes what an ID that was not checked may hold.
func quoteID(id pipeline.ID) string {
	if _, err := pipeline.ParseID(string(id)); err != nil {
		return fmt.Sprintf("%.80q", string(id))
	}
	return string(id)
}
