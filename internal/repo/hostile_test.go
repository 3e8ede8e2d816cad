package repo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/index"
	"muster/internal/fetch"
	"muster/sign"
)

// stage is a repository with two publications, of which the client knows the
// first, and a mirror that is honest.
type stage struct {
	*Publisher
	old   string // a copy of the first publication
	liar  *liar
	honst string
	c     *Client
}

func newStage(t *testing.T) *stage {
	t.Helper()
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice))
	s := &stage{Publisher: p, liar: newLiar(t, p.Dir), honst: newLiar(t, p.Dir).url, old: copyDir(t, p.Dir)}
	s.c = newClient(t, p, s.liar.url)
	update(t, s.c)
	publish(t, p, pack(t, "age", "2", everybody().alice), pack(t, "zip", "3", everybody().alice))
	return s
}

// lies tells the liar to lie about one name.
func (s *stage) lies(prefix string, h http.HandlerFunc) { s.liar.lie[prefix] = h }

// signHead replaces the head on the liar by one that edit made of the newest,
// signed by id.
func (s *stage) signHead(t *testing.T, id *sign.Identity, edit func(*index.Head)) {
	t.Helper()
	h, _, err := s.Contents()
	if err != nil {
		t.Fatal(err)
	}
	copied := *h
	edit(&copied)
	s.lies(headName, answer(signed(t, &copied, id)))
}

func signed(t *testing.T, v interface{ Encode() ([]byte, error) }, id *sign.Identity) []byte {
	t.Helper()
	content, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file, err := sign.Sign(content, false, start, id)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func flipped(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)*2/3] ^= 4
	return data
}

// Whatever a server does to the head, the index or the links: nothing that is
// kept changes, the error says what happened, and the next mirror is asked.
func TestHostileServer(t *testing.T) {
	ppl := everybody()
	for _, test := range []struct {
		name string
		do   func(*testing.T, *stage)
		kind muster.ErrorKind
		want string
	}{
		{"head is a bit off", func(t *testing.T, s *stage) { s.lies(headName, answer(flipped(read(t, s.Dir, headName)))) }, "", ""},
		{"head cut short", func(t *testing.T, s *stage) { s.lies(headName, answer(read(t, s.Dir, headName)[:500])) }, muster.Invalid, ""},
		{"head empty", func(t *testing.T, s *stage) { s.lies(headName, answer(nil)) }, muster.Invalid, ""},
		{"head too large", func(t *testing.T, s *stage) { s.lies(headName, answer(make([]byte, index.MaxHead+1))) }, muster.Unavailable, "more than 65536"},
		{"head by a stranger", func(t *testing.T, s *stage) { s.signHead(t, ppl.stranger, func(*index.Head) {}) }, muster.Denied, "unknown authority"},
		{"case 6: whole repository rolled back", func(t *testing.T, s *stage) {
			update(t, s.c)
			for _, name := range []string{headName, indexName, "by-hash", "changes"} {
				s.lies(name, Handler(s.old).ServeHTTP)
			}
		}, muster.Denied, "older than serial"},
		{"case 9: expired", func(t *testing.T, s *stage) {
			s.signHead(t, ppl.alice, func(h *index.Head) { h.Expires = h.Date + 60 })
		}, muster.Stale, "expired on"},
		{"case 10: index of before", func(t *testing.T, s *stage) {
			h, _, _ := (&Publisher{Dir: s.old}).Contents()
			s.lies("by-hash", answer(read(t, s.old, hashName(h.Index))))
			s.lies("changes", status(404))
		}, "", ""},
		{"case 10: index missing", func(t *testing.T, s *stage) {
			s.lies("by-hash", status(404))
			s.lies("changes", status(404))
		}, muster.NotFound, "404"},
		{"index is a bit off", func(t *testing.T, s *stage) {
			h, _, _ := s.Contents()
			s.lies("by-hash", answer(flipped(read(t, s.Dir, hashName(h.Index)))))
			s.lies("changes", status(404))
		}, muster.Denied, "sha256"},
		{"case 12: from the future", func(t *testing.T, s *stage) {
			s.signHead(t, ppl.alice, func(h *index.Head) {
				h.Date, h.Serial, h.Expires = h.Date+3*86400, h.Serial+3*86400, h.Expires+3*86400
			})
		}, muster.Denied, "more than a day after now"},
		{"case 14: head stalls", func(t *testing.T, s *stage) {
			s.c.Fetch.Stall = 300 * time.Millisecond
			s.lies(headName, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}, muster.Unavailable, "nothing came"},
		{"case 15: 403", func(t *testing.T, s *stage) { s.lies("", status(403)) }, muster.Denied, "403"},
		{"case 15: 404", func(t *testing.T, s *stage) { s.lies("", status(404)) }, muster.NotFound, "404"},
		{"case 15: 500", func(t *testing.T, s *stage) { s.lies("", status(500)) }, muster.Unavailable, "500"},
		{"case 15: captive portal", func(t *testing.T, s *stage) {
			s.lies("", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html><body>Welcome")) })
		}, muster.Unavailable, "portal"},
		{"case 15: redirect to another host", func(t *testing.T, s *stage) {
			s.lies("", http.RedirectHandler("http://localhost:1/", http.StatusFound).ServeHTTP)
		}, muster.Unavailable, "another host"},
		{"case 15: redirect loop", func(t *testing.T, s *stage) {
			s.lies("", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
		}, muster.Unavailable, "redirects"},
		{"case 18: head of another repository", func(t *testing.T, s *stage) {
			other := &Publisher{Dir: filepath.Join(t.TempDir(), "other"), Signers: s.Signers, Now: s.Now}
			if err := other.Init("other", nil); err != nil {
				t.Fatal(err)
			}
			s.lies("", Handler(other.Dir).ServeHTTP)
		}, muster.Denied, `of repository "other"`},
		{"case 18: link as head", func(t *testing.T, s *stage) { s.lies(headName, answer(read(t, s.Dir, linkName(1)))) }, muster.Invalid, ""},
		{"case 20: next link by a packager", func(t *testing.T, s *stage) { s.evilLink(t, 2, ppl.alice) }, muster.Denied, "0 anchors"},
		{"case 20: next link by a stranger", func(t *testing.T, s *stage) { s.evilLink(t, 2, ppl.stranger) }, muster.Denied, "unknown authority"},
		{"case 20: link after the next", func(t *testing.T, s *stage) { s.evilLink(t, 3, ppl.ca) }, muster.NotFound, "trust/2.p7m"},
		{"case 20: link replayed", func(t *testing.T, s *stage) {
			s.signHead(t, ppl.alice, func(h *index.Head) { h.Trust.Number = 2 })
			s.lies("trust/2", answer(read(t, s.Dir, linkName(1))))
		}, muster.Denied, "it is link 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			test.do(t, s)
			before := snapshot(t, s.c.State)
			was := s.c.Head().Serial
			r, err := s.c.Update(t.Context())
			if err == nil || test.kind != "" && muster.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v (%s), want %s with %q", err, muster.KindOf(err), test.kind, test.want)
			}
			if r.News || r.Serial != was || r.Failures != 1 {
				t.Errorf("result %+v, serial was %d", r, was)
			}
			if after := snapshot(t, s.c.State); after != before {
				t.Errorf("kept:\n%swas\n%s", after, before)
			}
			if _, err := s.c.Index(); err != nil {
				t.Errorf("index afterwards: %v", err)
			}
			s.c.Bases = append(s.c.Bases, s.honst)
			if got := update(t, s.c); got != "age 1, age 2, zip 3" {
				t.Errorf("with an honest mirror: %s", got)
			}
		})
	}
}

// evilLink serves a link of that number, signed by id, and a head that names it.
func (s *stage) evilLink(t *testing.T, number int, id *sign.Identity) {
	t.Helper()
	l := &index.Link{Type: index.LinkType, Repository: "main", Number: number, Date: s.Now.Unix(),
		Previous: index.Sum(read(t, s.Dir, linkName(1))), Add: raw(everybody().stranger.Chain[1:])}
	file := signed(t, l, id)
	s.lies("trust/"+linkName(number)[len("trust/"):], answer(file))
	s.signHead(t, everybody().alice, func(h *index.Head) { h.Trust = index.LinkRef{Number: number, SHA256: index.Sum(file)} })
}

// Case 7: a mirror that lags is passed over without an alarm.
func TestLaggingMirror(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	lagging := newLiar(t, s.old)
	s.c.ID, s.c.Bases = "main", []string{lagging.url, s.honst} // as the root has pinned it
	r, err := s.c.Update(t.Context())
	if err != nil || r.Failures != 0 || r.News || r.Base != s.honst {
		t.Errorf("%+v, %v", r, err)
	}
}

// Case 6: failures in a row are counted, until one update succeeds.
func TestFailuresAreCounted(t *testing.T) {
	s := newStage(t)
	s.lies("", status(500))
	for want := 1; want <= 3; want++ {
		s.c.kept = nil // as after a restart
		if r, err := s.c.Update(t.Context()); err == nil || r.Failures != want {
			t.Errorf("failures %d, want %d (%v)", r.Failures, want, err)
		}
	}
	s.liar.lie = map[string]http.HandlerFunc{}
	if r, err := s.c.Update(t.Context()); err != nil || r.Failures != 0 || !r.News {
		t.Errorf("%+v, %v", r, err)
	}
}

// Case 9: an expired repository keeps what it has, tells, and heals.
func TestStale(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	now := s.Now.Add(20 * 24 * time.Hour)
	s.c.Now = func() time.Time { return now }
	r, err := s.c.Update(t.Context())
	if !r.Stale || muster.KindOf(err) != muster.Stale || !errors.As(err, new(*index.Expired)) {
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

// bomb is a zstd frame of 131 kB that decompresses to 4 GiB: 32,768 blocks of
// one repeated byte (RFC 8878, 3.1.1.2).
func bomb() []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3}
	for i := range 32768 {
		header := uint32(128<<10)<<3 | 1<<1
		if i == 32767 {
			header |= 1
		}
		b = append(binary.LittleEndian.AppendUint32(b, header)[:len(b)+3], 'a')
	}
	return b
}

// Case 13: what decompresses without end is stopped at the size that is due.
func TestBomb(t *testing.T) {
	data := bomb()
	if len(data) != 131078 {
		t.Fatalf("the bomb has %d bytes", len(data))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := decompress(data, 1<<20); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d MB were allocated", n>>20)
	}
	s := newStage(t)
	s.lies("changes", answer(data)) // larger than the index: not read to its end
	if got := update(t, s.c); got != "age 1, age 2, zip 3" {
		t.Errorf("index has %s", got)
	}
}

// Changes are not signed: false ones only cost the way round by the index.
func TestFalseChanges(t *testing.T) {
	for _, name := range []string{"bomb", "garbage", "other target", "portal", "to a stranger's package"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.lies("changes", answer(falseChanges(t, s, name)))
			if got := update(t, s.c); got != "age 1, age 2, zip 3" {
				t.Errorf("index has %s", got)
			}
		})
	}
}

func falseChanges(t *testing.T, s *stage, name string) []byte {
	head, x, err := s.Contents()
	if err != nil {
		t.Fatal(err)
	}
	was := s.c.Head().Index.Serial
	empty, _ := index.New(nil)
	ch := index.Diff(empty, x, was, head.Index.Serial)
	switch name {
	case "bomb":
		return bomb()[:1000]
	case "garbage":
		return []byte("garbage")
	case "portal":
		return []byte("<html>")
	case "other target":
		ch.ToSHA256 = index.Sum(nil)
	default:
		ch.Added = ch.Added[:1]
	}
	return must(compress(ch.Print()))
}

// What a packager, a deployer or a thief of the head's key can slip into an
// index is found before the package is used.
func TestHostilePackages(t *testing.T) {
	ppl := everybody()
	good := func(t *testing.T) string { return pack(t, "age", "2", ppl.alice) }
	for _, test := range []struct {
		name string
		file func(*testing.T) string
		edit func(*index.Entry)
		want string
	}{
		{"case 2: unknown authority", func(t *testing.T) string { return pack(t, "age", "2", ppl.stranger) }, nil, "unknown authority"},
		{"case 3: base without the code right", func(t *testing.T) string { return pack(t, "age", "2", ppl.dave) }, nil, "may not sign code"},
		{"case 16: dependency added", good, func(e *index.Entry) {
			c := *e.Control
			c.Depends = append(c.Depends, must(controlDependency("evil")))
			e.Control = &c
		}, "control (depends) differs"},
		{"case 17: other architecture", good, func(e *index.Entry) {
			c := *e.Control
			c.Architecture = []string{"arm64"}
			e.Control = &c
		}, "control (architecture) differs"},
		{"case 17: other name", good, func(e *index.Entry) {
			c := *e.Control
			c.Name = "openssh"
			e.Control = &c
		}, "control (package) differs"},
		{"other manifest", good, func(e *index.Entry) { e.ManifestSHA256 = index.Sum(nil) }, "manifest differs"},
		{"other size", good, func(e *index.Entry) { e.InstalledSize++ }, "installed size differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			slip(t, s.Publisher, test.file(t), test.edit)
			update(t, s.c)
			x, _ := s.c.Index()
			e := x.Entries()[x.Len()-1]
			for _, other := range x.Entries() {
				if other.Version == "2" && (other.Name == "age" || other.Name == "openssh") && len(other.Filename) > 0 {
					e = other
				}
			}
			_, err := s.c.Open(t.Context(), e)
			wantKind(t, err, muster.Denied, test.want)
		})
	}
}

// slip lists a file that the publisher itself would refuse.
func slip(t *testing.T, p *Publisher, name string, edit func(*index.Entry)) {
	t.Helper()
	p.Now = p.Now.Add(time.Hour)
	_, err := p.change(func(c *contents) (*publication, *Report, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		e := describe(t, f)
		if edit != nil {
			edit(e)
		}
		e.Filename = index.Pool(e.Control)
		var others []*index.Entry
		for _, o := range c.index.Entries() {
			if o.Name != "age" || o.Version != "2" {
				others = append(others, o)
			}
		}
		x, err := index.New(append(others, e))
		if err != nil {
			return nil, nil, err
		}
		next, err := p.prepare(c, x)
		if err != nil {
			return nil, nil, err
		}
		return next, &Report{}, p.store(&draft{e, f, name})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Case 1: a package whose bytes were changed is refused before it is unpacked,
// leaves nothing in the cache, and comes from the next mirror.
func TestPackageChanged(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	x, _ := s.c.Index()
	e := x.Find("age")[1]
	s.lies("pool", answer(flipped(read(t, s.Dir, e.Filename))))
	_, err := s.c.Open(t.Context(), e)
	var m *fetch.Mismatch
	if wantKind(t, err, muster.Denied, "sha256"); !errors.As(err, &m) {
		t.Errorf("error is %T", err)
	}
	if left, _ := filepath.Glob(s.c.Fetch.Cache + "/*"); left != nil {
		t.Errorf("in the cache: %v", left)
	}
	s.c.Bases = append(s.c.Bases, s.honst)
	f, err := s.c.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
