package kubernetes

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// A pod that the cluster takes away has not used up a try, and one that somebody deletes has: Jobs that allow no second try show it.
func TestJobs_PodsThatAreTakenAway_CountOnlyByHand(t *testing.T) {
	c := startControlPlane(t)
	makeNamespace(t, c)
	k := startKubelet(t, c)
	taken := map[string]ending{
		"evicted": {times: 1, code: interrupted, by: evict},
		"deleted": {times: 1, code: interrupted, by: remove},
	}
	want := map[string]string{
		"evicted parts.yaml": "complete", "evicted merge.yaml": "complete", "evicted nightly.yaml": "complete",
		"deleted parts.yaml": "failed, `FailedIndexes`", "deleted merge.yaml": "failed, `BackoffLimitExceeded`", "deleted nightly.yaml": "failed, `BackoffLimitExceeded`",
	}
	var group sync.WaitGroup
	for how, e := range taken {
		for _, kind := range []string{"parts.yaml", "merge.yaml", "nightly.yaml"} {
			job := jobOf(t, kind, fmt.Sprintf("%s-%s", strings.TrimSuffix(kind, ".yaml"), how))
			if job.Spec.BackoffLimitPerIndex != nil {
				job.Spec.BackoffLimitPerIndex = new(int32)
			} else {
				job.Spec.BackoffLimit = new(int32)
			}
			group.Go(func() {
				got, err := observe(t.Context(), c, k, job, e)
				if err != nil {
					t.Errorf("%s %s: %v", how, kind, err)
				}
				if got.end != want[how+" "+kind] {
					t.Errorf("%s %s: the Job is %q, want %q", how, kind, got.end, want[how+" "+kind])
				}
			})
		}
	}
	group.Wait()
}
