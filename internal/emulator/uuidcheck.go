package emulator

import (
	"fmt"
	"strings"
)

// uuidMistake returns what pydantic finds wrong with a text as a UUID, in its words; "" when nothing is. Besides the usual
// spelling it takes 32 digits, braces, and the prefix urn:uuid:.
func uuidMistake(text string) string {
	bare, offset := text, 0
	if inner, ok := strings.CutPrefix(text, "urn:uuid:"); ok {
		bare, offset = inner, len("urn:uuid:")
	} else if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") && len(text) > 1 {
		bare, offset = text[1:len(text)-1], 1
	}
	for i, c := range bare {
		if !strings.ContainsRune("0123456789abcdefABCDEF-", c) {
			return fmt.Sprintf("invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `%c` at %d",
				c, offset+i+1)
		}
	}
	groups := strings.Split(bare, "-")
	switch {
	case len(groups) == 1 && offset == 0:
		if len(bare) != 32 {
			return fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(bare))
		}
		return ""
	case len(groups) != 5:
		return fmt.Sprintf("invalid group count: expected 5, found %d", len(groups))
	}
	for i, want := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != want {
			return fmt.Sprintf("invalid group length in group %d: expected %d, found %d", i, want, len(groups[i]))
		}
	}
	return ""
}

func isUUID(text string) bool { return uuidMistake(text) == "" }

// isTyped tells whether an id is a word and a UUID, such as that of a directory file: dfl-….
func isTyped(id string) bool {
	word, uuid, ok := strings.Cut(id, "-")
	return ok && word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" && len(uuid) == 36 && isUUID(uuid)
}

func uuidError(text string, location ...string) fieldError {
	return fieldError{location, "Input should be a valid UUID, " + uuidMistake(text), "uuid_parsing"}
}

// scopeMistakes returns what is wrong with the project and the organization that the query names. Where projects were given ids of
// another kind, any will do.
func (s *Server) scopeMistakes(x *exchange) []fieldError {
	var errs []fieldError
	for _, name := range []string{"project_id", "organization_id"} {
		if id := x.query.Get(name); id != "" && !isUUID(id) && !s.corpus.anyProjectID.Load() {
			errs = append(errs, uuidError(id, "query", name))
		}
	}
	return errs
}

// imageFile returns the file of an image route, whose id has to be a UUID: it is no use to ask there for what has a typed id. Where
// files were given ids of another kind, any will do. The corpus is locked.
func (s *Server) imageFile(x *exchange) (*file, *reply) {
	id := x.params[0]
	_, known := s.corpus.files[id]
	if isTyped(id) || !isUUID(id) && !known && !s.corpus.anyFileID {
		r := unprocessable([]fieldError{uuidError(id, "path", "id")})
		return nil, &r
	}
	return s.file(x)
}
