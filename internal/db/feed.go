package db

import (
	"cmp"
	"slices"
)

// A Numbered is something that happened, by a number of the subject it happened to.
// Numbers grow, and appear in their order.
type Numbered[T any] struct {
	Number int64
	Item   T
}

// A Run is what happened of one kind after a number, in the order of numbers. Cut says that
// there may be more of it.
type Run[T any] struct {
	Items []Numbered[T]
	Cut   bool
}

// Feed puts runs together into one of at most limit items, the oldest first. last is the
// number to follow from next: top, the newest that there was before the runs were read;
// or, where a run is cut off, not behind the cut, so that nothing is left out.
func Feed[T any](top int64, limit int, runs ...Run[T]) (all []Numbered[T], last int64) {
	last = top
	for _, r := range runs {
		if n := len(r.Items); n > 0 && (r.Cut || n >= limit) {
			last = min(last, r.Items[n-1].Number)
		}
		all = append(all, r.Items...)
	}
	all = slices.DeleteFunc(all, func(n Numbered[T]) bool { return n.Number > last })
	slices.SortFunc(all, func(x, y Numbered[T]) int { return cmp.Compare(x.Number, y.Number) })
	if len(all) > limit {
		all = all[:limit]
		last = all[limit-1].Number
	}
	return all, last
}
