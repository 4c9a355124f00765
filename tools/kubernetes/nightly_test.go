package kubernetes

import (
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A night that is still under way when the next is due is not joined by it. That one begins as soon as the first has ended, where its time was not
// too long ago.
func TestNightly_LongNight_IsAloneAndTheNextOneFollows(t *testing.T) {
	t.Parallel()
	c := startControlPlane(t)
	makeNamespace(t, c)
	k := startKubelet(t, c)
	// The nights come each minute, and this one takes longer.
	const long = 100 * time.Second
	var began time.Time
	k.follow(anyJob, func(*batchv1.Job, int, int) (int32, bool) {
		if began.IsZero() {
			began = time.Now()
		}
		return 0, time.Since(began) > long
	})
	cron := &batchv1.CronJob{}
	read(t, cron, "bucket", "nightly.yaml")
	cron.Spec.Schedule = "* * * * *"
	if _, err := c.BatchV1().CronJobs(namespace).Create(t.Context(), cron, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var nights []batchv1.Job
	for deadline := time.Now().Add(5 * time.Minute); len(nights) < 2; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("no second night began: %+v", nights)
		}
		list, err := c.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		nights = list.Items
	}
	slices.SortFunc(nights, func(a, b batchv1.Job) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	first, second := nights[0], nights[1]
	if first.Status.CompletionTime == nil {
		t.Fatalf("the second night began before the first had ended: %+v", first.Status)
	}
	due, err := time.Parse(time.RFC3339, second.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
	if err != nil {
		t.Fatal(err)
	}
	if ended := first.Status.CompletionTime.Time; !due.Before(ended) || second.CreationTimestamp.Sub(ended) > 20*time.Second {
		t.Errorf("the first night ended at %v, the second was due at %v and began at %v", ended, due, second.CreationTimestamp)
	}
}
