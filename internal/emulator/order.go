package emulator

import (
	"cmp"
	"slices"
	"strings"
)

// order is an order_by: fields with commas between them, each ascending, or descending with " desc" behind it.
type order struct {
	text string
	keys []orderKey
}

type orderKey struct {
	field string
	desc  bool
}

// readOrder reads order_by, which may name some fields.
func readOrder(p *parameters, fields ...string) order {
	o := order{text: p.query.Get("order_by")}
	if o.text == "" {
		return o
	}
	for _, key := range strings.Split(o.text, ",") {
		field, direction, _ := strings.Cut(strings.TrimSpace(key), " ")
		if !slices.Contains(fields, field) || direction != "" && direction != "asc" && direction != "desc" {
			p.fail("order_by", "Input should be fields to order by, of "+strings.Join(fields, ", ")+", such as 'name desc'", "value_error")
			return order{}
		}
		o.keys = append(o.keys, orderKey{field, direction == "desc"})
	}
	return o
}

// compare compares by the fields of the order, of which compare knows how.
func (o order) compare(compare func(field string) int) int {
	for _, key := range o.keys {
		c := compare(key.field)
		if key.desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// fileFields are what files of a project can be ordered by. They were created in the order in which they were added.
func fileFields() []string { return []string{"name", "id", "created_at"} }

func (o order) compareFiles(a, b *file) int {
	return cmp.Or(o.compare(func(field string) int {
		switch field {
		case "name":
			return strings.Compare(a.name, b.name)
		case "id":
			return strings.Compare(a.id, b.id)
		}
		return cmp.Compare(a.seq, b.seq)
	}), cmp.Compare(a.seq, b.seq))
}

// entryFields are what files of a pipeline can be ordered by.
func entryFields() []string { return []string{"name", "id", "created_at", "updated_at"} }

func (o order) compareEntries(a, b *entry) int {
	return cmp.Or(o.compare(func(field string) int {
		switch field {
		case "name":
			return strings.Compare(a.displayName, b.displayName)
		case "id":
			return strings.Compare(a.id, b.id)
		case "updated_at":
			return a.updated.Compare(b.updated)
		}
		return cmp.Compare(a.seq, b.seq)
	}), cmp.Compare(a.seq, b.seq))
}

// orders are the files of a corpus in the orders that were asked for.
type orders map[string][]*file

// filesInOrder returns the files behind the one with that seq in an order; all where it is 0. The corpus is locked for reading.
func (c *Corpus) filesInOrder(o order, seq uint64) []*file {
	if o.keys == nil {
		return c.filesAfter(seq)
	}
	sorted := c.sorted(o)
	if seq == 0 {
		return sorted
	}
	// Where it is gone, the one that was added next stands for its place.
	last := c.filesAfter(seq - 1)
	if len(last) == 0 {
		return nil
	}
	i, found := slices.BinarySearchFunc(sorted, last[0], o.compareFiles)
	if found && last[0].seq == seq {
		i++
	}
	return sorted[i:]
}

func (c *Corpus) sorted(o order) []*file {
	c.ordersMu.Lock()
	defer c.ordersMu.Unlock()
	if files, ok := c.orders[o.text]; ok {
		return files
	}
	if c.orders == nil {
		c.orders = orders{}
	}
	files := slices.SortedFunc(slices.Values(c.order), o.compareFiles)
	c.orders[o.text] = files
	return files
}

// unsort forgets the orders after a change of the files. The corpus is locked.
func (c *Corpus) unsort() {
	c.ordersMu.Lock()
	defer c.ordersMu.Unlock()
	c.orders = nil
}
