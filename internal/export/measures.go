package export

import (
	"math"
	"runtime"
	"time"

	"exporter/internal/metrics"
)

// Measures is a run as it is measured, while it is under way and when it has ended.
type Measures struct {
	// Export tells it from other runs on the same machine.
	Export  string
	Started time.Time
	Counts  Counts
	// Ended is when the run ended, and ExitCode how; zero while it is under way.
	Ended    time.Time
	ExitCode int
	// Before is what is known of the runs before.
	Before LastRun
}

// LastRun is how runs ended. What is not known is zero, and the exit code -1.
type LastRun struct {
	End, Success time.Time
	ExitCode     int
}

// The names of what one run tells the next by what it measured.
const (
	lastEndName      = "exporter_last_end_timestamp_seconds"
	lastExitCodeName = "exporter_last_exit_code"
	lastSuccessName  = "exporter_last_success_timestamp_seconds"
)

// ReadLastRun returns how the runs before ended, as the file says that they left.
func ReadLastRun(path, export string) (last LastRun, err error) {
	last.ExitCode = -1
	read := func(name string) float64 {
		value, ok, readErr := metrics.ReadValue(path, name, exportLabel(export))
		if readErr != nil {
			err = readErr
		}
		if !ok || math.IsNaN(value) {
			return -1
		}
		return value
	}
	if at := read(lastEndName); at > 0 {
		last.End, last.ExitCode = fromTimestamp(at), int(read(lastExitCodeName))
	}
	if at := read(lastSuccessName); at > 0 {
		last.Success = fromTimestamp(at)
	}
	return last, err
}

func exportLabel(export string) []metrics.Label {
	return []metrics.Label{{Name: "export", Value: export}}
}

// timestamp is a time as Prometheus has it; 0 for none.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func fromTimestamp(at float64) time.Time { return time.UnixMilli(int64(math.Round(at * 1000))) }

// last returns how the last run ended, which is this one where it has.
func (m *Measures) last() LastRun {
	last := m.Before
	if !m.Ended.IsZero() {
		last.End, last.ExitCode = m.Ended, m.ExitCode
		if m.ExitCode == 0 {
			last.Success = m.Ended
		}
	}
	return last
}

// Families returns all that is measured. The families, and their samples, are the same whatever the run has come to.
func (m *Measures) Families(now time.Time) []metrics.Family {
	b := familyBuilder{labels: exportLabel(m.Export)}
	isActive, written := m.Ended.IsZero(), now
	if !isActive {
		now = m.Ended
	}
	last := m.last()
	b.add(metrics.Info, "exporter_build_info", "The version of exporter that runs, or ran last.", series{
		labels: []metrics.Label{{Name: "version", Value: Version()}, {Name: "goversion", Value: runtime.Version()}}, value: 1,
	})
	b.gauge("exporter_run_active", "Whether a run is under way: 1, or 0 when it has ended.", number(isActive))
	b.gauge("exporter_update_timestamp_seconds", "When these numbers were taken. A run that is under way and falls behind was killed.",
		timestamp(written))
	b.gauge("exporter_run_start_timestamp_seconds", "When the run began.", timestamp(m.Started))
	b.gauge("exporter_run_duration_seconds", "How long the run has taken so far, or took.", now.Sub(m.Started).Seconds())
	b.gauge(lastEndName, "When the last run ended that did; 0 where none is known.", timestamp(last.End))
	b.gauge(lastExitCodeName, "The exit code of the last run that ended; -1 where none is known.", float64(last.ExitCode))
	b.gauge(lastSuccessName, "When the last run ended that ended with exit code 0; 0 where none is known.", timestamp(last.Success))
	m.files(&b)
	m.assets(&b)
	m.requests(&b, now, isActive)
	return b.families
}

func (m *Measures) files(b *familyBuilder) {
	f := &m.Counts.Files
	b.add(metrics.Gauge, "exporter_files", "The source files of the run by what became of them so far.", states(
		"listed", f.Listed, "to_ask", m.Counts.FilesToAsk(), "unchanged", f.Unchanged, "complete", f.Complete, "incomplete", f.Partial,
		"failed", f.Failed, "failed_accepted", f.FailedAccepted, "skipped", f.Skipped, "left_out", f.LeftOut, "missed", f.Missed, "vanished", f.Vanished, "expired", f.Expired,
	)...)
	b.gauge("exporter_listing_complete", "Whether all listings of files came to their end: 1 or 0.", number(f.ListingDone))
	b.gauge("exporter_expiring_files", "Source files that expire within a day.", float64(m.Counts.expiring.Files))
}

func (m *Measures) assets(b *familyBuilder) {
	a := &m.Counts.Assets
	b.add(metrics.Gauge, "exporter_assets", "The assets of the run by what became of them so far.", states(
		"pending", max(0, a.Planned-m.Counts.AssetsDone()), "stored", a.Stored, "same", a.Same, "failed", a.Failed, "failed_accepted", a.FailedAccepted, "kept", a.Kept,
		"skipped", m.Counts.Skipped(), "vanished", a.Vanished, "pruned", a.Pruned,
	)...)
	b.gauge("exporter_missing_pages", "Gaps in the page numbers of listed screenshots.", float64(a.MissingPages))
	b.counter("exporter_stored_bytes_total", "Bytes of the assets that the run stored.", float64(a.StoredBytes))
	b.counter("exporter_committed_rows_total", "Rows of the manifest that the run committed.", float64(a.Committed))
}

func (m *Measures) requests(b *familyBuilder, now time.Time, isActive bool) {
	c := &m.Counts
	b.counter("exporter_requests_total", "Requests that the run sent, retries included.", float64(c.Requests.Sent))
	b.counter("exporter_request_retries_total", "Requests that were sent again.", float64(c.Requests.Retries))
	b.counter("exporter_requests_throttled_total", "Answers of the API that want fewer requests.", float64(c.Requests.Throttled))
	b.counter("exporter_received_bytes_total", "Bytes of answers that came.", float64(c.Requests.Bytes))
	b.counter("exporter_paused_seconds_total", "Time in which all requests to the API waited.", time.Duration(c.Requests.Paused).Seconds())
	b.gauge("exporter_limit_requests_per_second", "The rate that holds requests back; 0 where none is known.", c.Limit.paced.PerSecond)
	var until time.Time
	if at, paused := c.Limit.pause.end(now); paused && isActive {
		until = at
	}
	b.gauge("exporter_paused_until_timestamp_seconds", "When requests to the API go on; 0 where they do not wait.", timestamp(until))
	left, estimated := math.NaN(), math.NaN()
	if !isActive {
		left, estimated = 0, 0
	} else if requests, _ := c.RequestsLeft(); c.filesKnown {
		left = requests
		if d, isLeast, ok := c.TimeLeft(now, now.Sub(m.Started)); ok && !isLeast {
			estimated = d.Seconds()
		}
	}
	b.gauge("exporter_remaining_requests", "Requests that are still to be sent, estimated; NaN where nobody knows, 0 after the end.", left)
	b.gauge("exporter_remaining_seconds", "When the run will be done from now on, estimated; NaN where nobody knows, 0 after the end.", estimated)
}

// familyBuilder collects families, all of whose samples have some labels.
type familyBuilder struct {
	labels   []metrics.Label
	families []metrics.Family
}

// series is a sample, and what labels it has beside those of all.
type series struct {
	labels []metrics.Label
	value  float64
}

func (b *familyBuilder) add(typ metrics.Type, name, help string, all ...series) {
	f := metrics.Family{Name: name, Type: typ, Help: help}
	for _, s := range all {
		labels := append(b.labels[:len(b.labels):len(b.labels)], s.labels...)
		f.Samples = append(f.Samples, metrics.Sample{Labels: labels, Value: s.value})
	}
	b.families = append(b.families, f)
}

func (b *familyBuilder) gauge(name, help string, value float64) {
	b.add(metrics.Gauge, name, help, series{value: value})
}

func (b *familyBuilder) counter(name, help string, value float64) {
	b.add(metrics.Counter, name, help, series{value: value})
}

// states returns a series for each name of a state, which a count follows.
func states(pairs ...any) (all []series) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, series{[]metrics.Label{{Name: "state", Value: pairs[i].(string)}}, float64(pairs[i+1].(int64))})
	}
	return all
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
