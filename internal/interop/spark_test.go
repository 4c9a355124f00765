//go:build spark

package interop

import (
	"os"
	"path/filepath"
	"testing"
)

// What Spark makes of tables, and of parts of the commit log, is what the program's own reader makes of them. It needs Java 17.
func TestSpark_Rows_EqualTheProgramsOwn(t *testing.T) {
	jobs := newJobs(t)
	program(t, "java")
	for _, version := range []string{"3.5.9", "4.3.0"} {
		t.Run(version, func(t *testing.T) {
			venv := filepath.Join(t.TempDir(), "venv")
			if err := installPython(venv, "pyspark=="+version); err != nil {
				t.Fatal(err)
			}
			c := program(t, filepath.Join(venv, "bin", "python"))
			// Spark opens ports, and warns of much.
			c.Env, c.Stderr = append(os.Environ(), "SPARK_LOCAL_IP=127.0.0.1"), t.Output()
			jobs.check(t, c, "Spark")
		})
	}
}
