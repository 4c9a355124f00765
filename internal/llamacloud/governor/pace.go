package governor

import "math"

type phase int

const (
	searching phase = iota // the rate doubles
	counting               // the rate stays, rows are counted
	steady
)

type pace struct {
	ceiling float64
	phase   phase
	trial   float64
	doubled float64
	used    int

	base              float64
	w, pause          float64
	active, lastAdmit float64
	grace             float64
	level             int

	// epoch since the first hit of the last row that counted
	from   float64
	n, h   int
	lately [2]tally
	counts []count
	rows   int

	hits, levels []int
	total        int
	floor        float64
	before       float64

	lastWait float64
	burst    float64
	slow     bool
	sure     int
	known    float64
	sec      [2]float64
	secN     [2]int
}

type count struct {
	n, h        int
	least, most float64
}

func newPace(r float64, auto bool) *pace {
	p := &pace{ceiling: math.Inf(1), w: 1, lastWait: -1, from: -1, phase: counting}
	if r > 0 {
		p.ceiling = r
	}
	p.trial = p.ceiling
	if auto {
		p.trial, p.phase = min(8, p.ceiling), searching
	}
	return p
}

func (p *pace) rate() float64 {
	if p.phase != steady {
		return p.trial
	}
	cycle := max(40, 4*p.w, 20*min(p.pause, 2))
	hold := 8 * p.w
	switch p.sure {
	case 0:
		hold, cycle = p.w, max(10, p.w/2)
	case 1:
		hold, cycle = 4*p.w, max(20, 2*p.w)
	}
	x := max(0, p.active-hold) / cycle
	s := math.Sqrt(p.base*p.w) + 0.25*x
	r := s * s / p.w
	if x > 1.2 {
		r *= math.Exp(min(20, 0.6*(x-1.2)*(x-1.2)))
	}
	return min(r, p.ceiling)
}

func (p *pace) admit(now float64, waited bool) {
	if p.phase == steady {
		if int(p.active/100) != int((p.active+min(now-p.lastAdmit, max(1, 3/p.rate())))/100) {
			tr(now, "rate %.3f active %.1f w %.1f sure %d base %.3f", p.rate(), p.active, p.w, p.sure, p.base)
		}
		p.active += min(now-p.lastAdmit, max(1, 3/p.rate()))
	}
	p.lastAdmit = now
	if waited {
		p.lastWait = now
	}
}

func (p *pace) accept(now float64, q Passage) {
	p.n++
	p.count(now, 1, 0)
	if s := math.Floor(now); s != p.sec[0] {
		p.sec[1], p.secN[1] = p.sec[0], p.secN[0]
		p.sec[0], p.secN[0] = s, 0
	}
	p.secN[0]++
	p.total++
	if p.phase == searching && q.Sent > p.doubled {
		p.used++
		step := 0.05
		if p.slow {
			step = max(1, p.w/knob(13, 12))
		}
		if d := now - p.doubled; d >= step && float64(p.used) >= p.trial*min(1, d)/2 {
			p.trial, p.doubled, p.used = min(2*p.trial, p.ceiling), now, 0
			p.level++
		}
	}
}

// noisy takes note of a throttled answer that was contradicted by its neighbours, and tells whether such answers come
// at random, whatever the rate is.
func (p *pace) noisy(now float64) bool {
	const least, most = 8, 16
	p.hits = append(p.hits, p.total)
	p.levels = append(p.levels, p.level)
	if len(p.levels) > most+1 {
		p.levels = p.levels[1:]
	}
	if len(p.hits) > most+1 {
		p.hits = p.hits[1:]
	}
	k := len(p.hits) - 1
	if k < least {
		return false
	}
	var sum, squares float64
	for i := range k {
		gap := float64(p.hits[i+1] - p.hits[i])
		sum += gap
		squares += gap * gap
	}
	mean := sum / float64(k)
	cv := math.Sqrt(max(0, squares/float64(k)-mean*mean)) / mean
	share := 1 / mean
	if p.floor == 0 {
		if cv > 0.5 && cv < 1.7 && share < 0.06 && p.levels[k]-p.levels[0] >= int(knob(5, 3)) {
			p.floor = share
		}
		return p.floor > 0
	}
	if cv < 0.3 || share > max(2.2*p.floor, p.floor+0.02) {
		tr(now, "noise ends: cv %.2f share %.3f floor %.3f", cv, share, p.floor)
		p.floor, p.hits, p.levels = 0, nil, nil
		return false
	}
	p.floor = min(0.05, p.floor+(share-p.floor)/32)
	return true
}

func (p *pace) set(now, base float64, why string) {
	tr(now, "    %s: %.3f -> %.3f (n %d from %.2f floor %.4f)", why, p.rate(), min(base, p.ceiling), p.n, p.from, p.floor)
	p.base, p.active, p.phase = min(base, p.ceiling), 0, steady
	p.level++
}

// learn takes note of the level of a limit, and tells whether it is that which is known.
func (p *pace) learn(level float64) (near bool) {
	near = p.known > 0 && math.Abs(level/p.known-1) < 0.15
	if near {
		p.sure = min(2, p.sure+1)
	} else {
		p.sure = 0
	}
	p.known = level
	return near
}

func (p *pace) decrease(now float64) {
	at := p.rate()
	cycle := max(40, 4*p.w, 20*min(p.pause, 2))
	alone := 8*p.w + cycle*math.Sqrt(p.base*p.w)*(math.Sqrt(1/0.95)-1)/0.25
	f := 0.95
	if p.active < knob(10, 0.6)*alone && p.sure > 0 {
		f = knob(9, 0.95)
	}
	p.learn(at)
	p.set(now, f*at, "decrease")
	p.grace = now + 1.1*p.w
}

// soft takes note of a throttled answer that was contradicted while the gate was open.
func (p *pace) soft(now float64, q Passage, isolated bool) {
	tr(now, "  soft sent %.3f n %d isolated %v", q.Sent, p.n, isolated)
	p.count(now, 0, 1)
	p.total++
	if q.Level < p.level || p.overload(now, 0) {
		return
	}
	p.contradicted(now, 1)
}

// contradicted takes note of hits that say little.
func (p *pace) contradicted(now float64, answers int) {
	if len(p.hits) == 0 {
		p.before = p.rate()
	}
	if p.phase != steady {
		p.doubled, p.used = now, 0
		return
	}
	noise := false
	for range answers {
		noise = p.noisy(now)
	}
	if noise && p.before > 0 {
		if p.phase == steady && p.before > p.rate() {
			p.set(now, p.before, "restore")
		}
		p.before = 0
	}
	if now < p.grace || noise || now-p.lastWait > max(1, 3/p.rate()) {
		return
	}
	p.decrease(now)
	if t := now - p.lately[0].from; t > 0.9 {
		if e := 0.985 * float64(p.lately[0].n+p.lately[1].n) / t; e < p.base && e > 0.5*p.base {
			p.base = e
		}
	}
}

// tally counts what was accepted and what was throttled for a while.
type tally struct {
	from float64
	n, h int
}

func (p *pace) count(now float64, n, h int) {
	if c := &p.lately[1]; now-c.from >= 1 && c.n+c.h >= int(knob(4, 20)) {
		p.lately[0], p.lately[1] = *c, tally{from: now}
	}
	p.lately[1].n += n
	p.lately[1].h += h
	p.h += h
}

// overload tells whether far too many are throttled, and goes on with what is accepted.
func (p *pace) overload(now, need float64) bool {
	if p.rows == 0 || need > 3 {
		return false
	}
	n, h, t := p.n, p.h, now-p.from
	if ln, lh := p.lately[0].n+p.lately[1].n, p.lately[0].h+p.lately[1].h; lh >= 10 && float64(lh) > knob(3, 0.5)*float64(ln) {
		n, h, t = ln, lh, now-p.lately[0].from
	}
	if h < 5 || n < 10 || t < 0.9 || p.phase == steady && float64(h) < 0.15*float64(n) || float64(h) < 0.08*float64(n)+3*math.Sqrt(0.08*float64(n)) {
		return false
	}
	e := float64(n) / t
	if last := p.lastSecond(); need <= 1.5 && last >= 10 {
		e = max(e, last)
	}
	p.set(now, 0.985*min(e, p.rate()), "overload")
	if p.burst > 0 && p.burst > e {
		p.window(p.burst, e)
	}
	p.burst = 0
	p.learn(p.base)
	p.grace = now + 1.1*p.w
	p.from, p.n, p.h = now, 0, 0
	p.lately = [2]tally{{from: now}, {from: now}}
	return true
}

func (p *pace) lastSecond() float64 { return float64(max(p.secN[0], p.secN[1])) }

// window takes what was let through at first for what a window holds.
func (p *pace) window(n, e float64) {
	p.w = max(1, min(3600, n/e))
}

// regular tells whether the count of this row is that of the row before.
func (p *pace) regular() bool {
	k := len(p.counts)
	return k > 0 && math.Abs(float64(p.counts[k-1].n-p.n)) <= 1+0.03*float64(p.n)
}

// resume goes on after a row of throttled answers.
func (p *pace) resume(now float64, r row) {
	p.count(now, 0, max(1, r.answers-r.vain))
	p.total += r.answers
	need, pause := min(r.need(), r.over-r.first), r.over-r.first
	tr(now, "row first %.3f over %.3f need %.2f answers %d soft %v level %d/%d rate %.3f n %d", r.first, r.over, need, r.answers, r.soft, r.level, p.level, p.rate(), p.n)
	if r.level < p.level && !r.soft {
		return
	}
	if p.overload(now, need) {
		return
	}
	if (r.contradicted && r.answers <= 2 || p.floor > 0 && r.answers == 1) && !p.regular() {
		p.contradicted(now, r.answers)
		return
	}
	if p.phase != steady && r.first-p.lastWait > 1 && p.n >= 10 {
		// The bucket of tokens holds nobody up: the rate is what the workers make of it.
		p.trial = min(p.trial, max(8, p.lastSecond()))
	}
	n := p.n
	ended := min(r.over, max(r.demanded, r.last))
	if p.rows == 0 {
		p.rows = 1
		if n >= 10 && p.phase == searching {
			if need > 3 {
				p.w = need
				p.trial = min(p.trial, max(knob(11, 1), float64(n)/need))
			} else {
				p.trial = min(p.trial, max(8, knob(12, 0.5)*p.lastSecond()))
			}
			p.doubled, p.used = now, 0
			p.slow = true
			p.level++
		}
		p.burst = float64(n)
		p.from, p.n, p.h = r.over, 0, 0
		return
	}
	if n < 10 || r.over-p.from < 0.9 {
		if p.phase == steady && now >= p.grace {
			p.decrease(now)
		}
		return
	}
	if !r.soft {
		p.w = max(1, max(need, 0.997*p.w))
		p.pause = pause
	}
	p.counts = append(p.counts, count{n: n, least: ended - p.from, most: r.over - p.from})
	if len(p.counts) > 4 {
		p.counts = p.counts[1:]
	}
	seen := float64(n) / max(0.9, ended-p.from)
	p.from, p.n, p.h = r.over, 0, 0
	p.rows++
	if p.phase == searching {
		p.phase = counting
	}
	if e, snapped, ok := p.agreed(); ok && (e < 0.95*p.rate() || p.phase != steady) {
		p.set(now, 0.985*e, "agreed")
		if snapped || p.known == 0 {
			p.window(float64(n), e)
		}
		p.burst = 0
		p.learn(p.base)
		p.grace = now + 1.1*p.w
		p.counts = p.counts[:0]
		return
	}
	switch {
	case p.phase == counting && p.rows >= 5:
		p.set(now, 0.95*p.rate(), "tested")
	case p.phase == steady && (need <= max(3, p.w/10) || p.known > 0 && p.rate() < 1.3*p.known) && now >= p.grace:
		p.decrease(now)
		if p.w > 10 && need <= p.w/10 && 0.985*seen < p.base && seen > 0.5*p.base {
			p.base = 0.985 * seen
		}
	}
}

// agreed returns the rate of a limit that the counts of the last rows agree on.
func (p *pace) agreed() (e float64, snapped, ok bool) {
	k := len(p.counts)
	if k < 2 {
		return 0, false, false
	}
	a, b := p.counts[k-1], p.counts[k-2]
	if a.n < 5 || b.n < 5 || math.Abs(float64(a.n-b.n)) > 1+0.03*float64(max(a.n, b.n)) {
		return 0, false, false
	}
	n := float64(a.n+b.n) / 2
	for _, w := range []float64{1, 60, 3600} {
		if a.least <= w*1.02 && w <= a.most*1.02 {
			return n / w, true, true
		}
	}
	if k < 3 || math.Abs(n-float64(p.counts[k-3].n)) > 1+0.05*n {
		return 0, false, false
	}
	return n / max(0.9, a.least), false, true
}
