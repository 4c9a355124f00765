package flags

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/emulator"
)

// site is an emulator that command line flags describe, and its storage origin, if any.
type site struct {
	t      *testing.T
	server *emulator.Server
	url    string
}

func serve(t *testing.T, args ...string) *site {
	t.Helper()
	fs := pflag.NewFlagSet("emulate", pflag.ContinueOnError)
	f := Add(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	o, err := f.Options(time.Now)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	o.LogLimit, o.StallFor, o.TrickleEvery, o.HugeSize = 0, 20*time.Millisecond, 10*time.Millisecond, 1000
	storage := httptest.NewUnstartedServer(nil)
	t.Cleanup(storage.Close)
	if o.Storage != nil {
		o.Storage.Origin = "http://" + storage.Listener.Addr().String()
	}
	s := &site{t: t}
	if s.server, err = emulator.New(o); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if o.Storage != nil {
		storage.Config.Handler = s.server.Storage()
		storage.Start()
	}
	h := httptest.NewServer(s.server)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

// get returns the body of a path of the API, or of a URL, for which no key is sent. Faults may end it early.
func (s *site) get(target string) []byte {
	r, err := http.NewRequest("GET", target, nil)
	if strings.HasPrefix(target, "/") {
		r, err = http.NewRequest("GET", s.url+target, nil)
		r.Header.Set("Authorization", "Bearer x")
	}
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return body
}

// lists returns paths of the computed corpus, and the path of a presigned link.
func (s *site) lists() []string {
	find := func(pattern, path string) string {
		found := regexp.MustCompile(pattern).FindSubmatch(s.get(path))
		if found == nil {
			s.t.Fatalf("%s has no %s", path, pattern)
		}
		return string(found[1])
	}
	const files = "/api/v1/beta/directories/synthetic/files?page_size=2"
	file := find(`"file_id":"([^"]*)"`, files)
	attached := find(`"id":"([^"]*)"[^{}]*"display_name":"Document 5.pdf"`, "/api/v1/beta/directories/synthetic/files")
	job := find(`"id":"(pjb-[^"]*)"`, "/api/v2/parse")
	var answer struct {
		URL string `json:"url"`
	}
	name := "/api/v1/beta/attachments/screenshots%2Fpage_1.jpg?source_id=" + attached
	if err := json.Unmarshal(s.get(name), &answer); err != nil {
		s.t.Fatal(err)
	}
	next := func(path string) string { return path + "&page_token=" + find(`"next_page_token":"([^"]*)"`, path) }
	return []string{
		"/api/v1/files/" + file + "/page_screenshots", "/api/v1/files/" + file + "/page_screenshots/0",
		"/api/v1/files/" + file + "/page-figures",
		"/api/v1/beta/files?page_size=4", files, next(files),
		next("/api/v1/beta/attachments?page_size=2&source_id=" + attached), next("/api/v2/parse?page_size=2"),
		next("/api/v2/pipelines?page_size=1"),
		"/api/v1/pipelines/synthetic/files2?offset=1", "/api/v1/beta/attachments?source_id=" + attached, name, "/api/v2/parse",
		"/api/v2/parse/" + job + "?expand=images_content_metadata", "/api/v2/batches", "/api/v1/indexes", "/api/v2/projects",
		answer.URL[strings.Index(answer.URL, "/download"):],
	}
}

const computed = "--synthetic-files=6 --synthetic-assets=4 --synthetic-size=1KB --synthetic-attachments=2 " +
	"--synthetic-jobs=3 --synthetic-index --synthetic-batch --synthetic-ids=uuid"

// Every fault that there is happens on the command line, to each group of routes that it fits.
func TestFlags_EveryFaultHappens(t *testing.T) {
	groups := map[string][]emulator.Route{
		"all": emulator.Routes(), "listings": emulator.ListingRoutes(), "files": emulator.FileListingRoutes(),
		"assets":      emulator.AssetListingRoutes(),
		"attachments": emulator.AttachmentRoutes(), "jobs": emulator.ParseRoutes(), "sources": emulator.SourceRoutes(),
		"blobs":       append(emulator.BlobRoutes(), emulator.DownloadRoutes()...),
		"screenshots": {emulator.RouteListPageScreenshots}, "figures": {emulator.RouteListPageFigures},
	}
	for _, storage := range []bool{false, true} {
		args := strings.Fields(computed)
		if storage {
			args = append(args, "--storage")
		}
		// All have the same ids, and sign with the same key.
		paths := serve(t, args...).lists()
		for _, kind := range emulator.FaultKinds() {
			for group, routes := range groups {
				if !slices.ContainsFunc(routes, kind.Fits) || storage && group != "blobs" {
					continue
				}
				t.Run(string(kind)+"/"+group, func(t *testing.T) {
					t.Parallel()
					s := serve(t, slices.Concat(args, []string{
						"--faults=" + string(kind), "--fault-routes=" + group, "--fault-rate=1", "--fault-times=-1",
					})...)
					for _, path := range paths {
						s.get(path)
						if slices.ContainsFunc(s.server.Requests(), func(r emulator.Request) bool {
							return r.Fault == kind && slices.Contains(routes, r.Route)
						}) {
							return
						}
					}
					t.Errorf("%s does not happen to %s", kind, group)
				})
			}
		}
	}
}
