package kubernetes

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	client "k8s.io/client-go/kubernetes"
)

// interrupted is how exporter ends after SIGTERM.
const interrupted = 130

// anyJob stands for every Job that has no script of its own.
const anyJob = ""

// try is one pod of a Job, as the kubelet saw it.
type try struct {
	pod          string
	began, ended time.Time
}

// script says how a pod of a Job ends: with which exit code, or that it still runs. The number says how many of its index came before, from 0.
type script func(job *batchv1.Job, index, number int) (code int32, ends bool)

// kubelet stands for the scheduler and the kubelets of a cluster: it takes every pod as soon as it is there, says that it runs, and ends it as the
// script of its Job says, or as interrupted where the pod is being deleted. No container runs.
type kubelet struct {
	client client.Interface
	mu     sync.Mutex
	// scripts are those of Jobs, by their names, and of any other Job, by anyJob. Without one, a pod succeeds at once.
	scripts map[string]script
	// tries are those of each index of each Job, in their order.
	tries map[string]map[int][]try
	// node is where pods are put, and lost the node that was that before, of which nothing is heard any more.
	node, lost string
}

// startKubelet runs one until the test ends.
func startKubelet(t *testing.T, c client.Interface) *kubelet {
	t.Helper()
	k := &kubelet{client: c, scripts: map[string]script{}, tries: map[string]map[int][]try{}, node: "node-1"}
	for _, name := range []string{"node-1", "node-2"} {
		if _, err := c.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			if err := k.turn(t.Context()); err != nil && t.Context().Err() == nil {
				t.Errorf("kubelet: %v", err)
				return
			}
			select {
			case <-tick.C:
			case <-t.Context().Done():
				return
			}
		}
	}()
	t.Cleanup(func() { <-ended })
	return k
}

// turn looks at every pod once.
func (k *kubelet) turn(ctx context.Context) error {
	jobs, err := k.client.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	byName := map[string]*batchv1.Job{}
	for i := range jobs.Items {
		byName[jobs.Items[i].Name] = &jobs.Items[i]
	}
	pods, err := k.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		// What was deleted meanwhile needs nothing any more.
		if err := k.look(ctx, byName[pod.Labels[batchv1.JobNameLabel]], pod); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// look does for a pod what is due next.
func (k *kubelet) look(ctx context.Context, job *batchv1.Job, pod *corev1.Pod) error {
	pods := k.client.CoreV1().Pods(pod.Namespace)
	container := corev1.ContainerStatus{Name: pod.Spec.Containers[0].Name}
	deleted := pod.DeletionTimestamp != nil
	node, lost := k.nodes()
	if pod.Spec.NodeName == lost && lost != "" {
		return nil
	}
	switch pod.Status.Phase {
	case corev1.PodPending:
		if pod.Spec.NodeName == "" {
			k.begins(pod)
			return pods.Bind(ctx, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: node}}, metav1.CreateOptions{})
		}
		container.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.Now()}
		return k.report(ctx, pod, corev1.PodRunning, container)
	case corev1.PodRunning:
		code, ends := k.ending(job, pod)
		if deleted {
			code, ends = interrupted, true
		}
		if !ends {
			return nil
		}
		container.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, StartedAt: metav1.Now(), FinishedAt: metav1.Now()}
		phase := corev1.PodFailed
		if code == 0 {
			phase = corev1.PodSucceeded
		}
		return k.report(ctx, pod, phase, container)
	}
	if deleted {
		return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
	}
	return nil
}

// report writes the state of a pod and of its container.
func (k *kubelet) report(ctx context.Context, pod *corev1.Pod, phase corev1.PodPhase, container corev1.ContainerStatus) error {
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"phase": phase, "containerStatuses": []corev1.ContainerStatus{container}}})
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if phase != corev1.PodRunning && err == nil {
		k.ended(pod)
	}
	return err
}

// indexOf returns the part of a pod, or 0 where its Job has no parts.
func indexOf(pod *corev1.Pod) int {
	index, _ := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
	return index
}

// begins notes a pod that is new.
func (k *kubelet) begins(pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	job, index := pod.Labels[batchv1.JobNameLabel], indexOf(pod)
	if k.tries[job] == nil {
		k.tries[job] = map[int][]try{}
	}
	k.tries[job][index] = append(k.tries[job][index], try{pod: pod.Name, began: time.Now()})
}

// ended notes that the last pod of an index is over.
func (k *kubelet) ended(pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if tries := k.tries[pod.Labels[batchv1.JobNameLabel]][indexOf(pod)]; len(tries) > 0 {
		tries[len(tries)-1].ended = time.Now()
	}
}

// ending asks the script of a pod.
func (k *kubelet) ending(job *batchv1.Job, pod *corev1.Pod) (code int32, ends bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if job == nil {
		return 0, false
	}
	says := k.scripts[job.Name]
	if says == nil {
		says = k.scripts[anyJob]
	}
	if says == nil {
		return 0, true
	}
	index := indexOf(pod)
	return says(job, index, len(k.tries[job.Name][index])-1)
}

// follow gives the pods of a Job a script, before the Job is made.
func (k *kubelet) follow(job string, s script) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.scripts[job] = s
}

// triesOf returns what became of the pods of an index.
func (k *kubelet) triesOf(job string, index int) []try {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]try(nil), k.tries[job][index]...)
}

// loseNode makes the node on which all pods are one of which nothing is heard any more, and puts new ones on another.
func (k *kubelet) loseNode() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.node, k.lost = "node-2", "node-1"
}

func (k *kubelet) nodes() (node, lost string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.node, k.lost
}
