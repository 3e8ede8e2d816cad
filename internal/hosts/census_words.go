package hosts

import "slices"

// Words keep values that hosts share once, under a number each. Numbers whose last
// host has gone are given again, so that what hosts once said takes no memory.
type words[W comparable] struct {
	number map[W]uint32
	word   []W
	uses   []uint32
	free   []uint32
}

func newWords[W comparable]() words[W] { return words[W]{number: map[W]uint32{}} }

// take returns the number of a value that one host more has.
func (w *words[W]) take(v W) uint32 {
	n, ok := w.number[v]
	if !ok {
		n = uint32(len(w.word))
		if last := len(w.free) - 1; last >= 0 {
			n, w.free = w.free[last], w.free[:last]
			w.word[n] = v
		} else {
			w.word, w.uses = append(w.word, v), append(w.uses, 0)
		}
		w.number[v] = n
	}
	w.uses[n]++
	return n
}

// leave is that one host less has it.
func (w *words[W]) leave(n uint32) {
	if w.uses[n]--; w.uses[n] > 0 {
		return
	}
	var none W
	delete(w.number, w.word[n])
	w.word[n] = none
	w.free = append(w.free, n)
}

// which are the numbers of the words that are so. It looks at each once, however
// many hosts have it.
func (w *words[W]) which(so func(W) bool) (hit []bool, any bool) {
	hit = make([]bool, len(w.word))
	for n, v := range w.word {
		if w.uses[n] > 0 && so(v) {
			hit[n], any = true, true
		}
	}
	return hit, any
}

// A textColumn has one text of every host; "" is none.
type textColumn struct {
	words[string]
	of []uint32 // by place
}

func newTextColumn() *textColumn {
	c := &textColumn{words: newWords[string]()}
	c.take("") // 0, for ever
	return c
}

func (c *textColumn) put(place uint32, text string) {
	for int(place) >= len(c.of) {
		c.of = append(c.of, 0)
		c.uses[0]++
	}
	old := c.of[place]
	c.of[place] = c.take(text)
	c.leave(old)
}

func (c *textColumn) text(place uint32) string { return c.word[c.of[place]] }

// find adds the hosts whose text is so.
func (c *textColumn) find(found hostSet, so func(string) bool) {
	hit, any := c.which(func(text string) bool { return text != "" && so(text) })
	for place, n := range c.of {
		if any && hit[n] {
			found.add(uint32(place))
		}
	}
}

// A listColumn has some values of every host.
type listColumn[W comparable] struct {
	words[W]
	of [][]uint32 // by place
}

func newListColumn[W comparable]() *listColumn[W] { return &listColumn[W]{words: newWords[W]()} }

func (c *listColumn[W]) put(place uint32, values []W) {
	for int(place) >= len(c.of) {
		c.of = append(c.of, nil)
	}
	var now []uint32
	if len(values) > 0 {
		now = make([]uint32, len(values))
	}
	for i, v := range values {
		now[i] = c.take(v)
	}
	for _, n := range c.of[place] {
		c.leave(n)
	}
	c.of[place] = now
}

// find adds the hosts that have a value which is so.
func (c *listColumn[W]) find(found hostSet, so func(W) bool) {
	hit, any := c.which(so)
	if !any {
		return
	}
	for place, list := range c.of {
		if slices.ContainsFunc(list, func(n uint32) bool { return hit[n] }) {
			found.add(uint32(place))
		}
	}
}

// counts are how many hosts of a set have each value.
func (c *listColumn[W]) counts(set hostSet) map[W]int {
	all := map[W]int{}
	for place, list := range c.of {
		for _, n := range list {
			if set.has(uint32(place)) {
				all[c.word[n]]++
			}
		}
	}
	return all
}
