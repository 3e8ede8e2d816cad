package hosts

import (
	"errors"

	"muster/internal/db"
)

// maxPage is how much of one page's events or reports is read, in bytes as they are
// written for people. Their number alone bounds nothing: what a host repeats packs to
// almost nothing.
const maxPage = 4 << 20

// limited is how many rows a page has: 100 where nobody says, 1,000 at most.
func limited(n int) int {
	if n <= 0 {
		return 100
	}
	return min(n, 1000)
}

// A page is filled until nothing more goes into it.
type page struct {
	left int
	full bool // something was left out
}

// errFull ends reading a page.
var errFull = errors.New("the page is full")

// take makes room for something; the first always has some.
func (p *page) take(size int) error {
	if p.left <= 0 {
		p.full = true
		return errFull
	}
	p.left -= size
	return nil
}

// read reads rows until the page is full.
func (p *page) read(tx *db.Tx, query string, args []any, f func(db.Scan) error) error {
	err := tx.Each(query, args, f)
	if errors.Is(err, errFull) {
		return nil
	}
	return err
}
