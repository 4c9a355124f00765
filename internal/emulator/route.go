package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Route is an operation of the API: its method and the template of its path.
type Route string

// The twelve operations of the API, and the presigned download that directory files may be expanded with.
const (
	RouteAddDirectoryFile    Route = "POST /api/v1/beta/directories/{directory_id}/files"
	RouteListDirectoryFiles  Route = "GET /api/v1/beta/directories/{directory_id}/files"
	RouteUploadDirectoryFile Route = "POST /api/v1/beta/directories/{directory_id}/files/upload"
	RouteGetDirectoryFile    Route = "GET /api/v1/beta/directories/{directory_id}/files/{directory_file_id}"
	RouteUpdateDirectoryFile Route = "PATCH /api/v1/beta/directories/{directory_id}/files/{directory_file_id}"
	RouteDeleteDirectoryFile Route = "DELETE /api/v1/beta/directories/{directory_id}/files/{directory_file_id}"
	RouteListPageScreenshots Route = "GET /api/v1/files/{id}/page_screenshots"
	RouteGetPageScreenshot   Route = "GET /api/v1/files/{id}/page_screenshots/{page_index}"
	RouteListPageFigures     Route = "GET /api/v1/files/{id}/page-figures"
	RouteGetPageFigure       Route = "GET /api/v1/files/{id}/page-figures/{page_index}/{figure_name}"
	RouteListProjectFiles    Route = "GET /api/v1/beta/files"
	RouteListPipelineFiles   Route = "GET /api/v1/pipelines/{pipeline_id}/files2"
	RouteDownload            Route = "GET /download/{id}"
)

// BlobRoutes returns the operations that answer with an image's bytes.
func BlobRoutes() []Route { return []Route{RouteGetPageScreenshot, RouteGetPageFigure} }

// FileListingRoutes returns the operations that list files, AssetListingRoutes those that list the assets of one.
func FileListingRoutes() []Route {
	return []Route{RouteListDirectoryFiles, RouteListProjectFiles, RouteListPipelineFiles}
}
func AssetListingRoutes() []Route { return []Route{RouteListPageScreenshots, RouteListPageFigures} }

// ListingRoutes returns the operations that answer with a list.
func ListingRoutes() []Route { return append(FileListingRoutes(), AssetListingRoutes()...) }

// AllRoutes returns every operation but the presigned download.
func AllRoutes() []Route {
	return append(append(BlobRoutes(), ListingRoutes()...), RouteGetDirectoryFile, RouteAddDirectoryFile,
		RouteUploadDirectoryFile, RouteUpdateDirectoryFile, RouteDeleteDirectoryFile)
}

func (r Route) isBlob() bool {
	return r == RouteGetPageScreenshot || r == RouteGetPageFigure || r == RouteDownload
}

// hasCursor tells whether the route is a listing with page_token.
func (r Route) hasCursor() bool { return r == RouteListDirectoryFiles || r == RouteListProjectFiles }

// endpoint is a route, ready to be matched.
type endpoint struct {
	route    Route
	method   string
	segments []string
	handle   func(*exchange) reply
}

func (s *Server) routes() []endpoint {
	handlers := []struct {
		route  Route
		handle func(*exchange) reply
	}{
		{RouteGetPageScreenshot, s.getPageScreenshot},
		{RouteGetPageFigure, s.getPageFigure},
		{RouteListPageScreenshots, s.listPageScreenshots},
		{RouteListPageFigures, s.listPageFigures},
		{RouteListDirectoryFiles, s.listDirectoryFiles},
		{RouteAddDirectoryFile, s.addDirectoryFile},
		{RouteUploadDirectoryFile, s.uploadDirectoryFile},
		{RouteGetDirectoryFile, s.getDirectoryFile},
		{RouteUpdateDirectoryFile, s.updateDirectoryFile},
		{RouteDeleteDirectoryFile, s.deleteDirectoryFile},
		{RouteListProjectFiles, s.listProjectFiles},
		{RouteListPipelineFiles, s.listPipelineFiles},
		{RouteDownload, s.download},
	}
	endpoints := make([]endpoint, len(handlers))
	for i, h := range handlers {
		method, template, _ := strings.Cut(string(h.route), " ")
		endpoints[i] = endpoint{h.route, method, strings.Split(template, "/"), h.handle}
	}
	return endpoints
}

// match returns the endpoint for a request and its decoded path parameters. Where only the method is wrong, it returns
// the methods that would do.
//
// The escaped path is split first and each segment decoded once: figure names may be empty, may hold '/', and may be
// "..", which http.ServeMux would redirect.
func match(endpoints []endpoint, r *http.Request) (e *endpoint, params []string, allow []string) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for i := range endpoints {
		e := &endpoints[i]
		if !e.matches(segments) {
			continue
		}
		if e.method != r.Method {
			if !slices.Contains(allow, e.method) {
				allow = append(allow, e.method)
			}
			continue
		}
		for i, s := range e.segments {
			if !isParameter(s) {
				continue
			}
			value, err := url.PathUnescape(segments[i])
			if err != nil {
				return nil, nil, nil
			}
			params = append(params, value)
		}
		return e, params, nil
	}
	return nil, nil, allow
}

func (e *endpoint) matches(segments []string) bool {
	return slices.EqualFunc(e.segments, segments, func(template, s string) bool {
		return template == s || isParameter(template)
	})
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }
