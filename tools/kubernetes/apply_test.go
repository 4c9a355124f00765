package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubectl applies the manifests as they are, without a warning: the API server knows every field and takes every value, and pods keep to the
// "restricted" standard. Their Jobs come to an end.
func TestManifests_Apply_AsTheyAre(t *testing.T) {
	c := startControlPlane(t)
	makeNamespace(t, c)
	startKubelet(t, c)
	for _, place := range []string{"bucket", "volume"} {
		t.Run(place, func(t *testing.T) {
			c.kubectl(t, "apply", "-f", filepath.Join(manifests, place))
			c.kubectl(t, "wait", "--for=condition=Complete", "--timeout=60s", "job/exporter-parts", "job/exporter-merge")
			c.kubectl(t, "create", "job", "--from=cronjob/exporter-nightly", "tonight")
			c.kubectl(t, "wait", "--for=condition=Complete", "--timeout=60s", "job/tonight")
			job, err := c.BatchV1().Jobs(namespace).Get(t.Context(), "exporter-parts", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if *job.Spec.PodReplacementPolicy != batchv1.Failed || job.Status.Succeeded != 8 {
				t.Errorf("got %+v", job.Status)
			}
			checkIndexes(t, c)
			c.kubectl(t, "delete", "jobs,cronjobs", "--all")
		})
	}
}

// checkIndexes checks that each pod of a part is told its number in the variable that "auto" reads.
func checkIndexes(t *testing.T, c *controlPlane) {
	t.Helper()
	pods, err := c.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=exporter-parts"})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, pod := range pods.Items {
		for _, variable := range pod.Spec.Containers[0].Env {
			if variable.Name == "JOB_COMPLETION_INDEX" && variable.ValueFrom != nil && variable.ValueFrom.FieldRef != nil {
				told++
			}
		}
	}
	if told != 8 {
		t.Errorf("of %d pods %d are told their number, want 8", len(pods.Items), told)
	}
}

// What docs/clusters.md says to type makes an export of eight parts and merges them.
func TestDocument_Commands_RunAsTheyAre(t *testing.T) {
	c := startControlPlane(t)
	makeNamespace(t, c)
	startKubelet(t, c)
	key := filepath.Join(t.TempDir(), "key")
	write(t, key, "llx-some-key\n")
	script := strings.NewReplacer("/path/to/key", key, "sleep 30", "sleep 1").Replace(commands(t))
	sh := exec.CommandContext(t.Context(), "sh", "-eux", "-c", script)
	sh.Dir = filepath.Join("..", "..")
	sh.Env = c.environment()
	out, err := sh.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.kubectl(t, "wait", "--for=condition=Complete", "--timeout=60s", "job/exporter-parts", "job/exporter-merge")
}

// docs/clusters.md says with which versions its table was measured.
func TestDocument_Versions_AreThoseThatAreRun(t *testing.T) {
	c := startControlPlane(t)
	etcd, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "go.etcd.io/etcd/server/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	if said := "with Kubernetes " + c.version + " and etcd " + strings.TrimSpace(string(etcd)); !strings.Contains(section(t), said) {
		t.Errorf("docs/clusters.md does not say %q", said)
	}
}

// section returns the section of docs/clusters.md on Kubernetes.
func section(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "clusters.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(doc), "\n## Kubernetes\n")
	if !ok {
		t.Fatal("docs/clusters.md has no section Kubernetes")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// commands returns the first block of shell of the section on Kubernetes.
func commands(t *testing.T) string {
	t.Helper()
	_, block, begins := strings.Cut(section(t), "```sh\n")
	block, _, ends := strings.Cut(block, "```")
	if !begins || !ends {
		t.Fatal("docs/clusters.md has no commands in its section Kubernetes")
	}
	return block
}
