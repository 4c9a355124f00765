package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// patience is the longest wait for the end of a Job. Waits between seven tries take ten and a half minutes.
const patience = 25 * time.Minute

// ending is a way in which a pod ends, and how often before it succeeds.
type ending struct {
	// name is what the table calls it.
	name string
	// times is how many pods of the part end like this before one succeeds; always is all of them.
	times int
	code  int32
	// by takes the pod away while it runs; nil where it ends by itself.
	by func(ctx context.Context, c *controlPlane, pod string) error
}

const always = 1 << 30

func endings() []ending {
	var all []ending
	for _, code := range []int32{0, 1, 5, 6, 75, 130, 137, 3, 7, 4, 64} {
		all = append(all, ending{name: strconv.Itoa(int(code)), times: always, code: code})
	}
	return append(all,
		ending{name: "5, twice, then 0", times: 2, code: 5},
		ending{name: "130, evicted four times, then 0", times: 4, code: interrupted, by: evict},
		ending{name: "130, deleted by hand once, then 0", times: 1, code: interrupted, by: remove})
}

// evict takes a pod away as "kubectl drain" does, and says so in its condition DisruptionTarget.
func evict(ctx context.Context, c *controlPlane, pod string) error {
	return c.CoreV1().Pods(namespace).EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: namespace}})
}

// remove takes a pod away as "kubectl delete pod" does.
func remove(ctx context.Context, c *controlPlane, pod string) error {
	return c.CoreV1().Pods(namespace).Delete(ctx, pod, metav1.DeleteOptions{})
}

// outcome is what a Job made of an ending of its first part.
type outcome struct {
	// part is what became of the part, others of the other parts.
	part, others string
	// end is the last condition of the Job, with its reason.
	end string
}

// observe makes a Job of a manifest, lets its first part end as is said, and returns what became of it. The other parts run until the first is done
// or given up, and then succeed.
func observe(ctx context.Context, c *controlPlane, k *kubelet, job *batchv1.Job, e ending) (outcome, error) {
	name := job.Name
	k.follow(name, func(job *batchv1.Job, index, number int) (int32, bool) {
		switch {
		case index > 0:
			return 0, isDecided(job)
		case number >= e.times:
			return 0, true
		}
		return e.code, e.by == nil
	})
	job, err := c.BatchV1().Jobs(namespace).Create(ctx, job, metav1.CreateOptions{})
	if err != nil {
		return outcome{}, err
	}
	taken := 0
	for deadline := time.Now().Add(patience); endOf(job) == ""; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			return outcome{}, fmt.Errorf("%s has not come to an end: %+v", name, job.Status)
		}
		if tries := k.triesOf(name, 0); e.by != nil && taken < e.times && len(tries) > taken && isRunning(ctx, c, tries[taken].pod) {
			if err := e.by(ctx, c, tries[taken].pod); err != nil {
				return outcome{}, err
			}
			taken++
		}
		if job, err = c.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return outcome{}, err
		}
	}
	return outcome{partOf(job, k.triesOf(name, 0)), othersOf(job), endOf(job)}, nil
}

// isDecided tells whether the first part of a Job is done or given up.
func isDecided(job *batchv1.Job) bool {
	return firstOf(job.Status.CompletedIndexes) == "0" || job.Status.FailedIndexes != nil && firstOf(*job.Status.FailedIndexes) == "0"
}

// firstOf returns the first number of a list such as 0,3-5.
func firstOf(indexes string) string {
	return indexes[:min(len(indexes), strings.IndexAny(indexes+",", ",-"))]
}

func isRunning(ctx context.Context, c *controlPlane, pod string) bool {
	p, err := c.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{})
	return err == nil && p.Status.Phase == corev1.PodRunning
}

// endOf returns the condition in which a Job ended; empty as long as it has not.
func endOf(job *batchv1.Job) string {
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			return "complete"
		case batchv1.JobFailed:
			return "failed, `" + condition.Reason + "`"
		}
	}
	return ""
}

// partOf says what became of the first part: after which waits it was tried again, and whether it was given up.
func partOf(job *batchv1.Job, tries []try) string {
	var said []string
	if len(tries) > 1 {
		var waits []string
		for i := range tries[1:] {
			waits = append(waits, seconds(tries[i+1].began.Sub(tries[i].ended)))
		}
		said = append(said, "again after "+strings.Join(waits, ", ")+" s")
	}
	switch {
	case job.Spec.CompletionMode == nil || *job.Spec.CompletionMode != batchv1.IndexedCompletion:
	case firstOf(job.Status.CompletedIndexes) == "0":
		said = append(said, "done")
	case job.Status.FailedIndexes != nil && firstOf(*job.Status.FailedIndexes) == "0":
		said = append(said, "given up")
	default:
		said = append(said, "neither done nor given up")
	}
	return strings.Join(said, "; ")
}

// othersOf says what became of the other parts.
func othersOf(job *batchv1.Job) string {
	if job.Spec.Completions == nil || *job.Spec.Completions == 1 {
		return ""
	}
	if strings.HasSuffix(job.Status.CompletedIndexes, fmt.Sprint(*job.Spec.Completions-1)) {
		return "done"
	}
	return "stopped"
}

// seconds returns a wait as the one of 10, 20, 40 and so on that it is. The time at which a pod ended is known by the second, and a busy machine is late.
func seconds(wait time.Duration) string {
	for s := 10; s <= 640; s *= 2 {
		nominal := time.Duration(min(s, 600)) * time.Second
		if wait >= nominal-1500*time.Millisecond && wait < nominal*3/2 {
			return strconv.Itoa(int(nominal.Seconds()))
		}
	}
	return fmt.Sprintf("%.1f", wait.Seconds())
}

// What the Jobs make of each exit code is what docs/clusters.md says, in a table that this test measures.
func TestJobs_ExitCodes_EndAsTheTableSays(t *testing.T) {
	t.Parallel()
	c := startControlPlane(t)
	makeNamespace(t, c)
	k := startKubelet(t, c)
	kinds := []string{"parts.yaml", "merge.yaml", "nightly.yaml"}
	all := endings()
	outcomes := make([][]outcome, len(all))
	var group sync.WaitGroup
	for i, e := range all {
		outcomes[i] = make([]outcome, len(kinds))
		for j, kind := range kinds {
			job := jobOf(t, kind, fmt.Sprintf("%s-%d", strings.TrimSuffix(kind, ".yaml"), i))
			group.Go(func() {
				var err error
				if outcomes[i][j], err = observe(t.Context(), c, k, job, e); err != nil {
					t.Errorf("%s, exit code %s: %v", kind, e.name, err)
				}
			})
		}
	}
	group.Wait()
	if table := tableOf(t, all, outcomes); !strings.Contains(section(t), table) {
		t.Errorf("docs/clusters.md does not have this table:\n\n%s", table)
	}
}

// tableOf returns the table of docs/clusters.md. Endings of which all is the same share a line.
func tableOf(t *testing.T, all []ending, outcomes [][]outcome) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| a pod ends with | its part | the other parts | parts.yaml | merge.yaml, nightly.yaml |\n| --- | --- | --- | --- | --- |\n")
	var done []int
	for i := range all {
		if slices.Contains(done, i) {
			continue
		}
		var names []string
		for j := i; j < len(all); j++ {
			if slices.Equal(outcomes[i], outcomes[j]) {
				names, done = append(names, all[j].name), append(done, j)
			}
		}
		parts, merge, nightly := outcomes[i][0], outcomes[i][1], outcomes[i][2]
		if merge != nightly {
			t.Errorf("%s: merge.yaml ends as %+v, nightly.yaml as %+v", all[i].name, merge, nightly)
		}
		single := merge.end
		if merge.part != "" {
			single = merge.part + "; " + single
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", strings.Join(names, ", "), parts.part, parts.others, parts.end, single)
	}
	return b.String()
}

// Where three parts are given up, one more than maxFailedIndexes, the others are stopped.
func TestParts_ThreeAreGivenUp_StopsTheOthers(t *testing.T) {
	c := startControlPlane(t)
	makeNamespace(t, c)
	k := startKubelet(t, c)
	job := jobOf(t, "parts.yaml", "parts")
	k.follow(job.Name, func(_ *batchv1.Job, index, _ int) (int32, bool) { return 7, index < 3 })
	if _, err := c.BatchV1().Jobs(namespace).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "wait", "--for=condition=Failed", "--timeout=60s", "job/parts")
	job, err := c.BatchV1().Jobs(namespace).Get(t.Context(), job.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if end := endOf(job); end != "failed, `MaxFailedIndexesExceeded`" || *job.Status.FailedIndexes != "0-2" || job.Status.CompletedIndexes != "" {
		t.Errorf("the Job %s, with %q given up and %q done", end, *job.Status.FailedIndexes, job.Status.CompletedIndexes)
	}
}

// The pods of a node that is gone without a word are not replaced until somebody says that the node is out of service: two pods never have one part.
func TestParts_LostNode_WaitForWordOfIt(t *testing.T) {
	c := startControlPlane(t)
	makeNamespace(t, c)
	k := startKubelet(t, c)
	job := jobOf(t, "parts.yaml", "parts")
	k.follow(job.Name, func(_ *batchv1.Job, _, number int) (int32, bool) { return 0, number > 0 })
	if _, err := c.BatchV1().Jobs(namespace).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := ""
	for deadline := time.Now().Add(time.Minute); !isRunning(t.Context(), c, pod); time.Sleep(100 * time.Millisecond) {
		if tries := k.triesOf(job.Name, 0); len(tries) > 0 {
			pod = tries[0].pod
		}
		if time.Now().After(deadline) {
			t.Fatal("no pod began")
		}
	}
	k.loseNode()
	if err := evict(t.Context(), c, pod); err != nil {
		t.Fatal(err)
	}
	// The wait before another try would be 10 seconds.
	time.Sleep(20 * time.Second)
	if tries := k.triesOf(job.Name, 0); len(tries) > 1 {
		t.Fatalf("a pod was replaced that may still be at work: %+v", tries)
	}
	c.kubectl(t, "taint", "node", "node-1", "node.kubernetes.io/out-of-service=gone:NoExecute")
	for deadline := time.Now().Add(2 * time.Minute); len(k.triesOf(job.Name, 0)) < 2; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatal("the pod was not replaced after its node was out of service")
		}
	}
}
