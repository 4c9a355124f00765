package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"exporter/internal/media"
	"exporter/pipeline"
)

// mostAbsent is how many files are asked for attachments where all are answered as if there were no such thing.
const mostAbsent = 10

// attached learns whether the API has attachments. It is safe for concurrent use.
type attached struct {
	mu       sync.Mutex
	absent   int
	answered bool
}

// ceased tells whether no more files are asked.
func (a *attached) ceased() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.answered && a.absent >= mostAbsent
}

// isAbsent tells whether a failure says that there is no such thing as attachments: what is no listing says so as long as none has come.
func (a *attached) isAbsent(f *pipeline.Failure) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return f.Absent || !a.answered && f.Class == ClassMalformed
}

func (a *attached) learn(answered bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answered = a.answered || answered; !answered {
		a.absent++
	}
}

// attachments lists what an index has attached to a file: by the id that it has in its directory, as that is what indexes know, and
// where nothing is there by its own.
func (s *Source) attachments(ctx context.Context, file *pipeline.File, room pipeline.Room) (list []*pipeline.Asset, err error) {
	if s.attached.ceased() {
		return nil, &pipeline.Failure{
			Class: "http_404", Final: true, Absent: true,
			Err: fmt.Errorf("no file has attachments, and after %d of them no more were asked", mostAbsent),
		}
	}
	var absent error
	for _, source := range sourceIDs(file) {
		some, err := s.attachmentsOf(ctx, file, source, room)
		if failure, ok := errors.AsType[*pipeline.Failure](err); ok && s.attached.isAbsent(failure) {
			absent = &pipeline.Failure{Class: failure.Class, Attempts: failure.Attempts, Final: true, Absent: true, Err: failure.Err}
			if failure.Absent {
				continue
			}
			break
		}
		if err != nil || len(some) > 0 {
			s.attached.learn(err == nil)
			return some, err
		}
		list = []*pipeline.Asset{}
	}
	s.attached.learn(list != nil)
	if list == nil {
		return nil, absent
	}
	return list, nil
}

// sourceIDs returns the ids that attachments of a file may go by.
func sourceIDs(file *pipeline.File) []pipeline.ID {
	var ids []pipeline.ID
	for _, text := range []string{file.DirectoryFileID, file.ID} {
		if id, err := pipeline.ParseID(text); err == nil && (len(ids) == 0 || ids[0] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *Source) attachmentsOf(ctx context.Context, file *pipeline.File, source pipeline.ID, room pipeline.Room) ([]*pipeline.Asset, error) {
	list := []*pipeline.Asset{}
	for a, err := range s.client.Attachments(ctx, source) {
		if err != nil {
			return nil, failure(err, 0)
		}
		asset := attachmentAsset(file, source, &a)
		if err := room(asset.Weight()); err != nil {
			return nil, err
		}
		list = append(list, asset)
	}
	numberMalformed(list)
	return list, nil
}

func attachmentAsset(file *pipeline.File, source pipeline.ID, a *Attachment) *pipeline.Asset {
	asset := &pipeline.Asset{
		FileID: pipeline.ID(file.ID), Kind: pipeline.Screenshot, Origin: pipeline.OriginAttachment, PageIndex: pipeline.NoPage,
		Details: &pipeline.Details{Handle: source},
	}
	if a.Malformed != nil {
		asset.Details = malformed(a.Malformed)
		return asset
	}
	asset.Details.UpstreamName, asset.Details.Odd = a.Name, a.Odd
	asset.ListedSize, asset.Details.UpdatedAt = a.Size.Ptr(), at(a.LastModified)
	asset.Details.NoPicture = !strings.HasPrefix(a.Name, "screenshots/") && !strings.HasPrefix(media.TypeByExtension(path.Ext(a.Name)), "image/")
	if page, ok := numberIn(attachedPage, a.Name); ok {
		asset.PageIndex, asset.Details.PageNumber = page, countedPage(page)
	}
	return asset
}

// Page implements pipeline.Source.
func (s *Source) Page(ctx context.Context, asset *pipeline.Asset) (*pipeline.PageRow, error) {
	if path.Ext(asset.Detail().UpstreamName) != ".json" || asset.Detail().PageNumber == nil {
		return nil, nil
	}
	k, err := s.attachmentCall(asset)
	if err != nil {
		return nil, failure(err, 0)
	}
	page := &pipeline.PageRow{PageNumber: *asset.Detail().PageNumber}
	err = k.stream(ctx, maxJSONBody, func(st *stream) error {
		v, err := st.value()
		page.Items = json.RawMessage(bytes.Clone(v))
		return err
	})
	if err != nil {
		return nil, failure(err, k.requests)
	}
	return page, nil
}

// attachedPage is what names of attachments end with that are of a page, which is counted from 1.
var attachedPage = regexp.MustCompile(`(?:^|/)page_(\d+)(?:\.[^./]*)?$`)

// numberIn returns the number that a pattern finds in a name.
func numberIn(pattern *regexp.Regexp, name string) (number int32, ok bool) {
	found := pattern.FindStringSubmatch(name)
	if found == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(found[1], 10, 32)
	return int32(n), err == nil
}

// countedPage returns a page's number, nil for one that is none.
func countedPage(page int32) *int32 {
	if page < 1 {
		return nil
	}
	return &page
}

func (s *Source) attachmentCall(a *pipeline.Asset) (*call, error) {
	source, ok := a.Detail().Handle.(pipeline.ID)
	if !ok {
		source = a.FileID
	}
	k, err := s.client.attachmentCall(source, a.Detail().UpstreamName)
	if err == nil {
		k.linked = true
	}
	return k, err
}
