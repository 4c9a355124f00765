package governor

import "math"

// count is what was accepted between two rows, and what was throttled.
type count struct {
	accepted, throttled int
	// from is when it began.
	from float64
}

// window is a count of a whole row: what the server let through from its reopening to its next refusal. As headers are
// rounded, the time that this took is known only within bounds.
type window struct {
	accepted    int
	least, most float64
	// need is for how long the server wanted nothing after it.
	need float64
}

// windows are the counts of the latest rows.
type windows []window

const (
	// keptWindows is how many are kept.
	keptWindows = 4
	// leastAgreed is what each count must be that says anything.
	leastAgreed = 5
	// slack is by how much the bounds of a window are widened for round trips.
	slack = 1.02
)

// natural are the windows that limits are stated for, in seconds.
var natural = [...]float64{1, 60, 3600}

func (w *windows) add(c window) { *w = latest(append(*w, c), keptWindows) }

// mean returns what was accepted a second, pauses included; ok is false where the rows are too few, or their pauses are all
// alike: those of a window that is shared end together, whenever they begin, and random ones are as long as a header says.
func (w windows) mean() (rate float64, ok bool) {
	const enough, alike = 3, 0.9
	if len(w) < enough {
		return 0, false
	}
	accepted, took, least, most := 0, 0.0, math.Inf(1), 0.0
	for _, c := range w {
		accepted += c.accepted
		took += c.most
		least, most = min(least, c.need), max(most, c.need)
	}
	return float64(accepted) / took, least < alike*most
}

// random tells whether the rows are chance: their pauses are all as long as a header says, and what was accepted before them is
// now much and now little.
func (w windows) random() bool {
	const alike, spread = 0.9, 0.35
	if len(w) < keptWindows {
		return false
	}
	least, most := math.Inf(1), 0.0
	var n, squares float64
	for _, c := range w {
		least, most = min(least, c.need), max(most, c.need)
		n += float64(c.accepted) / keptWindows
		squares += float64(c.accepted*c.accepted) / keptWindows
	}
	return least > short && least > alike*most && squares-n*n > spread*spread*n*n
}

// agreed returns the rate of a limit that the counts of the last rows agree about: two of them if a natural window fits,
// else three. Chance does that once in thirty.
func (w windows) agreed() (rate float64, exact, ok bool) {
	k := len(w)
	if k < 2 {
		return 0, false, false
	}
	a, b := w[k-1], w[k-2]
	more := max(a.accepted, b.accepted)
	if min(a.accepted, b.accepted) < leastAgreed || math.Abs(float64(a.accepted-b.accepted)) > 1+0.03*float64(more) {
		return 0, false, false
	}
	n := float64(a.accepted+b.accepted) / 2
	for _, length := range natural {
		if a.least <= length*slack && length <= a.most*slack {
			return n / length, true, true
		}
	}
	if k < 3 || math.Abs(n-float64(w[k-3].accepted)) > 1+0.05*n {
		return 0, false, false
	}
	return n / max(leastTime, a.least), false, true
}

// recent counts answers of the last one or two spans, each a second and twenty answers long at the least.
type recent [2]count

func (r *recent) add(now float64, accepted, throttled int) {
	const answers = 20
	if c := r[1]; now-c.from >= 1 && c.accepted+c.throttled >= answers {
		r[0], r[1] = c, count{from: now}
	}
	r[1].accepted += accepted
	r[1].throttled += throttled
}

func (r *recent) sum() count {
	return count{r[0].accepted + r[1].accepted, r[0].throttled + r[1].throttled, r[0].from}
}

func (r *recent) reset(now float64) { *r = recent{{from: now}, {from: now}} }

// seconds counts what was accepted in the latest two seconds in which anything was.
type seconds struct {
	second [2]float64
	n      [2]int
}

func (s *seconds) add(now float64) {
	if at := math.Floor(now); at != s.second[0] {
		s.second[1], s.n[1] = s.second[0], s.n[0]
		s.second[0], s.n[0] = at, 0
	}
	s.n[0]++
}

func (s *seconds) most() float64 { return float64(max(s.n[0], s.n[1])) }
