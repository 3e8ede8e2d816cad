package agent

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"muster"
)

// listening is an agent that answers at a socket and does nothing but note what it
// is asked.
func listening(t *testing.T) (*Local, string) {
	t.Helper()
	s := newScene(nil)
	s.Do = func(_ context.Context, w *Work, tell func(News)) *Done {
		text := string(w.Action)
		if w.Request != nil {
			text += " " + w.Request.User + " " + strings.Join(w.Request.Remove, " ")
		}
		if w.Person != nil {
			text += "as " + w.Person.User
		}
		tell(News{Text: text})
		return &Done{Outcome: found(), Notes: []string{text}}
	}
	name := socketName(t)
	l, err := Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- s.Serve(ctx, l) }()
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	if _, err := Listen(name); muster.KindOf(err) != muster.Busy {
		t.Errorf("a second agent: %v", err)
	}
	if !Answers(name) || Answers(name+"-not") {
		t.Error("who answers is wrong")
	}
	return DialLocal(name), name
}

func TestSocket(t *testing.T) {
	l, _ := listening(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if s, err := l.State(ctx); err != nil || s.Next.IsZero() && s.Version != "" {
		t.Errorf("state: %+v, %v", s, err)
	}
	seen := make(chan Event, 100)
	go l.Watch(ctx, func(e Event) { seen <- e })
	if first := <-seen; first.State == nil {
		t.Errorf("first event: %+v", first)
	}
	done, err := l.Change(ctx, Wish{Remove: []string{"tool"}})
	if err != nil || len(done.Notes) != 1 || !strings.HasPrefix(done.Notes[0], "upgrade ") || !strings.HasSuffix(done.Notes[0], " tool") {
		t.Errorf("change: %+v, %v", done, err)
	}
	for e := range seen {
		if strings.HasPrefix(e.Text, "upgrade") {
			break
		}
	}
	if _, err := l.Look(ctx); err != nil {
		t.Error(err)
	}
	for _, w := range []Wish{{}, {Install: []string{"../x"}}, {Remove: []string{"a b"}}, {Only: []string{"tool"}}, {Upgrade: true, Only: []string{"a/b"}}, {Install: []string{strings.Repeat("x", maxWish)}}} {
		if _, err := l.Change(ctx, w); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%.60v: %v", w, err)
		}
	}
}

// TestPeer: whom the system does not know is denied, and counts as one.
func TestPeer(t *testing.T) {
	in := make(chan net.Conn, 1)
	l := &fairListener{Listener: &given{conns: in, over: make(chan struct{})}, here: map[string]int{}}
	a, b := net.Pipe()
	defer b.Close()
	in <- a
	c := must(l.Accept())
	if _, err := withPeer(withWho(t.Context(), c)); muster.KindOf(err) != muster.Denied {
		t.Errorf("a peer that nobody knows: %v", err)
	}
	if _, err := withPeer(withWho(t.Context(), a)); muster.KindOf(err) != muster.Denied {
		t.Errorf("a connection that nobody let in: %v", err)
	}
	if l.here[""] != 1 {
		t.Errorf("counts %v", l.here)
	}
	if c.Close(); len(l.here) > 0 {
		t.Errorf("still counts %v", l.here)
	}
}

// askAsPeer is the life of a process that a test starts as another user.
func askAsPeer(socket string) {
	l := DialLocal(socket)
	for _, w := range []Wish{{Remove: []string{"tool"}}, {Upgrade: true}} {
		done, err := l.Change(context.Background(), w)
		fmt.Println(muster.KindOf(err), done.Notes)
	}
}
