package export

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"exporter/internal/config"
	"exporter/pipeline"
)

const (
	// besidesMemory is what a run takes besides limits.memory where memory is short, in bytes.
	besidesMemory = 64 << 20
	// leastMemory is the least that limits.memory becomes by itself: a blob that is not spooled, in bytes.
	leastMemory = pipeline.BufferedBlobSize
	// noLimit is from where on a number says that there is no limit: version 1 of control groups has no word for it.
	noLimit = 1 << 60
)

// FitMemory completes limits.memory where nothing is given by what fits into a limit of this process, in bytes: 256 MiB, or half of what
// the limit leaves besides the program itself, of which garbage takes the other half. It warns of a given value that does not fit.
func FitMemory(cfg *config.Limits, limit int64, log *slog.Logger) {
	if cfg.Memory == 0 {
		cfg.Memory = config.Size(min(pipeline.DefaultMemory, max(leastMemory, (limit-besidesMemory)/2)))
	} else if room := limit - besidesMemory; int64(cfg.Memory) > room {
		log.Warn(fmt.Sprintf("limits.memory does not fit into the memory that this process may take: the run may be killed; %s fits",
			config.Size(max(leastMemory, room/2)>>20<<20)), "memory", cfg.Memory, "may_take", config.Size(limit))
	}
}

// ProcessLimit returns how much memory this process may take, in bytes: as its control groups say, whose files are in root, and as
// GOMEMLIMIT does. Where nothing says so, it is the largest number.
func ProcessLimit(root fs.FS, environ []string) int64 {
	limit := containerLimit(root)
	if isSet(environ, "GOMEMLIMIT") {
		limit = min(limit, debug.SetMemoryLimit(-1))
	}
	return limit
}

// containerLimit returns the least limit of the control groups that this process is in, and of those above them. Where what is mounted
// is a part of their tree, as in a container, only the groups of that part are found, the topmost of which is at its root.
func containerLimit(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(groups)) {
		// Such as "4:cpu,memory:/a/b" of version 1, and "0::/a/b" of version 2.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		mounts, file := []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"}, "memory.max"
		if controllers := strings.Split(fields[1], ","); slices.Contains(controllers, "memory") {
			mounts, file = []string{"sys/fs/cgroup/memory", "sys/fs/cgroup/" + fields[1]}, "memory.limit_in_bytes"
		} else if fields[1] != "" {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			for _, mount := range mounts {
				limit = min(limit, readLimit(root, path.Join(mount, group, file)))
			}
			if group == "/" {
				break
			}
		}
	}
	return limit
}

// readLimit returns the limit in a file; the largest number where there is none, or no file.
func readLimit(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return math.MaxInt64
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit <= 0 || limit >= noLimit {
		return math.MaxInt64
	}
	return limit
}
