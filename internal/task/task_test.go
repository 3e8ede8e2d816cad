package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
)

// A bench records what handlers do.
type bench struct {
	*testing.T
	journal *Journal
	did     []string
	fail    string // task that fails when done
	failUn  string // task that fails when undone
}

func newBench(t *testing.T) *bench {
	return &bench{T: t, journal: &Journal{Dir: filepath.Join(t.TempDir(), "journal")}}
}

func (b *bench) runner() *Runner {
	say := func(verb, bad string) func(context.Context, *Change, *Task) error {
		return func(_ context.Context, _ *Change, t *Task) error {
			b.did = append(b.did, verb+t.Summary)
			if t.Summary == bad {
				return errors.New("broken " + t.Summary)
			}
			return nil
		}
	}
	h := Handler{Do: say("+", b.fail), Undo: say("-", b.failUn)}
	counted := h
	counted.Counted = true
	return &Runner{Journal: b.journal, Handlers: map[string]Handler{"t": h, "c": counted},
		Now: func() time.Time { return time.Unix(1700000000, 0) }}
}

// change has tasks a, b before the commit point and c (counted), d behind it.
func (b *bench) change() *Change {
	b.Helper()
	c := &Change{Kind: "test", Commit: 2}
	for _, kind := range []string{"t a", "t b", "c c", "t d"} {
		k, name, _ := strings.Cut(kind, " ")
		c.Add(k, name, nil)
	}
	if err := b.journal.Create(c); err != nil {
		b.Fatal(err)
	}
	return c
}

func (b *bench) expect(want string) {
	b.Helper()
	if got := strings.Join(b.did, " "); got != want {
		b.Errorf("did %q, want %q", got, want)
	}
	b.did = nil
}

func (b *bench) state(id int) State {
	b.Helper()
	c, err := b.journal.Load(id)
	if err != nil {
		b.Fatal(err)
	}
	return c.State
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		fail, want string
		state      State
	}{
		{"", "+a +b +c +d", Done},
		{"a", "+a -b -a", Failed}, // before the commit point all is undone: the record does not tell what was begun
		{"b", "+a +b -b -a", Failed},
		{"c", "+a +b +c -c -b -a", Failed},
		{"d", "+a +b +c +d -d -c -b -a", Failed},
	} {
		b := newBench(t)
		b.fail = c.fail
		ch := b.change()
		err := b.runner().Run(context.Background(), ch)
		if (err == nil) != (c.fail == "") {
			t.Errorf("fail %q: %v", c.fail, err)
		}
		b.expect(c.want)
		if got := b.state(ch.ID); got != c.state {
			t.Errorf("fail %q: state %s, want %s", c.fail, got, c.state)
		}
	}
}

func TestResume(t *testing.T) {
	for _, c := range []struct {
		state State
		tasks []State
		want  string
		end   State
	}{
		{Preparing, []State{Waiting, Waiting, Waiting, Waiting}, "-b -a", Failed},
		{Committed, []State{Done, Done, Waiting, Waiting}, "+c +d", Done},
		{Committed, []State{Done, Done, Done, Doing}, "+d", Done},
		{Reverting, []State{Done, Done, Done, Undone}, "-c -b -a", Failed},
		{Reverting, []State{Done, Done, Doing, Waiting}, "-c -b -a", Failed},
	} {
		b := newBench(t)
		ch := b.change()
		ch.State = c.state
		for i, s := range c.tasks {
			ch.Tasks[i].State = s
		}
		if err := b.journal.Save(ch); err != nil {
			t.Fatal(err)
		}
		found, err := b.journal.Unfinished()
		if err != nil || found == nil {
			t.Fatalf("unfinished: %v, %v", found, err)
		}
		if err := b.runner().Resume(context.Background(), found); err != nil {
			t.Fatal(err)
		}
		b.expect(c.want)
		if got := b.state(ch.ID); got != c.end {
			t.Errorf("%s %v: state %s, want %s", c.state, c.tasks, got, c.end)
		}
		if found, err = b.journal.Unfinished(); err != nil || found != nil {
			t.Errorf("still unfinished: %v, %v", found, err)
		}
	}
}

// TestUndoFails: the change stays unfinished, and goes on being taken back.
func TestUndoFails(t *testing.T) {
	b := newBench(t)
	b.fail, b.failUn = "d", "b"
	ch := b.change()
	err := b.runner().Run(context.Background(), ch)
	if err == nil || !strings.Contains(err.Error(), "broken d") || !strings.Contains(err.Error(), "broken b") || muster.HintOf(err) == "" {
		t.Errorf("error %v", err)
	}
	b.expect("+a +b +c +d -d -c -b")
	b.failUn = ""
	found, err := b.journal.Unfinished()
	if err != nil || found == nil {
		t.Fatal(found, err)
	}
	if err := b.runner().Resume(context.Background(), found); err != nil {
		t.Fatal(err)
	}
	b.expect("-b -a")
}

// TestAttempts: a counted task that never ends is begun three times.
func TestAttempts(t *testing.T) {
	b := newBench(t)
	ch := b.change()
	ch.State = Committed
	ch.Tasks[0].State, ch.Tasks[1].State, ch.Tasks[2].State, ch.Tasks[2].Attempts = Done, Done, Doing, MaxAttempts
	if err := b.journal.Save(ch); err != nil {
		t.Fatal(err)
	}
	if err := b.runner().Resume(context.Background(), ch); err == nil || !strings.Contains(err.Error(), "interrupted 3 times") {
		t.Errorf("error %v", err)
	}
	b.expect("-c -b -a")
}

func TestCancelled(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	r := b.runner()
	h := r.Handlers["t"]
	h.Do = func(ctx context.Context, _ *Change, tk *Task) error {
		if tk.Summary == "b" {
			cancel()
		}
		return ctx.Err()
	}
	h.Undo = func(ctx context.Context, _ *Change, tk *Task) error { return ctx.Err() }
	r.Handlers["t"] = h
	if err := r.Run(ctx, b.change()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := b.state(1); got != Failed {
		t.Errorf("a cancelled change is %s", got)
	}
}

// TestBadRecords: what cannot be read is said so, naming the file; a folder
// without a record is nothing.
func TestBadRecords(t *testing.T) {
	b := newBench(t)
	b.change()
	if err := os.MkdirAll(b.journal.Folder(2), 0o755); err != nil {
		t.Fatal(err)
	}
	if c, err := b.journal.Unfinished(); err != nil || c.ID != 1 {
		t.Errorf("a folder without a record: %v, %v", c, err)
	}
	for i, text := range []string{"", "{", `{"id":9}`, `{"id":3,"state":"lost"}`, `{"id":3,"state":"done","commit":5}`, `{"id":3,"state":"done","tasks":[null]}`} {
		if err := os.MkdirAll(b.journal.Folder(3), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.journal.file(3), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := b.journal.Load(3); muster.KindOf(err) != muster.Invalid || !strings.Contains(fmt.Sprint(err), "change.json") {
			t.Errorf("record %d: %v", i, err)
		}
	}
}
