package repo

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/index"
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

// A lie is something that a server does, and how a client refuses it.
type lie struct {
	name string
	do   func(*testing.T, *stage)
	kind muster.ErrorKind // "" is any
	want string           // in the error
}

// refuse tells each lie to a client of its own. Whatever it is about, nothing
// that is kept changes, the failure is counted, the error says what happened
// and what to do, and the next mirror is asked.
func refuse(t *testing.T, lies ...lie) {
	t.Helper()
	refuseOn(t, newStage, lies...)
}

func refuseOn(t *testing.T, newStage func(*testing.T) *stage, lies ...lie) {
	t.Helper()
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			s := newStage(t)
			l.do(t, s)
			s.refuses(t, l)
			s.c.Bases = append(s.c.Bases, s.honst)
			if got := update(t, s.c); got != s.visible() {
				t.Errorf("with an honest mirror: %s", got)
			}
			if n := s.c.load().note.Failures; n != 0 {
				t.Errorf("with an honest mirror: %d failures", n)
			}
		})
	}
}

func (s *stage) refuses(t *testing.T, l lie) {
	t.Helper()
	before, was := snapshot(t, s.c.State), s.c.Head().Serial
	r, err := s.c.Update(t.Context())
	if err == nil || l.kind != "" && muster.KindOf(err) != l.kind || !strings.Contains(err.Error(), l.want) {
		t.Errorf("error %v (%s), want %s with %q", err, muster.KindOf(err), l.kind, l.want)
	}
	if muster.HintOf(err) == "" {
		t.Errorf("error %v does not say what to do", err)
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
}

// visible is what the repository lists for the client.
func (s *stage) visible() string {
	var all []string
	for _, e := range must2(s.Contents()).Entries() {
		if !index.Binned(e.Kind) || slices.Contains(s.c.names, e.Name) {
			all = append(all, e.String())
		}
	}
	return strings.Join(all, ", ")
}

// must2 drops the head of what [Publisher.Contents] returns.
func must2(_ *index.Head, x *index.Index, err error) *index.Index { return must(x, err) }

// evilLink serves a link of that number, signed by id, and a head that names it.
func (s *stage) evilLink(t *testing.T, number int, id *sign.Identity) {
	t.Helper()
	l := &index.Link{Type: index.LinkType, Repository: "main", Number: number, Date: s.Now.Unix(),
		Previous: index.Sum(read(t, s.Dir, linkName(1))), Add: raw(everybody().stranger.Chain[1:])}
	file := signed(t, l, id)
	s.lies("trust/"+linkName(number)[len("trust/"):], answer(file))
	s.signHead(t, everybody().alice, func(h *index.Head) { h.Trust = index.LinkRef{Number: number, SHA256: index.Sum(file)} })
}

// A message that no case of the table names, damaged in every simple way.
func TestDamagedHead(t *testing.T) {
	file := func(t *testing.T, s *stage) []byte { return read(t, s.Dir, headName) }
	refuse(t,
		lie{"a bit is off", func(t *testing.T, s *stage) { s.lies(headName, answer(flipped(file(t, s)))) }, "", ""},
		lie{"cut short", func(t *testing.T, s *stage) { s.lies(headName, answer(file(t, s)[:500])) }, muster.Invalid, ""},
		lie{"empty", func(t *testing.T, s *stage) { s.lies(headName, answer(nil)) }, muster.Invalid, ""},
		lie{"something behind it", func(t *testing.T, s *stage) { s.lies(headName, answer(append(file(t, s), 0))) }, muster.Invalid, ""},
	)
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

func mustOpen(t testing.TB, name string) (*os.File, int64) {
	t.Helper()
	f := must(os.Open(name))
	t.Cleanup(func() { f.Close() })
	return f, must(f.Stat()).Size()
}
