package governor

// row is the throttled answers between two times at which the gate is open.
type row struct {
	// first, last and over are when the first and the last of them and the request that opened the gate were sent.
	first, last, over float64
	// due is when that request might have been sent: nobody may have wanted to send one.
	due float64
	// demanded is the end of the pause that was asked for, at the least: answers of one window agree about its end,
	// so that one which is far beyond the others isn't about the window.
	demanded float64
	// header is true if any of them said how long to wait.
	header bool
	// soft is true if the row says little about how long a window is.
	soft bool
	// contradicted is true if the gate opened without a probe.
	contradicted  bool
	answers, vain int
	level         int
}

func (r *row) add(p Passage, d Delay) {
	r.answers++
	r.last = p.Sent
	if p.Probe {
		r.vain++
	}
	if d.Wait == 0 {
		return
	}
	end := p.Sent + d.Wait - d.Unit
	switch {
	case !r.header || p.Probe:
		r.demanded = max(r.demanded, end)
	default:
		r.demanded = min(r.demanded, end)
	}
	r.header = true
}

// end ends the row with the request that was accepted, which might have been sent when it was due.
func (r *row) end(p Passage, due float64) {
	r.over = p.Sent
	r.due = p.Sent
	if p.Probe {
		r.due = min(due, p.Sent)
	}
	r.contradicted = !p.Probe
	r.soft = r.contradicted || !r.header && r.vain == 0
}

// need returns for how many seconds the server wanted nothing, at the least.
func (r *row) need() float64 {
	if !r.header {
		return r.due - r.first
	}
	return min(max(0, r.demanded-r.first), r.over-r.first)
}

// single tells whether one request was throttled, probes apart.
func (r *row) single() bool { return r.answers-r.vain == 1 }
