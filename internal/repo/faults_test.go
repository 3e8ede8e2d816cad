package repo

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/internal/durable"
)

var errFault = errors.New("injected")

// A fault strikes at the n-th change of the disk.
type fault struct {
	n    int
	mode string // "before" it happens, "after" it has, or a "crash": nothing changes any more
	mu   sync.Mutex
	seen int
}

func (f *fault) call(c durable.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mode == "crash" && f.seen >= f.n {
		return errFault
	}
	if c.After != (f.mode != "before") {
		return nil
	}
	if f.seen++; f.seen == f.n {
		return errFault
	}
	return nil
}

// TestCase11PublisherInterrupted interrupts a publication at every change of the disk, in
// each way. Clients see the publication before or the new one, whole; the
// checker finds no fault; and the same command again completes.
func TestCase11PublisherInterrupted(t *testing.T) {
	first := pack(t, "age", "1", everybody().alice)
	host := forHost(t, muster.Host, "pc-1", "1", everybody().dave)
	second := []string{pack(t, "age", "2", everybody().alice), pack(t, "zip", "3", everybody().alice),
		forHost(t, muster.Host, "pc-1", "2", everybody().dave)}
	for start, mode := range []string{"before", "after", "crash"} {
		t.Run(mode, func(t *testing.T) {
			for n := 1 + start; ; n += 3 { // the modes take turns: together they strike every call
				p := newRepo(t)
				publish(t, p, first, host)
				c := newClient(t, p, p.Dir)
				c.SetNames("pc-1")
				update(t, c)
				f := &fault{n: n, mode: mode}
				if !interrupted(t, p, c, f, second) {
					if n < 30 { // a publication makes about 40
						t.Errorf("only %d calls were interrupted", n)
					}
					return
				}
			}
		})
	}
}

// interrupted reports whether the fault struck.
func interrupted(t *testing.T, p *Publisher, c *Client, f *fault, files []string) bool {
	t.Helper()
	p.Now = p.Now.Add(time.Hour)
	p.Disk = &durable.Disk{Fault: f.call}
	_, err := p.Publish(files...)
	p.Disk = nil
	if f.seen < f.n {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return false
	}
	const old, all = "pc-1 1, age 1", "pc-1 1, pc-1 2, age 1, age 2, zip 3"
	if got := update(t, c); got != old && got != all {
		t.Errorf("call %d (%s): clients see %s", f.n, f.mode, got)
	}
	checkRepo(t, p, f.n, indexName) // the text form may be ahead of the head, which decides
	p.Now = p.Now.Add(time.Hour)
	if _, err := p.Publish(files...); err != nil {
		t.Errorf("call %d (%s): the same command again: %v", f.n, f.mode, err)
	}
	if got := update(t, c); got != all {
		t.Errorf("call %d (%s): after the same command again clients see %s", f.n, f.mode, got)
	}
	checkRepo(t, p, f.n, "")
	return !t.Failed()
}

// checkRepo proves the repository, but for one file that may be wrong.
func checkRepo(t *testing.T, p *Publisher, n int, but string) {
	t.Helper()
	v, err := (&Checker{Base: p.Dir, Now: func() time.Time { return p.Now }}).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Findings {
		if f.File != but {
			t.Errorf("call %d: check: %v", n, f)
		}
	}
}

// TestNginx follows a repository that a real nginx serves: news as changes,
// no news for next to nothing, a package in parts.
func TestNginx(t *testing.T) {
	p := newRepo(t)
	dave := everybody().dave
	publish(t, p, pack(t, "age", "1", everybody().alice), forHost(t, muster.Host, "pc-1", "1", dave), forHost(t, muster.Host, "pc-2", "1", dave))
	url, sent := startNginx(t, p.Dir)
	c := newClient(t, p, url)
	c.SetNames("pc-1")
	if got := update(t, c); got != "pc-1 1, age 1" {
		t.Fatalf("through nginx: %s", got)
	}
	before := sent()
	r, err := c.Update(t.Context())
	if err != nil || r.News || r.Bytes != 0 {
		t.Errorf("without news: %+v, %v", r, err)
	}
	if n := sent() - before; n <= 0 || n >= 2048 {
		t.Errorf("without news nginx sent %d bytes, want under 2 KB", n)
	}
	publish(t, p, pack(t, "age", "2", everybody().alice))
	if got := update(t, c); got != "pc-1 1, age 1, age 2" {
		t.Errorf("with news: %s", got)
	}
	for _, e := range must(c.Index()).Entries() {
		f, err := c.Open(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.CheckContent(); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	v, err := (&Checker{Base: url, Fetch: c.Fetch, Now: c.Now}).Check(t.Context())
	if err != nil || len(v.Findings) > 0 {
		t.Errorf("check: %+v, %v", v, err)
	}
	if err := os.Rename(filepath.Join(p.Dir, headName), filepath.Join(p.Dir, "away")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Update(t.Context()); err == nil {
		t.Error("a repository without a head is believed")
	}
}

// A client that is interrupted while it keeps news, at any change of its disk, has
// the publication before or the new one afterwards, bins and all, without its
// server; and the next update completes.
func TestClientInterrupted(t *testing.T) {
	for start, mode := range []string{"before", "after", "crash"} {
		t.Run(mode, func(t *testing.T) {
			for n := 1 + start; ; n += 3 {
				s := newHostStage(t)
				publish(t, s.Publisher, pack(t, "age", "2", everybody().alice))
				before, after := list(must(s.c.Index())), s.visible()
				f := &fault{n: n, mode: mode}
				s.c.Disk = &durable.Disk{Fault: f.call}
				_, err := s.c.Update(t.Context())
				if f.seen < n {
					if err != nil || n < 15 { // keeping news takes about 20
						t.Errorf("without a fault: %v after %d calls", err, f.seen)
					}
					return
				}
				c := newClient(t, s.Publisher, s.c.Bases...) // as after a restart
				c.State = s.c.State
				c.SetNames("pc-1", "paris")
				if got := list(must(c.Index())); got != before && got != after {
					t.Errorf("call %d: lists %s", n, got)
				}
				if got := update(t, c); got != after {
					t.Errorf("call %d: after an update %s", n, got)
				}
			}
		})
	}
}
