package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
)

// Of a plain run and a task that begin at once exactly one goes on, in a directory and in a bucket. The plain run has written its note before the task
// looks; what it says in the end decides.
func TestRun_MakePlan_BesideAPlainRun(t *testing.T) {
	s := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range []string{
		"AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	} {
		t.Setenv(name, s.Variable(name))
	}
	for _, tt := range []struct {
		name     string
		goesOn   bool
		wantPlan bool
	}{{"it goes on", true, false}, {"it sees the plan, and ends", false, true}} {
		t.Run(tt.name, func(t *testing.T) { makePlanBeside(t, t.TempDir(), tt.goesOn, tt.wantPlan) })
		t.Run(tt.name+", in a bucket", func(t *testing.T) {
			makePlanBeside(t, fmt.Sprintf("s3://%s/%v", s.Bucket, tt.goesOn), tt.goesOn, tt.wantPlan)
		})
	}
}

// makePlanBeside makes a plan beside a plain run that has noted that it begins, and that goes on or ends when it sees the plan.
func makePlanBeside(t *testing.T, out string, goesOn, wantPlan bool) {
	t.Helper()
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
	at, err := place.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	hasPlan := func() (bool, error) {
		_, err := readPlan(t.Context(), at, place.Options{})
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	decided := make(chan error, 1)
	go func() {
		for isThere := false; !isThere; {
			var err error
			if isThere, err = hasPlan(); err != nil {
				decided <- err
				return
			}
			time.Sleep(time.Millisecond)
		}
		if goesOn {
			decided <- note(Running{IsPlain: true})
		} else {
			decided <- plain.Remove(t.Context(), RunningName)
		}
	}()
	r := &run{Options: Options{Config: &config.Config{}, Log: slog.New(slog.DiscardHandler)}, part: &part{Part: parts.Part{Count: 2}, whole: at}}
	_, err = r.makePlan(t.Context())
	if err := <-decided; err != nil {
		t.Fatal(err)
	}
	if Is[*UsageError](err) != goesOn || !goesOn && err != nil {
		t.Errorf("the task ends with %v, want that it is refused: %v", err, goesOn)
	}
	if isThere, err := hasPlan(); isThere != wantPlan || err != nil {
		t.Errorf("the plan is there: %v, %v, want %v", isThere, err, wantPlan)
	}
}
