package export

import (
	"bytes"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"exporter/internal/config"
)

// machine has files with these contents.
func machine(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestProcessLimit_ControlGroups(t *testing.T) {
	const none = math.MaxInt64
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no files at all":        {nil, none},
		"no limits":              {map[string]string{"proc/self/cgroup": "0::/\n"}, none},
		"version 2, a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "209715200\n"}, 200 << 20},
		"version 2, max":         {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, none},
		"version 2, the group's own": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.max": "1000000\n",
		}, 1_000_000},
		"version 2, one above": {map[string]string{
			"proc/self/cgroup": "0::/a/b/c\n", "sys/fs/cgroup/a/memory.max": "500000\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
			"sys/fs/cgroup/a/b/c/memory.max": "1000000\n",
		}, 500_000},
		"version 2, above what is mounted": {map[string]string{
			"proc/self/cgroup": "0::/../../a\n", "sys/fs/cgroup/memory.max": "700000\n",
		}, 700_000},
		"version 1": {map[string]string{
			"proc/self/cgroup": "12:cpu,cpuacct:/x\n4:memory:/a/b\n1:name=systemd:/y\n",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "300000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1\n",
		}, 300_000},
		"version 1, in a container that sees its host's path": {map[string]string{
			"proc/self/cgroup": "4:memory:/docker/0123\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "400000\n",
		}, 400_000},
		"version 1, no limit": {map[string]string{
			"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, none},
		"hybrid": {map[string]string{
			"proc/self/cgroup": "4:memory:/a\n0::/b\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "600000\n",
			"sys/fs/cgroup/unified/b/memory.max": "max\n",
		}, 600_000},
		"garbage": {map[string]string{
			"proc/self/cgroup": "x\n::\n0:\n4:memory\n0::/a\n0::" + strings.Repeat("/", 300) + "\n", "sys/fs/cgroup/a/memory.max": "-1\n", "sys/fs/cgroup/memory.max": "many\n",
		}, none},
	} {
		if got := ProcessLimit(machine(test.files), nil); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestProcessLimit_GOMEMLIMIT(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	group := machine(map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2147483648"})
	for _, environ := range [][]string{{"GOMEMLIMIT=1GiB"}, nil} {
		want := int64(2 << 30)
		if environ != nil {
			want = 1 << 30
		}
		if got := ProcessLimit(group, environ); got != want {
			t.Errorf("%q: %d, want %d", environ, got, want)
		}
	}
}

func TestFitMemory(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		given  config.Size
		limit  int64
		want   config.Size
		warned bool
	}{
		{limit: math.MaxInt64, want: 256 * mib},
		{limit: 1 << 30, want: 256 * mib},
		{limit: 200 * mib, want: 68 * mib},
		{limit: 64 * mib, want: 8 * mib},
		{limit: 1, want: 8 * mib},
		{given: 512 * mib, limit: math.MaxInt64, want: 512 * mib},
		{given: 136 * mib, limit: 200 * mib, want: 136 * mib},
		{given: 137 * mib, limit: 200 * mib, want: 137 * mib, warned: true},
		{given: mib, limit: 1, want: mib, warned: true},
	} {
		var log bytes.Buffer
		limits := config.Limits{Memory: test.given}
		FitMemory(&limits, test.limit, slog.New(slog.NewTextHandler(&log, nil)))
		if lines := strings.Count(log.String(), "\n"); limits.Memory != test.want || (lines == 1) != test.warned || lines > 1 {
			t.Errorf("%v given, a limit of %d: %v, and says %q", test.given, test.limit, limits.Memory, log.String())
		}
	}
}
