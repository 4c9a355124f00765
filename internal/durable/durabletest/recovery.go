package durabletest

import (
	"math/rand/v2"
	"slices"
)

// Drop says how much of what was not synced a crash takes away.
type Drop string

// The drop rates: nothing, about half, everything.
const (
	DropNone Drop = "none"
	DropHalf Drop = "half"
	DropAll  Drop = "all"
)

// Recover returns the file system as it may be found after a crash, without a function that fails. The seed decides what
// is dropped where Drop leaves a choice. The old file system must not be used any more.
func (m *Memory) Recover(drop Drop, seed uint64) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &recovery{drop: drop, random: rand.New(rand.NewPCG(seed, seed))}
	r.decide(m.root)
	recovered := NewMemory(nil)
	recovered.root = r.rebuild(m.root, map[*node]*node{})
	return recovered
}

type recovery struct {
	drop   Drop
	random *rand.Rand
}

func (r *recovery) drops() bool {
	return r.drop == DropAll || r.drop == DropHalf && r.random.IntN(2) == 0
}

// decide settles which changes of the directories are lost.
func (r *recovery) decide(n *node) {
	seen := map[*node]bool{}
	var walk func(*node)
	walk = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, c := range n.pending {
			c.lost = r.drops()
		}
		for _, name := range sortedNames(n.entries) {
			walk(n.entries[name])
		}
		for _, c := range n.pending {
			if c.old != nil {
				walk(c.old)
			}
		}
	}
	walk(n)
}

func sortedNames(entries map[string]*node) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// rebuild copies a node as it is after the crash.
func (r *recovery) rebuild(n *node, copies map[*node]*node) *node {
	if c, ok := copies[n]; ok {
		return c
	}
	c := &node{isDir: n.isDir}
	copies[n] = c
	if !n.isDir {
		c.content = r.content(n)
		c.synced = slices.Clone(c.content)
		return c
	}
	entries := map[string]*node{}
	for name, child := range n.entries {
		entries[name] = child
	}
	// Undo all that is pending, newest first, then do again what was not lost.
	for _, ch := range slices.Backward(n.pending) {
		restore(entries, ch.name, ch.old)
	}
	for _, ch := range n.pending {
		if ch.lost || ch.after != nil && ch.after.lost && !ch.after.durable {
			continue
		}
		restore(entries, ch.name, ch.node)
	}
	c.entries = map[string]*node{}
	for _, name := range sortedNames(entries) {
		c.entries[name] = r.rebuild(entries[name], copies)
	}
	return c
}

func restore(entries map[string]*node, name string, n *node) {
	if n == nil {
		delete(entries, name)
	} else {
		entries[name] = n
	}
}

// content returns what is left of a file's bytes: with half, the synced ones, the latest ones, a part of them, or as many
// but with zeros at the end, as where blocks were allocated and not written.
func (r *recovery) content(n *node) []byte {
	switch {
	case slices.Equal(n.content, n.synced), r.drop == DropNone:
		return slices.Clone(n.content)
	case r.drop == DropAll:
		return slices.Clone(n.synced)
	}
	keep := r.random.IntN(len(n.content) + 1)
	switch r.random.IntN(4) {
	case 0:
		return slices.Clone(n.synced)
	case 1:
		return slices.Clone(n.content)
	case 2:
		return slices.Clone(n.content[:max(keep, min(len(n.synced), len(n.content)))])
	}
	zeroed := slices.Clone(n.content)
	clear(zeroed[max(keep, min(len(n.synced), len(n.content))):])
	return zeroed
}
