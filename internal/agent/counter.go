package agent

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"muster"
)

// counterBlock is how many counters one write of the disk reserves. A crash
// loses the rest of the block, which costs nothing: 64 bits last.
const counterBlock = 64

// A Counter gives the numbers of a host's requests, each above all before it, in
// every process and after every crash: the file says a number that none was given
// up to, and is written before the first of a block is given.
type Counter struct {
	home *Home
	mu   sync.Mutex
	next uint64
	end  uint64 // what this process wrote to the file; below it is ours
}

// Next gives the next number. The caller holds the lock of the home, or is the
// only one to speak.
func (c *Counter) Next() (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, err := c.read()
	if err != nil {
		return 0, err
	}
	// Another process has reserved since: what is left of our block is below what
	// it sends.
	if c.next == c.end || kept != c.end {
		if err := c.write(kept + counterBlock); err != nil {
			return 0, err
		}
		c.next, c.end = kept, kept+counterBlock
	}
	c.next++
	return c.next, nil
}

// Raise has all further numbers be above n.
func (c *Counter) Raise(n uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, err := c.read()
	if err != nil && muster.KindOf(err) != muster.Invalid {
		return err
	}
	c.next, c.end = 0, 0
	if err == nil && kept >= n {
		return nil
	}
	return c.write(n)
}

func (c *Counter) read() (uint64, error) {
	data, err := readBounded(c.home.file("counter"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil || n > 1<<62 {
		return 0, muster.WithHint(muster.Errorf(muster.Invalid, "cannot understand %q", c.home.file("counter")),
			"muster join --renew asks the server for the number")
	}
	return n, nil
}

func (c *Counter) write(n uint64) error {
	return c.home.Disk.WriteFile(c.home.file("counter"), strconv.AppendUint(nil, n, 10), 0o600)
}
