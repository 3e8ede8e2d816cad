package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/durable"
	"muster/internal/plan"
	"muster/pkgfile"
	"muster/rollout"
	"muster/search"
	"muster/sign"
)

// staged makes the package of a rollout of app 2, from 1, in two rings, of which
// the first is group pilot and soaks for a day.
func (s *site) staged(by *sign.Identity, version string, edit func(*rollout.Document)) string {
	s.Helper()
	first, last := rollout.NewRing(), rollout.NewRing()
	first.Name, first.Group, first.Soak = "pilot", "pilot", 24*time.Hour
	last.Name, last.Percent = "all", rollout.Whole
	d := &rollout.Document{ID: "rollout-app-2", Package: "app", Version: "2", From: "1", State: rollout.Running,
		Start: s.now.UTC(), Rings: []rollout.Ring{first, last}}
	if edit != nil {
		edit(d)
	}
	c := d.Control(version)
	draft, err := pkgfile.Build(pkgfile.Spec{Control: c, Date: time.Unix(1700000000, 0), Policy: d.Policy()}, s.TempDir())
	if err != nil {
		s.Fatal(err)
	}
	defer draft.Close()
	signature, err := sign.Sign(draft.Encoded, true, s.now, by)
	if err != nil {
		s.Fatal(err)
	}
	f, err := os.Create(filepath.Join(s.TempDir(), c.FileName()))
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if err := draft.Write(f, signature); err != nil {
		s.Fatal(err)
	}
	return f.Name()
}

// gate opens a rollout so far.
func (s *site) gate(state rollout.State, ring int) {
	s.Helper()
	s.now = s.now.Add(time.Second)
	_, err := s.publisher().SetGates(func(gates map[string]rollout.Gate) {
		gates["rollout-app-2"] = rollout.Gate{State: state, Ring: ring, Since: s.now.Unix()}
	})
	if err != nil {
		s.Fatal(err)
	}
	s.update()
}

// newRollout is a site with app 1 installed and app 2 published with its rollout.
func newRollout(t testing.TB, edit func(*rollout.Document)) *site {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"), s.staged(s.deployer, "1", edit))
	s.update()
	return s
}

// assigned counts the root among groups.
func (s *site) assigned(groups ...string) {
	s.Helper()
	if _, err := s.engine.Assign(context.Background(), Assignments{Host: "0b9f3c1e-5d1f-4e0a-9d5b-0123456789ab", Groups: groups}); err != nil {
		s.Fatal(err)
	}
}

// held is why app 2 is held, "" where it is not.
func (s *site) held() string {
	s.Helper()
	p, err := s.engine.Plan(Request{Upgrade: true})
	if err != nil {
		s.Fatal(err)
	}
	defer p.Close()
	if len(p.Held) > 0 && p.Changes() {
		s.Errorf("held: %s, and yet\n%s", p.Held, p)
	}
	return strings.Join(p.Held, "\n")
}

func (s *site) wantHeld(what string) {
	s.Helper()
	if got := s.held(); !strings.Contains(got, what) || (what == "") != (got == "") {
		s.Errorf("held: %q, want %q", got, what)
	}
}

// TestRolloutRings goes the way of a version through the rings, as a host in the
// last one and then as one in the first.
func TestRolloutRings(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned()
	s.wantHeld("app 2 is held by rollout rollout-app-2: nobody says yet that it has begun")
	s.expect("app 1 OK")
	s.gate(rollout.Running, 1)
	s.wantHeld("this host is in ring 2 of 2 (all), of which 1 is open")
	a, err := s.engine.WhyNot(relation("app=2"))
	if err != nil || !strings.Contains(strings.Join(a.Sentences, "\n"), "app 2 is held by rollout rollout-app-2: this host is in ring 2 of 2 (all)") {
		t.Errorf("why not: %+v, %v", a, err)
	}
	if err := s.install("app=2"); muster.KindOf(err) != muster.NotFound && muster.KindOf(err) != muster.Conflict || !strings.Contains(err.Error(), "is held by rollout") {
		t.Errorf("installed by name: %v", err)
	}
	s.assigned("pilot")
	s.wantHeld("")
	s.expect("app 1 NEED-UPGRADE")
	s.assigned()
	s.gate(rollout.Running, 2)
	s.wantHeld("may not open before") // the server is early
	s.now = s.now.Add(24 * time.Hour)
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("app 2 OK")
	s.gate(rollout.Halted, 2) // who has it keeps it
	s.wantHeld("")
	s.expect("app 2 OK")
}

func relation(text string) control.Relation {
	r, err := control.ParseRelation(text)
	if err != nil {
		panic(err)
	}
	return r
}

// A root that no server knows falls into a ring by an id of its own, which stays.
func TestRolloutWithoutServer(t *testing.T) {
	s := newRollout(t, func(d *rollout.Document) { d.Rings[0].Soak = 0 })
	id := s.engine.rolled.Root
	s.gate(rollout.Running, 1)
	s.wantHeld("in ring 2 of 2")
	s.gate(rollout.Running, 2)
	s.wantHeld("")
	s.open()
	if s.engine.rolled.Root != id || len(id) != 36 {
		t.Errorf("id %q, then %q", id, s.engine.rolled.Root)
	}
	s.wantHeld("")
}

// Every gate but an open one holds.
func TestRolloutStopped(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned("pilot")
	for _, state := range []rollout.State{rollout.Paused, rollout.Halted, rollout.Aborted} {
		s.gate(state, 2)
		s.wantHeld(fmt.Sprintf("it was %s on ", state))
	}
	s.gate(rollout.Running, 1)
	s.wantHeld("")
}

// A version that is called back by a person goes back to the one before, with the
// rollout as the reason, and the package counts as what it was.
func TestRolloutReturn(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned("pilot")
	s.gate(rollout.Running, 1)
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.gate(rollout.Aborted, 1) // a server alone sends nobody back
	s.expect("app 2 OK")
	s.publish(s.staged(s.deployer, "2", func(d *rollout.Document) { d.State, d.Return = rollout.Aborted, true }))
	s.update()
	s.expect("app 2 NEED-DOWNGRADE")
	p, err := s.engine.Plan(Request{Upgrade: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Steps[0].String(); got != "downgrade app 2 to 1: called back by rollout rollout-app-2" {
		t.Errorf("plan: %s", got)
	}
	p.Close()
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("app 1 OK")
	s.wantHeld("it was aborted, and hosts go back to 1")
	w, err := s.engine.Root.Wishes()
	if err != nil || !w.IsWanted("app") || len(w.Assigned) != 0 {
		t.Errorf("wishes: %+v, %v", w, err)
	}
}

// What came as a dependency goes back, stays one, and is not removed after.
func TestRolloutReturnOfDependency(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"), s.pack(s.packager, "package: tool\nversion: 1\ndepends: app\n", "tool=one"))
	s.update()
	s.assigned("pilot")
	if err := s.install("tool"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"), s.staged(s.deployer, "1", nil))
	s.gate(rollout.Running, 2)
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("app 2 OK\ntool 1 OK")
	s.publish(s.staged(s.deployer, "2", func(d *rollout.Document) { d.State, d.Return = rollout.Aborted, true }))
	s.update()
	for range 2 {
		if err := s.upgrade(); err != nil {
			t.Fatal(err)
		}
		s.expect("app 1 OK\ntool 1 OK")
	}
	reasons, err := s.engine.Why("app")
	if err != nil || len(reasons) != 1 || reasons[0].Cause != plan.CauseNeeded {
		t.Errorf("why app: %v, %v", reasons, err)
	}
}

// A hostile server that hides the rollout it listed before wins nothing over one
// that opens every gate.
func TestRolloutHidden(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned()
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().Remove(relation("rollout-app-2")); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("may not open before")
	s.open()
	s.wantHeld("may not open before")
	s.now = s.now.Add(24 * time.Hour)
	s.wantHeld("")
	s.expect("app 1 NEED-UPGRADE")
}

// An older version of a rollout than one that was seen does not count: who called a
// version back is not unsaid.
func TestRolloutRolledBack(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned("pilot")
	s.publish(s.staged(s.deployer, "2", func(d *rollout.Document) { d.State = rollout.Aborted }))
	s.gate(rollout.Running, 2)
	s.wantHeld("it was aborted")
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().Remove(relation("rollout-app-2=2")); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("it was aborted")
}

// A version that says that it needs a rollout is held where the repository lists none
// of it, also from a host that never saw one and from who asks for it by name. A file
// is for whoever names it to judge, and what is there stays.
func TestRolloutRequired(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	s.update()
	s.assigned("pilot")
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	file := s.pack(s.packager, "package: app\nversion: 2\nrollout: required\n", "app=two")
	s.publish(file, s.staged(s.deployer, "1", func(d *rollout.Document) { d.ID, d.Version = "rollout-other", "9" }))
	s.update()
	s.wantHeld("app 2 may only be installed by a rollout, and repository")
	s.expect("app 1 OK")
	a, err := s.engine.WhyNot(relation("app=2"))
	if err != nil || !strings.Contains(strings.Join(a.Sentences, "\n"), "app 2 may only be installed by a rollout") {
		t.Errorf("why not: %+v, %v", a, err)
	}
	if err := s.install("app=2"); err == nil || !strings.Contains(err.Error(), "may only be installed by a rollout") {
		t.Errorf("by name: %v", err)
	}
	s.publish(s.staged(s.deployer, "1", nil))
	s.update()
	s.wantHeld("nobody says yet")
	s.gate(rollout.Running, 1)
	s.wantHeld("")
	s.expect("app 1 NEED-UPGRADE")
	s.now = s.now.Add(24 * time.Hour)
	if _, err := s.publisher().Remove(relation("rollout-app-2")); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("may only be installed by a rollout") // hidden after its time, too
	p, err := s.engine.Plan(Request{Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Changes() {
		t.Error("a file that was named is held")
	}
	p.Close()
	s.publish(s.staged(s.deployer, "2", func(d *rollout.Document) { d.State = rollout.Completed }))
	s.update()
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().Remove(relation("rollout-app-2")); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("")
	s.expect("app 2 OK")
}

// A rollout that is revoked holds as long as it stands in the index, and no longer.
func TestRolloutRevoked(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned("pilot")
	s.gate(rollout.Running, 2)
	s.wantHeld("")
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().AddLink([]*sign.Identity{s.authority}, func(l *index.Link) {
		l.RevokedCertificates = append(l.RevokedCertificates, sign.Fingerprint(s.deployer.Leaf()))
	}); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("which may not be used")
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().Remove(relation("rollout-app-2")); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("")
}

// A rollout whose file cannot be had holds, and what else the repository brings is
// not kept from anybody.
func TestRolloutUnreadable(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"), s.staged(s.deployer, "1", nil))
	name := filepath.Join(s.path("repo/pool/r/rollout-app-2"), "*")
	files, err := filepath.Glob(name)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	s.damage("rollout-app-2", "1")
	s.update()
	s.assigned("pilot")
	s.gate(rollout.Running, 1)
	s.wantHeld("it cannot be read")
	if err := os.WriteFile(files[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.wantHeld("")
}

// Two rollouts of one version: it is taken when both let it be; rollouts of two
// versions are apart.
func TestRolloutsAtOnce(t *testing.T) {
	s := newRollout(t, nil)
	s.assigned("pilot")
	s.gate(rollout.Running, 1)
	s.wantHeld("")
	s.publish(s.staged(s.deployer, "1", func(d *rollout.Document) { d.ID = "rollout-other" }))
	s.update()
	s.wantHeld("held by rollout rollout-other: nobody says yet")
	s.publish(s.pack(s.packager, "package: app\nversion: 3\n", "app=three"),
		s.staged(s.deployer, "1", func(d *rollout.Document) { d.ID, d.Version = "rollout-app-3", "3" }))
	s.now = s.now.Add(time.Second)
	if _, err := s.publisher().SetGates(func(g map[string]rollout.Gate) {
		g["rollout-app-3"] = rollout.Gate{State: rollout.Running, Ring: 1}
	}); err != nil {
		t.Fatal(err)
	}
	s.update()
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("app 3 OK")
}

// A ring may be a query, which the agent holds against the machine; other commands
// go by what it found.
func TestRolloutQuery(t *testing.T) {
	s := newRollout(t, func(d *rollout.Document) { d.Rings[0].Group, d.Rings[0].Query = "", "name:pc-1*" })
	s.assigned()
	s.gate(rollout.Running, 1)
	s.wantHeld("in ring 2 of 2")
	if err := s.engine.Select(search.FactsOf(nil, nil, search.Membership{Name: "pc-17"})); err != nil {
		t.Fatal(err)
	}
	s.wantHeld("")
	s.open()
	s.wantHeld("")
	if err := s.engine.Select(search.FactsOf(nil, nil, search.Membership{Name: "pc-2"})); err != nil {
		t.Fatal(err)
	}
	s.wantHeld("in ring 2 of 2")
}

// Whoever may not sign cannot hold: the rollout of a stranger is never published,
// and a file without the code-signing right is enough for a rollout.
func TestRolloutOfStranger(t *testing.T) {
	s := newSite(t)
	stranger := s.identity(nil, "Mallory")
	if _, err := s.publisher().Publish(s.staged(stranger, "1", nil)); err == nil {
		t.Error("a rollout of a stranger is published")
	}
}

// What is assigned and held is not missing by error: it waits. A plan goes on with
// the rest.
func TestRolloutOfSomethingNew(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"), s.staged(s.deployer, "1", nil),
		s.pack(s.packager, "package: app\nversion: 3\nos: windows\n", "app=three"), // never for this root
		s.pack(s.packager, "package: other\nversion: 1\n", "other=one"),
		s.pack(s.deployer, "package: lab\nversion: 1\nkind: group\ndepends: app\n"),
		s.pack(s.deployer, "package: desk\nversion: 1\nkind: group\ndepends: other\n"))
	s.assigned("lab", "desk")
	s.expect("desk NEED-INSTALL\nlab POSTPONED\nother NEED-INSTALL")
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("desk 1 OK\nlab POSTPONED\nother 1 OK")
	s.gate(rollout.Running, 1)
	s.assigned("lab", "desk", "pilot")
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("app 2 OK\ndesk 1 OK\nlab 1 OK\nother 1 OK")
}

// Nobody installs a rollout.
func TestRolloutIsNotInstalled(t *testing.T) {
	s := newRollout(t, nil)
	if err := s.install("rollout-app-2"); err == nil || !strings.Contains(err.Error(), "is a rollout, which nobody installs") {
		t.Errorf("%v", err)
	}
}

// An update is interrupted at every change of the disk: nothing that a rollout holds
// is ever taken, and the next update completes.
func TestRolloutDiskFails(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"), s.staged(s.deployer, "1", nil))
	before := s.copiedRoot()
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			if err := os.RemoveAll(s.path("root")); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(s.path("root"), os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
			seen := 0
			disk := &durable.Disk{Fault: func(c durable.Call) error {
				if c.After == after {
					seen++
				}
				if seen >= n { // from here on nothing works: a crash, or a disk that is full
					return errors.New("injected")
				}
				return nil
			}}
			e, err := Open(s.path("root"), Options{Disk: disk, Now: func() time.Time { return s.now }})
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Update(t.Context())
			s.open()
			if p, perr := s.engine.Plan(Request{Upgrade: true}); perr != nil || p.Changes() {
				t.Errorf("%v %d: %v, %v", after, n, p, perr)
			}
			s.update()
			s.wantHeld("nobody says yet")
			if seen < n {
				if err != nil || n < 5 {
					t.Errorf("%d changes, %v", n-1, err)
				}
				break
			}
		}
	}
}

// copiedRoot copies the root as it is.
func (s *site) copiedRoot() string {
	s.Helper()
	dir := filepath.Join(s.TempDir(), "root")
	if err := os.CopyFS(dir, os.DirFS(s.path("root"))); err != nil {
		s.Fatal(err)
	}
	return dir
}

// FuzzRolled: whatever rollouts.json holds, it is read as what reads the same, and
// planning goes on.
func FuzzRolled(f *testing.F) {
	s := newRollout(f, nil)
	s.gate(rollout.Running, 2)
	name := rolloutsFile(s.engine.Root)
	data, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"root":"x","matching":["a"],"repositories":{"r":{"index":"x","rollouts":[null]}}}`))
	f.Add([]byte(strings.Replace(string(data), `"of": "2"`, `"of": "1"`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s.engine.rolled = readRolled(s.engine.Root)
		p, err := s.engine.Plan(Request{Upgrade: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if p.Changes() && !json.Valid(data) {
			t.Errorf("what cannot be read has\n%s", p)
		}
		if err := s.engine.rolled.save(s.engine.Root); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(readRolled(s.engine.Root))
		was, werr := json.Marshal(s.engine.rolled)
		if err != nil || werr != nil || string(again) != string(was) {
			t.Errorf("%s, then %s, %v", was, again, err)
		}
	})
}
