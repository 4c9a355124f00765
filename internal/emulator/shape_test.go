package emulator

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shaped decodes a body that has the members of T and no others.
func shaped[T any](t *testing.T, b []byte) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %.300s: %v", b, err)
	}
	again, err := json.Marshal(v)
	check(t, err)
	if diff := cmp.Diff(decode[any](t, again), decode[any](t, b)); diff != "" {
		t.Fatalf("members (-declared +answered):\n%s", diff)
	}
	return v
}

// The shapes of the API's answers. A pointer may be null, and is always there in what the emulator answers.
type (
	cursorPage[T any] struct {
		Items []T     `json:"items"`
		Next  *string `json:"next_page_token"`
		Total *int    `json:"total_size"`
	}
	directoryShape struct {
		ID           string         `json:"id"`
		Name         string         `json:"name"`
		ProjectID    string         `json:"project_id"`
		Description  *string        `json:"description"`
		Type         *string        `json:"type"`
		CreatedAt    *string        `json:"created_at"`
		UpdatedAt    *string        `json:"updated_at"`
		DeletedAt    *string        `json:"deleted_at"`
		ExpiresAt    *string        `json:"expires_at"`
		Subscription *string        `json:"connector_subscription_id"`
		Metadata     map[string]any `json:"system_metadata"`
	}
	fileShape struct {
		ID           string          `json:"id"`
		Name         string          `json:"name"`
		ProjectID    string          `json:"project_id"`
		ExternalID   *string         `json:"external_file_id"`
		FileType     *string         `json:"file_type"`
		LastModified *string         `json:"last_modified_at"`
		Purpose      *string         `json:"purpose"`
		ExpiresAt    *string         `json:"expires_at"`
		DownloadURL  *presignedShape `json:"download_url"`
	}
	presignedShape struct {
		URL        string            `json:"url"`
		ExpiresAt  string            `json:"expires_at"`
		FormFields map[string]string `json:"form_fields"`
	}
	attachmentShape struct {
		Name         string  `json:"name"`
		Size         int64   `json:"size"`
		LastModified *string `json:"last_modified"`
	}
	indexShape struct {
		ID              string         `json:"id"`
		Name            string         `json:"name"`
		ProjectID       string         `json:"project_id"`
		SourceDirectory string         `json:"source_directory_id"`
		OutputDirectory string         `json:"output_directory_id"`
		SyncConfig      string         `json:"sync_config_id"`
		ExportConfig    string         `json:"export_config_id"`
		Description     *string        `json:"description"`
		CreatedAt       *string        `json:"created_at"`
		UpdatedAt       *string        `json:"updated_at"`
		LastSynced      *string        `json:"last_synced_at"`
		LastExported    *string        `json:"last_exported_at"`
		Metadata        map[string]any `json:"metadata"`
		Syncing         *bool          `json:"sync_in_progress"`
	}
	jobShape struct {
		ID        string            `json:"id"`
		ProjectID string            `json:"project_id"`
		Status    string            `json:"status"`
		Name      *string           `json:"name"`
		Tier      *string           `json:"tier"`
		Error     *string           `json:"error_message"`
		CreatedAt *string           `json:"created_at"`
		UpdatedAt *string           `json:"updated_at"`
		Metadata  map[string]string `json:"user_metadata"`
		Usage     *usageShape       `json:"usage"`
	}
	usageShape struct {
		Credits *float64 `json:"credits"`
	}
	imageShape struct {
		Filename    string    `json:"filename"`
		Index       int       `json:"index"`
		Category    *string   `json:"category"`
		ContentType *string   `json:"content_type"`
		URL         *string   `json:"presigned_url"`
		BBox        *boxShape `json:"bbox"`
		Size        *int      `json:"size_bytes"`
	}
	boxShape struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	}
	imagesShape struct {
		Total  int          `json:"total_count"`
		Images []imageShape `json:"images"`
	}
	batchShape struct {
		ID              string        `json:"id"`
		ProjectID       string        `json:"project_id"`
		SourceDirectory string        `json:"source_directory_id"`
		Status          string        `json:"status"`
		Config          configShape   `json:"config"`
		CreatedAt       *string       `json:"created_at"`
		UpdatedAt       *string       `json:"updated_at"`
		Results         []resultShape `json:"results"`
	}
	configShape struct {
		Job struct {
			Type          string `json:"type"`
			Configuration string `json:"configuration_id"`
		} `json:"job"`
	}
	resultShape struct {
		File      string          `json:"source_directory_file_id"`
		Reference *referenceShape `json:"job_reference"`
		Error     *string         `json:"error_message"`
	}
	referenceShape struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	pipelineShape struct {
		ID        string  `json:"id"`
		Name      string  `json:"name"`
		Type      string  `json:"pipeline_type"`
		ProjectID string  `json:"project_id"`
		Status    *string `json:"status"`
		CreatedAt *string `json:"created_at"`
		UpdatedAt *string `json:"updated_at"`
	}
	pipelineV1Shape struct {
		pipelineShape
		Embedding struct {
			Type      string   `json:"type"`
			Component struct{} `json:"component"`
		} `json:"embedding_config"`
	}
	projectShape struct {
		ID           string  `json:"id"`
		Name         string  `json:"name"`
		Organization string  `json:"organization_id"`
		IsDefault    *bool   `json:"is_default"`
		CreatedAt    *string `json:"created_at"`
		UpdatedAt    *string `json:"updated_at"`
	}
)

// pages follows the cursors of a listing to its end, two items at a time, and returns what id makes of them.
func pages[T any](a *api, path string, id func(T) string) []string {
	a.t.Helper()
	ids := []string{}
	for token := ""; ; {
		page := shaped[cursorPage[T]](a.t, a.get(path+"page_size=2&page_token="+token).want(a.t, 200).body)
		if len(page.Items) > 2 {
			a.t.Errorf("%s: a page of %d items", path, len(page.Items))
		}
		for _, item := range page.Items {
			ids = append(ids, id(item))
		}
		if page.Next == nil {
			return ids
		}
		token = *page.Next
	}
}

func wantIDs(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// download fetches a presigned URL without a key.
func (a *api) download(url string) answer {
	a.t.Helper()
	return a.fetch(url, nil)
}

// todayCorpus is tinyCorpus with what the API has today: f1 has attachments and a document, f2's are those of its file_id.
func todayCorpus(t *testing.T) *Corpus {
	t.Helper()
	c := NewCorpus()
	check(t, c.AddProject(ProjectSpec{
		ID: project, Name: "First", OrganizationID: organization, IsDefault: true, CreatedAt: day(1), UpdatedAt: day(2),
	}))
	check(t, c.AddProject(ProjectSpec{ID: "project-2", Name: "Second", OrganizationID: "organization-2"}))
	check(t, c.AddDirectory(DirectorySpec{
		ID: "dir-a", Name: "A", ProjectID: project, OrganizationID: organization, Description: "<a>", CreatedAt: day(1),
		UpdatedAt: day(2),
		ExpiresAt: day(20), ConnectorSubscriptionID: "sub", SystemMetadata: json.RawMessage(`{"k":1}`),
	}))
	check(t, c.AddDirectory(DirectorySpec{ID: "out", Name: "Out", ProjectID: project, OrganizationID: organization,
		Type: IndexDirectory}))
	check(t, c.AddDirectory(DirectorySpec{ID: "gone", Name: "A", ProjectID: project, Type: EphemeralDirectory, DeletedAt: day(3)}))
	check(t, c.AddDirectory(DirectorySpec{ID: "dir-2", Name: "Two", ProjectID: "project-2", OrganizationID: "organization-2"}))
	check(t, c.AddFile("dir-a", FileSpec{
		ID: "f1", FileID: "file-1", DisplayName: "One.pdf", UpdatedAt: day(1), ExpiresAt: day(9), Document: []byte("%PDF-1.5 one"),
		Attachments: []AttachmentSpec{
			{Name: "screenshots/page_1.jpg", Data: drawJPEG(t, 8, 9), LastModified: day(4)},
			{Name: "items/page_1.json", Data: []byte("{}"), ContentType: "application/json"},
			{Name: "..", Data: []byte("dots")},
			{Name: "a b/ü?#%2F", Data: []byte("odd")},
		},
	}))
	check(t, c.AddFile("dir-a", FileSpec{
		ID: "f2", FileID: "file-2", DisplayName: "Two.pdf", UpdatedAt: day(2), AttachedTo: "file-2",
		Attachments: []AttachmentSpec{{Name: "screenshots/page_1.jpg", Data: drawPNG(t, 3, 3)}},
	}))
	check(t, c.AddFile("dir-2", FileSpec{ID: "f3", FileID: "file-3"}))
	return c
}
