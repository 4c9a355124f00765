package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Route is an operation of the API: its method and the template of its path.
type Route string

// The operations of the API. Those below /download are of the storage origin, or of the API's where there is none: presigned URLs
// lead there, and no key is needed.
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

	RouteListDirectories Route = "GET /api/v1/beta/directories"
	RouteGetDirectory    Route = "GET /api/v1/beta/directories/{directory_id}"
	RouteGetProjectFile  Route = "GET /api/v1/beta/files/{file_id}"
	RouteGetFileContent  Route = "GET /api/v1/beta/files/{file_id}/content"
	RouteListAttachments Route = "GET /api/v1/beta/attachments"
	RouteGetAttachment   Route = "GET /api/v1/beta/attachments/{attachment_name}"
	RouteListIndexes     Route = "GET /api/v1/indexes"
	RouteGetIndex        Route = "GET /api/v1/indexes/{index_id}"
	RouteListParseJobs   Route = "GET /api/v2/parse"
	RouteGetParseJob     Route = "GET /api/v2/parse/{job_id}"
	RouteListBatches     Route = "GET /api/v2/batches"
	RouteGetBatch        Route = "GET /api/v2/batches/{batch_id}"
	RouteListPipelines   Route = "GET /api/v2/pipelines"
	RouteListPipelinesV1 Route = "GET /api/v1/pipelines"
	RouteListProjects    Route = "GET /api/v2/projects"
	RouteListProjectsV1  Route = "GET /api/v1/projects"

	RouteDownload            Route = "GET /download/{file_id}"
	RouteDownloadAttachment  Route = "GET /download/attachments/{source_id}/{attachment_name}"
	RouteDownloadParseImage  Route = "GET /download/parse/{job_id}/images/{filename}"
	RouteDownloadParseResult Route = "GET /download/parse/{job_id}/results/{kind}"
)

// BlobRoutes returns the operations of the API that answer with an image's bytes.
func BlobRoutes() []Route { return []Route{RouteGetPageScreenshot, RouteGetPageFigure} }

// DownloadRoutes returns the operations that presigned URLs lead to.
func DownloadRoutes() []Route {
	return []Route{RouteDownload, RouteDownloadAttachment, RouteDownloadParseImage, RouteDownloadParseResult}
}

// FileListingRoutes returns the operations that list files, AssetListingRoutes those that list the assets of one.
func FileListingRoutes() []Route {
	return []Route{RouteListDirectoryFiles, RouteListProjectFiles, RouteListPipelineFiles}
}
func AssetListingRoutes() []Route { return []Route{RouteListPageScreenshots, RouteListPageFigures} }

// AttachmentRoutes returns the operations on attachments, ParseRoutes those on parse jobs and batches, SourceRoutes those that tell
// which directories, indexes, pipelines and projects there are.
func AttachmentRoutes() []Route { return []Route{RouteListAttachments, RouteGetAttachment} }
func ParseRoutes() []Route {
	return []Route{RouteListParseJobs, RouteGetParseJob, RouteListBatches, RouteGetBatch}
}
func SourceRoutes() []Route {
	return []Route{
		RouteListDirectories, RouteGetDirectory, RouteListIndexes, RouteGetIndex, RouteListPipelines, RouteListPipelinesV1,
		RouteListProjects, RouteListProjectsV1,
	}
}

// ListingRoutes returns the operations that answer with a list of what there is to be exported.
func ListingRoutes() []Route {
	return slices.Concat(FileListingRoutes(), AssetListingRoutes(), []Route{RouteListAttachments}, ParseRoutes())
}

// Routes returns every operation.
func Routes() []Route {
	return slices.Concat(AllRoutes(), []Route{RouteGetProjectFile, RouteGetFileContent}, AttachmentRoutes(), ParseRoutes(),
		SourceRoutes(), DownloadRoutes())
}

// AllRoutes returns every operation on directory files and on the pictures of files.
func AllRoutes() []Route {
	return slices.Concat(BlobRoutes(), FileListingRoutes(), AssetListingRoutes(), []Route{
		RouteGetDirectoryFile, RouteAddDirectoryFile, RouteUploadDirectoryFile, RouteUpdateDirectoryFile, RouteDeleteDirectoryFile,
	})
}

func (r Route) isBlob() bool {
	return r == RouteGetPageScreenshot || r == RouteGetPageFigure || r.isDownload()
}

// isDownload tells whether presigned URLs lead to the route.
func (r Route) isDownload() bool { return strings.HasPrefix(string(r), "GET /download/") }

// hasCursor tells whether the route is a listing with page_token.
func (r Route) hasCursor() bool {
	switch r {
	case RouteListDirectoryFiles, RouteListProjectFiles, RouteListDirectories, RouteListAttachments, RouteListIndexes,
		RouteListParseJobs, RouteListBatches, RouteListPipelines, RouteListProjects:
		return true
	}
	return false
}

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
		{RouteListDirectories, s.listDirectories},
		{RouteGetDirectory, s.getDirectory},
		{RouteGetProjectFile, s.getProjectFile},
		{RouteGetFileContent, s.getFileContent},
		{RouteListAttachments, s.listAttachments},
		{RouteGetAttachment, s.getAttachment},
		{RouteListIndexes, s.listIndexes},
		{RouteGetIndex, s.getIndex},
		{RouteListParseJobs, s.listParseJobs},
		{RouteGetParseJob, s.getParseJob},
		{RouteListBatches, s.listBatches},
		{RouteGetBatch, s.getBatch},
		{RouteListPipelines, s.listPipelines},
		{RouteListPipelinesV1, s.listPipelinesV1},
		{RouteListProjects, s.listProjects},
		{RouteListProjectsV1, s.listProjectsV1},
		{RouteDownload, s.downloadDocument},
		{RouteDownloadAttachment, s.downloadAttachment},
		{RouteDownloadParseImage, s.downloadParseImage},
		{RouteDownloadParseResult, s.downloadParseResult},
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
