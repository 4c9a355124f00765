package manifest

import (
	"math"
	"time"

	"exporter/pipeline"
)

// fileStates keeps what the next run needs of each file's row, in few bytes: there may be millions.
type fileStates struct {
	byKey map[pipeline.FileKey]fileState
	// sources are the sets of listings that occur, and numbers their places in it.
	sources [][]pipeline.SourceKey
	numbers map[string]uint32
}

// fileState is a pipeline.FileState. Times are in microseconds since the epoch, noTime where they are zero; counts are below 0
// where they are nil.
type fileState struct {
	updated, expires, listed, asked    int64
	screenshots, figures, missingPages int32
	stored, skipped                    int32
	sources, missedIn                  uint32
	names                              uint64
	status                             uint8
	missed, gone, hasError             bool
}

const noTime = math.MinInt64

func newFileStates() *fileStates {
	return &fileStates{byKey: map[pipeline.FileKey]fileState{}, numbers: map[string]uint32{}}
}

func (s *fileStates) add(r *fileRow) {
	r.raise()
	file := r.file()
	s.byKey[r.key()] = fileState{
		updated: packTime(r.FileUpdatedAt), expires: packTime(r.ExpiresAt), listed: packTime(r.ListedAt), asked: packTime(r.AskedAt),
		screenshots: packCount(r.Screenshots), figures: packCount(r.Figures), missingPages: packCount(r.MissingPages),
		stored: packCount(&r.Stored), skipped: packCount(&r.Skipped),
		sources: s.number(r.Sources), missedIn: s.number(r.MissedSources),
		names: file.NamesHash(), status: packStatus(r.Status),
		missed: r.MissedAt != nil, gone: r.VanishedAt != nil || r.ExpiredAt != nil, hasError: r.Error != nil,
	}
}

// number returns the place of a set of listings, given as the column has it.
func (s *fileStates) number(text string) uint32 {
	number, known := s.numbers[text]
	if !known {
		number = uint32(len(s.sources))
		s.numbers[text] = number
		s.sources = append(s.sources, parseSources(text))
	}
	return number
}

// parsed returns a set of listings that the column has, without parsing one of those that are kept.
func (s *fileStates) parsed(text string) []pipeline.SourceKey {
	if number, known := s.numbers[text]; known {
		return s.sources[number]
	}
	return parseSources(text)
}

func (s *fileStates) get(key pipeline.FileKey) *pipeline.FileState {
	f, ok := s.byKey[key]
	if !ok {
		return nil
	}
	return s.unpack(f)
}

func (s *fileStates) unpack(f fileState) *pipeline.FileState {
	return &pipeline.FileState{
		Status:      statuses[f.status],
		Screenshots: unpackCount(f.screenshots), Figures: unpackCount(f.figures), MissingPages: unpackCount(f.missingPages),
		Stored: int64(f.stored), Skipped: int64(f.skipped),
		UpdatedAt: unpackTime(f.updated), ExpiresAt: unpackTime(f.expires),
		ListedAt: unpackTime(f.listed), AskedAt: unpackTime(f.asked),
		Sources: s.sources[f.sources], MissedIn: s.sources[f.missedIn], NamesHash: f.names, Missed: f.missed, Gone: f.gone, HasError: f.hasError,
	}
}

// statuses are those of files, which are numbers in a fileState. The first stands for any that is not known.
var statuses = [...]pipeline.Status{"", pipeline.Complete, pipeline.Partial, pipeline.Failed, pipeline.Skipped}

func packStatus(status string) uint8 {
	for i, s := range statuses {
		if string(s) == status {
			return uint8(i)
		}
	}
	return 0
}

func packTime(us *int64) int64 {
	if us == nil {
		return noTime
	}
	return *us
}

func unpackTime(us int64) time.Time {
	if us == noTime {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func packCount(n *int64) int32 {
	if n == nil {
		return -1
	}
	return int32(min(*n, math.MaxInt32))
}

func unpackCount(n int32) *int64 {
	if n < 0 {
		return nil
	}
	return new(int64(n))
}
