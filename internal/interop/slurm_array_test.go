package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// deployed returns the path of a file that people copy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "deploy", filepath.FromSlash(name)))
	must(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// An array of eight, of which one task is killed, one is requeued and one comes to its limit of time, makes the export that one run makes. One that a
// person cancels does not come back, and one that cannot succeed takes the tasks with it that wait.
func TestSlurm_Array_EndsAsOneRunDoes(t *testing.T) {
	t.Parallel()
	const killed, requeued, late = 1, 3, 6
	s := startSlurm(t)
	d := serveDivided(t, 8, killed, requeued, late)
	flags := []string{"--directory", d.directories[0], "--rate", "unlimited", "--checkpoint", "20ms"}
	// A minute is the least limit, and the script's two minutes before that have begun already: the signal comes when Slurm looks at limits for the
	// first time.
	array := s.submit(t, d.export, append([]string{"--array=0-7", "--time=1", deployed(t, "slurm/export.sbatch"), d.out}, flags...)...)
	merge := s.submit(t, d.export, "--dependency=afterany:"+array, deployed(t, "slurm/merge.sbatch"), d.out)
	task := func(number int) string { return array + "_" + strconv.Itoa(number) }
	log := func(number int) string { return s.log(t, "exporter-"+task(number)+".log") }
	for part := range d.held {
		d.waitForBlob(t, part)
	}
	d.kill(t, killed)
	s.until(t, "the killed task begins again", func() bool { return strings.Contains(log(killed), "exit code 137: the task begins again") })
	d.release(killed)
	output(t, s.command(t, "scontrol", "requeue", task(requeued)))
	s.until(t, "the requeued task is told to end", func() bool { return strings.Contains(log(requeued), "interrupted: ") })
	d.release(requeued)

	s.checkCancelled(t)
	s.checkHopeless(t)

	s.until(t, "a task comes to its limit", func() bool { return strings.Contains(log(late), "interrupted: ") })
	if again := s.job(t, task(late)); again.restarts != 0 {
		t.Errorf("task %d: %v before its limit", late, again)
	}
	d.release(late)
	for number := range 8 {
		want := slurmJob{state: "COMPLETED", exit: "0:0"}
		switch number {
		case killed, requeued, late:
			want.restarts = 1
		}
		if got := s.wait(t, task(number)); got != want {
			t.Errorf("task %d: %v, want %v\n%s", number, got, want, log(number))
		}
	}
	for number, said := range map[int]string{
		killed: "exit code 137: the task begins again", requeued: "exit code 130: Slurm ends the task", late: "exit code 130: the task begins again",
	} {
		if text := log(number); strings.Count(text, said) != 1 {
			t.Errorf("task %d does not say %q once:\n%s", number, said, text)
		}
	}
	if got, want := s.wait(t, merge), (slurmJob{state: "COMPLETED", exit: "0:0"}); got != want {
		t.Errorf("the merge: %v, want %v\n%s", got, want, s.log(t, "exporter-merge-"+merge+".log"))
	}
	d.checkMerged(t)
}

// checkCancelled checks that a task that a person cancels has ended.
func (s *slurm) checkCancelled(t *testing.T) {
	t.Helper()
	d := serveDivided(t, 2, 0)
	array := s.submit(t, d.export, "--array=0-1", deployed(t, "slurm/export.sbatch"), d.out, "--directory", d.directories[0], "--rate", "unlimited")
	task := array + "_0"
	d.waitForBlob(t, 0)
	output(t, s.command(t, "scancel", task))
	log := func() string { return s.log(t, "exporter-"+task+".log") }
	s.until(t, "the cancelled task is told to end", func() bool { return strings.Contains(log(), "interrupted: ") })
	d.release(0)
	if got := s.wait(t, task); got.state != "CANCELLED" || got.restarts != 0 {
		t.Errorf("the cancelled task: %v\n%s", got, log())
	}
	if !strings.Contains(log(), "exit code 130: Slurm ends the task (COMPLETING ") {
		t.Errorf("the cancelled task says:\n%s", log())
	}
}

// checkHopeless checks that tasks that wait are cancelled where the first one says that none can succeed.
func (s *slurm) checkHopeless(t *testing.T) {
	t.Helper()
	d := serveDivided(t, 4)
	refused := *d.export
	refused.url += "/wrong"
	array := s.submit(t, &refused, "--array=0-3%1", deployed(t, "slurm/export.sbatch"), d.out, "--directory", d.directories[0])
	if got, want := s.wait(t, array+"_0"), (slurmJob{state: "FAILED", exit: "4:0"}); got != want {
		t.Errorf("the first task: %v, want %v\n%s", got, want, s.log(t, "exporter-"+array+"_0.log"))
	}
	// Tasks that never began have one record.
	if text := string(output(t, s.command(t, "scontrol", "show", "job", "--oneliner", array))); !regexp.MustCompile(`ArrayTaskId=4294967294 .*JobState=CANCELLED `).MatchString(text) {
		t.Errorf("the others are not cancelled:\n%s", text)
	}
}
