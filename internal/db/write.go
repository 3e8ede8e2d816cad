package db

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"muster"
)

// Bounds of the writer.
const (
	waiting   = 4096                  // writes that wait; more wait to be let in
	together  = 256                   // writes in one commit
	lingering = 50 * time.Millisecond // after that a commit takes no more writes
	patience  = 30 * time.Second      // for one commit, with all its repetitions
	attempts  = 6                     // of a commit that the engine wants repeated
)

// Write runs f in a transaction and returns when that is on disk.
//
// Writes that wait at the same time share one transaction and one commit. One
// that returns an error is taken out, and the others are run again without it.
// So f may run more than once: it only uses tx, and sets what it returns
// through variables anew in every run. It should do nothing slow, for the
// others wait, and must not call Write, which would wait for itself.
//
// While a write waits for its turn, ctx ends it. Once begun it is waited for,
// so that its outcome is known; a database that does not answer ends it after half a minute.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return d.failed("write to the database", err)
	}
	j := &job{run: f, queued: time.Now(), done: make(chan struct{})}
	select {
	case <-d.closing:
		return errClosed
	case <-ctx.Done():
		return d.failed("write to the database", ctx.Err())
	case d.queue <- j:
	}
	select {
	case <-j.done:
	case <-d.stopped:
		if j.leave() {
			return errClosed
		}
	case <-ctx.Done():
		if j.leave() {
			return d.failed("write to the database", ctx.Err())
		}
	}
	<-j.done
	if j.panicked != nil {
		panic(j.panicked)
	}
	return giveKind(d.driver, j.err)
}

var errClosed = muster.Errorf(muster.Unavailable, "cannot write: the database is being closed")

// A job is one write that waits or runs.
type job struct {
	run    func(*Tx) error
	queued time.Time
	taken  atomic.Bool // by the writer, or by its caller, who has left

	settled  bool // failed in a way that had to be taken back: not run again
	err      error
	panicked any
	done     chan struct{}
}

// leave gives up a job that has not begun.
func (j *job) leave() bool { return j.taken.CompareAndSwap(false, true) }

// do runs the job. A panic is its caller's, not the writer's.
func (j *job) do(t *Tx) {
	defer func() {
		t.closeRows()
		if p := recover(); p != nil {
			j.panicked, j.err = p, errors.New("panic")
			t.dirty = true
		}
	}()
	t.dirty = false
	j.panicked, j.err = nil, errEnded
	j.err = j.run(t)
}

// errEnded is the error of writes whose goroutine was ended by one of them.
var errEnded = errors.New("cannot write: a write ended its goroutine")

// writer commits groups of writes until the database is closed and none waits.
func (d *DB) writer() {
	stopped := false
	defer func() {
		if stopped {
			close(d.stopped)
			return
		}
		go d.writer() // a write called runtime.Goexit, as testing's FailNow does
	}()
	for {
		select {
		case j := <-d.queue:
			d.commit(j)
			continue
		default:
		}
		select {
		case j := <-d.queue:
			d.commit(j)
		case <-d.closing:
			if stopped = len(d.queue) == 0; stopped {
				return
			}
		}
	}
}

// commit commits first and those that wait with it, and tells them.
func (d *DB) commit(first *job) {
	if !first.leave() {
		return // its caller has left
	}
	g := &group{d: d, jobs: []*job{first}, begun: time.Now()}
	err := errEnded
	defer func() { d.tell(g, err) }()
	err = g.settle()
}

// A group is the writes of one commit, in their order.
type group struct {
	d     *DB
	jobs  []*job
	begun time.Time
	full  bool // takes no more
	runs  int  // transactions begun
}

// errWithout asks for the transaction to be run again without a write that
// failed.
var errWithout = errors.New("run again")

// settle runs the group until it is committed or there is no hope.
func (g *group) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for failures := 0; ; {
		err := g.attempt(ctx)
		if err == nil {
			return nil
		}
		g.full = true
		if err == errWithout {
			continue // ends: every time one write less is run
		}
		failures++
		if !g.worthwhile(err, failures) || !pause(ctx, failures) {
			return g.d.failed("write to the database", err)
		}
	}
}

// worthwhile reports whether another attempt may succeed, and cannot do twice
// what should be done once.
func (g *group) worthwhile(err error, failures int) bool {
	var unknown *unknownError
	switch kindOf(g.d.driver, err) {
	case muster.Busy:
		return failures < attempts
	case muster.Unavailable: // a server that was started anew, but not one that is away
		return failures < 2 && !errors.As(err, &unknown)
	}
	return false
}

// pause waits longer after every failure, and never as long as another server
// that collided with this one.
func pause(ctx context.Context, failures int) bool {
	t := time.NewTimer(time.Duration(rand.Int64N(int64(5*time.Millisecond) << failures)))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt runs the writes in one transaction, and takes more while some wait.
func (g *group) attempt(ctx context.Context) error {
	if g.nothing() {
		return nil
	}
	g.runs++
	t, err := g.d.begin(ctx)
	if err != nil {
		return err
	}
	defer t.tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for i := 0; i < len(g.jobs) || g.more(); i++ {
		j := g.jobs[i]
		if j.settled {
			continue
		}
		j.do(t)
		switch {
		case t.broken != nil:
			return t.broken
		case j.err != nil && t.dirty:
			j.settled = true
			return errWithout
		}
	}
	err = t.tx.Commit()
	if kindOf(g.d.driver, err) == muster.Unavailable {
		return &unknownError{err}
	}
	return err
}

// nothing reports whether every write has failed by itself.
func (g *group) nothing() bool {
	for _, j := range g.jobs {
		if !j.settled {
			return false
		}
	}
	return true
}

// more takes the next write that waits into the group.
func (g *group) more() bool {
	for !g.full && len(g.jobs) < together && time.Since(g.begun) < lingering {
		select {
		case j := <-g.d.queue:
			if j.leave() {
				g.jobs = append(g.jobs, j)
				return true
			}
		default:
			return false
		}
	}
	return false
}

// begin begins the transaction of a group.
func (d *DB) begin(ctx context.Context) (*Tx, error) {
	tx, err := d.engine.Write.BeginTx(ctx, &d.engine.Writing)
	if err != nil {
		return nil, err
	}
	if d.engine.Lock != "" {
		if _, err := tx.ExecContext(ctx, d.engine.Lock); err != nil {
			tx.Rollback() //nolint:errcheck // the first error tells more
			return nil, err
		}
	}
	return &Tx{ctx: ctx, tx: tx, db: d, writing: true}, nil
}

// An unknownError is one of a commit: the engine may have committed before the
// connection broke, or may do so when it recovers from a disk that failed.
type unknownError struct{ err error }

func (e *unknownError) Error() string {
	return "the commit broke off, so that it may have been kept: " + e.err.Error()
}

func (e *unknownError) Unwrap() error { return e.err }
