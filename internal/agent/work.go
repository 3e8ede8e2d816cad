package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"muster"
	"muster/api"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/settings"
)

// Work is one thing to do, apart from the loop: in a process of its own, whose
// memory the system has back when it ends, and whose crash the loop survives.
type Work struct {
	Action  Action
	Root    string
	Version string
	Update  bool // of Look
	Collect bool // of Look
	// NoMemberships has the host not believe what the server says of its groups.
	NoMemberships bool
	Package       string           // of Look: the agent's own
	Person        *settings.Person // of Upgraded: see [Change.Person]
	Request       *engine.Request  // of Upgraded; nil is an upgrade of everything
	Summary       *Waiting         // of Look: what an upgrade waits for
	Rate          int64
	Wait          time.Duration
	Close         time.Duration // of Upgraded: see [Change.Close]
	Orders        []api.Order   // of Acting
	Answer        time.Time     // of Acting: see [Orders.Answer]
	// Grace is how long a process has to end once it was asked to; 0 is a minute.
	Grace time.Duration `json:"-"`
}

// Waiting says what an upgrade waits for, for the server's summary.
type Waiting struct {
	For   string
	Until int64
}

// News is what work says while it goes on, and at its end.
type News struct {
	Text     string          `json:"text,omitempty"`
	Progress *fetch.Progress `json:"progress,omitempty"`
	Done     *Done           `json:"done,omitempty"`
}

// Done is the end of work.
type Done struct {
	Outcome *Outcome          `json:"outcome,omitempty"`
	Steps   []install.Summary `json:"steps,omitempty"`
	Notes   []string          `json:"notes,omitempty"`
	Reboot  bool              `json:"reboot,omitempty"`
	Error   *Failure          `json:"error,omitempty"`
	Acted   *Acted            `json:"acted,omitempty"`
}

// A Failure is an error that travels between processes.
type Failure struct {
	Kind    muster.ErrorKind `json:"kind"`
	Message string           `json:"message"`
	Hint    string           `json:"hint,omitempty"`
}

func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	return &Failure{muster.KindOf(err), err.Error(), muster.HintOf(err)}
}

// Err is the error that f was made of.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	err := muster.WithKind(f.Kind, errors.New(f.Message))
	if f.Hint != "" {
		err = muster.WithHint(err, "%s", f.Hint)
	}
	return err
}

// Do does the work in this process.
func (w *Work) Do(ctx context.Context, tell func(News)) *Done {
	job := Job{Root: w.Root, Version: w.Version, Now: time.Now, Update: w.Update, Collect: w.Collect, Wait: w.Wait, NoMemberships: w.NoMemberships, Package: w.Package,
		Waiting: w.Summary, Rate: w.Rate, Log: func(format string, args ...any) { tell(News{Text: fmt.Sprintf(format, args...)}) }}
	switch w.Action {
	case Look:
		out, err := Round(ctx, job)
		return &Done{Outcome: out, Error: failureOf(err)}
	case Upgraded, Download:
		c := Change{Job: job, Request: engine.Request{Upgrade: true, User: "schedule"}, Only: w.Action == Download, Close: w.Close, Person: w.Person,
			Notify:   func(s string) { tell(News{Text: s}) },
			Progress: func(p fetch.Progress) { tell(News{Progress: &p}) }}
		if w.Request != nil {
			c.Request = *w.Request
		}
		return c.do(ctx)
	case Acting:
		acted, err := Act(ctx, Orders{Job: job, All: w.Orders, Answer: w.Answer})
		return &Done{Acted: acted, Error: failureOf(err)}
	}
	return &Done{Error: failureOf(muster.Errorf(muster.Internal, "there is no work %q", w.Action))}
}

func (c *Change) do(ctx context.Context) *Done {
	res, err := Execute(ctx, *c)
	d := &Done{Error: failureOf(err)}
	if res != nil {
		d.Steps, d.Notes, d.Reboot = res.Steps, res.Notes, res.Reboot
	}
	return d
}

// Serve is the life of a process that was started for one work: it reads that from
// in, and writes its news to out, a line of JSON each.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var w Work
	if err := json.NewDecoder(io.LimitReader(in, maxState)).Decode(&w); err != nil {
		return muster.Errorf(muster.Invalid, "this is started by muster only: %w", err)
	}
	enc := json.NewEncoder(out)
	var mu sync.Mutex // files are fetched several at a time
	tell := func(n News) {
		mu.Lock()
		defer mu.Unlock()
		enc.Encode(n)
	}
	tell(News{Done: w.Do(ctx, tell)})
	return nil
}

// Hand does the work in a process of its own, of the program at exe. When ctx ends
// the process is asked to end, and has a while to leave its root as it should be.
func (w *Work) Hand(ctx context.Context, exe string, tell func(News)) *Done {
	data, err := json.Marshal(w)
	if err != nil {
		return &Done{Error: failureOf(err)}
	}
	cmd := exec.CommandContext(ctx, exe, "agent", "work")
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	if cmd.WaitDelay = w.Grace; cmd.WaitDelay == 0 {
		cmd.WaitDelay = time.Minute
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return &Done{Error: failureOf(err)}
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return &Done{Error: failureOf(err)}
	}
	if err := cmd.Start(); err != nil {
		return &Done{Error: failureOf(err)}
	}
	in.Write(data)
	in.Close()
	done := listen(out, tell)
	if err := cmd.Wait(); done == nil {
		if err == nil {
			err = errors.New("it did not say what came of it")
		}
		done = &Done{Error: failureOf(muster.Errorf(muster.Internal, "the work %q ended early: %w", w.Action, err))}
	}
	return done
}

// maxNews bounds a line of news, in bytes. The longest is the end of a round that would
// change every package of a machine.
const maxNews = 8 << 20

// listen passes news on, and returns the end.
func listen(r io.Reader, tell func(News)) (done *Done) {
	eachLine(r, maxNews, func(line []byte) {
		var n News
		switch {
		case json.Unmarshal(line, &n) != nil:
		case n.Done != nil:
			done = n.Done
		default:
			tell(n)
		}
	})
	return done
}
