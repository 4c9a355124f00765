package kubernetes

import (
	"os"
	"path/filepath"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// namespace is where everything happens.
const namespace = "exports"

// manifests is the folder with what people copy.
var manifests = filepath.Join("..", "..", "deploy", "kubernetes")

// read decodes a manifest, in which no field may be unknown.
func read(t *testing.T, into any, file ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{manifests}, file...)...))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%s: %v", filepath.Join(file...), err)
	}
}

// jobOf returns the Job of a manifest under another name: that which the controller makes every night, of a CronJob.
func jobOf(t *testing.T, manifest, name string) *batchv1.Job {
	t.Helper()
	job := &batchv1.Job{}
	if manifest == "nightly.yaml" {
		var cron batchv1.CronJob
		read(t, &cron, "bucket", manifest)
		job.Spec = cron.Spec.JobTemplate.Spec
	} else {
		read(t, job, "bucket", manifest)
	}
	job.ObjectMeta = metav1.ObjectMeta{Name: name}
	return job
}

// makeNamespace makes the namespace, in which pods have to keep to the strictest of Kubernetes' standards.
func makeNamespace(t *testing.T, c *controlPlane) {
	t.Helper()
	labels := map[string]string{"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
	_, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "apply", "-f", filepath.Join(manifests, "bucket", "account.yaml"))
}
