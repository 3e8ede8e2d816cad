package repo

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster"
	"muster/index"
	"muster/internal/durable"
	"muster/sign"
)

// damages are what crashes of other programs, disks and people do to a file.
var damages = map[string]func(t *testing.T, name string){
	"removed": func(t *testing.T, name string) { os.Remove(name) },
	"empty":   func(t *testing.T, name string) { truncate(t, name, 0) },
	"cut":     func(t *testing.T, name string) { truncate(t, name, 2) },
	"flipped": func(t *testing.T, name string) {
		if err := os.WriteFile(name, flipped(read(t, "", name)), 0o644); err != nil {
			t.Fatal(err)
		}
	},
	"huge": func(t *testing.T, name string) { truncate(t, name, 1<<33) },
}

// truncate cuts a file to size 1/n of what it is; 0 is nothing, more than a GiB
// is that size, without taking room.
func truncate(t *testing.T, name string, n int64) {
	t.Helper()
	size := n
	if n > 0 && n < 1<<30 {
		size = must(os.Stat(name)).Size() / n
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
}

// Whatever file of what is kept of a repository is damaged, the client neither
// crashes nor believes it: it uses the copy before, or says what to do, and
// the next update heals, offline not at all and never by going back.
func TestCase28DamagedState(t *testing.T) {
	s := newHostStage(t)
	publish(t, s.Publisher, pack(t, "age", "2", everybody().alice), pack(t, "zip", "3", everybody().alice))
	if _, err := s.AddLink([]*sign.Identity{everybody().ca}, func(*index.Link) {}); err != nil {
		t.Fatal(err)
	}
	newest := update(t, s.c)
	serial, way, whole := s.c.Head().Serial, pathTo(t, s.c.Head(), s.Dir, "pc-1"), s.c.State
	for _, file := range []string{"repos/main/head", "repos/main/head.prev", "repos/main/index", "repos/main/index.prev",
		"repos/main/state.json", "trust/main/1.p7m", "trust/main/2.p7m",
		"repos/main/hosts/" + way[1].SHA256, "repos/main/hosts/" + way[2].SHA256} { // a table and a bin
		for name, damage := range damages {
			t.Run(filepath.Base(file)+" "+name, func(t *testing.T) {
				s.c = newClient(t, s.Publisher, s.liar.url)
				s.c.State = copyDir(t, whole)
				s.c.Fetch.Cache = filepath.Join(s.c.State, "cache")
				s.c.SetNames("pc-1", "paris")
				damage(t, filepath.Join(s.c.State, filepath.FromSlash(file)))
				s.afterDamage(t, newest, serial)
			})
		}
	}
}

func (s *stage) afterDamage(t *testing.T, newest string, serial int64) {
	t.Helper()
	c := *s.c
	c.kept = nil // as after a restart
	if x, err := c.Index(); err == nil && list(x) != newest && list(x) != "paris 1, pc-1 1, age 1" {
		t.Errorf("index lists %s", list(x))
	} else if err != nil && muster.HintOf(err) == "" {
		t.Errorf("index: %v does not say what to do", err)
	}
	s.lies("", status(500))
	if r, err := c.Update(t.Context()); err == nil {
		t.Errorf("healed without a server: %+v", r)
	}
	delete(s.liar.lie, "")
	if got := update(t, &c); got != newest || c.Head().Serial != serial {
		t.Errorf("healed to %s at %d, want %s at %d", got, c.Head().Serial, newest, serial)
	}
	again := c
	again.kept = nil
	if x, err := again.Index(); err != nil || list(x) != newest {
		t.Errorf("what is kept afterwards: %v", err)
	}
	f, err := again.Open(t.Context(), must(again.Index()).Find("zip")[0])
	if err != nil {
		t.Fatalf("a package afterwards: %v", err)
	}
	f.Close()
}

// A head that is damaged does not open the way back to an older one.
func TestCase28DamageIsNoWayBack(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	s.Now = s.Now.Add(3 * 24 * time.Hour)
	publish(t, s.Publisher, pack(t, "zip", "4", everybody().alice))
	update(t, s.c)
	truncate(t, filepath.Join(s.c.State, "repos/main/head"), 0)
	s.c.kept = nil
	s.lies("", Handler(s.old).ServeHTTP)
	if r, err := s.c.Update(t.Context()); err == nil && !r.Lagging {
		t.Errorf("went back: %+v", r)
	}
	if x := must(s.c.Index()); len(x.Find("age")) != 2 {
		t.Errorf("index lists %s", list(x))
	}
}

// A disk on which nothing can be written is no fault of the server, and costs
// nothing that is kept.
func TestCase28NothingCanBeWritten(t *testing.T) {
	s := newStage(t)
	before := snapshot(t, s.c.State)
	s.c.Disk = &durable.Disk{Fault: func(durable.Call) error { return syscall.ENOSPC }}
	_, err := s.c.Update(t.Context())
	if wantKind(t, err, muster.Unavailable, "cannot keep what repository"); strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v blames the server", err)
	}
	if after := snapshot(t, s.c.State); after != before {
		t.Errorf("kept:\n%swas\n%s", after, before)
	}
	s.c.Disk = nil
	if got := update(t, s.c); got != "age 1, age 2, zip 3" {
		t.Errorf("afterwards: %s", got)
	}
}
