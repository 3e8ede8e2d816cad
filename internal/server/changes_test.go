package server

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/action"
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

// What becomes of actions is told to who may see their hosts, in one order and page by
// page, and so are steps of rollouts, without counts of hosts for who sees only some.
func TestChangesOfActionsAndRollouts(t *testing.T) {
	d := newDrill(t, 0, nil)
	w, p := d.world, d.person
	check(t, w.rollouts.Look(t.Context()))
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 5}))(t).Secret
	mine, theirs := w.machine(1), w.machine(3)
	for _, m := range []*machine{mine, theirs} {
		m.certificate = m.join(token).Certificate
	}
	_, q := w.limited(p)
	both, a := w.order(action.Inventory, []string{mine.ID, theirs.ID}, nil)
	hidden, b := w.order(action.Inventory, []string{theirs.ID}, nil)
	must(p.SendAction(t.Context(), both))(t)
	must(p.SendAction(t.Context(), hidden))(t)
	for _, m := range []*machine{mine, theirs} {
		must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Orders: true}))(t)
		m.reportAction(both.Message, a.ID, action.Done, "seen")
	}
	theirs.reportAction(hidden.Message, b.ID, action.Failed, "no room")

	read := func(p *api.PersonClient, limit int) (items []api.FeedItem) {
		t.Helper()
		cursor := api.FeedStart
		for range 1000 {
			page := must(p.Changes(t.Context(), api.FeedQuery{Since: cursor, Limit: limit, Kinds: []string{"action", "rollout"}}))(t)
			if cursor = page.Next; len(page.Items) == 0 {
				return items
			}
			items = append(items, page.Items...)
		}
		t.Fatal("it does not end")
		return nil
	}
	ids := func(items []api.FeedItem) []string {
		var all []string
		for _, i := range items {
			all = append(all, i.ID)
		}
		slices.Sort(all)
		return all
	}
	whole, one := read(p, 100), read(p, 1)
	if kinds := kindsOf(whole); strings.Count(kinds, "action.open") != 2 || strings.Count(kinds, "action.result") != 3 || strings.Count(kinds, "rollout.running") != 4 {
		t.Errorf("%s", kinds)
	}
	if got := ids(whole); !slices.Equal(got, ids(one)) || len(slices.Compact(got)) != 10 {
		t.Errorf("%q, one by one %q", got, ids(one))
	}
	some := read(q, 100)
	if kinds := kindsOf(some); strings.Count(kinds, "action.open") != 1 || strings.Count(kinds, "action.result") != 1 || strings.Count(kinds, "rollout.running") != 4 {
		t.Errorf("of some hosts: %s", kinds)
	}
	for _, i := range slices.Concat(whole, some) {
		if i.Rollout != nil && (i.Rollout.ID != d.doc.ID || i.Rollout.Of != "2") {
			t.Errorf("%+v", i.Rollout)
		}
	}
	for _, i := range some {
		switch {
		case i.Action != nil && (i.Action.ID != a.ID || i.Action.Hosts != 1),
			i.Target != nil && (i.Host != mine.ID || i.Name == "" || i.Target.Action != a.ID || i.Target.Note != "seen" || i.Target.Result != nil),
			i.Rollout != nil && i.Rollout.Why != "":
			t.Errorf("%+v", i)
		}
	}
	f := hookFeed{w.Server}
	items, _, err := f.Read(t.Context(), api.FeedStart, "id:"+mine.ID, []string{"action", "rollout"}, 100)
	check(t, err)
	if kinds := kindsOf(items); strings.Count(kinds, "action.open") != 1 || strings.Count(kinds, "action.result") != 1 || strings.Contains(kinds, "rollout") {
		t.Errorf("of a webhook for some hosts: %s", kinds)
	}
	if items, _, err = f.Read(t.Context(), api.FeedStart, "", []string{"rollout"}, 100); err != nil || len(items) != 5 || items[0].Rollout.Why == "" {
		t.Errorf("of a webhook for all: %+v, %v", items, err)
	}
}
