package llamacloud

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"exporter/internal/media"
)

// maxErrorBody is how much of an answer's body is read for an error, in bytes.
const maxErrorBody = 64 << 10

// readDetail reads what an error answer says, and which parameters it names. It needs no error of its own: what cannot be read
// is no detail.
func readDetail(r io.Reader) (text string, fields []string) {
	body, err := io.ReadAll(io.LimitReader(r, maxErrorBody))
	if err != nil && len(body) == 0 {
		return "", nil
	}
	return parseDetail(body)
}

// parseDetail understands the two shapes of FastAPI, {"detail": "text"} and {"detail": [{"loc": […], "msg": "text"}]},
// which reads as "loc.loc: text; …". Of anything else it returns short text as it stands, but no HTML.
func parseDetail(body []byte) (text string, fields []string) {
	var answer struct {
		Detail json.RawMessage `json:"detail"`
	}
	if err := checkJSON(body); err == nil {
		// A failure leaves Detail empty, and the body is taken for text.
		_ = json.Unmarshal(body, &answer)
	}
	if json.Unmarshal(answer.Detail, &text) == nil {
		return text, nil
	}
	var items []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	if json.Unmarshal(answer.Detail, &items) == nil && len(items) > 0 {
		parts := make([]string, len(items))
		for i, item := range items {
			parts[i] = joinLocation(item.Loc) + item.Msg
			if n := len(item.Loc); n > 0 {
				fields = append(fields, fmt.Sprint(item.Loc[n-1]))
			}
		}
		return strings.Join(parts, "; "), fields
	}
	text = strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") || !utf8.ValidString(text) || !media.IsText(body) {
		return "", nil
	}
	return text, nil
}

func joinLocation(loc []any) string {
	if len(loc) == 0 {
		return ""
	}
	parts := make([]string, len(loc))
	for i, part := range loc {
		parts[i] = fmt.Sprint(part)
	}
	return strings.Join(parts, ".") + ": "
}
