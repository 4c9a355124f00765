package parts_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"exporter/internal/parts"
)

func TestFromEnvironment_ReadsWhatEachEngineSays(t *testing.T) {
	slurm := func(id, least, most, step, count string) map[string]string {
		return map[string]string{
			"SLURM_ARRAY_TASK_ID": id, "SLURM_ARRAY_TASK_MIN": least, "SLURM_ARRAY_TASK_MAX": most, "SLURM_ARRAY_TASK_STEP": step,
			"SLURM_ARRAY_TASK_COUNT": count,
		}
	}
	with := func(a map[string]string, more map[string]string) map[string]string {
		all := maps.Clone(a)
		maps.Copy(all, more)
		return all
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"Slurm 0-7":             {slurm("3", "0", "7", "1", "8"), "3/8"},
		"Slurm 1-8":             {slurm("8", "1", "8", "1", "8"), "7/8"},
		"Slurm 0-14:2":          {slurm("14", "0", "14", "2", "8"), "7/8"},
		"Slurm 5-5":             {slurm("5", "5", "5", "1", "1"), "0/1"},
		"Slurm without a step":  {slurm("2", "1", "8", "", "8"), "1/8"},
		"Slurm without a count": {slurm("2", "1", "8", "1", ""), "1/8"},
		"Slurm, a job whose step is one of srun": {
			with(slurm("3", "0", "7", "1", "8"), map[string]string{"SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}), "3/8"},
		"Slurm, a launcher that gives PMI to every task": {
			with(slurm("3", "0", "7", "1", "8"), map[string]string{"PMI_RANK": "0", "PMI_SIZE": "1"}), "3/8"},
		"Kubernetes": {map[string]string{"JOB_COMPLETION_INDEX": "3", "EXPORTER_PART_COUNT": "8"}, "3/8"},
		"AWS Batch":  {map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "3", "AWS_BATCH_JOB_ARRAY_SIZE": "8"}, "3/8"},
		"a count that agrees": {
			map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "3", "AWS_BATCH_JOB_ARRAY_SIZE": "8", "EXPORTER_PART_COUNT": "8"}, "3/8"},
		"Google Batch": {map[string]string{"BATCH_TASK_INDEX": "0", "BATCH_TASK_COUNT": "1"}, "0/1"},
		"Cloud Run":    {map[string]string{"CLOUD_RUN_TASK_INDEX": "9999", "CLOUD_RUN_TASK_COUNT": "10000"}, "9999/10000"},
		"Open MPI":     {map[string]string{"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8"}, "3/8"},
		"Open MPI beside PMI": {
			map[string]string{"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8", "PMI_RANK": "3", "PMI_SIZE": "8"}, "3/8"},
		"Open MPI that srun has started": {
			map[string]string{"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, "3/8"},
		"MPICH": {map[string]string{"PMI_RANK": "7", "PMI_SIZE": "8"}, "7/8"},
		"srun":  {map[string]string{"SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, "3/8"},
		"srun with fewer tasks than the job": {
			map[string]string{"SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "8"}, "3/4"},
	} {
		t.Run(name, func(t *testing.T) {
			p, engine, err := parts.FromEnvironment(func(name string) string { return tt.env[name] })
			if err != nil || p.String() != tt.want || engine == "" {
				t.Errorf("FromEnvironment(%v) = %v of %q, %v, want %s", tt.env, p, engine, err, tt.want)
			}
		})
	}
}

func TestFromEnvironment_RefusesWhatDoesNotTell(t *testing.T) {
	slurm := func(id, least, most, step, count string) map[string]string {
		return map[string]string{
			"SLURM_ARRAY_TASK_ID": id, "SLURM_ARRAY_TASK_MIN": least, "SLURM_ARRAY_TASK_MAX": most, "SLURM_ARRAY_TASK_STEP": step,
			"SLURM_ARRAY_TASK_COUNT": count,
		}
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing":            {nil, "give --part I/N"},
		"a count alone":      {map[string]string{"EXPORTER_PART_COUNT": "8"}, "nothing in the environment says which part"},
		"a batch script":     {map[string]string{"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, "nothing in the environment says which part"},
		"no count":           {map[string]string{"JOB_COMPLETION_INDEX": "3"}, "set EXPORTER_PART_COUNT"},
		"no number":          {map[string]string{"JOB_COMPLETION_INDEX": "x", "EXPORTER_PART_COUNT": "8"}, `JOB_COMPLETION_INDEX is "x"`},
		"less than nothing":  {map[string]string{"JOB_COMPLETION_INDEX": "-1", "EXPORTER_PART_COUNT": "8"}, `JOB_COMPLETION_INDEX is "-1"`},
		"a count of nothing": {map[string]string{"JOB_COMPLETION_INDEX": "3", "EXPORTER_PART_COUNT": "0"}, `EXPORTER_PART_COUNT is "0"`},
		"too many":           {map[string]string{"JOB_COMPLETION_INDEX": "3", "EXPORTER_PART_COUNT": "100001"}, "from 1 to 100000"},
		"an index too large": {map[string]string{"JOB_COMPLETION_INDEX": "8", "EXPORTER_PART_COUNT": "8"}, "there is no part 8 of 8"},
		"a count that does not agree": {
			map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "3", "AWS_BATCH_JOB_ARRAY_SIZE": "8", "EXPORTER_PART_COUNT": "9"}, "AWS_BATCH_JOB_ARRAY_SIZE"},
		"two engines": {
			map[string]string{"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8", "PMI_RANK": "2", "PMI_SIZE": "8"}, "Open MPI says that this is part 3/8, and MPI (PMI)"},
		"two counts": {
			map[string]string{"JOB_COMPLETION_INDEX": "3", "EXPORTER_PART_COUNT": "8", "PMI_RANK": "3", "PMI_SIZE": "4"}, "EXPORTER_PART_COUNT that there are 8"},
		"Slurm 1,2,7":         {slurm("2", "1", "7", "1", "3"), "the array has gaps"},
		"Slurm 1,3,5,7":       {slurm("3", "1", "7", "", "4"), "--array=0-14:2"},
		"Slurm 0-14:2 with 3": {slurm("3", "0", "14", "2", "8"), "the array has gaps"},
		"Slurm with step 0":   {slurm("3", "0", "14", "0", "8"), "the array has gaps"},
		"Slurm upside down":   {slurm("3", "8", "1", "1", "8"), "the array has gaps"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := parts.FromEnvironment(func(name string) string { return tt.env[name] })
			if _, ok := errors.AsType[*parts.EnvironmentError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("FromEnvironment(%v) = %v, %v, want an *EnvironmentError with %q", tt.env, p, err, tt.want)
			}
		})
	}
}
