package buckettest

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// act does what is asked for.
func (c *call) act(now time.Time) {
	switch c.Op {
	case Put, Create:
		c.put(now)
	case Get, Head:
		c.get()
	case List:
		c.list(now)
	case Remove:
		c.remove()
	}
}

func (c *call) put(now time.Time) {
	if q := c.r.URL.Query(); q.Has("uploadId") || q.Has("partNumber") {
		c.fail(http.StatusNotImplemented, "NotImplemented", "Nothing is taken in parts.")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, found := c.objects[c.Key]
	if c.vices.CheckFirst {
		found = c.found
	}
	if c.Op == Create && found && !c.vices.IgnoreCreate {
		c.fail(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		return
	}
	if c.Op == Create && c.vices.Gap > 0 {
		c.mu.Unlock()
		select {
		case <-time.After(c.vices.Gap):
		case <-c.ended:
		}
		c.mu.Lock()
	}
	c.w.Header().Set("ETag", c.store(c.Key, c.body, now))
	c.w.WriteHeader(http.StatusOK)
}

func (c *call) get() {
	c.mu.Lock()
	o, ok := c.objects[c.Key]
	c.mu.Unlock()
	if !ok {
		c.fail(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	if tag := c.Header.Get("If-Match"); tag != "" && tag != o.tag && !c.vices.IgnoreIfMatch {
		c.fail(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		return
	}
	h := c.w.Header()
	h.Set("ETag", o.tag)
	h.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	h.Set("Content-Type", "application/octet-stream")
	size := int64(len(o.content))
	first, last, ranged := int64(0), size-1, false
	if text, ok := strings.CutPrefix(c.Header.Get("Range"), "bytes="); ok && !c.vices.IgnoreRange {
		from, to, _ := strings.Cut(text, "-")
		first, _ = strconv.ParseInt(from, 10, 64)
		if end, err := strconv.ParseInt(to, 10, 64); err == nil {
			last = min(last, end)
		}
		if first >= size {
			h.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
			c.fail(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
			return
		}
		ranged = true
	}
	if c.Op == Head {
		h.Set("Content-Length", fmt.Sprint(size))
		c.w.WriteHeader(http.StatusOK)
		return
	}
	status := http.StatusOK
	if ranged {
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, size))
	}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(o.content[first : last+1])
}

// listed is an entry of a list, and listing a page.
type (
	listed struct {
		Key          string
		LastModified string
		ETag         string
		Size         int
	}
	listing struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name, Prefix          string
		KeyCount, MaxKeys     int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		EncodingType          string `xml:",omitempty"`
		Delimiter             string `xml:",omitempty"`
		CommonPrefixes        []commonPrefix
		Contents              []listed
	}

	// commonPrefix stands in a page for all that is in a folder.
	commonPrefix struct{ Prefix string }
)

func (c *call) list(now time.Time) {
	q := c.r.URL.Query()
	most, err := strconv.Atoi(q.Get("max-keys"))
	if err != nil || most < 1 || most > 1000 {
		most = 1000
	}
	after := q.Get("start-after")
	token, err := base64.URLEncoding.DecodeString(q.Get("continuation-token"))
	if err != nil || q.Get("list-type") != "2" {
		c.fail(http.StatusBadRequest, "InvalidArgument", "There is no such list.")
		return
	}
	if len(token) > 0 {
		after = string(token)
	}
	p := listing{Name: c.Bucket, Prefix: q.Get("prefix"), MaxKeys: most, EncodingType: q.Get("encoding-type")}
	c.mu.Lock()
	keys := slices.Sorted(maps.Keys(c.objects))
	keys = slices.DeleteFunc(keys, func(key string) bool {
		return !strings.HasPrefix(key, p.Prefix) || now.Sub(c.objects[key].since) < c.vices.ListDelay
	})
	if c.vices.ListOrder != nil {
		c.vices.ListOrder(keys)
	}
	// In whichever order: behind the key that was the last one.
	start := 0
	if n := slices.Index(keys, after); n >= 0 {
		start = n + 1
	} else {
		for start < len(keys) && keys[start] <= after {
			start++
		}
	}
	p.Delimiter = q.Get("delimiter")
	encoded := func(key string) string {
		if p.EncodingType == "url" {
			return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
		}
		return key
	}
	folder := ""
	for _, key := range keys[start:] {
		if folder != "" && strings.HasPrefix(key, folder) {
			continue
		}
		if len(p.Contents)+len(p.CommonPrefixes) == most {
			p.IsTruncated = true
			break
		}
		o := c.objects[key]
		if p.Delimiter != "" {
			if folder = folderOf(key, p.Prefix); folder != "" {
				// No key in the folder comes behind this one.
				p.NextContinuationToken = base64.URLEncoding.EncodeToString([]byte(folder + "\U0010FFFF"))
				p.CommonPrefixes = append(p.CommonPrefixes, commonPrefix{encoded(folder)})
				continue
			}
		}
		p.NextContinuationToken = base64.URLEncoding.EncodeToString([]byte(key))
		key = encoded(key)
		p.Contents = append(p.Contents, listed{key, o.modified.UTC().Format("2006-01-02T15:04:05.000Z"), o.tag, len(o.content)})
	}
	c.mu.Unlock()
	p.KeyCount = len(p.Contents) + len(p.CommonPrefixes)
	if !p.IsTruncated {
		p.NextContinuationToken = ""
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(http.StatusOK)
	_ = xml.NewEncoder(c.w).Encode(p)
}

// removal is what a request to remove has in it.
type removal struct{ Object []struct{ Key string } }

func (c *call) remove() {
	var d removal
	if err := xml.Unmarshal(c.body, &d); err != nil || len(d.Object) == 0 || len(d.Object) > 1000 {
		c.fail(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
		return
	}
	c.mu.Lock()
	for _, o := range d.Object {
		delete(c.objects, o.Key)
	}
	c.mu.Unlock()
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(http.StatusOK)
	fmt.Fprint(c.w, `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`)
}

// failEach says that no key could be removed.
func (c *call) failEach() {
	type failed struct{ Key, Code, Message string }
	var d removal
	_ = xml.Unmarshal(c.body, &d)
	answer := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Error   []failed
	}{}
	for _, o := range d.Object {
		answer.Error = append(answer.Error, failed{o.Key, c.fault.Code, c.fault.Message})
	}
	_ = xml.NewEncoder(c.w).Encode(answer)
}
