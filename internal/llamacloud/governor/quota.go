package governor

import "math"

// Quota is what an answer says of its limit, in its headers.
type Quota struct {
	// Limit is how many requests are let through in a window, Remaining how many are left. Both are 0 or more.
	Limit, Remaining float64
	// Reset is the time in seconds until the quota is whole again, rounded up to whole seconds; Window the length of a window
	// in seconds, 0 where it is not told.
	Reset, Window float64
}

const (
	// shortWindow is the length in seconds up to which a quota is spread over its window: whole seconds say too little of what
	// is left of it, and others on the same limit are found by what is throttled. That of a longer one is used as soon as there
	// are requests for it. What then remains of the window is waited for, which costs a second of rounding at most.
	shortWindow = 5
	// underQuota is the share of a short window's quota that is asked for.
	underQuota = 0.985
	// rounding is by how many seconds a reset is too late at most: they are whole.
	rounding = 1
)

// quota knows how many requests the origin says that it still takes. Its zero value knows nothing and stops nobody.
//
// Answers come in another order than that in which the origin has counted their requests. So the least that was told lately
// counts, and whatever is still under way is taken off it, since nobody knows whether the origin has counted it.
type quota struct {
	known bool
	// lied tells that the headers were contradicted, for good.
	lied          bool
	limit, window float64
	// unnamed is the longest time to a reset where no window is told.
	unnamed float64
	// began is when the request was sent with which the present window began.
	began float64
	// lows are the least that remained, in the present span of time and the one before.
	lows [2]low
	// left is how many may be sent until more is known.
	left float64
	// reset is when the quota is whole again at the latest.
	reset float64
	// flying is how many requests are under way; alone tells that the latest was sent when no other was.
	flying int
	alone  bool
	// probed tells that a request was sent after the reset, from which it is to be heard what is left.
	probed bool
}

// low is the least that was told to remain since a time.
type low struct{ from, remaining float64 }

// send takes note of a request that is sent.
func (q *quota) send(now float64) {
	q.probed = q.left < 1 && now >= q.reset
	q.alone = q.flying == 0
	q.flying++
	q.left--
}

// back takes note of a request that is under way no more.
func (q *quota) back() { q.flying-- }

// unused takes note that a request which was to be sent was not.
func (q *quota) unused() {
	q.flying--
	q.left++
	q.probed = false
}

// hear takes note of what the answer to a request says, which is not under way any more. The request was sent at a time, the
// answer came at now, and answers take about rtt. What is told of a window that is over is not heard.
func (q *quota) hear(now, rtt, sent float64, told Quota) {
	if q.lied || q.known && sent < q.began {
		return
	}
	q.window = told.Window
	if told.Window == 0 {
		// No window is shorter than what is left of it.
		q.unnamed = max(q.unnamed, told.Reset)
		q.window = q.unnamed
	}
	q.limit = told.Limit
	reset := now + told.Reset
	// It is another window than before, and began with this request at the latest.
	another := !q.known || sent >= q.reset
	switch {
	case another:
		q.began, q.reset = sent, min(reset, now+q.window)
	case q.reset > reset-rounding:
		// It is the same moment: each answer bounds it, and the rounding goes.
		q.reset = min(q.reset, reset)
	default:
		q.reset = reset
	}
	switch {
	case another, q.alone && q.flying == 0:
		// What was told before is of another window, or there was no other request beside this one: it is exact.
		q.lows = [2]low{{now, math.Inf(1)}, {now, told.Remaining}}
	case now-q.lows[1].from > 2*rtt:
		q.lows[0], q.lows[1] = q.lows[1], low{now, told.Remaining}
	default:
		q.lows[1].remaining = min(q.lows[1].remaining, told.Remaining)
	}
	q.known, q.probed = true, false
	q.left = min(q.lows[0].remaining, q.lows[1].remaining) - float64(q.flying)
}

// silent takes note of an answer that says nothing: where its request was sent after the reset, what was said is out of date.
func (q *quota) silent(sent float64) {
	if sent >= q.reset {
		q.known, q.probed = false, false
	}
}

// contradict takes note of a throttled answer. One that says itself that there is more to be had ends the belief in the
// headers. One that says nothing may be a gateway's: what is found by it holds beside the quota.
func (q *quota) contradict(told *Quota) (lied bool) {
	if q.lied || !q.known || told == nil || told.Remaining < 1 {
		return false
	}
	q.lied, q.known = true, false
	return true
}

// next returns when a request may be sent: at once, at a time, or when an answer has come.
func (q *quota) next(now float64) float64 {
	switch {
	case !q.known || q.left >= 1 || q.window <= shortWindow:
		return now
	case q.probed && q.flying > 0:
		return math.Inf(1)
	}
	return max(now, q.reset)
}

// pace returns how many requests a second are to be sent; ok is false where the quota does not say, and infinite where all
// that remains may be sent at once.
func (q *quota) pace() (perSecond float64, ok bool) {
	switch {
	case !q.known || q.limit < 1 || !(q.window > 0) || q.window <= shortWindow && q.unnamed > 0:
		return 0, false
	case q.window > shortWindow:
		return math.Inf(1), true
	}
	return underQuota * q.limit / q.window, true
}
