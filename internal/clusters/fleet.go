package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
)

// fleet is some tasks that share an API. Times are in seconds, rates in requests a second.
type fleet struct {
	// slots is how many tasks the engine runs at once; the others wait for a place.
	slots int
	// limit is the most requests that the API accepts of all tasks; 0 is no limit. each is the most that one task makes.
	limit, each float64
	// isDivided says that a task has its part of the limit, and not more when others have ended: the rate was given.
	isDivided bool
	// life is the mean time until a task is killed; 0 is for ever. It begins again after back, and makes those requests again that it had
	// not committed: those of a time between 0 and commit, and no more than uncommitted.
	life, back, commit, uncommitted float64
}

// outcome is what became of a fleet.
type outcome struct {
	// ends are the times at which the tasks ended, and busy the time that they were running, of all tasks together.
	ends []float64
	busy float64
	// again is how many requests were made once more, and kills how many tasks were killed.
	again float64
	kills int
}

// last returns when the last task ended.
func (o *outcome) last() float64 { return o.ends[len(o.ends)-1] }

// run simulates a fleet whose tasks have so many requests to make each.
func (f fleet) run(work []float64, random *rand.Rand) outcome {
	s := &simulation{fleet: f, random: random, tasks: make([]task, len(work))}
	for i, requests := range work {
		s.tasks[i].left = requests
	}
	s.fill()
	for s.running.Len()+s.happenings.Len() > 0 {
		s.step()
	}
	return s.outcome
}

// task is one of a fleet.
type task struct {
	// left is what it has to make where it is not running, and end the level at which it is done where it is.
	left, end float64
	// began is when it began to run, and life counts how often it did: a kill is for one of its lives.
	began float64
	life  int
	// position is where it is among those that run; -1 where it is not.
	position int
}

// simulation is a fleet at a moment.
//
// Every running task gets the same rate, so that one number tells of all how far they are: level is how many requests a task would have made that ran
// from the beginning on.
type simulation struct {
	fleet
	random     *rand.Rand
	tasks      []task
	next       int
	now, level float64
	// running are the tasks that run, the one that is done first at the root; happenings are what comes at a time of its own.
	running    queue
	happenings schedule
	outcome    outcome
}

// rate returns what each running task gets.
func (s *simulation) rate() float64 {
	switch {
	case s.limit == 0:
		return s.each
	case s.isDivided:
		return min(s.each, s.limit/float64(len(s.tasks)))
	}
	return min(s.each, s.limit/float64(max(1, s.running.Len())))
}

// fill lets tasks begin as long as there are slots. A task that waits to begin again keeps its slot.
func (s *simulation) fill() {
	for ; s.next < len(s.tasks) && s.running.Len()+s.returning() < s.slots; s.next++ {
		s.begin(s.next)
	}
}

// returning counts the tasks that wait to begin again.
func (s *simulation) returning() (n int) {
	for _, h := range s.happenings {
		if h.isReturn {
			n++
		}
	}
	return n
}

// begin lets a task run.
func (s *simulation) begin(number int) {
	t := &s.tasks[number]
	t.end, t.began = s.level+t.left, s.now
	t.life++
	s.running.of = s.tasks
	heap.Push(&s.running, number)
	if s.life > 0 {
		heap.Push(&s.happenings, happening{at: s.now + s.random.ExpFloat64()*s.life, task: number, life: t.life})
	}
}

// step goes on to what comes next: a task that is done, or a happening.
func (s *simulation) step() {
	done, rate := math.Inf(1), s.rate()
	if s.running.Len() > 0 {
		done = s.now + (s.tasks[s.running.numbers[0]].end-s.level)/rate
	}
	if s.happenings.Len() == 0 || done <= s.happenings[0].at {
		s.advance(done, rate)
		number := heap.Pop(&s.running).(int)
		s.outcome.busy += s.now - s.tasks[number].began
		s.outcome.ends = append(s.outcome.ends, s.now)
		s.fill()
		return
	}
	h := heap.Pop(&s.happenings).(happening)
	s.advance(h.at, rate)
	switch t := &s.tasks[h.task]; {
	case h.isReturn:
		s.begin(h.task)
	case t.position >= 0 && t.life == h.life:
		s.kill(h.task, rate)
	}
}

// advance lets time pass.
func (s *simulation) advance(to, rate float64) {
	if s.running.Len() > 0 {
		s.level += (to - s.now) * rate
	}
	s.now = to
}

// kill ends a task, which begins again later.
func (s *simulation) kill(number int, rate float64) {
	t := &s.tasks[number]
	heap.Remove(&s.running, t.position)
	ran := s.now - t.began
	lost := min(ran*rate, s.random.Float64()*min(s.commit*rate, s.uncommitted))
	t.left = t.end - s.level + lost
	s.outcome.busy += ran
	s.outcome.again += lost
	s.outcome.kills++
	heap.Push(&s.happenings, happening{at: s.now + s.back, task: number, isReturn: true})
}

// queue has the numbers of tasks, that which is done first at the root.
type queue struct {
	numbers []int
	of      []task
}

// Len implements heap.Interface.
func (q *queue) Len() int { return len(q.numbers) }

// Less implements heap.Interface.
func (q *queue) Less(i, j int) bool { return q.of[q.numbers[i]].end < q.of[q.numbers[j]].end }

// Swap implements heap.Interface.
func (q *queue) Swap(i, j int) {
	q.numbers[i], q.numbers[j] = q.numbers[j], q.numbers[i]
	q.of[q.numbers[i]].position, q.of[q.numbers[j]].position = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	number := x.(int)
	q.of[number].position = len(q.numbers)
	q.numbers = append(q.numbers, number)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(q.numbers) - 1
	number := q.numbers[last]
	q.numbers = q.numbers[:last]
	q.of[number].position = -1
	return number
}

// happening is what comes at a time: the end of one of the lives of a task, or its return.
type happening struct {
	at       float64
	task     int
	life     int
	isReturn bool
}

// schedule has happenings, the first at the root.
type schedule []happening

// Len implements heap.Interface.
func (s schedule) Len() int { return len(s) }

// Less implements heap.Interface.
func (s schedule) Less(i, j int) bool { return s[i].at < s[j].at }

// Swap implements heap.Interface.
func (s schedule) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *schedule) Push(x any) { *s = append(*s, x.(happening)) }

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	old := *s
	last := old[len(old)-1]
	*s = old[:len(old)-1]
	return last
}
