package repo

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/sign"
)

// forHost builds a package of a host or unit.
func forHost(t testing.TB, kind muster.Kind, name, version string, signers ...*sign.Identity) string {
	t.Helper()
	return packControl(t, control.Control{Name: name, Version: version, Kind: kind,
		OS: []string{"all"}, Architecture: []string{"all"}}, "", signers...)
}

// newHostStage is newStage with packages of hosts and units, of which the client
// is about pc-1 and the unit paris.
func newHostStage(t *testing.T) *stage {
	t.Helper()
	p, dave := newRepo(t), everybody().dave
	publish(t, p, pack(t, "age", "1", everybody().alice), forHost(t, muster.Host, "pc-1", "1", dave), forHost(t, muster.Unit, "paris", "1", dave))
	s := &stage{Publisher: p, liar: newLiar(t, p.Dir), honst: newLiar(t, p.Dir).url, old: copyDir(t, p.Dir)}
	s.c = newClient(t, p, s.liar.url)
	s.c.SetNames("pc-1", "paris")
	update(t, s.c)
	publish(t, p, forHost(t, muster.Host, "pc-1", "2", dave), forHost(t, muster.Host, "pc-2", "1", dave))
	s.liar.hits()
	return s
}

// binFiles lists the tables and bins that the hits asked for.
func binFiles(hits []string) (names []string) {
	for _, name := range hits {
		if strings.HasPrefix(name, "hosts/by-hash/") {
			names = append(names, name)
		}
	}
	return names
}

// A client sees the packages of the names that it is about, and follows no other.
func TestBins(t *testing.T) {
	s := newHostStage(t)
	dave := everybody().dave
	if got := list(must(s.c.Index())); got != "pc-1 1, paris 1, age 1" && got != "paris 1, pc-1 1, age 1" {
		t.Fatalf("index has %s", got)
	}
	r := must(s.c.Update(t.Context()))
	x := must(s.c.Index())
	if len(x.Find("pc-1")) != 2 || len(x.Find("paris")) != 1 || len(x.Find("pc-2")) != 0 || !r.News {
		t.Errorf("index has %s, %+v", list(x), r)
	}
	if hits := binFiles(s.liar.hits()); len(hits) != 3 {
		t.Errorf("asked for %d files of bins: %v", len(hits), hits)
	}
	must(s.c.Open(t.Context(), x.Find("pc-1")[1])).Close()

	publish(t, s.Publisher, forHost(t, muster.Host, "other", "1", dave))
	s.liar.hits()
	if r := must(s.c.Update(t.Context())); r.News {
		t.Errorf("another host's package is news: %+v", r)
	}
	if hits := binFiles(s.liar.hits()); len(hits) > 2 {
		t.Errorf("asked for %v", hits)
	}
	s.Now = s.Now.Add(time.Hour)
	must(s.Refresh())
	s.liar.hits()
	if r := must(s.c.Update(t.Context())); r.News || len(binFiles(s.liar.hits())) != 0 {
		t.Errorf("after a refresh: %+v", r)
	}
	s.Now = s.Now.Add(time.Hour)
	must(s.Remove(control.Relation{Name: "pc-1"}))
	if r := must(s.c.Update(t.Context())); !r.News || len(must(s.c.Index()).Find("pc-1")) != 0 {
		t.Errorf("after the removal: %+v, %s", r, list(must(s.c.Index())))
	}
	if got := must1(s.Contents()).Bins; len(got) == 0 {
		t.Error("nothing is left")
	}
	s.Now = s.Now.Add(time.Hour)
	must(s.Remove(control.Relation{Name: "pc-2"}, control.Relation{Name: "paris"}, control.Relation{Name: "other"}))
	if got := must1(s.Contents()).Bins; len(got) != 0 {
		t.Errorf("tables without packages: %v", got)
	}
	if got := update(t, s.c); got != "age 1" {
		t.Errorf("index has %s", got)
	}
}

// What is not known is no answer: names that were set since the last update, and
// files that were lost, until an update has brought them, though nothing is new.
func TestNamesBeforeUpdate(t *testing.T) {
	s := newHostStage(t)
	update(t, s.c)
	s.c.SetNames("pc-2")
	_, err := s.c.Index()
	if wantKind(t, err, muster.Unavailable, "for this host"); muster.HintOf(err) == "" {
		t.Error("no hint")
	}
	if r := must(s.c.Update(t.Context())); !r.News {
		t.Errorf("%+v", r)
	}
	if got := list(must(s.c.Index())); got != "pc-2 1, age 1" {
		t.Errorf("index has %s", got)
	}
	if err := os.RemoveAll(s.c.binsDir("main")); err != nil {
		t.Fatal(err)
	}
	s.c.kept = nil
	if _, err := s.c.Index(); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("without its files: %v", err)
	}
	if got := update(t, s.c); got != "pc-2 1, age 1" {
		t.Errorf("index has %s", got)
	}
	s.c.SetNames("nobody", "pc-9")
	if got := update(t, s.c); got != "age 1" {
		t.Errorf("names without packages: %s", got)
	}
	if left, _ := filepath.Glob(s.c.binsDir("main") + "/*"); len(left) > 7 {
		t.Errorf("%d files are kept", len(left))
	}
}

// A packager cannot give one name to packages of both sorts, nor replace a
// package that was published.
func TestBinsRefuse(t *testing.T) {
	s := newHostStage(t)
	ppl := everybody()
	_, err := s.Publish(pack(t, "pc-1", "3", ppl.alice))
	wantKind(t, err, muster.Conflict, "of kind host")
	_, err = s.Publish(forHost(t, muster.Unit, "age", "3", ppl.dave))
	wantKind(t, err, muster.Conflict, "of kind base")
	_, err = s.Publish(forHost(t, muster.Unit, "zip", "3", ppl.dave), pack(t, "zip", "3", ppl.alice))
	wantKind(t, err, muster.Conflict, "of kind unit")
	_, err = s.Publish(pack(t, "zip", "3", ppl.alice), forHost(t, muster.Unit, "zip", "3", ppl.dave))
	wantKind(t, err, muster.Conflict, "of kind base")
	_, err = s.Publish(forHost(t, muster.Host, "pc-1", "2", ppl.dave, ppl.alice))
	wantKind(t, err, muster.Conflict, "already, with other bytes")
	_, err = s.Publish(forHost(t, muster.Host, "pc-1", "1.5", ppl.dave))
	wantKind(t, err, muster.Conflict, "older than pc-1 2")
	_, err = s.Publish(forHost(t, muster.Host, "pc-1", "3", ppl.stranger))
	wantKind(t, err, muster.Denied, "unknown authority")
	_, err = s.Publish(forHost(t, muster.Host, "pc-1", "3", server()))
	wantKind(t, err, muster.Denied, "")
	_, err = s.Remove(control.Relation{Name: "pc-3"})
	wantKind(t, err, muster.NotFound, "pc-3")
	r := must(s.Publish(forHost(t, muster.Host, "pc-1", "2", ppl.dave)))
	if len(r.Unchanged) != 1 || len(r.Added) != 0 {
		t.Errorf("again: %+v", r)
	}
}

// bin serves data under its hash and returns what names it.
func (s *stage) bin(prefix string, data []byte) index.Bin {
	b := index.Bin{Prefix: prefix, SHA256: index.Sum(data), Size: int64(len(data))}
	s.lies(binName(&b), answer(data))
	return b
}

// table serves a table of that prefix which lists bins.
func (s *stage) table(t *testing.T, prefix string, bins ...index.Bin) index.Bin {
	t.Helper()
	table := &index.Table{Type: index.TableType, Prefix: prefix, Bins: bins}
	return s.bin(prefix, must(compress(must(table.Encode()))))
}

// signBins replaces the bins of the newest head.
func (s *stage) signBins(t *testing.T, bins ...index.Bin) {
	t.Helper()
	s.signHead(t, everybody().alice, func(h *index.Head) { h.Bins = bins })
}

// forge puts data where the bin of pc-1 should be, with all hashes right.
func forge(data func(*testing.T, *stage) []byte) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		p := index.BinOf("pc-1")
		s.signBins(t, s.table(t, p[:1], s.table(t, p[:2], s.bin(p, data(t, s)))))
	}
}

// pathTo lists the files from the head to the bin of a name.
func pathTo(t *testing.T, h *index.Head, dir, name string) (all []index.Bin) {
	t.Helper()
	s := newBins(h.Bins, (&Publisher{Dir: dir}).readBin)
	for list := s.top; len(all) < index.BinDigits; {
		b := index.FindBin(list, index.BinOf(name))
		if all = append(all, *b); !b.IsBin() {
			list = must(s.below(b))
		}
	}
	return all
}

// Tables and bins that a server, or the thief of the head's key, falsifies.
func TestCase10FalseBins(t *testing.T) {
	at := func(i int, lie func(*testing.T, *stage, []byte) http.HandlerFunc) func(*testing.T, *stage) {
		return func(t *testing.T, s *stage) {
			b := pathTo(t, must1(s.Contents()), s.Dir, "pc-1")[i]
			s.lies(binName(&b), lie(t, s, read(t, s.Dir, binName(&b))))
		}
	}
	says := func(change func([]byte) []byte) func(*testing.T, *stage, []byte) http.HandlerFunc {
		return func(_ *testing.T, _ *stage, data []byte) http.HandlerFunc { return answer(change(data)) }
	}
	old := func(i int) func(*testing.T, *stage, []byte) http.HandlerFunc {
		return func(t *testing.T, s *stage, _ []byte) http.HandlerFunc {
			b := pathTo(t, must1((&Publisher{Dir: s.old, Now: s.Now}).Contents()), s.old, "pc-1")[i]
			return answer(read(t, s.old, binName(&b)))
		}
	}
	var lies []lie
	for i, what := range []string{"first table", "second table", "bin"} {
		lies = append(lies,
			lie{what + " a bit off", at(i, says(flipped)), muster.Denied, "is not the file that the head names"},
			lie{what + " cut short", at(i, says(func(b []byte) []byte { return b[:len(b)/2] })), muster.Denied, "is not the file"},
			lie{what + " grown", at(i, says(func(b []byte) []byte { return append(b, 0) })), muster.Unavailable, "more than"},
			lie{what + " empty", at(i, says(func([]byte) []byte { return nil })), muster.Denied, "is not the file"},
			lie{what + " missing", at(i, func(*testing.T, *stage, []byte) http.HandlerFunc { return status(404) }), muster.NotFound, "404"},
			lie{what + " of before", at(i, old(i)), "", ""},
		)
	}
	refuseOn(t, newHostStage, lies...)
}

// What a thief of the head's key makes of bins reads as what it is, or not at all.
func TestCase16ForgedBins(t *testing.T) {
	entry := func(kind muster.Kind, name string) func(*testing.T, *stage) []byte {
		return func(t *testing.T, s *stage) []byte {
			f, _ := mustOpen(t, forHost(t, kind, name, "9", everybody().stranger))
			return must(compress([]byte(describe(t, f).Text())))
		}
	}
	raw := func(text string) func(*testing.T, *stage) []byte {
		return func(*testing.T, *stage) []byte { return must(compress([]byte(text))) }
	}
	p := index.BinOf("pc-1")
	refuseOn(t, newHostStage,
		lie{"bin of another name", forge(entry(muster.Host, "pc-2")), muster.Invalid, "stands in bin"},
		lie{"bin with a group", forge(entry(muster.Group, "pc-1")), muster.Invalid, "not in bins"},
		lie{"bin that is a bomb", forge(func(*testing.T, *stage) []byte { return bomb() }), muster.Invalid, "more than"},
		lie{"bin that is garbage", forge(raw("garbage")), muster.Invalid, ""},
		lie{"bin that is not compressed", forge(func(*testing.T, *stage) []byte { return []byte("package: pc-1\n") }), muster.Invalid, ""},
		lie{"table that is a bomb", func(t *testing.T, s *stage) { s.signBins(t, s.bin(p[:1], bomb())) }, muster.Invalid, "more than"},
		lie{"table of another prefix", func(t *testing.T, s *stage) {
			table := s.table(t, "0", s.bin("00", []byte("x")))
			table.Prefix = p[:1]
			s.signBins(t, table)
		}, muster.Invalid, "not of"},
		lie{"table that leads elsewhere", func(t *testing.T, s *stage) {
			s.signBins(t, s.table(t, p[:1], s.bin("zz", []byte("x"))))
		}, muster.Invalid, "does not belong"},
		lie{"bin in place of a table", func(t *testing.T, s *stage) {
			s.signBins(t, s.bin(p[:1], entry(muster.Host, "pc-1")(t, s)))
		}, muster.Invalid, "table of bins"},
	)
	t.Run("packages", func(t *testing.T) {
		dave := everybody().dave
		for name, edit := range map[string]func(*control.Control){
			"depends": func(c *control.Control) { c.Depends = append(c.Depends, must(control.ParseDependency("evil"))) },
			"version": func(c *control.Control) { c.Version = "10" },
			"kind":    func(c *control.Control) { c.Kind = muster.Unit },
		} {
			err := slippedFor(t, "pc-1", forHost(t, muster.Host, "pc-1", "9", dave), func(e *index.Entry) {
				c := *e.Control
				edit(&c)
				e.Control = &c
			})
			wantKind(t, err, muster.Denied, "control ("+name+") differs")
		}
		err := slippedFor(t, "pc-9", forHost(t, muster.Host, "pc-1", "9", dave), func(e *index.Entry) {
			c := *e.Control
			c.Name = "pc-9"
			e.Control = &c
		})
		wantKind(t, err, muster.Denied, "control (package) differs")
		err = slippedFor(t, "pc-1", forHost(t, muster.Host, "pc-1", "9", everybody().stranger), nil)
		wantKind(t, err, muster.Denied, "unknown authority")
		err = slippedFor(t, "pc-1", forHost(t, muster.Host, "pc-1", "9", server()), nil)
		wantKind(t, err, muster.Denied, "")
	})
}

// slippedFor is slipped for a client that is about a name.
func slippedFor(t *testing.T, name, file string, edit func(*index.Entry)) error {
	t.Helper()
	s := newHostStage(t)
	slip(t, s.Publisher, file, edit)
	s.c.SetNames(name)
	update(t, s.c)
	f, err := s.c.Open(t.Context(), must(s.c.Index()).Find(name)[0])
	if err == nil {
		f.Close()
	}
	return err
}

// Revocation and lowest versions hold for packages of bins.
func TestCase05RevokedInBins(t *testing.T) {
	s, ppl := newHostStage(t), everybody()
	update(t, s.c)
	e := must(s.c.Index()).Find("pc-1")
	s.MinVersions = map[string]string{"pc-1": "2"}
	s.Now = s.Now.Add(time.Hour)
	must(s.AddLink([]*sign.Identity{ppl.ca}, func(l *index.Link) { l.RevokedPackages = []string{e[1].ManifestSHA256} }))
	update(t, s.c)
	wantKind(t, s.c.Usable(e[0]), muster.Denied, "is below 2")
	wantKind(t, s.c.Usable(e[1]), muster.Denied, "revoked")
	_, err := s.c.Open(t.Context(), e[1])
	wantKind(t, err, muster.Denied, "revoked")
}

// Scopes say who may sign packages of hosts.
func TestBinsScopes(t *testing.T) {
	s, ppl := newHostStage(t), everybody()
	must(s.AddLink([]*sign.Identity{ppl.ca}, func(l *index.Link) {
		l.Scopes = []index.Scope{{Kinds: []muster.Kind{muster.Host}, Signers: []string{sign.Fingerprint(ppl.alice.Leaf())}}}
	}))
	_, err := s.Publish(forHost(t, muster.Host, "pc-1", "3", ppl.dave))
	wantKind(t, err, muster.Denied, "scope 1")
	publish(t, s.Publisher, forHost(t, muster.Host, "pc-1", "3", ppl.alice))
	update(t, s.c)
	_, err = s.c.Open(t.Context(), must(s.c.Index()).Find("pc-1")[0])
	wantKind(t, err, muster.Denied, "scope 1")
	must(s.c.Open(t.Context(), must(s.c.Index()).Find("pc-1")[2])).Close()
}

// Files of bins that nothing leads to any more stay for a while, then go; so do
// packages, with their folders.
func TestBinsGC(t *testing.T) {
	s := newHostStage(t)
	now := time.Now() // files have the time of the disk
	s.Now = now
	if _, _, err := s.GC(0, 0); err != nil {
		t.Fatal(err)
	}
	must(s.Remove(control.Relation{Name: "paris"}))
	s.Now = now.Add(47 * time.Hour)
	if _, removed, err := s.GC(0, Grace); err != nil || len(removed) > 0 {
		t.Errorf("too early: %v, %v", removed, err)
	}
	s.Now = now.Add(49 * time.Hour)
	if _, removed, err := s.GC(1, Grace); err != nil || !slices.ContainsFunc(removed, func(n string) bool { return strings.Contains(n, "/paris/") }) {
		t.Errorf("removed %v, %v", removed, err)
	}
	s.Now = now.Add(98 * time.Hour)
	_, removed, err := s.GC(1, Grace)
	if err != nil || !slices.ContainsFunc(removed, func(n string) bool { return strings.Contains(n, "/pc-1/pc-1_1_") }) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if dirs, _ := filepath.Glob(filepath.Join(s.Dir, "hosts/*/paris")); len(dirs) > 0 {
		t.Errorf("left: %v", dirs)
	}
	checkRepo(t, s.Publisher, 0, "")
	h, x, err := s.Contents()
	if err != nil || list(x) != "pc-1 2, pc-2 1, age 1" && list(x) != "pc-2 1, pc-1 2, age 1" {
		t.Errorf("lists %s, %v", list(x), err)
	}
	used := map[string]bool{}
	b := newBins(h.Bins, s.readBin)
	if err := b.eachBelow(b.top, func(b *index.Bin) { used[binName(b)] = true }); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(s.Dir, "hosts/by-hash/*"))
	if len(files) != len(used) {
		t.Errorf("%d files of bins, %d are used", len(files), len(used))
	}
	s.c.Now = func() time.Time { return s.Now }
	update(t, s.c)
}

// The checker reads the packages of bins, and finds what is wrong with them.
func TestCheckBins(t *testing.T) {
	s := newHostStage(t)
	check := func() *Verdict {
		return must((&Checker{Base: s.Dir, Now: func() time.Time { return s.Now }}).Check(t.Context()))
	}
	if v := check(); v.Packages != 5 || len(v.Findings)+len(v.Unlisted) > 0 {
		t.Errorf("%+v", v)
	}
	e := must2(s.Contents()).Find("pc-2")[0]
	if err := os.WriteFile(s.path(e.Filename), flipped(read(t, s.Dir, e.Filename)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("hosts/00-stray"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if v := check(); len(v.Findings) != 1 || v.Findings[0].File != e.Filename || fmt.Sprint(v.Unlisted) != "[hosts/00-stray]" {
		t.Errorf("%+v", v)
	}
}

// Who changes names and fails at something else goes back to those before, though
// the bins have changed meanwhile.
func TestNamesTogether(t *testing.T) {
	s := newHostStage(t)
	s.c.SetNames("pc-1", "paris", "pc-2")
	update(t, s.c)
	// In this order: the last names decide which files are kept below.
	for _, c := range []struct{ names, want string }{{"pc-2", "pc-2 1, age 1"}, {"pc-1 paris", "paris 1, pc-1 1, pc-1 2, age 1"}} {
		s.c.SetNames(strings.Fields(c.names)...)
		if got := list(must(s.c.Index())); got != c.want {
			t.Errorf("about %s: %s", c.names, got)
		}
		if r := must(s.c.Update(t.Context())); r.News {
			t.Errorf("about %s: %+v", c.names, r)
		}
	}
	publish(t, s.Publisher, forHost(t, muster.Unit, "paris", "2", everybody().dave))
	update(t, s.c)
	publish(t, s.Publisher, forHost(t, muster.Unit, "paris", "3", everybody().dave))
	update(t, s.c)
	if got := s.visible(); list(must(s.c.Index())) != got {
		t.Errorf("lists %s, want %s", list(must(s.c.Index())), got)
	}
	kept, _ := filepath.Glob(s.c.binsDir("main") + "/*")
	s.c.SetNames()
	publish(t, s.Publisher, forHost(t, muster.Host, "pc-1", "3", everybody().dave), forHost(t, muster.Unit, "paris", "4", everybody().dave))
	update(t, s.c)
	publish(t, s.Publisher, forHost(t, muster.Host, "pc-1", "4", everybody().dave), forHost(t, muster.Host, "pc-2", "4", everybody().dave))
	update(t, s.c)
	if left, _ := filepath.Glob(s.c.binsDir("main") + "/*"); len(kept) < 6 || len(left) > 3 {
		t.Errorf("kept %d files, then %d of names that nobody asks for", len(kept), len(left))
	}
}

// A package of another name in the same bin is no news.
func TestBinsOfNeighbours(t *testing.T) {
	s := newHostStage(t)
	update(t, s.c)
	for i := 0; ; i++ {
		name := fmt.Sprintf("n%d", i)
		if index.BinOf(name) != index.BinOf("pc-1") {
			continue
		}
		publish(t, s.Publisher, forHost(t, muster.Host, name, "1", everybody().dave))
		s.liar.hits()
		r := must(s.c.Update(t.Context()))
		if hits := binFiles(s.liar.hits()); r.News || len(hits) != 3 || len(must(s.c.Index()).Find(name)) > 0 {
			t.Errorf("%+v, asked for %v", r, hits)
		}
		return
	}
}
