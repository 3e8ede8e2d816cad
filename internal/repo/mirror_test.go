package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/durable"
)

// newMirror makes a mirror of p, in a folder that is not there yet.
func newMirror(t testing.TB, p *Publisher, source string) *Mirror {
	t.Helper()
	return &Mirror{Source: source, Dir: filepath.Join(t.TempDir(), "mirror"), Now: func() time.Time { return p.Now.Add(time.Hour) }}
}

func copied(t testing.TB, m *Mirror) *Copied {
	t.Helper()
	done, err := m.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// checkMirror proves a mirror as any other repository.
func checkMirror(t testing.TB, m *Mirror, but ...string) {
	t.Helper()
	v, err := (&Checker{Base: m.Dir, Now: m.Now}).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Findings {
		if !strings.Contains(" "+strings.Join(but, " ")+" ", " "+f.File+" ") {
			t.Error(f)
		}
	}
}

// A mirror has what its source has, fetches nothing twice, and has readers take news as
// changes.
func TestMirror(t *testing.T) {
	p, dave := newRepo(t), everybody().dave
	files := []string{pack(t, "age", "1", everybody().alice), forHost(t, muster.Host, "pc-1", "1", dave), forHost(t, muster.Unit, "paris", "1", dave)}
	for n := range 12 { // an index that is longer than what changes of it
		files = append(files, pack(t, fmt.Sprint("tool-", n), "1", everybody().alice))
	}
	publish(t, p, files...)
	url, _ := startNginx(t, p.Dir)
	m := newMirror(t, p, url)
	if got := copied(t, m); !got.News || got.Files == 0 || got.ID != "main" {
		t.Errorf("%+v", got)
	}
	checkMirror(t, m)
	c := newClient(t, p, m.Dir)
	c.SetNames("pc-1")
	if got := update(t, c); !strings.HasPrefix(got, "pc-1 1, age 1, tool-0 1, ") {
		t.Errorf("a reader sees %s", got)
	}
	if got := copied(t, m); got.News || got.Files != 0 || got.Bytes != 0 {
		t.Errorf("a second time: %+v", got)
	}
	publish(t, p, pack(t, "age", "2", everybody().alice), forHost(t, muster.Host, "pc-2", "1", dave))
	if got := copied(t, m); !got.News {
		t.Errorf("with news: %+v", got)
	}
	checkMirror(t, m)
	made := must(filepath.Glob(filepath.Join(p.Dir, "changes", fmt.Sprint("*-", p.Now.Unix()))))
	for _, name := range made {
		if _, err := os.Stat(filepath.Join(m.Dir, "changes", filepath.Base(name))); err != nil {
			t.Error(err)
		}
	}
	if len(made) == 0 {
		t.Error("the source has no changes")
	}
	if got := update(t, c); !strings.HasPrefix(got, "pc-1 1, age 1, age 2, tool-0 1, ") {
		t.Errorf("a reader sees %s", got)
	}
}

// What a source lists no more stays for readers of the head before, and goes then.
func TestMirrorTidies(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice), pack(t, "zip", "3", everybody().alice))
	m := newMirror(t, p, p.Dir)
	copied(t, m)
	zip := filepath.Join(m.Dir, "pool", "z", "zip", "zip_3_linux_amd64.mpk")
	old := time.Now().Add(-30 * 24 * time.Hour)
	if err := os.Chtimes(zip, old, old); err != nil {
		t.Fatal(err)
	}
	p.Now = time.Now() // times of files are those of the machine
	if _, err := p.RemoveFiles("zip_3_linux_amd64.mpk"); err != nil {
		t.Fatal(err)
	}
	if got := copied(t, m); len(got.Removed) > 0 {
		t.Errorf("removed at once: %q", got.Removed)
	}
	p.Now = time.Now().Add(2 * Grace)
	if _, err := p.Refresh(); err != nil {
		t.Fatal(err)
	}
	copied(t, m)
	if _, err := os.Stat(zip); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	checkMirror(t, m)
}

// A part of a repository is one to which the other mirrors have the rest.
func TestMirrorOnly(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice), pack(t, "zip", "3", everybody().alice))
	m := newMirror(t, p, p.Dir)
	m.Only = []string{"z*"}
	if got := copied(t, m); got.Skipped != 1 {
		t.Errorf("%+v", got)
	}
	checkMirror(t, m, "pool/a/age/age_1_linux_amd64.mpk")
	c := newClient(t, p, m.Dir, p.Dir)
	update(t, c)
	for _, e := range must(c.Index()).Entries() {
		f, err := c.Open(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	m.Only = []string{"["}
	_, err := m.Copy(t.Context())
	wantKind(t, err, muster.Invalid, "pattern")
}

// What a disk has done to a file is mended where it is asked for.
func TestMirrorWhole(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice))
	m := newMirror(t, p, p.Dir)
	copied(t, m)
	name := filepath.Join(m.Dir, "pool", "a", "age", "age_1_linux_amd64.mpk")
	data := must(os.ReadFile(name))
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := copied(t, m); got.Files != 0 {
		t.Errorf("%+v", got)
	}
	m.Whole = true
	if got := copied(t, m); got.Files != 1 {
		t.Errorf("%+v", got)
	}
	checkMirror(t, m)
}

// A mirror believes no more than a host: it never goes back, is of one repository, and
// takes nothing that the head does not name.
func TestMirrorRefuses(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice))
	before := copyDir(t, p.Dir)
	publish(t, p, pack(t, "age", "2", everybody().alice))
	m := newMirror(t, p, p.Dir)
	copied(t, m)
	m.Source = before
	if got := copied(t, m); got.News {
		t.Errorf("it went back: %+v", got)
	}
	other := &Publisher{Dir: filepath.Join(t.TempDir(), "other"), Signers: p.Signers, Now: p.Now}
	if err := other.Init("other", nil); err != nil {
		t.Fatal(err)
	}
	m.Source = other.Dir
	_, err := m.Copy(t.Context())
	wantKind(t, err, muster.Denied, "other")
	m.Source = p.Dir
	publish(t, p, pack(t, "zip", "3", everybody().alice))
	name := filepath.Join(p.Dir, "pool", "z", "zip", "zip_3_linux_amd64.mpk")
	data := must(os.ReadFile(name))
	data[len(data)-1] ^= 1
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = m.Copy(t.Context())
	wantKind(t, err, muster.Denied, "")
	checkMirror(t, m, indexName)
	if got := update(t, newClient(t, p, m.Dir)); got != "age 1, age 2" {
		t.Errorf("a reader sees %s", got)
	}
	published := newMirror(t, p, before)
	published.Dir = p.Dir
	_, err = published.Copy(t.Context())
	wantKind(t, err, muster.Conflict, "no mirror")
	m.Dir, m.Source = filepath.Join(t.TempDir(), "m"), "http://127.0.0.1:1"
	_, err = m.Copy(t.Context())
	wantKind(t, err, muster.Unavailable, "")
}

// TestMirrorInterrupted interrupts a copy at every change of the disk, in each way.
// Readers see the publication before or the new one, whole; and the same command again
// completes.
func TestMirrorInterrupted(t *testing.T) {
	first := pack(t, "age", "1", everybody().alice)
	host := forHost(t, muster.Host, "pc-1", "1", everybody().dave)
	second := []string{pack(t, "age", "2", everybody().alice), pack(t, "zip", "3", everybody().alice), forHost(t, muster.Host, "pc-1", "2", everybody().dave)}
	p := newRepo(t)
	publish(t, p, first, host)
	m := newMirror(t, p, p.Dir)
	copied(t, m)
	publish(t, p, second...)
	before := m.Dir
	for start, mode := range []string{"before", "after", "crash"} {
		t.Run(mode, func(t *testing.T) {
			for n := 1 + start; ; n += 3 { // the modes take turns: together they strike every call
				m.Dir = copyDir(t, before)
				f := &fault{n: n, mode: mode}
				if !mirrorInterrupted(t, p, m, f) {
					if n < 30 {
						t.Errorf("only %d calls were interrupted", n)
					}
					return
				}
			}
		})
	}
}

// mirrorInterrupted reports whether the fault struck.
func mirrorInterrupted(t *testing.T, p *Publisher, m *Mirror, f *fault) bool {
	t.Helper()
	m.Disk = &durable.Disk{Fault: f.call}
	_, err := m.Copy(t.Context())
	m.Disk = nil
	if f.seen < f.n {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return false
	}
	const old, all = "pc-1 1, age 1", "pc-1 1, pc-1 2, age 1, age 2, zip 3"
	c := newClient(t, p, m.Dir)
	c.SetNames("pc-1")
	if got := update(t, c); got != old && got != all {
		t.Errorf("call %d (%s): readers see %s", f.n, f.mode, got)
	}
	checkMirror(t, m, indexName) // the text form may be ahead of the head, which decides
	copied(t, m)
	if got := update(t, c); got != all {
		t.Errorf("call %d (%s): after the same command again readers see %s", f.n, f.mode, got)
	}
	checkMirror(t, m)
	return !t.Failed()
}
