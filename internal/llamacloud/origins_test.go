package llamacloud

import (
	"net/http"
	"testing"
	"testing/synctest"

	"exporter/pipeline"
)

// Whoever watches has to know whether it is the API that asks to wait, or a blob host.
func TestOrigins_Events_TellWhomTheyAreAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := map[string]string{"Retry-After": "20"}
		first := true
		busy := throttle(1, http.StatusTooManyRequests, wait)
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if first {
				first = false
				busy(w, r)
				return
			}
			http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
		}, func(o *Options) { o.MaxAttempts = 2 })
		a.serve(t, "127.0.0.1:81", throttle(1, http.StatusTooManyRequests, map[string]string{
			"Retry-After": "20", "RateLimit": `"default";r=0;t=20`, "RateLimit-Policy": `"default";q=100;w=20`,
		}))
		if _, err := a.fetchBlob(t, 0); err == nil {
			t.Fatal("an answer that is no picture passes for a blob")
		}
		pauses := eventsOf[pipeline.Paused](a.events)
		if len(pauses) != 2 || pauses[0].Elsewhere || !pauses[1].Elsewhere {
			t.Errorf("pauses %+v, want one of the API and then one of the other host", pauses)
		}
		for i, r := range eventsOf[pipeline.Requested](a.events) {
			if isRedirect := r.Status == http.StatusFound; i > 0 && r.Elsewhere == isRedirect {
				t.Errorf("request %d: %+v, want Elsewhere=%v", i, r, !isRedirect)
			}
		}
		paces := eventsOf[pipeline.Paced](a.events)
		if len(paces) == 0 {
			t.Error("the rate that the other host announces is not told")
		}
		for _, p := range paces {
			if !p.Elsewhere {
				t.Errorf("%+v, which is not known of the API", p)
			}
		}
	})
}
