package interop

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// manifests is the folder with what people copy to their cluster. "make kubernetes" hands it to the control plane of one.
var manifests = filepath.Join("..", "..", "deploy", "kubernetes")

// jobSpec is what is checked of a Job here.
type jobSpec struct {
	Completions, Parallelism int
	BackoffLimitPerIndex     int `yaml:"backoffLimitPerIndex"`
	MaxFailedIndexes         int `yaml:"maxFailedIndexes"`
	PodFailurePolicy         struct {
		Rules []struct {
			Action          string
			OnPodConditions []map[string]string `yaml:"onPodConditions"`
			OnExitCodes     struct {
				ContainerName, Operator string
				Values                  []int
			} `yaml:"onExitCodes"`
		}
	} `yaml:"podFailurePolicy"`
	Template struct {
		Spec struct {
			RestartPolicy string `yaml:"restartPolicy"`
			Containers    []struct {
				Name, Image string
				Args        []string
				Env         []struct{ Name, Value string }
			}
		}
	}
}

// readManifest decodes a manifest. A key that is there twice is refused.
func readManifest(t *testing.T, into any, place, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, place, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s/%s: %v", place, name, err)
	}
}

// readJob returns the Job of a manifest, or that of its nights.
func readJob(t *testing.T, place, name string) jobSpec {
	t.Helper()
	var m struct {
		Spec struct {
			jobSpec     `yaml:",inline"`
			JobTemplate struct{ Spec jobSpec } `yaml:"jobTemplate"`
		}
	}
	readManifest(t, &m, place, name)
	if name == "nightly.yaml" {
		return m.Spec.JobTemplate.Spec
	}
	return m.Spec.jobSpec
}

// exitCodes returns the constants of cmd/exporter that are exit codes.
func exitCodes(t *testing.T) []int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "cmd", "exporter", "exit.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var codes []int
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "exit") {
			return true
		}
		if number, ok := spec.Values[0].(*ast.BasicLit); ok {
			code, err := strconv.Atoi(number.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return false
	})
	return codes
}

// Each exit code of the program is in one rule, and so is 137, that of a pod that was killed. What the cluster took away is looked for first.
func TestKubernetes_Rules_HaveEachExitCodeOnce(t *testing.T) {
	t.Parallel()
	want := append(exitCodes(t), 137)
	slices.Sort(want)
	actions := map[string]map[string][]int{
		"parts.yaml":   {"FailJob": {4, 64}, "FailIndex": {3, 7}, "Count": {1, 5, 6, 75, 130, 137}},
		"merge.yaml":   {"FailJob": {3, 4, 7, 64}, "Count": {1, 5, 6, 75, 130, 137}},
		"nightly.yaml": {"FailJob": {3, 4, 7, 64}, "Count": {1, 5, 6, 75, 130, 137}},
	}
	for _, place := range []string{"bucket", "volume"} {
		for name, wanted := range actions {
			job := readJob(t, place, name)
			rules := job.PodFailurePolicy.Rules
			if first := rules[0]; first.Action != "Ignore" || len(first.OnPodConditions) != 1 || first.OnPodConditions[0]["type"] != "DisruptionTarget" {
				t.Errorf("%s/%s: the first rule is %+v", place, name, first)
			}
			got, all := map[string][]int{}, []int{}
			for _, rule := range rules[1:] {
				got[rule.Action] = rule.OnExitCodes.Values
				all = append(all, rule.OnExitCodes.Values...)
			}
			slices.Sort(all)
			if diff := cmp.Diff(want, all); diff != "" {
				t.Errorf("%s/%s: rules are not for the exit codes of the program (-want +got):\n%s", place, name, diff)
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("%s/%s (-want +got):\n%s", place, name, diff)
			}
			// Rules of exit codes count for pods that are never restarted alone.
			if policy := job.Template.Spec.RestartPolicy; policy != "Never" {
				t.Errorf("%s/%s: restartPolicy is %q", place, name, policy)
			}
		}
	}
}

// The number of parts is there twice, as Kubernetes does not tell a pod how many there are.
func TestKubernetes_Parts_AreAsManyAsTheProgramIsTold(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"bucket", "volume"} {
		job := readJob(t, place, "parts.yaml")
		told := ""
		for _, variable := range job.Template.Spec.Containers[0].Env {
			if variable.Name == "EXPORTER_PART_COUNT" {
				told = variable.Value
			}
		}
		if told != strconv.Itoa(job.Completions) {
			t.Errorf("%s: EXPORTER_PART_COUNT is %q, and completions %d", place, told, job.Completions)
		}
		if job.Parallelism > job.Completions || job.MaxFailedIndexes >= job.Completions || job.BackoffLimitPerIndex == 0 {
			t.Errorf("%s: %d at once of %d, of which %d may fail after %d tries", place, job.Parallelism, job.Completions, job.MaxFailedIndexes, job.BackoffLimitPerIndex)
		}
	}
}

// fields are those that the manifests have. A key that is misspelt is none of them.
var fields = strings.Fields(`
	accessModes action activeDeadlineSeconds allowPrivilegeEscalation annotations apiVersion app.kubernetes.io/name args automountServiceAccountToken
	backoffLimit backoffLimitPerIndex capabilities claimName completionMode completions concurrencyPolicy containerName containers cpu defaultMode drop
	emptyDir enableServiceLinks env envFrom ephemeral-storage failedJobsHistoryLimit fsGroup fsGroupChangePolicy image jobTemplate kind labels limits
	maxFailedIndexes memory metadata mountPath name onExitCodes onPodConditions operator optional parallelism persistentVolumeClaim podFailurePolicy
	podReplacementPolicy readOnly readOnlyRootFilesystem requests resources restartPolicy rules runAsGroup runAsNonRoot runAsUser schedule
	seccompProfile secret secretName secretRef securityContext serviceAccountName sizeLimit spec startingDeadlineSeconds storage
	successfulJobsHistoryLimit template terminationGracePeriodSeconds timeZone ttlSecondsAfterFinished type value values volumeMounts volumes`)

// checkFields checks every key of a manifest.
func checkFields(t *testing.T, file string, node any) {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if !slices.Contains(fields, key) {
				t.Errorf("%s: no field is called %q", file, key)
			}
			checkFields(t, file, value)
		}
	case []any:
		for _, value := range node {
			checkFields(t, file, value)
		}
	}
}

// without removes keys wherever they are, and items of lists that have these names.
func without(node any, keys, names []string) any {
	switch node := node.(type) {
	case map[string]any:
		maps.DeleteFunc(node, func(key string, _ any) bool { return slices.Contains(keys, key) })
		for key, value := range node {
			node[key] = without(value, keys, names)
		}
		return node
	case []any:
		node = slices.DeleteFunc(node, func(item any) bool {
			fields, _ := item.(map[string]any)
			name, _ := fields["name"].(string)
			return slices.Contains(names, name)
		})
		for i, value := range node {
			node[i] = without(value, keys, names)
		}
		return node
	case string:
		return strings.Replace(node, "s3://my-bucket/exports/", "/exports/", 1)
	}
	return node
}

// The manifests for a volume are those for a bucket, but for where the export is and what room there is beside it.
func TestKubernetes_Places_DifferInThePlaceAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"parts.yaml", "merge.yaml", "nightly.yaml"} {
		var bucket, volume any
		readManifest(t, &bucket, "bucket", name)
		readManifest(t, &volume, "volume", name)
		checkFields(t, "bucket/"+name, bucket)
		checkFields(t, "volume/"+name, volume)
		keys, names := []string{"serviceAccountName", "envFrom", "ephemeral-storage", "sizeLimit"}, []string{"exports"}
		if diff := cmp.Diff(without(bucket, keys, names), without(volume, keys, names)); diff != "" {
			t.Errorf("%s (-bucket +volume):\n%s", name, diff)
		}
	}
	for place, name := range map[string]string{"bucket": "account.yaml", "volume": "claim.yaml"} {
		var m any
		readManifest(t, &m, place, name)
		checkFields(t, place+"/"+name, m)
	}
}
