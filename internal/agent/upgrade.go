package agent

import (
	"context"
	"time"

	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/internal/script"
	"muster/internal/task"
	"muster/settings"
)

// A Change is what somebody asks the agent to do to its root.
type Change struct {
	Request engine.Request
	Job     Job
	Only    bool // fetch what it needs, and change nothing
	// Person asks, and may do what self-service allows; nil is an administrator, or
	// the agent itself.
	Person *settings.Person
	// Close is how long programs that the change wants closed have to end after they
	// were asked; 0 does not ask them. None is killed.
	Close time.Duration
	// Notify is told what happens, for people.
	Notify func(text string)
	// Progress is told of bytes that are fetched.
	Progress func(fetch.Progress)
}

// Execute carries a change out, and keeps the result for the server: also that of
// a change that could not begin. The result is nil where there was nothing to do.
func Execute(ctx context.Context, c Change) (*install.Result, error) {
	e, err := openEngine(c.Job.Root, c.Job.Now)
	if err != nil {
		return nil, err
	}
	e.Fetch.Limit = c.Job.limiter()
	opts := install.Options{User: c.Request.User, Notify: func(t *task.Task) { c.Notify(t.Summary) }}
	_, end, err := e.Begin(ctx, c.Job.Wait, opts)
	if err != nil {
		return nil, err
	}
	defer end()
	p, err := e.Plan(c.Request)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if c.Person != nil {
		if err := allow(e, c.Person, &c.Request, p); err != nil {
			return nil, err
		}
	}
	if !p.Changes() {
		_, err := e.Execute(ctx, p, opts, nil)
		return nil, err
	}
	if c.Only {
		return nil, e.Download(ctx, p, c.Progress)
	}
	if c.Close > 0 {
		c.close(p.Impact(e))
	}
	for _, s := range upgradable(e, p).Steps {
		c.Notify(s)
	}
	res, err := e.Execute(ctx, p, opts, c.Progress)
	if _, _, serr := HomeOf(e.Root.State, e.Root.Disk).stock(e); serr != nil {
		c.Notify("the catalogue of self-service is out of date: " + serr.Error())
	}
	return res, err
}

// close asks the programs to end. Those that do not are worked around: their files
// are replaced under them, and they go on with the old ones until they end.
func (c *Change) close(processes []string, _ time.Time) {
	left, err := script.Close(processes, c.Close)
	if err != nil {
		c.Notify(err.Error())
	}
	for _, name := range left {
		c.Notify(name + " was asked to end, and goes on")
	}
}
