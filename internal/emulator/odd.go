package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// oddFields are, for each route that lists something, the path of its list (empty: the answer is one), the field that
// identifies an item, and one that may be absent.
var oddFields = map[Route]struct {
	list               []string
	identity, optional string
}{
	RouteListDirectoryFiles:  {[]string{"items"}, "file_id", "updated_at"},
	RouteListProjectFiles:    {[]string{"items"}, "id", "last_modified_at"},
	RouteListPipelineFiles:   {[]string{"files"}, "file_id", "updated_at"},
	RouteListPageScreenshots: {nil, "page_index", "image_size"},
	RouteListPageFigures:     {nil, "page_index", "figure_size"},
	RouteListAttachments:     {[]string{"items"}, "name", "last_modified"},
	RouteListParseJobs:       {[]string{"items"}, "id", "updated_at"},
	RouteGetParseJob:         {[]string{"images_content_metadata", "images"}, "filename", "bbox"},
	RouteListBatches:         {[]string{"items"}, "id", "updated_at"},
	RouteGetBatch:            {[]string{"results"}, "source_directory_file_id", "error_message"},
	RouteListIndexes:         {[]string{"items"}, "id", "updated_at"},
	RouteListDirectories:     {[]string{"items"}, "id", "updated_at"},
	RouteListPipelines:       {[]string{"items"}, "id", "updated_at"},
	RouteListPipelinesV1:     {nil, "id", "updated_at"},
	RouteListProjects:        {[]string{"items"}, "id", "updated_at"},
	RouteListProjectsV1:      {nil, "id", "updated_at"},
}

func oddItem(x *exchange, r reply) reply {
	return oddFirst(x, r, oddFields[x.route].identity, `{"odd":true}`)
}

func oddField(x *exchange, r reply) reply {
	return oddFirst(x, r, oddFields[x.route].optional, `"yesterday"`)
}

// oddFirst gives a field of the first item another value. An answer that has none stays as it is.
func oddFirst(x *exchange, r reply, field, value string) reply {
	return changeList(x, r, func(list json.RawMessage) json.RawMessage {
		var items []json.RawMessage
		if json.Unmarshal(list, &items) != nil || len(items) == 0 {
			return list
		}
		first, err := parseObject(items[0])
		if err != nil {
			return list
		}
		items[0] = first.set(field, json.RawMessage(value)).bytes()
		return appendArray(nil, items)
	})
}

func nullList(x *exchange, r reply) reply {
	return changeList(x, r, func(json.RawMessage) json.RawMessage { return json.RawMessage("null") })
}

// changeList replaces the list of an answer. An answer that has none stays as it is.
func changeList(x *exchange, r reply, change func(json.RawMessage) json.RawMessage) reply {
	if r.status == http.StatusOK {
		r.body = changeAt(r.body, oddFields[x.route].list, change)
	}
	return r
}

// changeAt replaces the value at a path of names in raw.
func changeAt(raw json.RawMessage, path []string, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	if len(path) == 0 {
		return change(raw)
	}
	o, err := parseObject(raw)
	if err != nil || o.get(path[0]) == nil {
		return raw
	}
	return o.set(path[0], changeAt(o.get(path[0]), path[1:], change)).bytes()
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
