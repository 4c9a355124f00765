package manifest

import (
	"encoding/json"
	"sync"

	"exporter/pipeline"
)

// maxSourceSets bounds the sets of listings that are kept.
const maxSourceSets = 1 << 12

// sourceSets keeps sets of listings that were parsed, as most files are in the same ones. It is safe for concurrent use.
type sourceSets struct {
	mu   sync.Mutex
	sets map[string][]pipeline.SourceKey
}

// parsed returns a set of listings, given as the column has it.
func (s *sourceSets) parsed(text string) []pipeline.SourceKey {
	if text == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set, known := s.sets[text]
	if !known {
		if len(s.sets) == maxSourceSets {
			clear(s.sets)
		}
		if s.sets == nil {
			s.sets = map[string][]pipeline.SourceKey{}
		}
		set = parseSources(text)
		s.sets[text] = set
	}
	return set
}

// sourcesText returns the keys as a JSON array; empty where there are none.
func sourcesText(keys []pipeline.SourceKey) string {
	if len(keys) == 0 {
		return ""
	}
	text, err := json.Marshal(keys)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// parseSources is the inverse of sourcesText. What is no array of strings counts as none.
func parseSources(text string) []pipeline.SourceKey {
	var keys []pipeline.SourceKey
	if text == "" || json.Unmarshal([]byte(text), &keys) != nil {
		return nil
	}
	return keys
}
