package repo

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/durable"
	"muster/pkgfile"
	"muster/rollout"
	"muster/sign"
)

// rolledOut is the package of a rollout of age 2.
func rolledOut(t testing.TB, id string) string { return rolledOutAs(t, id, "1", nil) }

func rolledOutAs(t testing.TB, id, v string, edit func(*rollout.Document)) string {
	t.Helper()
	r := rollout.NewRing()
	r.Name, r.Percent = "all", rollout.Whole
	d := &rollout.Document{ID: id, Package: "age", Version: "2", State: rollout.Running, Start: start, Rings: []rollout.Ring{r}}
	if edit != nil {
		edit(d)
	}
	c := d.Control(v)
	draft := must(pkgfile.Build(pkgfile.Spec{Control: c, Date: start, Policy: d.Policy()}, t.TempDir()))
	defer draft.Close()
	var buf bytes.Buffer
	if err := draft.Write(&buf, must(sign.Sign(draft.Encoded, true, start, everybody().dave))); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), c.FileName())
	if err := os.WriteFile(name, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// setGates sets gates, an hour after the publication before.
func setGates(t testing.TB, p *Publisher, set map[string]rollout.Gate) *Report {
	t.Helper()
	p.Now = p.Now.Add(time.Hour)
	r, err := p.SetGates(func(gates map[string]rollout.Gate) { maps.Copy(gates, set) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Gates go to clients with the head, and stay until they are changed or their
// rollout is no longer listed.
func TestGates(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "2", everybody().alice), rolledOut(t, "r1"), rolledOut(t, "r2"))
	c := newClient(t, p, p.Dir)
	update(t, c)
	want := map[string]rollout.Gate{"r1": {State: rollout.Running, Ring: 1, Since: 7}, "r2": {State: rollout.Paused}}
	serial := setGates(t, p, map[string]rollout.Gate{"r1": want["r1"], "r2": want["r2"], "age": {State: rollout.Running}}).Serial
	expect := func(when string) {
		t.Helper()
		if update(t, c); !maps.Equal(c.Head().Gates, want) {
			t.Errorf("%s: %v", when, c.Head().Gates)
		}
	}
	expect("set")
	if again := setGates(t, p, want).Serial; again != serial {
		t.Error("the same gates again make another head")
	}
	publish(t, p, pack(t, "zip", "3", everybody().alice))
	expect("after a publication")
	p.Now = p.Now.Add(time.Hour)
	must(p.Refresh())
	expect("signed anew")
	p.Now = p.Now.Add(time.Hour)
	must(p.AddLink([]*sign.Identity{everybody().ca}, func(l *index.Link) { l.RevokedPackages = []string{index.Sum(nil)} }))
	expect("after a link of trust")
	p.Now = p.Now.Add(time.Hour)
	must(p.Remove(control.Relation{Name: "r1"}))
	delete(want, "r1")
	expect("when a rollout is gone")
	if r := must(c.Update(t.Context())); r.News {
		t.Error("a head that changes nothing of the index is news")
	}
}

// A head is interrupted at every change of the disk: clients see the gates before
// or the new ones, and the same call again completes.
func TestGatesInterrupted(t *testing.T) {
	for _, mode := range []string{"before", "after", "crash"} {
		for n := 1; ; n++ {
			p := newRepo(t)
			publish(t, p, pack(t, "age", "2", everybody().alice), rolledOut(t, "r1"))
			c := newClient(t, p, p.Dir)
			f := &fault{n: n, mode: mode}
			p.Now = p.Now.Add(time.Hour)
			p.Disk = &durable.Disk{Fault: f.call}
			open := func(gates map[string]rollout.Gate) { gates["r1"] = rollout.Gate{State: rollout.Running, Ring: 1} }
			_, err := p.SetGates(open)
			p.Disk = nil
			if f.seen < n {
				if err != nil || n < 4 {
					t.Errorf("%s: %d calls, %v", mode, n-1, err)
				}
				break
			}
			if !errors.Is(err, errFault) {
				t.Errorf("%s %d: %v", mode, n, err)
			}
			update(t, c)
			if got := len(c.Head().Gates); got > 1 {
				t.Errorf("%s %d: %d gates", mode, n, got)
			}
			if _, err := p.SetGates(open); err != nil {
				t.Errorf("%s %d: again: %v", mode, n, err)
			}
			if update(t, c); len(c.Head().Gates) != 1 {
				t.Errorf("%s %d: no gate", mode, n)
			}
		}
	}
}

// A query that nobody can read is refused before it holds anything up.
func TestRolloutQuery(t *testing.T) {
	p := newRepo(t)
	for query, kind := range map[string]muster.ErrorKind{"os:linux or group:a": "", "((": muster.Invalid, "nothing:1": muster.Invalid} {
		_, err := p.Publish(rolledOutAs(t, "r1", "1", func(d *rollout.Document) {
			d.Rings = append([]rollout.Ring{d.Rings[0]}, d.Rings...)
			d.Rings[0].Name, d.Rings[0].Percent, d.Rings[0].Query = "first", 0, query
		}))
		if muster.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), `ring "first" of rollout "r1"`) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// There is room for so many rollouts that go on: those that were signed off take none.
func TestRolloutsMany(t *testing.T) {
	p := newRepo(t)
	all := []string{pack(t, "age", "2", everybody().alice)}
	gates := map[string]rollout.Gate{}
	for n := range index.MaxGates {
		id := fmt.Sprintf("r%03d", n)
		all, gates[id] = append(all, rolledOut(t, id)), rollout.Gate{State: rollout.Completed, Ring: 1}
	}
	publish(t, p, all...)
	setGates(t, p, gates)
	more := rolledOut(t, "more")
	_, err := p.Publish(more)
	if muster.KindOf(err) != muster.Conflict || !strings.Contains(muster.HintOf(err), "muster rollout finish") {
		t.Fatalf("one more: %v", err)
	}
	publish(t, p, rolledOutAs(t, "r000", "2", func(d *rollout.Document) { d.State = rollout.Completed }))
	publish(t, p, more)
	delete(gates, "r000")
	gates["more"] = rollout.Gate{State: rollout.Running, Ring: 1}
	setGates(t, p, map[string]rollout.Gate{"more": gates["more"]})
	c := newClient(t, p, p.Dir)
	if update(t, c); !maps.Equal(c.Head().Gates, gates) {
		t.Errorf("%d gates", len(c.Head().Gates))
	}
}

// Rollouts that were signed off go once nobody can need them: those that hold, call
// back, or give a version that demands one stay.
func TestRolloutsSpent(t *testing.T) {
	p := newRepo(t)
	alice := everybody().alice
	of := func(id, v string, state rollout.State) string {
		return rolledOutAs(t, id, "1", func(d *rollout.Document) { d.Version, d.State = v, state })
	}
	back := rolledOutAs(t, "back", "1", func(d *rollout.Document) {
		d.Version, d.State, d.From, d.Return = "0", rollout.Aborted, "1", true
	})
	required := packControl(t, control.Control{Name: "age", Version: "3", Kind: muster.Base, Rollout: control.RolloutRequired}, "3\n", alice)
	publish(t, p, pack(t, "age", "1", alice), pack(t, "age", "2", alice), required,
		of("r1", "1", rollout.Completed), of("r2", "2", rollout.Completed), of("r3", "3", rollout.Completed), of("r4", "4", rollout.Completed),
		of("gone", "0", rollout.Aborted), of("held", "1", rollout.Aborted), of("going", "5", rollout.Running), back)
	expect := func(want string) {
		t.Helper()
		p.Now = p.Now.Add(time.Hour)
		if _, _, err := p.GC(5, Grace); err != nil {
			t.Fatal(err)
		}
		all, _, _, err := p.Rollouts()
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, r := range all {
			left = append(left, r.Document.ID)
		}
		if got := strings.Join(left, " "); got != want {
			t.Errorf("left: %s, want %s", got, want)
		}
	}
	expect("back going held r3") // 3 is for everybody, by r3
	publish(t, p, of("r2", "2", rollout.Completed), pack(t, "age", "6", alice), of("r6", "6", rollout.Running))
	if _, err := p.Remove(control.Relation{Name: "r3"}); err != nil {
		t.Fatal(err)
	}
	expect("back going held r2 r6") // of what is newer than 2 nobody may have anything
	p.Now = p.Now.Add(lingers)
	publish(t, p, pack(t, "age", "7", alice))
	expect("going held r6")
}
