package repo

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/index"
	"muster/pkgfile"
	"muster/sign"
)

// The cases of docs/faults.md about heads, indexes and the chain of trust.

// A repository that was rolled back as a whole is refused, the serial that is
// kept stays, and the failures are counted up to the alarm, also over restarts.
func TestCase06RolledBack(t *testing.T) {
	s := newStage(t)
	s.Now = s.Now.Add(3 * 24 * time.Hour)
	publish(t, s.Publisher, pack(t, "zip", "4", everybody().alice))
	newest := update(t, s.c)
	s.lies("", Handler(s.old).ServeHTTP)
	before, was := snapshot(t, s.c.State), s.c.Head().Serial
	for want := 1; want <= 3; want++ {
		s.c.kept = nil // as after a restart
		r, err := s.c.Update(t.Context())
		wantKind(t, err, muster.Denied, "older than serial")
		if r.Failures != want || r.Serial != was || r.News || r.Lagging {
			t.Errorf("%+v, want failure %d at serial %d", r, want, was)
		}
	}
	if after := snapshot(t, s.c.State); after != before {
		t.Errorf("kept:\n%swas\n%s", after, before)
	}
	s.c.Bases = append(s.c.Bases, s.honst)
	if got := update(t, s.c); got != newest || s.c.load().note.Failures != 0 {
		t.Errorf("with an honest mirror: %s, %d failures", got, s.c.load().note.Failures)
	}
}

// A mirror that lags is passed over without an alarm: for the next mirror, or
// for what is kept when there is no other. It never takes a client back.
func TestCase07LaggingMirror(t *testing.T) {
	s := newStage(t)
	newest := update(t, s.c)
	was := s.c.Head().Serial
	lagging := newLiar(t, s.old)
	s.c.ID = "main" // as the root has pinned it
	s.c.Bases = []string{lagging.url, s.honst}
	r, err := s.c.Update(t.Context())
	if err != nil || r.Failures != 0 || r.News || r.Base != s.honst || r.Lagging {
		t.Errorf("with another mirror: %+v, %v", r, err)
	}
	s.c.Bases = []string{lagging.url}
	before := snapshot(t, s.c.State)
	for range 4 {
		r, err = s.c.Update(t.Context())
		if err != nil || r.Failures != 0 || r.News || !r.Lagging || r.Serial != was {
			t.Errorf("alone: %+v, %v", r, err)
		}
	}
	if after := snapshot(t, s.c.State); after != before || list(must(s.c.Index())) != newest {
		t.Errorf("kept:\n%swas\n%s", after, before)
	}
	// Replaying for ever does not freeze a client unnoticed.
	now := s.Now.AddDate(0, 0, 20)
	s.c.Now = func() time.Time { return now }
	if r, err = s.c.Update(t.Context()); muster.KindOf(err) != muster.Stale || !r.Stale || r.Failures != 1 {
		t.Errorf("alone for weeks: %+v, %v", r, err)
	}
}

// An expired repository keeps what it has, tells, and heals.
func TestCase09Expired(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	now := s.Now.Add(20 * 24 * time.Hour)
	s.c.Now = func() time.Time { return now }
	r, err := s.c.Update(t.Context())
	if !r.Stale || muster.KindOf(err) != muster.Stale || !errors.As(err, new(*index.Expired)) || muster.HintOf(err) == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if x, err := s.c.Index(); err != nil || x.Len() != 3 {
		t.Errorf("index: %v", err)
	}
	wantKind(t, s.c.Fresh(), muster.Stale, "expired")
	s.lies("", status(500))
	if r, err := s.c.Update(t.Context()); !r.Stale || muster.KindOf(err) != muster.Stale {
		t.Errorf("without a server: %+v, %v", r, err)
	}
	s.liar.lie = map[string]http.HandlerFunc{}
	s.Now = now.Add(-time.Hour)
	if _, err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.c.Update(t.Context()); err != nil || r.Stale || r.News {
		t.Errorf("after a refresh: %+v, %v", r, err)
	}
	if err := s.c.Fresh(); err != nil {
		t.Error(err)
	}
}

// A newer head that has expired already is not taken for news.
func TestCase09ExpiredOnArrival(t *testing.T) {
	refuse(t, lie{"", func(t *testing.T, s *stage) {
		s.signHead(t, everybody().alice, func(h *index.Head) { h.Expires = h.Date + 60 })
	}, muster.Stale, "expired on"})
}

// A new head whose index is an old one, another one or not there: the index
// before stays whole.
func TestCase10HeadWithoutItsIndex(t *testing.T) {
	byHash := func(t *testing.T, s *stage) []byte {
		h, _, err := s.Contents()
		if err != nil {
			t.Fatal(err)
		}
		return read(t, s.Dir, hashName(h.Index))
	}
	with := func(h func(*testing.T, *stage) http.HandlerFunc) func(*testing.T, *stage) {
		return func(t *testing.T, s *stage) {
			s.lies("changes", status(404))
			s.lies("by-hash", h(t, s))
		}
	}
	refuse(t,
		lie{"index of before", with(func(t *testing.T, s *stage) http.HandlerFunc {
			h, _, _ := (&Publisher{Dir: s.old}).Contents()
			return answer(read(t, s.old, hashName(h.Index)))
		}), "", ""},
		lie{"index missing", with(func(*testing.T, *stage) http.HandlerFunc { return status(404) }), muster.NotFound, "404"},
		lie{"index a bit off", with(func(t *testing.T, s *stage) http.HandlerFunc { return answer(flipped(byHash(t, s))) }), muster.Denied, "sha256"},
		lie{"index cut short", with(func(t *testing.T, s *stage) http.HandlerFunc {
			data := byHash(t, s)
			return answer(data[:len(data)/2])
		}), muster.Unavailable, "bytes"},
	)
}

func TestCase12FromTheFuture(t *testing.T) {
	const days = 3 * 86400
	for name, edit := range map[string]func(*index.Head){
		"date and serial": func(h *index.Head) { h.Date, h.Serial, h.Expires = h.Date+days, h.Serial+days, h.Expires+days },
		"serial":          func(h *index.Head) { h.Serial += days },
		"serial for ever": func(h *index.Head) { h.Serial = 1 << 40 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.signHead(t, everybody().alice, edit)
			_, err := s.c.Update(t.Context())
			wantKind(t, err, muster.Denied, "more than a day after now")
			if !strings.Contains(muster.HintOf(err), "clock") {
				t.Errorf("hint %q", muster.HintOf(err))
			}
			s.liar.lie = map[string]http.HandlerFunc{}
			update(t, s.c) // it heals as soon as the repository is honest again
		})
	}
}

func TestCase14Stalls(t *testing.T) {
	stalled := func(name string) func(*testing.T, *stage) {
		return func(t *testing.T, s *stage) {
			s.c.Fetch.Stall = 300 * time.Millisecond
			s.lies("changes", status(404))
			s.lies(name, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}
	}
	refuse(t,
		lie{"head", stalled(headName), muster.Unavailable, "nothing came"},
		lie{"index", stalled("by-hash"), muster.Unavailable, "nothing came"},
	)
}

func TestCase15NoRepositoryThere(t *testing.T) {
	everything := func(h http.HandlerFunc) func(*testing.T, *stage) {
		return func(t *testing.T, s *stage) { s.lies("", h) }
	}
	refuse(t,
		lie{"403", everything(status(403)), muster.Denied, "403"},
		lie{"404", everything(status(404)), muster.NotFound, "404"},
		lie{"500", everything(status(500)), muster.Unavailable, "500"},
		lie{"captive portal", everything(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("<html><body>Welcome"))
		}), muster.Unavailable, "portal"},
		lie{"portal that says it is binary", everything(answer([]byte("<html><body>Welcome"))), muster.Invalid, ""},
		lie{"redirect to another host", everything(http.RedirectHandler("http://localhost:1/", http.StatusFound).ServeHTTP),
			muster.Unavailable, "another host"},
		lie{"redirect loop", everything(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}), muster.Unavailable, "redirects"},
		lie{"redirect from https to http", func(t *testing.T, s *stage) {
			secure := httptest.NewTLSServer(http.RedirectHandler(s.honst+"/"+headName, http.StatusFound))
			t.Cleanup(secure.Close)
			s.c.Fetch = s.c.Fetch.WithCache(t.TempDir()) // one that has no connections yet
			s.c.Fetch.Roots = x509.NewCertPool()
			s.c.Fetch.Roots.AddCert(secure.Certificate())
			s.c.ID, s.c.Bases = "main", []string{secure.URL}
			s.c.kept = nil
		}, muster.Unavailable, "redirect from https to http"},
	)
}

// A document is not taken for another one, whoever signed it.
func TestCase18AnotherDocument(t *testing.T) {
	alice := everybody().alice
	refuse(t,
		lie{"head of another repository", func(t *testing.T, s *stage) {
			other := &Publisher{Dir: filepath.Join(t.TempDir(), "other"), Signers: s.Signers, Now: s.Now}
			if err := other.Init("other", nil); err != nil {
				t.Fatal(err)
			}
			s.lies("", Handler(other.Dir).ServeHTTP)
		}, muster.Denied, `of repository "other"`},
		lie{"link as head", func(t *testing.T, s *stage) { s.lies(headName, answer(read(t, s.Dir, linkName(1)))) }, muster.Invalid, ""},
		lie{"manifest as head", func(t *testing.T, s *stage) {
			f := must(pkgfile.Open(mustOpen(t, pack(t, "age", "9", alice))))
			s.lies(headName, answer(must(sign.Sign(f.Encoded, false, start, alice))))
		}, muster.Invalid, "head"},
		lie{"package as head", func(t *testing.T, s *stage) {
			s.lies(headName, answer(read(t, "", pack(t, "age", "9", alice))))
		}, muster.Invalid, ""},
		lie{"head as link", func(t *testing.T, s *stage) {
			head := read(t, s.Dir, headName)
			s.lies("trust/2", answer(head))
			s.signHead(t, alice, func(h *index.Head) { h.Trust = index.LinkRef{Number: 2, SHA256: index.Sum(head)} })
		}, muster.Invalid, "link 2 of trust"},
	)
}

func TestCase20ChainOfTrust(t *testing.T) {
	ppl := everybody()
	evil := func(number int, by *sign.Identity) func(*testing.T, *stage) {
		return func(t *testing.T, s *stage) { s.evilLink(t, number, by) }
	}
	refuse(t,
		lie{"next link by a packager", evil(2, ppl.alice), muster.Denied, "0 anchors"},
		lie{"next link by a stranger", evil(2, ppl.stranger), muster.Denied, "unknown authority"},
		lie{"link after the next", evil(3, ppl.ca), muster.NotFound, "trust/2.p7m"},
		lie{"link replayed", func(t *testing.T, s *stage) {
			s.signHead(t, ppl.alice, func(h *index.Head) { h.Trust.Number = 2 })
			s.lies("trust/2", answer(read(t, s.Dir, linkName(1))))
		}, muster.Denied, "it is link 1"},
		lie{"another link 1", func(t *testing.T, s *stage) {
			s.signHead(t, ppl.alice, func(h *index.Head) { h.Trust.SHA256 = index.Sum(nil) })
		}, muster.Denied, "another link 1"},
	)
}

// A head that nobody has verified yet cannot make a client fetch a thousand
// links.
func TestCase20EndlessChain(t *testing.T) {
	s := newStage(t)
	var asked atomic.Int32
	s.lies("trust/", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(make([]byte, index.MaxLink))(w, r)
	})
	s.signHead(t, everybody().stranger, func(h *index.Head) { h.Trust = index.LinkRef{Number: index.MaxLinks, SHA256: index.Sum(nil)} })
	s.refuses(t, lie{"", nil, muster.Invalid, ""})
	if n := asked.Load(); n > 2 {
		t.Errorf("%d links were fetched", n)
	}
}

// A client that was off for a year follows a change of authority through three
// links, and ends on the newest head, in one update.
func TestCase21OffForAYear(t *testing.T) {
	ppl := everybody()
	third := authority("Third CA")
	carol := person(third, "Carol", sign.RightCode)
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", ppl.alice))
	c := newClient(t, p, p.Dir)
	update(t, c)
	for _, step := range []struct {
		anchor, head *sign.Identity
		edit         func(*index.Link)
	}{
		{ppl.ca, ppl.alice, func(l *index.Link) { l.Add = raw(ppl.ca2.Chain) }},
		{ppl.ca2, ppl.bob, func(l *index.Link) {
			l.Add, l.Remove = raw(third.Chain), []string{sign.Fingerprint(ppl.ca.Leaf())}
		}},
		{third, carol, func(l *index.Link) { l.Remove = []string{sign.Fingerprint(ppl.ca2.Leaf())} }},
	} {
		p.Now = p.Now.AddDate(0, 4, 0)
		p.Signers = []*sign.Identity{step.head}
		if _, err := p.AddLink([]*sign.Identity{step.anchor}, step.edit); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, p, pack(t, "age", "2", carol))
	r, err := c.Update(t.Context())
	if err != nil || !r.News || r.Stale || r.Serial != must1(p.Contents()).Serial {
		t.Fatalf("%+v, %v", r, err)
	}
	chain := c.Chain()
	if chain.Number != 4 || len(chain.Anchors) != 1 || !chain.Anchors[0].Equal(third.Leaf()) {
		t.Errorf("link %d, anchors %v", chain.Number, chain.Anchors)
	}
	f, err := c.Open(t.Context(), must(c.Index()).Find("age")[1])
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	_, err = c.Open(t.Context(), must(c.Index()).Find("age")[0])
	wantKind(t, err, muster.Denied, "unknown authority") // the authority of old is gone
}

// A clock that is wrong: behind, it is corrected by what was seen, also for
// certificates; ahead, the repository looks stale, which is said with a hint
// at the clock, and leaves nothing behind once the clock is right.
func TestCase29Clock(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	right := s.c.Now
	at := func(now time.Time) { s.c.Now = func() time.Time { return now } }

	at(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
	publish(t, s.Publisher, pack(t, "zip", "4", everybody().alice))
	if got := update(t, s.c); !strings.Contains(got, "zip 4") {
		t.Errorf("in 2001: %s", got)
	}
	e := must(s.c.Index()).Find("zip")[1]
	f, err := s.c.Open(t.Context(), e) // its certificates would not be valid yet
	if err != nil {
		t.Fatalf("in 2001: %v", err)
	}
	f.Close()

	before := snapshot(t, s.c.State)
	at(start.AddDate(5, 0, 0))
	r, err := s.c.Update(t.Context())
	if !r.Stale || muster.KindOf(err) != muster.Stale || !strings.Contains(muster.HintOf(err), "clock") {
		t.Errorf("in five years: %+v, %v (hint %q)", r, err, muster.HintOf(err))
	}
	if after := snapshot(t, s.c.State); after != before {
		t.Errorf("kept:\n%swas\n%s", after, before)
	}

	at(right().AddDate(0, 0, -2)) // it steps back
	if err := s.c.Fresh(); err != nil {
		t.Errorf("two days back: %v", err)
	}
	if r, err := s.c.Update(t.Context()); err != nil || r.Stale || r.Failures != 0 {
		t.Errorf("two days back: %+v, %v", r, err)
	}
}

// A client that has seen nothing yet, with a clock in 2001, cannot tell what is
// new: it refuses, and says why.
func TestCase29ClockAtFirstUse(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice))
	c := newClient(t, p, p.Dir)
	c.Now = func() time.Time { return time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }
	_, err := c.Update(t.Context())
	wantKind(t, err, muster.Denied, "more than a day after now")
	if !strings.Contains(muster.HintOf(err), "clock") {
		t.Errorf("hint %q", muster.HintOf(err))
	}
}

// One process at a time changes a repository; what a killed one left of its
// lock keeps nobody out.
func TestCase27TwoPublishers(t *testing.T) {
	p := newRepo(t)
	unlock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	other := &Publisher{Dir: p.Dir, Signers: p.Signers, Now: p.Now}
	_, err = other.Refresh()
	wantKind(t, err, muster.Busy, "another process")
	unlock()
	if _, err := os.Stat(p.path(lockName)); err != nil {
		t.Fatalf("the file of the lock: %v", err)
	}
	other.Now = other.Now.Add(time.Hour)
	if _, err := other.Refresh(); err != nil {
		t.Errorf("with the file of a lock that nobody holds: %v", err)
	}
}

// must1 drops the index of what [Publisher.Contents] returns.
func must1(h *index.Head, _ *index.Index, err error) *index.Head { return must(h, err) }
