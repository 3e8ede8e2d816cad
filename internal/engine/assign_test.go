package engine

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/internal/install"
)

// assign has the root be counted among a, as the agent does.
func (s *site) assign(a Assignments) {
	s.Helper()
	_, end, err := s.engine.Begin(context.Background(), 0, install.Options{})
	if err != nil {
		s.Fatal(err)
	}
	defer end()
	if _, err := s.engine.Assign(context.Background(), a); err != nil {
		s.Fatal(err)
	}
}

func (s *site) mustUpgrade() {
	s.Helper()
	if err := s.upgrade(); err != nil {
		s.Fatal(err)
	}
}

const hostID = "0b9f3c1e-5d1f-4e0a-9d5b-0123456789ab"

// managed is a site with packages of all kinds that assign.
func managed(t *testing.T) *site {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: editor\nversion: 1\ndepends: lib\n", "bin/editor=1"),
		s.pack(s.packager, "package: editor\nversion: 2\ndepends: lib\n", "bin/editor=2"),
		s.pack(s.packager, "package: lib\nversion: 1\n", "lib/x=1"),
		s.pack(s.packager, "package: game\nversion: 1\n", "bin/game=1"),
		s.pack(s.packager, "package: tool\nversion: 1\n", "bin/tool=1"),
		s.pack(s.deployer, "package: lab\nversion: 1\nkind: group\ndepends: editor\n"),
		s.pack(s.deployer, "package: fun\nversion: 1\nkind: group\ndepends: game\n"),
		s.pack(s.deployer, "package: paris.lab\nversion: 1\nkind: unit\ndepends: tool\n"),
		s.pack(s.deployer, "package: "+hostID+"\nversion: 1\nkind: host\ndepends: editor (= 1)\n"))
	return s
}

// TestAssigned: what groups, units and the host's own package name comes at the
// next upgrade, and leaves with the membership, with what only it needed.
func TestAssigned(t *testing.T) {
	s := managed(t)
	s.assign(Assignments{Host: "11111111-0000-4000-8000-000000000000", Units: []string{"paris", "paris.lab"}, Groups: []string{"lab", "unheard-of"}})
	s.expect("editor NEED-INSTALL\nlab NEED-INSTALL\nlib NEED-INSTALL\nparis.lab NEED-INSTALL\ntool NEED-INSTALL")
	s.mustUpgrade()
	s.expect("editor 2 OK\nlab 1 OK\nlib 1 OK\nparis.lab 1 OK\ntool 1 OK")
	why, err := s.engine.Why("tool")
	if err != nil || len(why) != 1 || !strings.Contains(why[0].String(), "assigned by unit paris.lab") {
		t.Errorf("why tool: %v, %v", why, err)
	}
	s.open() // memberships outlive the program
	s.expect("editor 2 OK\nlab 1 OK\nlib 1 OK\nparis.lab 1 OK\ntool 1 OK")

	s.assign(Assignments{Host: "11111111-0000-4000-8000-000000000000", Groups: []string{"fun"}})
	s.mustUpgrade()
	s.expect("fun 1 OK\ngame 1 OK")

	if _, err := s.engine.Undo(context.Background(), 0, install.Options{}); err != nil {
		t.Fatal(err)
	}
	s.mustUpgrade() // undone is not unassigned
	s.expect("fun 1 OK\ngame 1 OK")
}

// TestAssignedStays: what a person asked for stays when an assignment of it ends.
func TestAssignedStays(t *testing.T) {
	s := managed(t)
	s.assign(Assignments{Host: "11111111-0000-4000-8000-000000000000", Groups: []string{"lab"}})
	s.mustUpgrade()
	if err := s.install("editor"); err != nil {
		t.Fatal(err)
	}
	s.assign(Assignments{Host: "11111111-0000-4000-8000-000000000000"})
	s.mustUpgrade()
	s.expect("editor 2 OK\nlib 1 OK")
}

// TestPrecedence: the host's own package decides over its groups; a group that
// cannot be had beside it is left out and says so.
func TestPrecedence(t *testing.T) {
	s := managed(t)
	s.assign(Assignments{Host: hostID, Groups: []string{"lab"}})
	s.mustUpgrade()
	if got := s.statuses(); !strings.Contains(got, "editor 1 OK") {
		t.Errorf("the host's own version is not there:\n%s", got)
	}
	s.publish(s.pack(s.deployer, "package: "+hostID+"\nversion: 2\nkind: host\nconflicts: editor\n"))
	s.assign(Assignments{Host: hostID, Groups: []string{"lab", "fun"}})
	p, err := s.engine.Plan(Request{Upgrade: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if len(p.Unmet) != 1 || p.Unmet[0].By != "group lab" || !strings.Contains(p.Unmet[0].Err.Error(), "editor") {
		t.Errorf("unmet: %+v", p.Unmet)
	}
	s.mustUpgrade()
	s.expect(hostID + " 2 OK\nfun 1 OK\ngame 1 OK\nlab ERROR")
}

// TestAssignOffline: without the repository nothing is kept of new memberships, so
// that units that were never looked for do not look withdrawn.
func TestAssignOffline(t *testing.T) {
	s := managed(t)
	s.assign(Assignments{Host: hostID, Units: []string{"paris.lab"}})
	s.mustUpgrade()
	before := s.statuses()
	if err := os.Rename(s.path("repo"), s.path("away")); err != nil {
		t.Fatal(err)
	}
	_, end, err := s.engine.Begin(context.Background(), 0, install.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.engine.Assign(context.Background(), Assignments{Host: hostID, Units: []string{"lyon"}})
	end()
	if err == nil || s.engine.Assignments().Units[0] != "paris.lab" {
		t.Errorf("kept %v: %v", s.engine.Assignments(), err)
	}
	s.open()
	s.expect(before)
}

// TestAssignDiskFails stops at every change of the disk while a host moves from one
// unit to another, of which both have news: the next start knows all of the unit
// in which it stands, the old or the new one, and without the network.
func TestAssignDiskFails(t *testing.T) {
	s := managed(t)
	s.assign(Assignments{Host: hostID, Units: []string{"paris.lab"}})
	s.mustUpgrade()
	s.publish(s.pack(s.deployer, "package: paris.lab\nversion: 2\nkind: unit\ndepends: tool\n"),
		s.pack(s.deployer, "package: lyon\nversion: 1\nkind: unit\ndepends: game\n"))
	before := s.copiedRoot()
	for _, after := range []bool{false, true} {
		for n, seen := 1, 1; seen >= n; n++ {
			if err := os.RemoveAll(s.path("root")); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(s.path("root"), os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
			seen = 0
			s.moveWith(&durable.Disk{Fault: func(c durable.Call) error {
				if c.After == after {
					seen++
				}
				if seen >= n { // from here on nothing works
					return errors.New("injected")
				}
				return nil
			}}, func(e *Engine, err error) {
				unit := e.Assignments().Units[0]
				if (err == nil) != (unit == "lyon") || err == nil && seen >= n && !after {
					t.Errorf("%v %d: in %s, %v", after, n, unit, err)
				}
				if _, err := e.Plan(Request{Upgrade: true}); err != nil {
					t.Errorf("%v %d: afterwards, in %s: %v", after, n, unit, err)
				}
			})
			s.open()
			if _, err := s.engine.Plan(Request{Upgrade: true}); err != nil {
				t.Errorf("%v %d: after a start, in %v: %v", after, n, s.engine.Assignments().Units, err)
			}
			if seen < n && n < 5 {
				t.Errorf("only %d changes", n-1)
			}
		}
	}
}

// moveWith has the root move to lyon with a disk, and looks at it then.
func (s *site) moveWith(disk *durable.Disk, look func(*Engine, error)) {
	s.Helper()
	e, err := Open(s.path("root"), Options{Disk: disk, Now: func() time.Time { return s.now }})
	if err != nil {
		s.Fatal(err)
	}
	_, err = e.Assign(context.Background(), Assignments{Host: hostID, Units: []string{"lyon"}})
	look(e, err)
}

// TestAssignHostile: names that a server makes up are no names of packages.
func TestAssignHostile(t *testing.T) {
	s := managed(t)
	for _, name := range []string{"../x", "", "UPPER", "a b", strings.Repeat("a", 200)} {
		if _, err := s.engine.Assign(context.Background(), Assignments{Groups: []string{name}}); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}
