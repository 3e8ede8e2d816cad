package server

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/inventory"
	"muster/rollout"
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
	t.Parallel()
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

// The kinds that may be asked for are those that there are: what events of hosts and
// entries of the log are called in the source, and the states of rollouts and actions.
func TestFeedKinds(t *testing.T) {
	want := map[string]bool{"inventory": true, "action.result": true, "advisory.new": true, "advisory.gone": true}
	named := func(dir, name, prefix, by string) {
		take := func(n ast.Node) {
			ast.Inspect(n, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && lit.Value != `""` {
					want[prefix+must(strconv.Unquote(lit.Value))(t)] = true
				}
				_, call := n.(*ast.CallExpr)
				return !call
			})
		}
		eachFunc(t, dir, func(f *ast.FuncDecl) {
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if r, ok := n.(*ast.ReturnStmt); ok && f.Name.Name == by {
					take(r)
				}
				return true
			})
		})
		eachFile(t, dir, func(file *ast.File) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if id, ok := n.Key.(*ast.Ident); ok && id.Name == name {
						take(n.Value)
					}
				case *ast.AssignStmt:
					for i, l := range n.Lhs {
						id, ok := l.(*ast.Ident)
						if s, isField := l.(*ast.SelectorExpr); isField {
							id, ok = s.Sel, true
						}
						if ok && id.Name == name && len(n.Rhs) == len(n.Lhs) {
							take(n.Rhs[i])
						}
					}
				}
				return true
			})
		})
	}
	named("../hosts", "what", "host.", "welcome")
	named(".", "What", "audit.", "refused")
	for _, kind := range []string{api.SiteRemoved, api.SupportExtended, api.SupportEnded} {
		want[kind] = true
	}
	for _, s := range []rollout.State{rollout.Running, rollout.Paused, rollout.Halted, rollout.Aborted, rollout.Completed} {
		want["rollout."+string(s)] = true
	}
	for _, s := range []api.ActionState{api.ActionHeld, api.ActionOpen, api.ActionOver, api.ActionCancelled} {
		want["action."+string(s)] = true
	}
	have := slices.Sorted(slices.Values(api.FeedKinds))
	if all := slices.Sorted(maps.Keys(want)); !slices.Equal(have, all) {
		t.Errorf("have %q,\nwant %q", have, all)
	}
	check(t, api.CheckKinds([]string{"host", "host.result", "audit", "inventory"}))
	for _, bad := range []string{"hosts", "host.results", "", "host.", "nosuch", "audit.requests"} {
		wantKind(t, api.CheckKinds([]string{bad}), muster.Invalid)
	}
}

// What can never come is refused, and not waited for: kinds that there are none of, and
// cursors that are ahead of what has happened.
func TestChangesRefused(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	_, err := p.Changes(t.Context(), api.FeedQuery{Kinds: []string{"host.results"}})
	wantKind(t, err, muster.Invalid)
	_, err = p.AddWebhook(t.Context(), api.WebhookNew{URL: "https://example.org", Kinds: []string{"host.result", "nosuch"}})
	wantKind(t, err, muster.Invalid)
	now := must(p.Changes(t.Context(), api.FeedQuery{}))(t).Next
	must(p.Changes(t.Context(), api.FeedQuery{Since: now}))(t)
	for _, ahead := range []string{"h99999", "a99999.h0", "o99999", "r99999"} {
		_, err := p.Changes(t.Context(), api.FeedQuery{Since: ahead})
		wantKind(t, err, muster.Invalid)
		if !strings.Contains(muster.HintOf(err), api.FeedStart) {
			t.Errorf("%s: hint %q", ahead, muster.HintOf(err))
		}
	}
}

// Who waits for news is told what they may see when it comes, not what they might when
// they began to wait.
func TestChangesAfterRightsEnded(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	hosts := w.joined(p, 2)
	_, q := w.limited(p)
	now := must(q.Changes(t.Context(), api.FeedQuery{}))(t)
	waits := make(chan error, 1)
	go func() {
		page, err := q.Changes(context.WithoutCancel(t.Context()), api.FeedQuery{Since: now.Next, Wait: 40 * time.Second})
		if err == nil {
			err = fmt.Errorf("%s was answered", kindsOf(page.Items))
		}
		waits <- err
	}()
	for len(w.limits["follow"].slots) == 0 {
		runtime.Gosched() // until he waits
	}
	for _, rule := range must(p.Rules(t.Context()))(t).Rules {
		if rule.Who == "person:bob" {
			check(t, p.RemoveRule(t.Context(), rule.ID))
		}
	}
	must(hosts[0].CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Results: []api.Result{{ID: fmt.Sprintf("%032x", 7), Kind: "secret"}}}))(t)
	wantKind(t, <-waits, muster.Denied)
}

// The feed has the summary of a result, the events of a host all of it.
func TestFeedIsBrief(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	m := w.joined(p, 1)[0]
	r := api.Result{ID: fmt.Sprintf("%032x", 7), Kind: "upgrade", Error: strings.Repeat("é", 1000), Output: "said", Started: 1, Ended: 2}
	for i := range 100 {
		r.Steps = append(r.Steps, api.Change{Op: "install", Name: fmt.Sprint("p", i), To: "1", Error: strings.Repeat("x", 500)})
	}
	must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Results: []api.Result{r}}))(t)
	page := must(p.Changes(t.Context(), api.FeedQuery{Since: api.FeedStart, Kinds: []string{"host.result"}}))(t)
	brief := page.Items[0].Event.Result
	if len(brief.Steps) != briefSteps || brief.Output != "" || len(brief.Steps[0].Error) > briefError+4 || len(brief.Error) > briefError+4 {
		t.Errorf("%+v", brief)
	}
	whole := must(p.Events(t.Context(), api.EventQuery{Failed: true}))(t).Events[0].Result
	if len(whole.Steps) != 100 || whole.Output != "said" || len(whole.Steps[99].Error) != 500 {
		t.Errorf("%+v", whole)
	}
}
