package llamacloud

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// directoriesThatGo answers for the directories a and b with one file each, and for themselves with a status and a body.
func directoriesThatGo(t *testing.T, status int, body string) (a *api, asked *[]string) {
	asked = new([]string)
	return newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/files") {
			_, _ = io.WriteString(w, `{"items":[{"id":"df","file_id":"f"}]}`)
			return
		}
		*asked = append(*asked, r.URL.Path)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}, func(o *Options) { o.MaxAttempts = 2 }), asked
}

// When a directory goes the API is asked for. One that cannot say is not asked for the others, and that ends nothing.
func TestSource_Listings_Expiry(t *testing.T) {
	for _, tt := range []struct {
		status     int
		body       string
		at         time.Time
		told       bool
		asked      int
		knownFirst bool
	}{
		{200, `{"id":"a","expires_at":"2024-05-07T02:00:00+02:00"}`, may(7), true, 2, false},
		{200, `{"id":"a","expires_at":null}`, time.Time{}, true, 2, false},
		{200, `{"id":"a"}`, time.Time{}, true, 2, false},
		{200, `{"id":"a","expires_at":"soon"}`, time.Time{}, false, 2, false},
		{200, `{"items":[]}`, time.Time{}, false, 2, false},
		{404, "", time.Time{}, false, 1, false},
		{405, "", time.Time{}, false, 1, false},
		{403, "", time.Time{}, false, 1, false},
		{501, "", time.Time{}, false, 1, false},
		{500, "", time.Time{}, false, 2, false},
		{200, `{"id":"b","expires_at":"2024-05-07T00:00:00Z"}`, may(7), true, 1, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, asked := directoriesThatGo(t, tt.status, tt.body)
			selection := Selection{Directories: []pipeline.ID{"a", "b"}}
			if tt.knownFirst {
				selection.Expiries = map[pipeline.ID]time.Time{"a": may(7)}
			}
			for _, l := range NewSource(a.client, selection).Listings(t.Context()) {
				for _, err := range l.Files {
					if err != nil {
						t.Fatal(err)
					}
				}
				at, told, err := l.Expiry()
				if err != nil || told != tt.told || !at.Equal(tt.at) {
					t.Errorf("%d %s: %s goes at %v, %t, %v, want %v, %t", tt.status, tt.body, l.Key, at, told, err, tt.at, tt.told)
				}
			}
			if len(*asked) != tt.asked {
				t.Errorf("%d %s: asked for %v, want %d requests", tt.status, tt.body, *asked, tt.asked)
			}
		})
	}
}

// A key that is refused for directories alone ends nothing; one that is refused for all does.
func TestSource_Listings_Expiry_Unauthorized(t *testing.T) {
	for _, isRevoked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			refuses := false
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				isListing := strings.HasSuffix(r.URL.Path, "/files")
				if !isListing {
					refuses = isRevoked
				}
				if !isListing || refuses {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				_, _ = io.WriteString(w, `{"items":[{"id":"df","file_id":"f"}]}`)
			})
			for _, l := range NewSource(a.client, Selection{Directories: []pipeline.ID{"a"}}).Listings(t.Context()) {
				for _, err := range l.Files {
					if err != nil {
						t.Fatal(err)
					}
				}
				if _, told, err := l.Expiry(); told || (err != nil) != isRevoked {
					t.Errorf("a key that is revoked (%t): %s", isRevoked, fmt.Sprint(told, err))
				}
			}
		})
	}
}
