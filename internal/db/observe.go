package db

import "time"

// A Batch is what the writer did in one commit, for metrics.
type Batch struct {
	Writes  int           // in the group
	Refused int           // of them returned an error
	Runs    int           // transactions begun: 1 unless a write failed or the engine wanted it
	Waited  time.Duration // of the first write, in the queue
	Took    time.Duration // from begin to the end of the commit
	Waiting int           // writes in the queue now
	Err     error         // the group as a whole failed
}

// Observe has f called by the writer after every commit, before the callers of
// its writes go on. It should be fast. nil ends it.
func (d *DB) Observe(f func(Batch)) {
	if f == nil {
		d.observe.Store(nil)
		return
	}
	d.observe.Store(&f)
}

// tell tells the observer and then the callers how the group went.
func (d *DB) tell(g *group, err error) {
	b := Batch{
		Writes: len(g.jobs), Runs: g.runs, Waiting: len(d.queue), Err: err,
		Waited: g.begun.Sub(g.jobs[0].queued), Took: time.Since(g.begun),
	}
	for _, j := range g.jobs {
		if err != nil {
			j.err = err
		}
		if j.err != nil {
			b.Refused++
		}
	}
	if f := d.observe.Load(); f != nil {
		(*f)(b)
	}
	for _, j := range g.jobs {
		close(j.done)
	}
}
