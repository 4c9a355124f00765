package parts

import (
	"fmt"
	"strings"
)

// CountVariable is the variable of the environment that says how many parts there are where the engine does not, and that has to agree where it
// does.
const CountVariable = "EXPORTER_PART_COUNT"

// Engine is what starts many tasks of one job, and tells each in its environment which one it is.
type Engine struct {
	// Name is what people call it.
	Name string
	// Index is the variable with the number of the task, which begins at Base.
	Index string
	Base  int
	// Count is the variable with the number of tasks; empty where the engine has none. Others are looked at in their order where it is not set.
	Count  string
	Others []string
	// Needs is a variable without which the others do not count; empty for none.
	Needs string
	// isArray says that the tasks may be numbered otherwise than from Base on: see slurmArray.
	isArray bool
	// yields says that what another engine says counts in its place: this one's variables are there in every process of a job.
	yields bool
}

// Engines returns those that are known, with what their documentation says of them.
//
//   - Slurm, job arrays: sbatch(1), "OUTPUT ENVIRONMENT VARIABLES" (SLURM_ARRAY_TASK_ID, _MIN, _MAX, _STEP, _COUNT), and
//     https://slurm.schedmd.com/job_array.html: "1-7:2" has the tasks 1, 3, 5 and 7.
//   - Kubernetes, Indexed Jobs: https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/ (JOB_COMPLETION_INDEX, from 0). No variable has
//     the number of completions.
//   - AWS Batch, array jobs: https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html (AWS_BATCH_JOB_ARRAY_INDEX begins at 0,
//     AWS_BATCH_JOB_ARRAY_SIZE is the size of the parent).
//   - Google Batch: https://cloud.google.com/python/docs/reference/batch/latest/google.cloud.batch_v1.types.TaskGroup (BATCH_TASK_INDEX from 0
//     through BATCH_TASK_COUNT - 1).
//   - Cloud Run jobs: https://cloud.google.com/run/docs/create-jobs (CLOUD_RUN_TASK_INDEX, CLOUD_RUN_TASK_COUNT), and
//     https://cloud.google.com/run/docs/container-contract: the index begins at 0.
//   - Open MPI: https://docs.open-mpi.org/en/v5.0.x/tuning-apps/environment-var.html (OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE).
//   - MPICH, Intel MPI and others whose launchers speak PMI-1: PMI_RANK and PMI_SIZE, which the process manager Hydra sets
//     (https://github.com/pmodels/mpich, src/pm/hydra).
//   - Slurm, tasks of a step: srun(1), "OUTPUT ENVIRONMENT VARIABLES" (SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_NTASKS). A batch script has SLURM_PROCID
//     as well, but is no task of a step: SLURM_STEP_ID tells them apart.
//
// Argo Workflows tells a container nothing of the kind: what a loop runs over is known in the workflow alone, where {{item}} stands for it
// (https://argo-workflows.readthedocs.io/en/latest/walk-through/loops/ and .../variables/). There it is --part "{{item}}/8".
func Engines() []Engine {
	return []Engine{
		{Name: "a Slurm array", Index: "SLURM_ARRAY_TASK_ID", Count: "SLURM_ARRAY_TASK_COUNT", isArray: true},
		{Name: "a Kubernetes Indexed Job", Index: "JOB_COMPLETION_INDEX"},
		{Name: "an AWS Batch array", Index: "AWS_BATCH_JOB_ARRAY_INDEX", Count: "AWS_BATCH_JOB_ARRAY_SIZE"},
		{Name: "Google Batch", Index: "BATCH_TASK_INDEX", Count: "BATCH_TASK_COUNT"},
		{Name: "a Cloud Run job", Index: "CLOUD_RUN_TASK_INDEX", Count: "CLOUD_RUN_TASK_COUNT"},
		{Name: "Open MPI", Index: "OMPI_COMM_WORLD_RANK", Count: "OMPI_COMM_WORLD_SIZE"},
		{Name: "MPI (PMI)", Index: "PMI_RANK", Count: "PMI_SIZE"},
		{
			Name: "srun", Index: "SLURM_PROCID", Count: "SLURM_STEP_NUM_TASKS", Others: []string{"SLURM_NTASKS"}, Needs: "SLURM_STEP_ID",
			yields: true,
		},
	}
}

// EnvironmentError says why the environment does not tell the part.
type EnvironmentError struct {
	// Problem says what is wrong, and Remedy what to set.
	Problem, Remedy string
}

func (e *EnvironmentError) Error() string { return e.Problem + " (" + e.Remedy + ")" }

// FromEnvironment returns the part that the environment tells, and who tells it. The function returns the value of a variable, "" where it is not set. An
// error is an *EnvironmentError.
func FromEnvironment(variable func(string) string) (part Part, engine string, err error) {
	given, err := countGiven(variable)
	if err != nil {
		return Part{}, "", err
	}
	var found []told
	for _, e := range Engines() {
		if variable(e.Index) == "" || e.Needs != "" && variable(e.Needs) == "" || e.yields && len(found) > 0 {
			continue
		}
		p, err := e.read(variable, given)
		if err != nil {
			return Part{}, "", err
		}
		found = append(found, told{e, p})
	}
	found = withoutSingles(found)
	if len(found) == 0 {
		return Part{}, "", &EnvironmentError{
			Problem: "nothing in the environment says which part this is",
			Remedy:  "give --part I/N, or run it as a task of an engine that says so, such as a Slurm array: docs/clusters.md has them all",
		}
	}
	for _, other := range found[1:] {
		if other.part != found[0].part {
			return Part{}, "", &EnvironmentError{
				Problem: fmt.Sprintf("%s says that this is part %v, and %s that it is part %v", found[0].Name, found[0].part, other.Name, other.part),
				Remedy:  "give --part I/N with the one that is meant",
			}
		}
	}
	return found[0].part, found[0].Name, nil
}

// told is what an engine tells.
type told struct {
	Engine
	part Part
}

// withoutSingles leaves out those that tell of one task only where others tell of more: launchers give such variables to programs that are none of theirs.
func withoutSingles(found []told) []told {
	var more []told
	for _, t := range found {
		if t.part.Count > 1 {
			more = append(more, t)
		}
	}
	if len(more) > 0 {
		return more
	}
	return found
}

// countGiven returns the value of CountVariable; 0 where it is not set.
func countGiven(variable func(string) string) (int, error) {
	text := variable(CountVariable)
	if text == "" {
		return 0, nil
	}
	count, err := parseNumber(text)
	if err != nil || count < 1 || count > Most {
		return 0, &EnvironmentError{
			Problem: fmt.Sprintf("%s is %.40q", CountVariable, text), Remedy: fmt.Sprintf("set it to the number of parts, from 1 to %d", Most),
		}
	}
	return count, nil
}

// read returns the part that an engine tells, whose index is set.
func (e *Engine) read(variable func(string) string, given int) (Part, error) {
	index, err := number(variable, e.Index)
	if err != nil {
		return Part{}, err
	}
	count, countName := 0, e.Count
	for _, name := range append([]string{e.Count}, e.Others...) {
		if name != "" && variable(name) != "" {
			if count, err = number(variable, name); err != nil {
				return Part{}, err
			}
			countName = name
			break
		}
	}
	index -= e.Base
	if e.isArray {
		if index, count, err = e.slurmArray(variable, index, count); err != nil {
			return Part{}, err
		}
	}
	switch {
	case count == 0 && given == 0:
		return Part{}, &EnvironmentError{
			Problem: fmt.Sprintf("%s says that this is task %d, but not of how many", e.Name, index),
			Remedy:  "set " + CountVariable + " to the number of parts, or give --part I/N",
		}
	case count == 0:
		count = given
	case given != 0 && given != count:
		return Part{}, &EnvironmentError{
			Problem: fmt.Sprintf("%s says that there are %d parts (%s), and %s that there are %d", e.Name, count, countName, CountVariable, given),
			Remedy:  "set " + CountVariable + " to the number that is meant, or not at all; a task that is run again by itself takes --part I/N",
		}
	}
	p, err := NewPart(index, count)
	if err != nil {
		return Part{}, &EnvironmentError{
			Problem: fmt.Sprintf("%s is %.40q with %d parts: %v", e.Index, variable(e.Index), count, err),
			Remedy:  "set " + CountVariable + " to the number of tasks, or give --part I/N",
		}
	}
	return p, nil
}

// slurmArray returns which task of an array one is, counted from 0, and how many there are, 0 where nobody says. Arrays such as 1-8 and 0-14:2 have one
// step between all tasks. One that has gaps is refused: not every task of it can tell how many come before it.
func (e *Engine) slurmArray(variable func(string) string, id, count int) (index, total int, err error) {
	if variable("SLURM_ARRAY_TASK_MIN") == "" || variable("SLURM_ARRAY_TASK_MAX") == "" {
		return id, count, nil
	}
	least, err := number(variable, "SLURM_ARRAY_TASK_MIN")
	if err != nil {
		return 0, 0, err
	}
	most, err := number(variable, "SLURM_ARRAY_TASK_MAX")
	if err != nil {
		return 0, 0, err
	}
	step := 1
	if variable("SLURM_ARRAY_TASK_STEP") != "" {
		if step, err = number(variable, "SLURM_ARRAY_TASK_STEP"); err != nil {
			return 0, 0, err
		}
	}
	isRegular := step > 0 && least <= id && id <= most && (most-least)%step == 0 && (id-least)%step == 0
	if total = count; isRegular && count == 0 {
		total = (most-least)/step + 1
	}
	if !isRegular || total != (most-least)/step+1 {
		return 0, 0, &EnvironmentError{
			Problem: fmt.Sprintf("the array has gaps: %s", slurmArrayText(variable)),
			Remedy:  "submit it with --array=0-7 or with one step between all tasks, as in --array=0-14:2; to run some tasks again, give --part I/N",
		}
	}
	return (id - least) / step, total, nil
}

// slurmArrayText has what Slurm says of an array.
func slurmArrayText(variable func(string) string) string {
	var all []string
	for _, name := range []string{"ID", "MIN", "MAX", "STEP", "COUNT"} {
		if text := variable("SLURM_ARRAY_TASK_" + name); text != "" {
			all = append(all, fmt.Sprintf("SLURM_ARRAY_TASK_%s=%.20q", name, text))
		}
	}
	return strings.Join(all, " ")
}

// number reads a variable that is to be a number from 0 on.
func number(variable func(string) string, name string) (int, error) {
	n, err := parseNumber(variable(name))
	if err != nil {
		return 0, &EnvironmentError{Problem: fmt.Sprintf("%s is %.40q, which is no number", name, variable(name)), Remedy: "give --part I/N"}
	}
	return n, nil
}
