package advisories

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db/dbtest"
)

// A publisher is a web server that says something, or fails.
type publisher struct {
	*httptest.Server
	text   string
	stamp  int // of the text
	serve  http.HandlerFunc
	asked  int
	whole  int // answers with the text
	broken http.HandlerFunc
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked++
		if p.broken != nil {
			p.broken(w, r)
			return
		}
		tag := fmt.Sprintf(`"%d"`, p.stamp)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		p.whole++
		w.Header().Set("ETag", tag)
		w.Write([]byte(p.text)) //nolint:errcheck // a test
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) say(lines ...string) {
	p.text = tracker(lines...)
	p.stamp++
}

// noLocal refuses addresses of this machine, as a server's guard does.
func noLocal(a netip.Addr) error {
	if a.Unmap().IsLoopback() {
		return muster.Errorf(muster.Denied, "%s is no public address", a)
	}
	return nil
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// sourceOf is the state of the only source.
func (w *world) sourceOf() api.AdvisorySource {
	w.t.Helper()
	page, err := w.ListSources(w.t.Context())
	check(w.t, err)
	if len(page.Sources) != 1 {
		w.t.Fatalf("%d sources", len(page.Sources))
	}
	return page.Sources[0]
}

func (w *world) look() {
	w.t.Helper()
	check(w.t, w.Look(w.t.Context()))
}

// TestFetch has a publisher change, fail in every way, and come back. What it said last
// counts all the time.
func TestFetch(t *testing.T) {
	p := newPublisher(t)
	p.say("curl CVE-1 bookworm 2 high")
	var told []string
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Sources = []Source{{Name: "debian", Form: "debian", URL: p.URL + "/tracker.json", Every: time.Hour}}
		c.Guard, c.Allow, c.MaxSize = noLocal, loopback, 4096
	})
	w.site("LYON")
	host := w.report("LYON", "a", said{}, "curl 1", "bash 1")
	w.look()
	first := []string{"CVE-1 curl 2 high"}
	same(t, "first", w.found(nil, host, api.FindingQuery{}), first)
	w.look()
	if p.asked != 1 {
		t.Errorf("asked %d times within an hour", p.asked)
	}
	w.pass(time.Hour)
	w.look()
	if s := w.sourceOf(); p.asked != 2 || p.whole != 1 || s.Succeeded != w.now.Unix() || s.Changed == s.Succeeded {
		t.Errorf("not modified: asked %d times, answered %d; %+v", p.asked, p.whole, s)
	}

	huge := strings.Repeat(" ", 5000)
	for _, c := range []struct {
		name, message string
		serve         http.HandlerFunc
	}{
		{"away", "503", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "3600")
			rw.WriteHeader(http.StatusServiceUnavailable)
		}},
		{"a page of a portal", "cannot read", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>please log in") }},
		{"cut", "unexpected EOF", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "4000")
			fmt.Fprint(rw, p.text)
		}},
		{"cut, as it seems whole", "cannot read", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, p.text[:len(p.text)/2]) }},
		{"too large", "4096", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, huge+p.text) }},
		{"too large, as announced", "4096", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", strconv.Itoa(len(huge)))
			fmt.Fprint(rw, huge)
		}},
		{"nothing", "0 entries", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "{}") }},
		{"round and round", "more than 5 times", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/again", http.StatusFound) }},
	} {
		p.broken = c.serve
		w.pass(12 * time.Hour)
		before := p.asked
		w.look()
		s := w.sourceOf()
		if p.asked == before || s.Failing == 0 || !strings.Contains(s.Error, c.message) || s.Due <= w.now.Unix() {
			t.Errorf("%s: %+v", c.name, s)
		}
		same(t, c.name, w.found(nil, host, api.FindingQuery{}), first)
		told = append(told, s.Error)
		asked := p.asked
		w.look()
		if p.asked != asked {
			t.Errorf("%s: asked again at once", c.name)
		}
		if left, err := os.ReadDir(w.Folder); err != nil || len(left) > 0 {
			t.Errorf("%s: %d files are left; %v", c.name, len(left), err)
		}
	}
	p.broken = nil
	p.say("curl CVE-1 bookworm 2 high", "bash CVE-2 bookworm - low")
	w.pass(12 * time.Hour)
	w.look()
	if s := w.sourceOf(); s.Failing != 0 || s.Error != "" || s.Entries != 2 {
		t.Errorf("it is back: %+v; %q", s, told)
	}
	same(t, "it is back", w.found(nil, host, api.FindingQuery{}), []string{"CVE-1 curl 2 high", "CVE-2 bash  low"})
}

// TestFetchGuarded holds that no address of this machine is fetched from: neither as it
// is written, nor as a name's, nor where a server sends elsewhere.
func TestFetchGuarded(t *testing.T) {
	p := newPublisher(t)
	p.say("curl CVE-1 bookworm 2 high")
	port := p.URL[strings.LastIndex(p.URL, ":"):]
	for _, address := range []string{"http://127.0.0.1" + port, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port} {
		w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
			c.Sources = []Source{{Name: "debian", Form: "debian", URL: address}}
			c.Guard = noLocal
		})
		w.look()
		if s := w.sourceOf(); p.asked != 0 || !strings.Contains(s.Error, "no public address") {
			t.Errorf("%s: asked %d times; %+v", address, p.asked, s)
		}
	}
	// One that may be asked sends to one that may not.
	hidden := newPublisher(t)
	p.broken = func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, strings.Replace(hidden.URL, "127.0.0.1", "127.0.0.2", 1), http.StatusFound)
	}
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Sources = []Source{{Name: "debian", Form: "debian", URL: p.URL}}
		c.Guard, c.Allow = noLocal, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	w.look()
	if s := w.sourceOf(); p.asked != 1 || hidden.asked != 0 || !strings.Contains(s.Error, "127.0.0.2 is no public address") {
		t.Errorf("sent elsewhere: asked %d and %d times; %+v", p.asked, hidden.asked, s)
	}
}

// TestFetchByProxy has a proxy of the machine fetch what the server itself may not dial.
func TestFetchByProxy(t *testing.T) {
	document := tracker("curl CVE-1 bookworm 2 high")
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		fmt.Fprint(w, document)
	}))
	t.Cleanup(proxy.Close)
	u, err := url.Parse(proxy.URL)
	check(t, err)
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Sources = []Source{{Name: "debian", Form: "debian", URL: "http://tracker.example.org/json"}}
		c.Guard, c.Proxy = noLocal, http.ProxyURL(u)
	})
	w.look()
	if s := w.sourceOf(); s.Entries != 1 || asked != "http://tracker.example.org/json" {
		t.Errorf("%q, %+v", asked, s)
	}
}

// TestFiles follows a file, and a folder of which each file says a part.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	osv := func(id, ecosystem, fixed string) string {
		return `{"id":"` + id + `","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"` + ecosystem + `","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"` + fixed + `"}]}]}]}`
	}
	put("2026/a.json", osv("DSA-1", "Debian:12", "2"))
	put("2026/b.json", osv("DSA-1", "Debian:11", "3"))
	put("c.json", osv("DSA-2", "Debian:12", "4"))
	put("d.json", "{")
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Sources = []Source{{Name: "osv", Form: "osv", Path: dir, Every: time.Minute}}
	})
	w.site("LYON")
	twelve, eleven := w.report("LYON", "a", said{}, "curl 1"), w.report("LYON", "b", said{version: "11"}, "curl 1")
	w.look()
	if s := w.sourceOf(); s.Skipped != 1 || s.Entries != 2 {
		t.Fatalf("one file cannot be read: %+v", s)
	}
	check(t, os.Remove(filepath.Join(dir, "d.json")))
	w.pass(time.Hour)
	w.look()
	if s := w.sourceOf(); s.Error != "" || s.Entries != 2 {
		t.Fatalf("%+v", s)
	}
	same(t, "of two files", append(w.found(nil, twelve, api.FindingQuery{}), w.found(nil, eleven, api.FindingQuery{})...),
		[]string{"DSA-2 curl 4 unknown", "DSA-1 curl 2 unknown", "DSA-1 curl 3 unknown"})
	changed := w.sourceOf().Changed
	check(t, os.Chtimes(filepath.Join(dir, "c.json"), time.Time{}, time.Now().Add(time.Hour)))
	w.pass(time.Hour)
	w.look()
	if s := w.sourceOf(); s.Changed != changed || s.Succeeded != w.now.Unix() {
		t.Errorf("touched: %+v", s)
	}
	check(t, os.Remove(filepath.Join(dir, "c.json")))
	w.pass(time.Hour)
	w.look()
	same(t, "a file is gone", w.found(nil, twelve, api.FindingQuery{}), []string{"DSA-1 curl 2 unknown"})
	check(t, os.RemoveAll(dir))
	w.pass(time.Hour)
	w.look()
	if s := w.sourceOf(); s.Failing == 0 {
		t.Errorf("the folder is gone: %+v", s)
	}
	same(t, "the folder is gone", w.found(nil, twelve, api.FindingQuery{}), []string{"DSA-1 curl 2 unknown"})
}

// TestShrunk refuses content that takes away most of what there is, unless that is
// allowed.
func TestShrunk(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("curl CVE-%d bookworm 2 high", i))
	}
	w.bring("debian", "debian", tracker(lines...))
	_, err := w.Import(t.Context(), ImportOptions{Source: "debian", Form: "debian"}, strings.NewReader(tracker(lines[:100]...)))
	wantKind(t, err, muster.Conflict)
	if s := w.sourceOf(); s.Entries != 300 {
		t.Errorf("%+v", s)
	}
	_, err = w.Import(t.Context(), ImportOptions{Source: "debian", Form: "debian", Shrink: true}, strings.NewReader(tracker(lines[:100]...)))
	check(t, err)
	_, err = w.Import(t.Context(), ImportOptions{Source: "debian", Form: "kev"}, strings.NewReader("{}"))
	wantKind(t, err, muster.Conflict)
	check(t, w.RemoveSource(t.Context(), "debian"))
	page, err := w.List(t.Context(), nil, api.FindingQuery{})
	check(t, err)
	if len(page.Advisories) != 0 {
		t.Errorf("%d are left of a source that was removed", len(page.Advisories))
	}
}

// TestForms imports a document of every form.
func TestForms(t *testing.T) {
	files := map[string]string{"osv": "osv", "debian": "debian.json", "dsa": "dsa.txt", "csaf": "csaf", "oval": "oval/debian.xml", "vuxml": "vuln.xml", "pkgsrc": "pkg-vulnerabilities",
		"updateinfo": "updateinfo.xml", "secdb": "secdb.json", "arch": "arch.json", "kev": "kev.json", "support": "security-support-ended.deb12",
		"releases": "debian.csv", "epss": "epss_scores-2026-11-20.csv"}
	for _, form := range Forms() {
		path := filepath.Join("..", "..", "advisory", "testdata", files[form])
		w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
			c.Sources = []Source{{Name: form, Form: form, Path: path, Ecosystem: "rocky", Release: "9"}}
		})
		w.look()
		if s := w.sourceOf(); s.Entries == 0 || s.Error != "" {
			t.Errorf("%s: %+v", form, s)
		}
	}
}

// TestFolderOfCSAF: a document whose sum is another than the one beside it is left out.
func TestFolderOfCSAF(t *testing.T) {
	dir := t.TempDir()
	check(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "advisory", "testdata", "csaf"))))
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Sources = []Source{{Name: "csaf", Form: "csaf", Path: dir}} })
	w.look()
	was := w.sourceOf()
	document := filepath.Join(dir, "cve-2026-60001.json")
	check(t, os.WriteFile(document+".sha256", []byte(strings.Repeat("0", 64)+"  x\n"), 0o644))
	w.pass(10 * time.Minute)
	w.look()
	if s := w.sourceOf(); s.Skipped != was.Skipped+1 || s.Entries != was.Entries-1 {
		t.Errorf("entries %d, skipped %d; before %d, %d", s.Entries, s.Skipped, was.Entries, was.Skipped)
	}
}

// TestMeaning: the same bytes are read again where they come to mean something else.
func TestMeaning(t *testing.T) {
	path := filepath.Join("..", "..", "advisory", "testdata", "updateinfo.xml")
	text, err := os.ReadFile(path)
	check(t, err)
	served := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		served++
		w.Write(text) //nolint:errcheck // the client says so
	}))
	defer web.Close()
	for _, source := range []Source{{Path: path}, {URL: web.URL}} {
		d := dbtest.SQLite(t)
		changed := int64(0)
		for i, c := range []struct {
			release, mapping, read string
			again                  bool
		}{{"8", "a", "8", true}, {"8", "a", "8", false}, {"9", "a", "9", true}, {"9", "b", "9", true}, {"9", "b", "9", false}} {
			w := newWorld(t, d, func(conf *Config) {
				source.Name, source.Form, source.Ecosystem, source.Release = "u", "updateinfo", "rocky", c.release
				conf.Mapping, conf.Sources = c.mapping, []Source{source}
				conf.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			})
			w.pass(time.Duration(i) * 24 * time.Hour)
			w.look()
			s := w.sourceOf()
			if again := s.Changed != changed; again != c.again || s.Error != "" {
				t.Errorf("%s, step %d: read again %v, want %v: %+v", source.place(), i, again, c.again, s)
			}
			changed = s.Changed
			l, err := w.List(t.Context(), nil, api.FindingQuery{})
			check(t, err)
			one, err := w.Show(t.Context(), nil, l.Advisories[0].ID)
			check(t, err)
			if got := one.Affected[0].Release; got != c.read {
				t.Errorf("%s, step %d: release %q, want %q", source.place(), i, got, c.read)
			}
		}
	}
	if served != 3 {
		t.Errorf("sent %d times", served)
	}
}

// TestUnreadStays: an entry that cannot be read any more was not withdrawn by its
// publisher: what it said before stays. One that is not there is withdrawn.
func TestUnreadStays(t *testing.T) {
	doc := func(id, modified string) string {
		return `{"id":"` + id + `","modified":"` + modified + `","affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}`
	}
	dir := t.TempDir()
	put := func(name, text string) { check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)) }
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Sources = []Source{{Name: "osv", Form: "osv", Path: dir}} })
	w.site("LYON")
	h := w.report("LYON", "a", said{}, "curl 1")
	for _, id := range []string{"DSA-1", "DSA-2", "SUSE-SU-2026:3", "DSA-4", "DSA-5"} {
		put(fileName(id)+".json", doc(id, "2026-01-01T00:00:00Z"))
	}
	w.look()
	put("dsa-2.json", doc("DSA-2", "yesterday"))
	put("suse-su-2026_3.json", "{")
	check(t, os.Remove(filepath.Join(dir, "dsa-4.json")))
	for range 2 {
		w.pass(time.Hour)
		w.look()
		if s := w.sourceOf(); s.Skipped != 2 || s.Entries != 2 {
			t.Errorf("%+v", s)
		}
		got := w.found(nil, h, api.FindingQuery{})
		slices.Sort(got)
		same(t, "open", got, []string{"DSA-1 curl 2 unknown", "DSA-2 curl 2 unknown", "DSA-5 curl 2 unknown", "SUSE-SU-2026:3 curl 2 unknown"})
		put("dsa-1.json", doc("DSA-1", "2026-01-02T00:00:00Z"))
	}
	put("dsa-2.json", doc("DSA-2", "2026-01-02T00:00:00Z"))
	check(t, os.Remove(filepath.Join(dir, "suse-su-2026_3.json")))
	w.pass(time.Hour)
	w.look()
	got := w.found(nil, h, api.FindingQuery{})
	slices.Sort(got)
	same(t, "at last", got, []string{"DSA-1 curl 2 unknown", "DSA-2 curl 2 unknown", "DSA-5 curl 2 unknown"})
}
