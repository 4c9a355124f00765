package governor

import "math"

// noise tells throttled answers that come at random, whatever the rate is, from those of a limit. A limit counts: the
// requests between two of its answers are about as many, or they are fewer once the rate is higher. What rivals do to a
// program looks like noise as well, which is why little is believed and only while it lasts.
type noise struct {
	// hits are the latest throttled answers that were contradicted.
	hits []hit
	// singles are those that came alone: how many answers there had been at each.
	singles []int
	// share is that of noise in all answers; 0 if there is none.
	share float64
	// early are the hits before a rate is known: how many answers there had been at each.
	early []int
	// before is the rate before the first hit, which is restored when the hits turn out to be noise; 0 if it was.
	before float64
}

// hit is a throttled answer: how many answers there had been, and the level of the pace.
type hit struct{ answers, level int }

const (
	// enoughHits is how many gaps between hits are looked at: with fewer, rivals are taken for noise.
	enoughHits = 16
	// rareWindows is how many windows lie between two hits, on average, that are too rare to be a limit's: one that is passed
	// throttles in every window.
	rareWindows = 8
	// hitLevels is the number of paces at which hits must have been as frequent.
	hitLevels = 3
	// leastSpread and mostSpread bound the coefficient of variation of the counts between hits: it is 1 for chance,
	// 0 for a limit that is hit once a window, and higher for one that throttles in bursts.
	leastSpread, mostSpread = 0.5, 1.7
	// mostNoise is the largest share that is believed to be noise.
	mostNoise = 0.06
	// endSpread is the spread below which a limit is behind it after all.
	endSpread = 0.3
	// burstSpread is the spread of hits that come in bursts.
	burstSpread = 3
	// leastSingles, mostSingles, singlesSpread (a square) and singlesApart are the same for a mere suspicion.
	leastSingles, mostSingles = 5, 8
	singlesSpread             = 0.2
	singlesApart              = 15
)

// hit takes note of a throttled answer, and tells whether it is noise.
func (n *noise) hit(answers, level int) bool {
	n.hits = latest(append(n.hits, hit{answers, level}), enoughHits+1)
	k := len(n.hits) - 1
	if k < enoughHits {
		return false
	}
	mean, variance := gaps(n.hits, func(h hit) int { return h.answers })
	spread, share := math.Sqrt(variance)/mean, 1/mean
	switch {
	case n.share == 0:
		if spread > leastSpread && spread < mostSpread && share < mostNoise && n.hits[k].level-n.hits[0].level >= hitLevels {
			n.share = share
		}
	case spread < endSpread || share > max(2.2*n.share, n.share+0.02):
		n.share, n.hits = 0, nil
	default:
		n.share = min(0.05, n.share+(share-n.share)/32)
	}
	return n.share > 0
}

// rare tells whether a throttled answer that comes now, and the two before it, are too rare to be a limit's that holds so many
// requests a window.
func (n *noise) rare(answers int, window float64) bool {
	k := len(n.hits)
	return k >= 2 && float64(answers-n.hits[k-2].answers) > 2*rareWindows*window
}

// burst takes note of a throttled answer that was contradicted before a rate is known, and tells whether they come in
// bursts, as those of a bucket do that is emptied again and again. Random ones do not.
func (n *noise) burst(answers int) bool {
	n.early = latest(append(n.early, answers), enoughHits+1)
	if len(n.early) <= enoughHits {
		return false
	}
	mean, variance := gaps(n.early, func(i int) int { return i })
	return variance > burstSpread*burstSpread*mean*mean
}

// alone takes note of a row in which one request was throttled, or more than one.
func (n *noise) alone(answers int, one bool) {
	if !one {
		n.singles = n.singles[:0]
		return
	}
	n.singles = latest(append(n.singles, answers), mostSingles+1)
}

// suspected tells whether it is worth a try to find out. Answers is how many there have been.
func (n *noise) suspected(answers int) bool {
	if n.share > 0 {
		return true
	}
	k := len(n.singles) - 1
	if k < leastSingles || answers-n.singles[k] > 2*(n.singles[k]-n.singles[0]) {
		return false
	}
	mean, variance := gaps(n.singles, func(i int) int { return i })
	return mean > singlesApart && variance > singlesSpread*mean*mean
}

// latest returns the last of them, n at most.
func latest[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

// gaps returns mean and variance of the distances between neighbours.
func gaps[T any](all []T, at func(T) int) (mean, variance float64) {
	k := float64(len(all) - 1)
	var squares float64
	for i := range len(all) - 1 {
		d := float64(at(all[i+1]) - at(all[i]))
		mean += d / k
		squares += d * d / k
	}
	return mean, max(0, squares-mean*mean)
}
