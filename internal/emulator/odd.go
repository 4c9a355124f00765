package emulator

import (
	"encoding/json"
	"fmt"
)

// oddFields are, for each route that lists something, the name of its list (empty: the answer is one), the field that
// identifies an item, and one that may be absent.
var oddFields = map[Route]struct{ list, identity, optional string }{
	RouteListDirectoryFiles:  {"items", "file_id", "updated_at"},
	RouteListProjectFiles:    {"items", "id", "last_modified_at"},
	RouteListPipelineFiles:   {"files", "file_id", "updated_at"},
	RouteListPageScreenshots: {"", "page_index", "image_size"},
	RouteListPageFigures:     {"", "page_index", "figure_size"},
}

func oddItem(x *exchange, r reply) reply {
	return oddFirst(x, r, oddFields[x.route].identity, `{"odd":true}`)
}

func oddField(x *exchange, r reply) reply {
	return oddFirst(x, r, oddFields[x.route].optional, `"yesterday"`)
}

// oddFirst gives a field of the first item another value. An answer that has none stays as it is.
func oddFirst(x *exchange, r reply, field, value string) reply {
	list := oddFields[x.route].list
	var answer object
	items := json.RawMessage(r.body)
	if list != "" {
		var err error
		if answer, err = parseObject(r.body); err != nil {
			return r
		}
		items = answer.get(list)
	}
	var all []json.RawMessage
	if json.Unmarshal(items, &all) != nil || len(all) == 0 {
		return r
	}
	first, err := parseObject(all[0])
	if err != nil {
		return r
	}
	all[0] = first.set(field, json.RawMessage(value)).bytes()
	if r.body = appendArray(nil, all); list != "" {
		r.body = answer.set(list, r.body).bytes()
	}
	return r
}

func smallPages(x *exchange, r reply) reply {
	p := parameters{query: x.query}
	for _, name := range []string{"page_size", "limit"} {
		if p.number(name, 0, 0, -1) > SmallPage {
			p.fail(name, fmt.Sprintf("Input should be less than or equal to %d", SmallPage), "less_than_equal")
		}
	}
	if len(p.errs) > 0 {
		return unprocessable(p.errs)
	}
	return r
}
