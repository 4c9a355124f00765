package interop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// slurm is a Slurm of one machine.
type slurm struct {
	dir string
	// began is when its controller began: limits of time are looked at each half minute from then on.
	began time.Time
}

// slurmConf is a configuration with a node that says it has many processors. What it leaves out is what Slurm takes by itself; where that does
// not suit a test, a comment says why.
//
// A task that is requeued waits for the time in which credentials expire, two minutes unless it is set; five seconds are the least.
const slurmConf = `ClusterName=interop
SlurmctldHost={{host}}(127.0.0.1)
SlurmctldPort={{controller}}
SlurmdPort={{node}}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={{dir}}/munge.socket,cred_expire=5
SlurmUser={{user}}
SlurmdUser={{user}}
StateSaveLocation={{dir}}/state
SlurmdSpoolDir={{dir}}/spool
SlurmctldPidFile={{dir}}/slurmctld.pid
SlurmdPidFile={{dir}}/slurmd.pid
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
NodeName={{host}} NodeAddr=127.0.0.1 CPUs=32 RealMemory=100000
PartitionName=all Nodes={{host}} Default=YES MaxTime=INFINITE
`

// startSlurm runs a Slurm until the test ends. Its daemons listen on loopback alone.
func startSlurm(t *testing.T) *slurm {
	t.Helper()
	// Paths of sockets are short.
	dir, err := os.MkdirTemp("", "slurm-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	host, err := os.Hostname()
	must(t, err)
	host, _, _ = strings.Cut(host, ".")
	me, err := user.Current()
	must(t, err)
	values := map[string]string{"host": host, "dir": dir, "user": me.Username}
	for _, name := range []string{"controller", "node"} {
		_, values[name], _ = strings.Cut(freeAddress(t), ":")
	}
	conf := regexp.MustCompile(`\{\{(\w+)\}\}`).ReplaceAllStringFunc(slurmConf, func(name string) string { return values[strings.Trim(name, "{}")] })
	must(t, os.WriteFile(filepath.Join(dir, "slurm.conf"), []byte(conf), 0o644))
	key := make([]byte, 1024)
	_, _ = rand.Read(key)
	must(t, os.WriteFile(filepath.Join(dir, "munge.key"), key, 0o600))
	for _, name := range []string{"state", "spool"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	s := &slurm{dir: dir}
	daemon(t, "munged", "--foreground", "--force", "--key-file", s.path("munge.key"), "--socket", s.path("munge.socket"),
		"--pid-file", s.path("munge.pid"), "--log-file", s.path("munge.log"), "--seed-file", s.path("munge.seed"))
	s.until(t, "munged listens", func() bool {
		_, err := os.Stat(s.path("munge.socket"))
		return err == nil
	})
	s.began = time.Now()
	controller := daemon(t, "slurmctld", "-D", "-c", "-f", s.path("slurm.conf"))
	node := daemon(t, "slurmd", "-D", "-f", s.path("slurm.conf"))
	t.Cleanup(func() {
		s.endJobs()
		if t.Failed() {
			t.Logf("slurmctld:\n%s\nslurmd:\n%s", controller, node)
		}
	})
	s.until(t, "the node is idle", func() bool {
		out, err := s.command(t, "sinfo", "--noheader", "--format", "%T").Output()
		return err == nil && strings.TrimSpace(string(out)) == "idle"
	})
	return s
}

// daemon runs a program until the test has ended, and not only until its context has: jobs are ended in between.
func daemon(t *testing.T, name string, args ...string) *bytes.Buffer {
	t.Helper()
	return start(t, exec.Command(program(t, name).Path, args...))
}

func (s *slurm) path(name string) string { return filepath.Join(s.dir, name) }

// command returns a command of Slurm.
func (s *slurm) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	c := program(t, name, args...)
	c.Env = append(os.Environ(), "SLURM_CONF="+s.path("slurm.conf"))
	return c
}

// endJobs ends what is left of jobs, which would outlive the daemons.
func (s *slurm) endJobs() {
	for range 20 {
		c := exec.Command("sh", "-c", `jobs=$(squeue --noheader --format=%A) && { [ -z "$jobs" ] || { scancel $jobs; exit 1; }; }`)
		c.Env = append(os.Environ(), "SLURM_CONF="+s.path("slurm.conf"))
		if c.Run() == nil {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// until waits for something to come true.
func (s *slurm) until(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !isTrue(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// submit submits a script of deploy/slurm and returns the number of the job. Jobs get the environment of e and log to the folder of Slurm.
func (s *slurm) submit(t *testing.T, e *export, args ...string) string {
	t.Helper()
	c := s.command(t, "sbatch", append([]string{"--parsable", "--chdir", s.dir}, args...)...)
	c.Env = append(c.Env, "LLAMA_CLOUD_API_KEY="+apiKey, "LLAMA_CLOUD_BASE_URL="+e.url)
	return strings.TrimSpace(string(output(t, c)))
}

// slurmJob is what Slurm says of a job, or of a task of an array.
type slurmJob struct {
	state, exit string
	restarts    int
}

func (j slurmJob) String() string {
	return fmt.Sprintf("%s, exit code %s, %d restarts", j.state, j.exit, j.restarts)
}

// ended tells whether it will not run again.
func (j slurmJob) ended() bool {
	return regexp.MustCompile(`^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY)$`).MatchString(j.state)
}

func (s *slurm) job(t *testing.T, id string) slurmJob {
	t.Helper()
	text := string(output(t, s.command(t, "scontrol", "show", "job", "--oneliner", id)))
	said := regexp.MustCompile(`JobState=(\S+) .*Restarts=(\d+) .*ExitCode=(\d+:\d+)`).FindStringSubmatch(text)
	if said == nil {
		t.Fatalf("scontrol says of job %s:\n%s", id, text)
	}
	j := slurmJob{state: said[1], exit: said[3]}
	_, err := fmt.Sscan(said[2], &j.restarts)
	must(t, err)
	return j
}

// wait waits until a job has ended.
func (s *slurm) wait(t *testing.T, id string) (j slurmJob) {
	t.Helper()
	s.until(t, "job "+id+" has ended", func() bool {
		j = s.job(t, id)
		return j.ended()
	})
	return j
}

// log returns what a job wrote.
func (s *slurm) log(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
