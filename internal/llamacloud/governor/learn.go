package governor

import "math"

const (
	// short is the longest pause, in seconds, after which a row is no quota that was used up: a limit by the second.
	short = 3
	// tests is the number of rows after which a rate is taken for the limit, though their counts don't agree.
	tests = 5
	// farBelow is the part of a rate that is known below which another limit that counts agree about takes its place at
	// once. Rivals make counts agree by chance, and taking each for the limit would be a ratchet.
	farBelow = 0.9
	// above is how far above what was accepted a rate goes on that is held though a window is shared.
	above = 1.5
)

// soft takes note of a throttled answer that was contradicted while the gate was open.
func (p *pace) soft(now float64, q Passage) {
	p.refused(now, 1)
	p.answers++
	if q.Level < p.level || p.overload(now, 0) {
		return
	}
	p.contradicted(now, 1)
}

func (p *pace) refused(now float64, n int) {
	p.recent.add(now, 0, n)
	p.epoch.throttled += n
}

// contradicted takes note of throttled answers that say little.
func (p *pace) contradicted(now float64, answers int) {
	if len(p.noise.hits) == 0 {
		p.noise.before = p.rate()
	}
	if p.phase != steady {
		const few, share = 1, 0.05
		if p.spoilt += answers; float64(p.spoilt) > few+share*float64(p.used) {
			p.test(now)
		}
		for range answers {
			if p.noise.burst(p.answers) {
				p.set(min(p.rate(), max(leastCount, p.seconds.most())))
				p.grace = now + graceful*p.window
				return
			}
		}
		return
	}
	noise, rare := false, false
	for range answers {
		rare = p.noise.rare(p.answers, p.rate()*p.window)
		noise = p.noise.hit(p.answers, p.level)
	}
	if before := p.noise.before; noise && before > 0 {
		if before > p.rate() {
			p.set(before)
		}
		p.noise.before = 0
	}
	// Where nobody had to wait, the rate isn't to blame.
	if noise || rare || now < p.grace || now-p.waited > p.moment() {
		return
	}
	p.decrease(now)
	if c := p.recent.sum(); now-c.from > leastTime {
		p.lower(float64(c.accepted) / (now - c.from))
	}
}

// lower lowers the rate to what was accepted, though not by half at once.
func (p *pace) lower(seen float64) {
	if e := below * seen; e < p.base && seen > p.base/2 {
		p.base = e
	}
}

// overload tells whether far too many are throttled, and goes on with what is accepted.
func (p *pace) overload(now, need float64) bool {
	const hits, share, extreme = 5, 0.15, 0.5
	if p.rows == 0 || need > short {
		return false
	}
	c, least := p.epoch, 0.0
	if r := p.recent.sum(); r.throttled >= leastCount && float64(r.throttled) > extreme*float64(r.accepted) {
		c = r
		if p.seenAt > r.from {
			least = p.seen
		}
	}
	t, n, h := now-c.from, float64(c.accepted), float64(c.throttled)
	switch {
	case h < hits || n < leastCount || t < leastTime:
		return false
	case p.phase == steady && h < share*n:
		return false
	case h < 0.08*n+3*math.Sqrt(0.08*n): // three deviations more than chance
		return false
	}
	rate := max(least, n/t)
	if last := p.seconds.most(); need <= 1.5 && last >= leastCount {
		rate = max(rate, last)
	}
	was := p.rate()
	p.set(below * min(rate, was))
	if f := float64(p.first); f > rate {
		// What a bucket let through at first is what a window holds.
		p.size(f / rate)
	}
	p.first = 0
	p.learn(p.base)
	p.grace = now + graceful*p.window
	p.epoch = count{from: now}
	p.recent.reset(now)
	return true
}

func (p *pace) size(window float64) { p.window = max(1, min(3600, window)) }

// resume goes on after a row of throttled answers.
func (p *pace) resume(now float64, r row) {
	p.refused(now, max(1, r.answers-r.vain))
	p.answers += r.answers
	if r.level < p.level && !r.soft {
		return
	}
	p.weigh(now, r)
	if !r.contradicted {
		// What came before a pause says nothing about the rate after it.
		p.recent.reset(now)
	}
}

// weigh takes a row for what it is: chance, overload, or the end of a window.
func (p *pace) weigh(now float64, r row) {
	p.noise.alone(p.answers, r.single())
	if p.overload(now, r.need()) {
		return
	}
	little := r.contradicted && r.answers <= 2 || p.noise.share > 0 && r.answers == 1
	if little {
		p.contradicted(now, r.answers)
		return
	}
	if p.rows > 0 && p.phase != steady && r.first-p.waited > 1 && p.epoch.accepted >= leastCount {
		// The bucket of tokens holds nobody up: the rate is what the workers make of it.
		p.trial = min(p.trial, max(firstRate, p.seconds.most()))
	}
	switch {
	case p.rows == 0:
		p.firstRow(now, r)
	case p.epoch.accepted >= leastCount && r.over-p.epoch.from >= leastTime:
		p.judge(now, r, p.take(r))
	case p.phase == steady && now >= p.grace:
		p.decrease(now)
	}
}

// firstRow only stops the doubling: nobody knows what was used of a window before.
func (p *pace) firstRow(now float64, r row) {
	n, need := p.epoch.accepted, r.need()
	if n >= leastCount && p.phase == searching {
		if need > short {
			p.window = need
			p.trial = min(p.trial, max(1, float64(n)/need))
		} else {
			p.trial = min(p.trial, max(firstRate, p.seconds.most()/2))
		}
		p.slow = true
		p.test(now)
		p.level++
	}
	p.rows, p.first = 1, n
	p.epoch = count{from: r.over}
}

// take ends the epoch with a row, and returns how many a second it was.
func (p *pace) take(r row) (seen float64) {
	if !r.soft {
		p.window = max(1, r.need(), 0.997*p.window)
		p.pause = r.due - r.first
	}
	n, from := p.epoch.accepted, p.epoch.from
	ended := min(r.due, max(r.demanded, r.last))
	p.windows.add(window{accepted: n, least: ended - from, most: r.due - from, need: r.need()})
	p.seen, p.seenAt = float64(n)/(r.due-from), r.over
	p.epoch = count{from: r.over}
	p.rows++
	return float64(n) / max(leastTime, ended-from)
}

// judge decides what a row means whose epoch was long enough. Seen is what was accepted a second.
func (p *pace) judge(now float64, r row, seen float64) {
	if p.phase == searching {
		p.phase = counting
	}
	if limit, exact, ok := p.windows.agreed(); ok && (p.phase != steady || limit < farBelow*p.rate()) {
		if exact || p.known == 0 {
			p.size(float64(p.windows[len(p.windows)-1].accepted) / limit)
		}
		p.first = 0
		p.found(now, limit)
		p.windows = p.windows[:0]
		return
	}
	if p.windows.random() {
		p.searchAgain(now)
		return
	}
	need := r.need()
	// Long pauses are a quota's: its counts will agree, and until then lowering would only lose some of it.
	quota := need > max(short, p.window/10)
	sure := p.known > 0 && p.rate() < 1.3*p.known
	switch {
	case p.phase == counting && p.rows >= tests:
		p.set(fall * p.rate())
	case p.phase == steady && quota && !sure:
		// They do not agree: others have a part of it.
		if mean, ok := p.windows.mean(); ok && above*mean < p.rate() {
			p.found(now, above*mean/below)
			p.windows = p.windows[:0]
		}
	case p.phase == steady && now >= p.grace:
		p.decrease(now)
		if p.window > 10 && need <= p.window/10 {
			p.lower(seen)
		}
	}
}
