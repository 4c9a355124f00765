package flags

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/emulator"
)

// storageFlags are the flags of the storage origin.
type storageFlags struct {
	blobs    bool
	listen   string
	linkLife time.Duration
	limit    limitFlags
	status   int
	latency  time.Duration
}

func (s *storageFlags) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&s.blobs, "storage", false, "answer every blob with a redirect to a signed link at a storage origin")
	fs.StringVar(&s.listen, "storage-listen", "127.0.0.1:0", "loopback `ADDRESS` of the storage origin; port 0 takes a free one")
	fs.DurationVar(&s.linkLife, "link-life", time.Hour, "how long links to the storage origin, and presigned ones, are valid")
	s.limit.addFlags(fs, "storage-")
	fs.IntVar(&s.status, "storage-status", http.StatusServiceUnavailable,
		"`STATUS` of throttled answers of the storage origin: 503 or 429")
	fs.DurationVar(&s.latency, "storage-latency", 0, "wait so long before every answer of the storage origin")
}

// complete adds the storage origin to the options, where blobs or the fault redirect_other lead to it.
func (s *storageFlags) complete(fs *pflag.FlagSet, o *emulator.Options) error {
	if o.LinkLife = s.linkLife; s.linkLife < time.Second || s.linkLife%time.Second != 0 {
		return fmt.Errorf("--link-life %v: want whole seconds, 1s or more", s.linkLife)
	}
	if !s.blobs && !slices.Contains(o.Faults.Kinds, emulator.FaultRedirectOther) {
		return needs(fs, "--storage or --faults redirect_other", "storage-listen", "storage-rate", "storage-limit-kind",
			"storage-retry-after", "storage-status", "storage-latency")
	}
	limit, err := s.limit.limit(fs)
	switch {
	case err != nil:
		return err
	case s.latency < 0:
		return fmt.Errorf("--storage-latency %v: must not be negative", s.latency)
	case !slices.Contains(emulator.ThrottleStatuses(), s.status):
		return fmt.Errorf("--storage-status %d: want 503 or 429", s.status)
	case limit == nil:
		err = needs(fs, "--storage-rate", "storage-retry-after", "storage-status")
	}
	o.Storage = &emulator.StorageOptions{Blobs: s.blobs, Limit: limit, ThrottleStatus: s.status, Latency: s.latency}
	return err
}
