package relay

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/sign"
)

func wantCounts(t *testing.T, w *world, id string, want map[string]int) {
	t.Helper()
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	if got := w.counts(id); !maps.Equal(got, want) {
		t.Errorf("hosts by state: %v, want %v", got, want)
	}
}

// TestDelivery: an action goes to its hosts until they say that they have it, and
// their results are kept.
func TestDelivery(t *testing.T) {
	for _, n := range []int{3, 100} {
		dbtest.Each(t, func(t *testing.T, d *db.DB) {
			w := newWorld(t, d)
			told := 0
			leave := w.Attend(hostID(1), func() { told++ })
			post, a := w.order(n, nil)
			got := must(w.Post(t.Context(), "alice", post))(t)
			if got.State != api.ActionOpen || got.Hosts != n || got.Signers[0] != "alice" || got.SHA256 != action.Sum(post.Message) || told != 1 {
				t.Fatalf("%+v, told %d times", got, told)
			}
			leave()
			if ids := w.given(1); !slices.Equal(ids, []string{a.ID}) {
				t.Fatalf("given %v", ids)
			}
			if ids := w.given(1); ids != nil {
				t.Errorf("given again at once: %v", ids)
			}
			w.pass(w.Resend)
			if ids := w.given(1); !slices.Equal(ids, []string{a.ID}) {
				t.Errorf("not given again: %v", ids)
			}
			w.Has(hostID(1), []string{a.ID})
			w.pass(w.Resend)
			if ids := w.given(1); ids != nil {
				t.Errorf("given what it has: %v", ids)
			}
			wantCounts(t, w, a.ID, map[string]int{"queued": n - 1, "delivered": 1})
			w.report(1, post.Message, a.ID, action.Started, "begun")
			w.report(1, post.Message, a.ID, action.Done, "looked for news\nand found some")
			w.report(1, post.Message, a.ID, action.Failed, "a second result")
			w.report(2, post.Message, a.ID, action.Refused, "no") // without having said that it has it
			wantCounts(t, w, a.ID, map[string]int{"queued": n - 2, "done": 1, "refused": 1})
			if ids := w.given(2); ids != nil {
				t.Errorf("given what it is over with: %v", ids)
			}
			page := must(w.Targets(t.Context(), a.ID, api.TargetQuery{State: "done"}, nil))(t)
			if len(page.Targets) != 1 || page.Targets[0].Note != "looked for news" || page.Targets[0].Host != hostID(1) {
				t.Errorf("%+v", page)
			}
			if r := must(action.OpenResult(page.Targets[0].Result, w.hostsCA.Chain, w.time()))(t); r.State != action.Done {
				t.Errorf("%+v", r)
			}
			w.pass(2 * time.Hour)
			wantCounts(t, w, a.ID, map[string]int{"expired": n - 2, "done": 1, "refused": 1})
			if a := must(w.Action(t.Context(), a.ID, nil))(t); a.State != api.ActionOver {
				t.Errorf("state %s", a.State)
			}
			if ids := w.given(0); ids != nil || len(w.boxes)+len(w.parcels) != 0 {
				t.Errorf("given too late: %v; %d boxes and %d parcels are left", ids, len(w.boxes), len(w.parcels))
			}
			// One that the host could begin in time, told late, counts.
			w.report(0, post.Message, a.ID, action.Done, "")
			wantCounts(t, w, a.ID, map[string]int{"expired": n - 3, "done": 2, "refused": 1})
		})
	}
}

// TestRestart: what was not taken is given again after a crash.
func TestRestart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		_, a := w.send(100, nil)
		_, b := w.send(2, nil)
		w.given(0)
		w.given(1)
		w.Has(hostID(0), []string{a.ID})
		check(t, w.Flush(t.Context()))
		w.Has(hostID(1), []string{a.ID}) // and the crash comes before it is written
		w = newWorld(t, d)
		if ids := w.given(0); !slices.Equal(ids, []string{b.ID}) {
			t.Errorf("given %v, not %s", ids, b.ID)
		}
		if ids := w.given(1); !slices.Equal(ids, []string{a.ID, b.ID}) {
			t.Errorf("given %v, not both", ids)
		}
	})
}

// TestTwoServers: what one takes the other delivers, and each learns what hosts
// said to the other.
func TestTwoServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w, v := newWorld(t, first), newWorld(t, second)
		_, a := w.send(80, nil)
		check(t, v.refresh(t.Context()))
		if ids := v.given(7); !slices.Equal(ids, []string{a.ID}) {
			t.Fatalf("the other server gives %v", ids)
		}
		v.Has(hostID(7), []string{a.ID})
		check(t, v.Flush(t.Context()))
		check(t, w.refresh(t.Context()))
		if ids := w.given(7); ids != nil {
			t.Errorf("given by both: %v", ids)
		}
		post, _ := w.order(80, func(c *action.Action) { c.Kind, c.Arguments = action.Cancel, map[string]string{"id": a.ID} })
		must(v.Post(t.Context(), "bob", post))(t)
		check(t, w.refresh(t.Context()))
		if ids := w.given(8); len(ids) != 1 || ids[0] == a.ID {
			t.Errorf("after the cancel given %v", ids)
		}
	})
}

// TestBehind: an action that was committed was sent, also where memory could not
// follow at once.
func TestBehind(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	exec := func(query string) {
		check(t, d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(query); return err }))
	}
	exec("CREATE TRIGGER spoil AFTER INSERT ON relay_target BEGIN UPDATE relay_target SET place = 'none'; END")
	_, a := w.send(1, nil)
	if ids := w.given(0); ids != nil {
		t.Fatalf("given %v: nothing was spoiled", ids)
	}
	exec("UPDATE relay_target SET place = 0")
	w.pass(time.Second)
	if ids := w.given(0); !slices.Equal(ids, []string{a.ID}) {
		t.Errorf("given %v, not %s", ids, a.ID)
	}
}

// TestLater: nobody is given an action before its time.
func TestLater(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	told := 0
	defer w.Attend(hostID(0), func() { told++ })()
	_, a := w.send(1, func(a *action.Action) { a.NotBefore, a.NotAfter = start.Unix()+600, start.Unix()+1200 })
	w.pass(9 * time.Minute)
	if ids := w.given(0); ids != nil || told != 0 {
		t.Errorf("given too early: %v, told %d times", ids, told)
	}
	w.pass(time.Minute)
	if ids := w.given(0); !slices.Equal(ids, []string{a.ID}) || told != 1 {
		t.Errorf("not given in time: %v, told %d times", ids, told)
	}
}

// TestRefused: what hosts would refuse is refused here, and nothing is kept.
func TestRefused(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	good, _ := w.order(3, nil)
	others, _ := w.order(2, nil)
	late, _ := w.order(1, func(a *action.Action) { a.NotBefore, a.NotAfter = start.Unix()-7200, start.Unix()-3600 })
	elsewhere, _ := w.order(1, func(a *action.Action) { a.Server = "other" })
	far, distant := w.order(1, nil)
	distant.NotBefore, distant.NotAfter = start.Unix()+action.MaxAhead+1, start.Unix()+action.MaxAhead+3600
	far.Message = must(sign.Sign(must(distant.Encode())(t), false, start, w.alice))(t) // package action signs no such
	stranger, _ := w.order(1, nil, w.mallory)
	code, _ := w.order(1, func(a *action.Action) { a.Kind, a.Script = action.Run, "def main(): pass" }, w.bob)
	for name, c := range map[string]struct {
		post api.ActionPost
		kind muster.ErrorKind
	}{
		"other hosts":      {api.ActionPost{Message: good.Message, Hosts: others.Hosts}, muster.Invalid},
		"no hosts":         {api.ActionPost{Message: good.Message}, muster.Invalid},
		"unsorted":         {api.ActionPost{Message: good.Message, Hosts: []string{hostID(1), hostID(0), hostID(2)}}, muster.Invalid},
		"no message":       {api.ActionPost{Hosts: good.Hosts}, muster.Invalid},
		"late":             {late, muster.Invalid},
		"far ahead":        {far, muster.Denied},
		"elsewhere":        {elsewhere, muster.Invalid},
		"a stranger":       {stranger, muster.Denied},
		"code by deployer": {code, muster.Denied},
	} {
		_, err := w.Post(t.Context(), "alice", c.post)
		wantKind(t, name, err, c.kind)
	}
	if page := must(w.List(t.Context(), api.ActionQuery{}, nil))(t); len(page.Actions) != 0 {
		t.Errorf("%+v", page)
	}
	must(w.Post(t.Context(), "alice", good))(t)
	must(w.Post(t.Context(), "alice", good))(t) // the answer was lost
	again, _ := w.order(3, func(a *action.Action) {
		a.ID = must(w.List(t.Context(), api.ActionQuery{}, nil))(t).Actions[0].ID
		a.Reason = "x"
	})
	_, err := w.Post(t.Context(), "alice", again)
	wantKind(t, "another action of the same id", err, muster.Conflict)
}

// TestApprovals: hosts are given an action when enough persons have signed it.
func TestApprovals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(c *Config) { c.Need = map[string]int{"reboot": 2} })
		post, a := w.order(100, func(a *action.Action) { a.Kind = action.Reboot }, w.bob)
		got := must(w.Post(t.Context(), "bob", post))(t)
		if got.State != api.ActionHeld || got.Need != 2 {
			t.Fatalf("%+v", got)
		}
		if ids := w.given(1); ids != nil {
			t.Fatalf("given %v", ids)
		}
		approve := func(message []byte, of string) error {
			_, err := w.Approve(t.Context(), a.ID, api.ActionApproval{Message: message, Of: of})
			return err
		}
		both := must(action.Approve(post.Message, w.time(), w.alice))(t)
		wantKind(t, "by nobody else", approve(post.Message, got.SHA256), "")
		wantKind(t, "of another message", approve(both, "00"), muster.Conflict)
		alone := must(a.Sign(w.time(), w.alice))(t)
		wantKind(t, "without the first", approve(alone, got.SHA256), muster.Conflict)
		stranger := must(action.Approve(post.Message, w.time(), w.mallory))(t)
		wantKind(t, "by a stranger", approve(stranger, got.SHA256), muster.Invalid)
		check(t, approve(both, got.SHA256))
		check(t, approve(both, got.SHA256)) // the answer was lost
		if got := must(w.Action(t.Context(), a.ID, nil))(t); got.State != api.ActionOpen || len(got.Signers) != 2 {
			t.Fatalf("%+v", got)
		}
		if ids := w.given(1); !slices.Equal(ids, []string{a.ID}) {
			t.Errorf("given %v", ids)
		}
		three := must(action.Approve(both, w.time(), w.mallory))(t)
		wantKind(t, "once more", approve(three, action.Sum(both)), muster.Conflict)
	})
}

// TestApproveBesideOthers: a signature that does not count, or no more, keeps nobody
// from approving; and adds nothing.
func TestApproveBesideOthers(t *testing.T) {
	var revoked atomic.Bool
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Need = map[string]int{"run": 2, "reboot": 2}
		trust := c.Trust
		c.Trust = func() (*sign.Trust, error) {
			all, err := trust()
			if revoked.Load() {
				all.Revoke(sign.Fingerprint(must(everybody())(t).alice.Leaf()))
			}
			return all, err
		}
	})
	approve := func(message []byte, of api.Action, by ...*sign.Identity) (api.Action, error) {
		for _, person := range by {
			message = must(action.Approve(message, w.time(), person))(t)
		}
		return w.Approve(t.Context(), of.ID, api.ActionApproval{Message: message, Of: of.SHA256})
	}
	code := func(a *action.Action) { a.Kind, a.Script = action.Run, "def main(): pass" }
	post, _ := w.order(1, code, w.bob, w.alice) // bob may send no code
	got := must(w.Post(t.Context(), "bob", post))(t)
	_, err := approve(post.Message, got, w.mallory)
	wantKind(t, "by a stranger", err, muster.Invalid)
	if got = must(approve(post.Message, got, w.carol))(t); got.State != api.ActionOpen || len(got.Signers) != 2 || slices.Contains(got.Signers, "bob") {
		t.Errorf("%+v", got)
	}

	post, a := w.order(1, func(a *action.Action) { a.Kind = action.Reboot })
	got = must(w.Post(t.Context(), "alice", post))(t)
	revoked.Store(true)
	both := must(action.Approve(post.Message, w.time(), w.bob))(t)
	if got = must(approve(both, got))(t); got.State != api.ActionHeld || !slices.Equal(got.Signers, []string{"bob"}) {
		t.Errorf("%+v", got)
	}
	alone := must(a.Sign(w.time(), w.bob, w.carol))(t)
	_, err = approve(alone, got)
	wantKind(t, "without the first", err, muster.Conflict)
	if got = must(approve(both, got, w.carol))(t); got.State != api.ActionOpen {
		t.Errorf("%+v", got)
	}
}

// TestCancel: what hosts have not been given they never are, and the others are told.
func TestCancel(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		post, a := w.order(3, nil)
		must(w.Post(t.Context(), "alice", post))(t)
		w.given(0)
		w.Has(hostID(0), []string{a.ID})
		w.given(1)
		w.report(2, post.Message, a.ID, action.Done, "")
		check(t, w.Flush(t.Context()))
		stop := func(a *action.Action, id string) {
			a.Kind, a.Arguments = action.Cancel, map[string]string{"id": id}
		}
		wrong, _ := w.order(4, func(c *action.Action) { stop(c, a.ID) })
		_, err := w.Post(t.Context(), "alice", wrong)
		wantKind(t, "other hosts", err, muster.Invalid)
		_, c := w.send(3, func(c *action.Action) { stop(c, a.ID) }, w.bob)
		wantCounts(t, w, a.ID, map[string]int{"delivered": 1, "cancelled": 1, "done": 1})
		wantCounts(t, w, c.ID, map[string]int{"queued": 2, "needless": 1})
		for n, want := range [][]string{{c.ID}, {c.ID}, nil} {
			w.pass(w.Resend)
			if ids := w.given(n); !slices.Equal(ids, want) {
				t.Errorf("host %d is given %v, want %v", n, ids, want)
			}
		}
		none, _ := w.order(3, func(c *action.Action) { stop(c, action.NewID()) })
		_, err = w.Post(t.Context(), "alice", none)
		wantKind(t, "what is not there", err, muster.NotFound)

		_, later := w.send(100, func(a *action.Action) { a.NotBefore += 3000 })
		_, c = w.send(100, func(c *action.Action) { stop(c, later.ID) })
		wantCounts(t, w, later.ID, map[string]int{"cancelled": 100})
		wantCounts(t, w, c.ID, map[string]int{"needless": 100})
		again, _ := w.order(100, func(c *action.Action) { stop(c, later.ID) })
		_, err = w.Post(t.Context(), "alice", again)
		wantKind(t, "again", err, muster.Conflict)
	})
}

// TestCancelAgain: a cancel that did not reach hosts, or that they did not accept,
// keeps nobody from another one.
func TestCancelAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		post, a := w.order(4, func(a *action.Action) { a.Queued, a.NotAfter = true, a.NotBefore+20*action.MaxSpan })
		must(w.Post(t.Context(), "alice", post))(t)
		w.given(0)
		w.Has(hostID(0), []string{a.ID})
		w.given(1) // which does not say that it has it
		w.report(2, post.Message, a.ID, action.Done, "")
		w.report(3, post.Message, a.ID, action.Started, "")
		stop := func(c *action.Action) { c.Kind, c.Arguments = action.Cancel, map[string]string{"id": a.ID} }
		for range 2 {
			_, c := w.send(4, stop, w.bob)
			wantCounts(t, w, c.ID, map[string]int{"queued": 3, "needless": 1})
			w.pass(2 * time.Hour)
			wantCounts(t, w, c.ID, map[string]int{"expired": 3, "needless": 1})
		}
		for _, n := range []int{0, 1, 3} {
			w.report(n, post.Message, a.ID, action.Cancelled, "")
		}
		again, _ := w.order(4, stop)
		_, err := w.Post(t.Context(), "alice", again)
		wantKind(t, "when nothing is left", err, muster.Conflict)
	})
}

// TestCancelSome: hosts that a cancel does not name go on.
func TestCancelSome(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		_, a := w.send(100, func(a *action.Action) { a.NotBefore += 600 })
		stop := func(c *action.Action) { c.Kind, c.Arguments = action.Cancel, map[string]string{"id": a.ID} }
		_, c := w.send(98, stop, w.bob)
		wantCounts(t, w, c.ID, map[string]int{"needless": 98})
		wantCounts(t, w, a.ID, map[string]int{"cancelled": 98, "queued": 2})
		w.pass(time.Hour / 2)
		if ids := w.given(97); ids != nil {
			t.Errorf("given after the cancel: %v", ids)
		}
		for _, n := range []int{98, 99} {
			if ids := w.given(n); !slices.Equal(ids, []string{a.ID}) {
				t.Errorf("host %d is given %v", n, ids)
			}
		}
		_, c = w.send(99, stop)
		wantCounts(t, w, c.ID, map[string]int{"queued": 1, "needless": 98})
		if got := must(w.Action(t.Context(), a.ID, nil))(t); got.State != api.ActionOpen {
			t.Errorf("state %s with a host left", got.State)
		}
		_, c = w.send(100, stop)
		wantCounts(t, w, c.ID, map[string]int{"queued": 2, "needless": 98})
		if got := must(w.Action(t.Context(), a.ID, nil))(t); got.State != api.ActionCancelled {
			t.Errorf("state %s with none left", got.State)
		}
		if _, kept := w.parcels[1]; kept {
			t.Error("it is still kept to be given")
		}
	})
}

// TestReports: results of others, of other actions and damaged ones change nothing,
// and do not keep the good ones beside them from being kept.
func TestReports(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	post, a := w.order(2, nil)
	must(w.Post(t.Context(), "alice", post))(t)
	by := func(id *sign.Identity, host int, message []byte) []byte {
		r := action.Result{Action: a.ID, SHA256: action.Sum(message), Host: hostID(host), State: action.Done}
		return must(r.Sign(w.time(), id))(t)
	}
	bad := [][]byte{by(w.hosts[1], 1, post.Message), by(w.hosts[1], 0, post.Message), by(w.mallory, 0, post.Message), []byte("x"), by(w.hosts[0], 0, []byte("another"))}
	check(t, w.Report(t.Context(), hostID(0), bad))
	wantCounts(t, w, a.ID, map[string]int{"queued": 2})
	check(t, w.Report(t.Context(), hostID(0), append(bad, by(w.hosts[0], 0, post.Message))))
	wantCounts(t, w, a.ID, map[string]int{"queued": 1, "done": 1})
	w.report(2, post.Message, a.ID, action.Done, "") // no target
	wantCounts(t, w, a.ID, map[string]int{"queued": 1, "done": 1})
}

// TestView: who sees some hosts sees these, and actions of others are not there.
func TestView(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	_, a := w.send(3, nil)
	_, b := w.send(1, nil)
	v := View{hostID(2): true, hostID(77): true}
	page := must(w.List(t.Context(), api.ActionQuery{}, v))(t)
	if len(page.Actions) != 1 || page.Actions[0].ID != a.ID || page.Actions[0].Hosts != 1 || page.Actions[0].Counts["queued"] != 1 {
		t.Errorf("%+v", page)
	}
	_, hidden := w.Action(t.Context(), b.ID, v)
	_, missing := w.Action(t.Context(), action.NewID(), v)
	wantKind(t, "hidden", hidden, muster.NotFound)
	wantKind(t, "missing", missing, muster.NotFound)
	_, err := w.Watch(t.Context(), b.ID, v)
	wantKind(t, "watched", err, muster.NotFound)
	targets := must(w.Targets(t.Context(), a.ID, api.TargetQuery{}, v))(t)
	if len(targets.Targets) != 1 || targets.Targets[0].Host != hostID(2) {
		t.Errorf("%+v", targets)
	}
}

// TestPagesInView: lists tell nothing of what is not in view, but what is in it is all
// there.
func TestPagesInView(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var want []string
		for i := range 9 {
			n := 1
			if i == 1 || i == 6 {
				n = 3
			}
			if _, a := w.send(n, nil); n == 3 {
				want = append([]string{a.ID}, want...)
			}
		}
		few, many := View{hostID(2): true}, View{hostID(2): true}
		for i := range chunk {
			many[hostID(1000+i)] = true
		}
		for _, v := range []View{few, many} {
			for limit := 1; limit < 4; limit++ {
				var got []string
				for q := (api.ActionQuery{Limit: limit}); ; {
					page := must(w.List(t.Context(), q, v))(t)
					for _, a := range page.Actions {
						got = append(got, a.ID)
					}
					if (page.Next != "") != (len(got) < len(want)) {
						t.Fatalf("%d of %d, and next is %q", len(got), len(want), page.Next)
					}
					if q.Cursor = page.Next; q.Cursor == "" {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d: %v, want %v", limit, got, want)
				}
			}
			for _, host := range []string{hostID(0), hostID(77)} {
				if page := must(w.List(t.Context(), api.ActionQuery{Host: host}, v))(t); len(page.Actions) != 0 || page.Next != "" {
					t.Errorf("actions of a host that is not in view: %+v", page)
				}
			}
			if page := must(w.List(t.Context(), api.ActionQuery{Host: hostID(2)}, v))(t); len(page.Actions) != 2 {
				t.Errorf("%+v", page)
			}
		}
		for _, v := range []View{{}, {hostID(77): true}} {
			if page := must(w.List(t.Context(), api.ActionQuery{Limit: 1}, v))(t); len(page.Actions) != 0 || page.Next != "" {
				t.Errorf("who sees no host sees %+v", page)
			}
		}
	})
}

// TestPages: lists go on where they ended.
func TestPages(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	var want []string
	for range 5 {
		_, a := w.send(150, nil)
		want = append([]string{a.ID}, want...)
	}
	var got []string
	for q := (api.ActionQuery{Limit: 2}); ; {
		page := must(w.List(t.Context(), q, nil))(t)
		for _, a := range page.Actions {
			got = append(got, a.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var hosts []string
	for q := (api.TargetQuery{Limit: 50}); ; {
		page := must(w.Targets(t.Context(), want[0], q, nil))(t)
		for _, x := range page.Targets {
			hosts = append(hosts, x.Host)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if !slices.Equal(hosts, hostIDs(150)) {
		t.Errorf("%d hosts", len(hosts))
	}
	_, err := w.List(t.Context(), api.ActionQuery{Cursor: "x"}, nil)
	wantKind(t, "cursor", err, muster.Invalid)
}

// TestWatch: who watches sees everything once, also what happens to many at once,
// and what the host says meanwhile.
func TestWatch(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	post, a := w.order(700, nil)
	must(w.Post(t.Context(), "alice", post))(t)
	watch := must(w.Watch(t.Context(), a.ID, nil))(t)
	if all, last, err := watch.Events(t.Context(), 0); err != nil || len(all) != 0 || last != 0 {
		t.Fatalf("%v, %d, %v", all, last, err)
	}
	w.report(1, post.Message, a.ID, action.Done, "well")
	<-watch.News
	all, last, err := watch.Events(t.Context(), 0)
	if err != nil || len(all) != 1 || all[0].Target.State != "done" || all[0].Target.Note != "well" {
		t.Fatalf("%+v, %v", all, err)
	}
	if watched := must(w.Log(t.Context(), hostID(2), a.ID, "text\n\x1b[2J\u009b1m\xff\r\n"))(t); !watched {
		t.Error("nobody watches")
	}
	if l := <-watch.Logs; l.Text != "text\n�[2J�1m� \n" || l.Host != hostID(2) {
		t.Errorf("%+v", l)
	}
	for host, id := range map[string]string{hostID(900): a.ID, hostID(2): action.NewID()} {
		if watched := must(w.Log(t.Context(), host, id, "lies"))(t); watched {
			t.Errorf("%s speaks of %s", host, id)
		}
	}
	w.pass(2 * time.Hour)
	<-watch.News
	seen := map[string]bool{}
	for {
		all, next, err := watch.Events(t.Context(), last)
		check(t, err)
		if next == last {
			break
		}
		for _, e := range all {
			if seen[e.Target.Host] || e.Target.State != "expired" {
				t.Errorf("%+v", e.Target)
			}
			seen[e.Target.Host] = true
		}
		last = next
	}
	if len(seen) != 699 {
		t.Errorf("%d hosts", len(seen))
	}
	if now := must(watch.Action(t.Context()))(t); now.State != api.ActionOver || now.Counts["expired"] != 699 {
		t.Errorf("%+v", now)
	}
	watch.Close()
	if watched := must(w.Log(t.Context(), hostID(2), a.ID, "text"))(t); watched {
		t.Error("watched after the end")
	}
}

// TestPrune: what has been over for long goes.
func TestPrune(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for range 25 {
			w.send(3, nil)
		}
		w.pass(w.Keep)
		_, young := w.send(3, nil)
		check(t, w.Prune(t.Context()))
		if page := must(w.List(t.Context(), api.ActionQuery{}, nil))(t); len(page.Actions) != 26 {
			t.Errorf("%d actions before the time", len(page.Actions))
		}
		w.pass(2 * time.Hour)
		check(t, w.Prune(t.Context()))
		if page := must(w.List(t.Context(), api.ActionQuery{}, nil))(t); len(page.Actions) != 1 || page.Actions[0].ID != young.ID {
			t.Errorf("%d actions are left", len(page.Actions))
		}
		var rows int
		check(t, d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM relay_target").Scan(&rows) }))
		if rows != 3 {
			t.Errorf("%d rows are left", rows)
		}
	})
}

// TestRun: the loop writes down what hosts took, and once more when it ends.
func TestRun(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	_, a := w.send(1, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func(err error) { t.Error(err) })
	}()
	w.Has(hostID(0), []string{a.ID})
	cancel()
	<-ended
	wantCounts(t, w, a.ID, map[string]int{"delivered": 1})
}
