package export

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
)

// Of a plain run and a task that begin at once exactly one goes on. The plain run has written its note before the task looks; what it says in the end
// decides.
func TestRun_MakePlan_BesideAPlainRun(t *testing.T) {
	for _, tt := range []struct {
		name     string
		goesOn   bool
		wantPlan bool
	}{{"it goes on", true, false}, {"it sees the plan, and ends", false, true}} {
		t.Run(tt.name, func(t *testing.T) {
			out := t.TempDir()
			plain, err := place.Own(t.Context(), out, place.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			note := func(r Running) error {
				text, err := json.Marshal(r)
				return errors.Join(err, store.PutBytes(t.Context(), plain, RunningName, text))
			}
			if err := note(Running{}); err != nil {
				t.Fatal(err)
			}
			decided := make(chan error, 1)
			go func() {
				// The plan is made by then.
				for {
					if _, err := os.Stat(filepath.Join(out, parts.PlanName)); err == nil {
						break
					}
					time.Sleep(time.Millisecond)
				}
				if tt.goesOn {
					decided <- note(Running{IsPlain: true})
				} else {
					decided <- plain.Remove(t.Context(), RunningName)
				}
			}()
			whole, err := place.Parse(out)
			if err != nil {
				t.Fatal(err)
			}
			r := &run{Options: Options{Config: &config.Config{}, Log: slog.New(slog.DiscardHandler)}, part: &part{Part: parts.Part{Count: 2}, whole: whole}}
			_, err = r.makePlan(t.Context())
			if err := <-decided; err != nil {
				t.Fatal(err)
			}
			if Is[*UsageError](err) != tt.goesOn || !tt.goesOn && err != nil {
				t.Errorf("the task ends with %v, want that it is refused: %v", err, tt.goesOn)
			}
			_, err = os.Stat(filepath.Join(out, parts.PlanName))
			if isThere := !errors.Is(err, fs.ErrNotExist); isThere != tt.wantPlan {
				t.Errorf("the plan is there: %v, want %v", isThere, tt.wantPlan)
			}
		})
	}
}
