package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakes makes programs of shell scripts, and returns an environment in which they come first, and the file to which each appends what it was called with.
func fakes(t *testing.T, scripts map[string]string) (env []string, calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	for name, script := range scripts {
		text := fmt.Sprintf("#!/bin/sh\necho \"%s $*\" >>'%s'\n%s\n", name, calls, script)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	return append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH")), calls
}

// callsOf returns the calls of a program, each without its name.
func callsOf(t *testing.T, file, name string) (calls []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if args, ok := strings.CutPrefix(line, name+" "); ok {
			calls = append(calls, strings.TrimSpace(args))
		}
	}
	return calls
}

// The script for Slurm does with each exit code, and with each state that Slurm says the task is in, what docs/clusters.md says.
func TestSlurm_Script_ActsOnExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code            int
		state, restarts string
		requeues        bool
		cancels         bool
	}{
		{code: 0}, {code: 3}, {code: 7},
		{code: 4, cancels: true}, {code: 64, cancels: true},
		{code: 1, requeues: true}, {code: 5, requeues: true}, {code: 6, requeues: true}, {code: 75, requeues: true}, {code: 130, requeues: true},
		{code: 137, requeues: true},
		{code: 75, restarts: "9", requeues: true}, {code: 75, restarts: "10"},
		{code: 130, state: "COMPLETING None"}, {code: 130, state: "COMPLETING TimeLimit", requeues: true},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			if c.state == "" {
				c.state = "RUNNING None"
			}
			env, file := fakes(t, map[string]string{
				"exporter": fmt.Sprint("exit ", c.code), "squeue": "echo " + c.state, "scontrol": "", "scancel": "",
			})
			cmd := exec.CommandContext(t.Context(), deployed(t, "slurm/export.sbatch"), "/some out", "--project")
			cmd.Path, cmd.Args = "/bin/bash", append([]string{"bash"}, cmd.Args...)
			cmd.Env = append(env, "SLURM_ARRAY_JOB_ID=12", "SLURM_ARRAY_TASK_ID=3", "SLURM_RESTART_COUNT="+c.restarts, "PARTS=", "RESTARTS=")
			if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != c.code {
				t.Errorf("%v, want exit code %d\n%s", cmd.ProcessState, c.code, out)
			}
			if got, want := fmt.Sprint(callsOf(t, file, "exporter")), "[run --out /some out --part auto --partial-ok --no-progress --project]"; got != want {
				t.Errorf("exporter %s, want %s", got, want)
			}
			for name, want := range map[string]bool{"scontrol requeue 12_3": c.requeues, "scancel --state=PENDING 12": c.cancels} {
				program, args, _ := strings.Cut(name, " ")
				calls := callsOf(t, file, program)
				if did := len(calls) == 1 && calls[0] == args; did != want || len(calls) > 1 {
					t.Errorf("%s %q, want it: %v", program, calls, want)
				}
			}
		})
	}
}

// The script for GNU parallel tries a part again, or tells parallel to begin no other one, as docs/clusters.md says.
func TestParallel_Script_ActsOnExitCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]struct {
		runs  int
		halts bool
	}{
		0: {runs: 1}, 7: {runs: 1}, 4: {runs: 1, halts: true}, 64: {runs: 1, halts: true},
		1: {runs: 3}, 5: {runs: 3}, 6: {runs: 3}, 75: {runs: 3}, 130: {runs: 3}, 137: {runs: 3},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			// It stands for parallel, which hears SIGHUP whether or not whoever began it does.
			halted := exec.Command("env", "--default-signal=HUP", "sleep", "60")
			must(t, halted.Start())
			ended := make(chan error, 1)
			go func() { ended <- halted.Wait() }()
			env, file := fakes(t, map[string]string{"exporter": fmt.Sprint("exit ", code)})
			cmd := exec.CommandContext(t.Context(), deployed(t, "parallel/export.sh"), "--try", "1/4", "/some out", "--project")
			cmd.Env = append(env, "TRIES=3", "PAUSE=0", fmt.Sprint("PARALLEL_PID=", halted.Process.Pid))
			if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != code {
				t.Errorf("%v, want exit code %d\n%s", cmd.ProcessState, code, out)
			}
			runs := callsOf(t, file, "exporter")
			if len(runs) != want.runs || runs[0] != "run --part 1/4 --out /some out --partial-ok --no-progress --project" {
				t.Errorf("exporter %q, want %d runs", runs, want.runs)
			}
			select {
			case <-ended:
				if !want.halts {
					t.Error("parallel is told to begin no other part")
				}
			case <-time.After(time.Second):
				if want.halts {
					t.Error("parallel is not told to begin no other part")
				}
				_ = halted.Process.Kill()
				<-ended
			}
		})
	}
}
