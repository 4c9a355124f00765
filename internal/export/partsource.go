package export

import (
	"context"
	"errors"

	"exporter/pipeline"
)

// partSource is a Source that tells files of other parts from those of one.
type partSource struct {
	pipeline.Source
	takes func(pipeline.FileKey) bool
}

// Listings implements pipeline.Source. Nothing is asked for that names a single file or job of another part.
func (s partSource) Listings(ctx context.Context) []pipeline.Listing {
	var all []pipeline.Listing
	for _, l := range s.Source.Listings(ctx) {
		if key, ok := l.Key.Single(); ok && !s.takes(key) {
			continue
		}
		files := l.Files
		l.Files = func(yield func(pipeline.File, error) bool) {
			for file, err := range files {
				_, isMalformed := errors.AsType[*pipeline.Failure](err)
				if (err == nil || isMalformed) && !s.takes(file.Key()) {
					file.Elsewhere = true
				}
				if !yield(file, err) {
					return
				}
			}
		}
		all = append(all, l)
	}
	return all
}
