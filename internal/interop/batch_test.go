package interop

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The job definition for AWS Batch is what its API takes, as far as botocore's model of it says, and within the limits that its documentation
// has besides: attempts from 1 to 10, at most five conditions, exit codes as digits with an asterisk at the end at most.
func TestAWSBatch_JobDefinition_RetriesWhatMaySucceed(t *testing.T) {
	t.Parallel()
	program(t, "python3")
	venv, err := makeEngines()
	must(t, err)
	var retry struct {
		Attempts       int
		EvaluateOnExit []struct{ OnExitCode, OnReason, OnStatusReason, Action string }
	}
	c := program(t, filepath.Join(venv, "bin", "python"), filepath.Join("python", "batch.py"), deployed(t, "aws-batch/job-definition.yaml"))
	must(t, json.Unmarshal(output(t, c), &retry))
	if retry.Attempts < 1 || retry.Attempts > 10 || len(retry.EvaluateOnExit) > 5 {
		t.Errorf("%d attempts and %d conditions, want at most 10 and 5", retry.Attempts, len(retry.EvaluateOnExit))
	}
	// The first condition that matches counts, and what none matches is tried again.
	action := func(code string) string {
		for _, condition := range retry.EvaluateOnExit {
			if !regexp.MustCompile(`^[0-9]+\*?$`).MatchString(condition.OnExitCode) || condition.OnReason+condition.OnStatusReason != "" {
				t.Fatalf("the condition %+v is not of an exit code alone", condition)
			}
			start, isStart := strings.CutSuffix(condition.OnExitCode, "*")
			if code == start || isStart && strings.HasPrefix(code, start) {
				return condition.Action
			}
		}
		return "RETRY"
	}
	for code, want := range map[string]string{
		"1": "RETRY", "4": "EXIT", "5": "RETRY", "6": "RETRY", "7": "EXIT", "64": "EXIT", "75": "RETRY", "130": "RETRY", "137": "RETRY",
	} {
		if got := action(code); got != want {
			t.Errorf("exit code %s: %s, want %s", code, got, want)
		}
	}
}
