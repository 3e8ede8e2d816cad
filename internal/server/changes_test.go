package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/inventory"
)

func kindsOf(items []api.FeedItem) string {
	var all []string
	for _, i := range items {
		all = append(all, i.Kind)
	}
	return strings.Join(all, " ")
}

// What happens to hosts, in inventories and by people comes in one feed, which can be
// read again from any cursor, in pages of any size, after a restart too.
func TestChanges(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	begin := must(p.Changes(t.Context(), api.FeedQuery{}))(t)
	if len(begin.Items) != 0 || begin.Next == "" {
		t.Fatalf("%+v", begin)
	}
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	doc := desktop(3)
	m.report(doc)
	doc.Packages["dpkg"] = append(doc.Packages["dpkg"], inventory.Package{Name: "zsh", Version: "5.9", Architecture: "amd64"})
	m.report(doc)

	page := must(p.Changes(t.Context(), api.FeedQuery{Since: begin.Next, Kinds: []string{"host", "inventory"}}))(t)
	if kindsOf(page.Items) != "host.enrolled inventory" {
		t.Fatalf("%s", kindsOf(page.Items))
	}
	change := page.Items[1]
	if change.Host != m.ID || len(change.Inventory) != 1 || change.Inventory[0].Software != "zsh" || change.Inventory[0].Op != "installed" {
		t.Errorf("%+v", change)
	}
	all := must(p.Changes(t.Context(), api.FeedQuery{Since: begin.Next}))(t)
	if got := kindsOf(all.Items); !strings.Contains(got, "audit.request") || !strings.Contains(got, "host.enrolled") {
		t.Errorf("%s", got)
	}
	cfg := w.cfg
	w.stop()
	w.start(cfg)
	p = w.person()
	cursor, again := api.FeedStart, []string{}
	for range 100 {
		one := must(p.Changes(t.Context(), api.FeedQuery{Since: cursor, Limit: 1, Kinds: []string{"host", "inventory"}}))(t)
		if cursor = one.Next; len(one.Items) == 0 {
			break
		}
		again = append(again, one.Items[0].ID)
	}
	if len(again) != 2 || again[0] != page.Items[0].ID || again[1] != page.Items[1].ID {
		t.Errorf("read again: %q", again)
	}
	for _, bad := range []string{"h", "x-1", "h1.h2", "h2.a1", "h01", "h1."} {
		_, err := p.Changes(t.Context(), api.FeedQuery{Since: bad})
		wantKind(t, err, muster.Invalid)
	}
}

// Who waits hears at once, and hears nothing when the time is over or the server stops.
func TestChangesWait(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	next := must(p.Changes(t.Context(), api.FeedQuery{}))(t).Next
	type answer struct {
		page api.FeedPage
		err  error
	}
	answers := make(chan answer, 1)
	wait := func(kinds ...string) {
		page, err := p.Changes(context.WithoutCancel(t.Context()), api.FeedQuery{Since: next, Kinds: kinds, Wait: 40 * time.Second})
		answers <- answer{page, err}
	}
	go wait("host")
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	a := <-answers
	check(t, a.err)
	if kindsOf(a.page.Items) != "host.enrolled" {
		t.Errorf("%s", kindsOf(a.page.Items))
	}
	if page := must(p.Changes(t.Context(), api.FeedQuery{Since: a.page.Next, Kinds: []string{"host"}, Wait: time.Second}))(t); len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
	next = a.page.Next
	go wait("host.cloned")
	begun := time.Now()
	w.stop()
	if a := <-answers; time.Since(begun) > 10*time.Second {
		t.Errorf("the server waits with who waits: %v", a.err)
	}
}

func FuzzFeedCursor(f *testing.F) {
	f.Add("a40.h12")
	f.Add("h007")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCursor(text); err == nil && c.String() != text {
			t.Errorf("%q reads as %q", text, c)
		}
	})
}
