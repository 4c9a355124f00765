package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// pod returns what the container of a manifest runs, with its variables and no others, for the corpus that is served. Its number is empty where it is
// none of many.
func (d *divided) pod(t *testing.T, manifest, number string) *exec.Cmd {
	t.Helper()
	container := readJob(t, "volume", manifest).Template.Spec.Containers[0]
	credentials := t.TempDir()
	// This is how a pod finds it: a group may read it, and a file that api_key_file names would be warned of.
	must(t, os.WriteFile(filepath.Join(credentials, "llama_cloud_api_key"), []byte(apiKey+"\n"), 0o440))
	served := strings.NewReplacer("/exports/all", d.out, "--project", "--directory="+d.directories[0], "/run/secrets/exporter", credentials)
	var args []string
	for _, arg := range container.Args {
		args = append(args, served.Replace(arg))
	}
	c := program(t, "exporter", args...)
	c.Env = []string{"LLAMA_CLOUD_BASE_URL=" + d.url}
	for _, variable := range container.Env {
		c.Env = append(c.Env, variable.Name+"="+served.Replace(variable.Value))
	}
	if number != "" {
		c.Env = append(c.Env, "JOB_COMPLETION_INDEX="+number)
	}
	return c
}

// What the pods of the manifests run, with what their variables say, makes the export that one run makes.
func TestKubernetes_Pods_EndAsOneRunDoes(t *testing.T) {
	t.Parallel()
	d := serveDivided(t, readJob(t, "volume", "parts.yaml").Completions)
	run := func(manifest, number string) {
		c := d.pod(t, manifest, number)
		if said, err := c.CombinedOutput(); err != nil || strings.Contains(string(said), `"level":"WARN"`) {
			t.Fatalf("%s, number %q: %v\n%s", manifest, number, err, said)
		}
	}
	for number := range d.plan.Count {
		run("parts.yaml", strconv.Itoa(number))
	}
	run("merge.yaml", "")
	d.checkMerged(t)
}
