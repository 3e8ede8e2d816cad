package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/internal/durable"
)

var errFault = errors.New("injected")

// A fault lets the n-th call of the disk fail before it happens, after it has
// happened, or be the last one that changes anything: a crash.
type fault struct {
	n    int
	mode string // "before", "after", "crash"
	mu   sync.Mutex
	seen int
}

func (f *fault) call(c durable.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mode == "crash" && f.seen >= f.n {
		return errFault
	}
	if c.After != (f.mode != "before") {
		return nil
	}
	if f.seen++; f.seen == f.n {
		return errFault
	}
	return nil
}

// A scenario is a change to be interrupted everywhere.
type scenario struct {
	name  string
	setup func(w *world)
	do    func(w *world) error
	// hooked are paths that an action makes, which nothing takes back.
	hooked []string
}

// snapshot leaves out what actions made.
func (s *scenario) snapshot(w *world) string {
	lines := strings.Split(w.snapshot(), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		name, _, _ := strings.Cut(line, " ")
		return slices.Contains(s.hooked, name)
	}), "\n")
}

func apply(w *world, steps ...Step) error {
	_, err := Apply(context.Background(), w.root, steps, Options{Kind: "install", Wishes: wish(w, steps)})
	return err
}

func wish(w *world, steps []Step) *Wishes {
	wishes, err := w.root.Wishes()
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range steps {
		wishes.Forget(s.Name)
	}
	return wishes
}

func scenarios() []scenario {
	one := []string{"f usr/bin/tool one", "f share/same same", "l alias usr/bin/tool", "c etc/conf one", "f kind/x deep", "f gone gone"}
	two := []string{"f usr/bin/tool two", "f share/same same", "l alias share/same", "c etc/conf two", "f kind flat", "f new/deep/file new"}
	installed := func(w *world) { w.apply(w.pkg("tool", "1", one...), w.pkg("other", "1", "f share/other x")) }
	return []scenario{
		{name: "install", setup: func(*world) {}, do: func(w *world) error { return apply(w, w.pkg("tool", "1", one...)) }},
		{name: "merge", setup: func(*world) {}, do: func(w *world) error { return apply(w, w.pkg("tool", "1", inTheWay...)) },
			hooked: []string{"usr", "usr/share", "usr/share/p", "usr/share/p/foreign"}},
		{name: "upgrade", setup: installed, do: func(w *world) error { return apply(w, w.pkg("tool", "2", two...)) }},
		{name: "remove", setup: installed, do: func(w *world) error { return apply(w, remove("tool")) }},
		{name: "undo", setup: func(w *world) { installed(w); w.apply(w.pkg("tool", "2", two...)) }, do: func(w *world) error {
			c, err := w.root.Undoable()
			if err != nil {
				return err
			}
			_, err = Undo(context.Background(), w.root, c, Options{})
			return err
		}},
	}
}

// attempt does it with the fault.
func (w *world) attempt(f *fault, do func(w *world) error) error {
	w.root.Disk = &durable.Disk{Fault: f.call}
	defer func() { w.root.Disk = nil }()
	return do(w)
}

func recoverRoot(w *world) error {
	_, err := Recover(context.Background(), w.root, Options{})
	return err
}

// TestFaults interrupts every change of the disk of every kind of change, and
// recovers: the root must be all old or all new, its records must agree, nothing
// may be left over, and the same command again must complete. The modes take
// turns, so that together they strike every call; with MUSTER_TEST_LONG=1 each does.
func TestFaults(t *testing.T) {
	for _, s := range scenarios() {
		for start, mode := range []string{"before", "after", "crash"} {
			t.Run(s.name+"/"+mode, func(t *testing.T) {
				n, step := 1+start, 3
				if os.Getenv("MUSTER_TEST_LONG") == "1" {
					n, step = 1, 1
				}
				for ; ; n += step {
					if !interrupt(t, s, &fault{n: n, mode: mode}, nil) {
						if n < 40 {
							t.Errorf("only %d calls were interrupted", n)
						}
						return
					}
				}
			})
		}
	}
}

// TestNestedCrash crashes the recovery from a crash as well. Every pair would
// be tens of thousands: the second crash walks through the recovery while the
// first walks through the change.
func TestNestedCrash(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			for n := 1; ; n += 3 {
				if !interrupt(t, s, &fault{n: n, mode: "crash"}, &fault{n: 1 + n*7%29, mode: "crash"}) {
					return
				}
			}
		})
	}
}

// interrupt reports whether the fault struck.
func interrupt(t *testing.T, s scenario, f, second *fault) bool {
	w := newWorld(t)
	s.setup(w)
	old := s.snapshot(w)
	err := w.attempt(f, s.do)
	if f.seen < f.n {
		if err != nil {
			t.Fatalf("without a fault: %v", err)
		}
		return false
	}
	if second != nil {
		w.attempt(second, recoverRoot)
	}
	if err := recoverRoot(w); err != nil {
		t.Fatalf("call %d: recovery: %v", f.n, err)
	}
	got := s.snapshot(w)
	if left := w.leftovers(); len(left) > 0 {
		t.Errorf("call %d: left over: %v", f.n, left)
	}
	w.check()
	if got == old {
		if err := s.do(w); err != nil {
			t.Errorf("call %d: the same command again: %v", f.n, err)
		}
		got = s.snapshot(w)
	}
	w.same(fmt.Sprintf("call %d (%s, %v)", f.n, f.mode, err), got, after(t, s))
	return !t.Failed()
}

var afters = map[string]string{}

// after is what the scenario leads to undisturbed.
func after(t *testing.T, s scenario) string {
	if afters[s.name] == "" {
		w := newWorld(t)
		s.setup(w)
		if err := s.do(w); err != nil {
			t.Fatal(err)
		}
		afters[s.name] = s.snapshot(w)
	}
	return afters[s.name]
}
