package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db/dbtest"
	"muster/internal/durable"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

// newSpooling is a server without the key, and who has it.
func newSpooling(t *testing.T) (*reporting, *Collect) {
	w := newReporting(t, func(c *Config) { c.Collector.Mode, c.Collector.Key, c.Collector.Spool = "spool", "", 256<<10 })
	return w, &Collect{DB: w.db, Key: w.id, Dir: w.spool.dir, Config: w.cfg.Collector, Say: t.Logf}
}

func (c *Collect) round(t *testing.T) Collected { t.Helper(); return must(c.Once(t.Context()))(t) }

// TestSpool has a server keep what it cannot open, and what has the key take it later.
func TestSpool(t *testing.T) {
	w, c := newSpooling(t)
	first := w.sealed(node("NIKHEF", "n1", "bash 1"))
	for _, body := range [][]byte{first, w.sealed(node("NIKHEF", "n2", "bash 2")), first, must(sign.Seal([]byte("x"), w.id.Leaf()))(t)} {
		status, body := w.post(body)
		wantAnswer(t, status, body, http.StatusAccepted, "KEPT\n")
	}
	status, body := w.send("/feed/?mode=store-only&protocol=5", "application/octet-stream", must(sign.Seal([]byte(pakitiText), w.id.Leaf()))(t))
	wantAnswer(t, status, body, http.StatusOK, "OK\n")
	status, body = w.post(text(t, node("OPEN", "n1", "bash 1")))
	wantAnswer(t, status, body, http.StatusForbidden, "ERROR the report is not sealed")
	if done := c.round(t); done != (Collected{Taken: 3, Again: 1, Refused: 1}) {
		t.Errorf("collected %+v", done)
	}
	if a, b := w.has("NIKHEF", "n1"), w.has("OPEN", "wn17.example.org"); a != "bash 1" || b != "bash 5.1.8-9.el9, openssl 1:3.2.2-6.el9" {
		t.Errorf("stored %s and %s", a, b)
	}
	h := must(w.sites.HostNamed(t.Context(), "NIKHEF", "n1"))(t)
	if h.Address != "127.0.0.1" {
		t.Errorf("the report came from %q", h.Address)
	}
	if left := must(os.ReadDir(w.spool.dir))(t); len(left) != 1 || left[0].Name() != refusedDir {
		t.Errorf("left in the spool: %v", left)
	}
	if done := c.round(t); done != (Collected{}) {
		t.Errorf("an empty spool: %+v", done)
	}
}

// TestSpoolReportOnly asks for what nobody can do without the key, and not to store: it is
// refused, and not stored after all.
func TestSpoolReportOnly(t *testing.T) {
	w, c := newSpooling(t)
	status, body := w.send(api.RouteReports+"?mode=report-only", "application/pkcs7-mime", w.sealed(node("NIKHEF", "n1", "bash 1")))
	wantAnswer(t, status, body, http.StatusBadRequest, "ERROR this collector keeps reports sealed")
	status, body = w.send("/feed/?mode=report-only&protocol=5", "application/octet-stream", must(sign.Seal([]byte(pakitiText), w.id.Leaf()))(t))
	wantAnswer(t, status, body, http.StatusInternalServerError, "ERROR\n")
	if done := c.round(t); done != (Collected{}) {
		t.Errorf("collected %+v", done)
	}
}

// TestSpoolRefused sends what only looks like sealed reports, and what is sealed to nobody:
// the first is not kept, of the second the newest stay, and all of it counts.
func TestSpoolRefused(t *testing.T) {
	w, c := newSpooling(t)
	bare := append(append([]byte{0x30, 0x83, 0, 0xff, 0xff}, oidEnveloped...), make([]byte, 50<<10)...)
	status, body := w.post(bare)
	wantAnswer(t, status, body, http.StatusBadRequest, "ERROR ")
	for i := range 40 {
		check(t, w.spool.add(letter{at: time.Unix(int64(i), 0), body: make([]byte, 2<<10), address: netip.AddrFrom4([4]byte{192, 0, byte(i), 1})}))
		if i%8 == 7 {
			c.round(t)
			w.spool.counted = time.Time{}
			w.spool.mu.Lock()
			check(t, w.spool.recount(time.Now()))
			w.spool.mu.Unlock()
		}
	}
	left := must(os.ReadDir(filepath.Join(w.spool.dir, refusedDir)))(t)
	if len(left) != 2 || !strings.HasPrefix(left[1].Name(), fmt.Sprintf("%019d", 39*time.Second)) {
		t.Errorf("of what was refused there is %v", left)
	}
	if n := w.spool.size(); n < 2*spoolFile || n > 16<<10 {
		t.Errorf("the spool has %d bytes", n)
	}
	check(t, os.Remove(filepath.Join(w.spool.dir, refusedDir, left[0].Name())))
}

// TestSpoolQuota fills the spool: one neighbourhood has a quarter of it, and room is
// made by who collects.
func TestSpoolQuota(t *testing.T) {
	dir := t.TempDir()
	s := must(openSpool(dir, 256<<10, nil))(t)
	from := func(address string) letter {
		return letter{body: make([]byte, 10<<10), at: time.Now(), address: netip.MustParseAddr(address)}
	}
	fill := func(address string) (n int) {
		for s.add(from(address)) == nil {
			n++
		}
		return n
	}
	if n := fill("192.0.2.1"); n != 4 {
		t.Errorf("one neighbourhood keeps %d", n)
	}
	wantKind(t, s.add(from("192.0.2.200")), muster.Busy)
	total := 4
	for i := range 20 {
		total += fill(fmt.Sprintf("198.51.%d.1", i))
	}
	if total != 18 {
		t.Errorf("all keep %d", total)
	}
	for _, name := range must(spooled(dir))(t)[:10] {
		check(t, os.Remove(filepath.Join(dir, name)))
	}
	wantKind(t, s.add(from("203.0.113.1")), muster.Busy) // not looked at again so soon
	s.counted = time.Now().Add(-time.Minute)
	check(t, s.add(from("203.0.113.1")))
	if again := must(openSpool(dir, 256<<10, nil))(t); again.size() != s.size() {
		t.Errorf("after a restart the spool has %d bytes, not %d", again.size(), s.size())
	}
}

// TestCollectQuota has reports wait that came on other days, more than a site may send a
// day: each day some are taken, and the others are not opened in vain meanwhile.
func TestCollectQuota(t *testing.T) {
	w, c := newSpooling(t)
	c.Config.Reports = 1
	at := time.Now()
	c.now = func() time.Time { return at }
	var said []string
	c.Say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	for i := range 3 {
		r := node("NIKHEF", fmt.Sprintf("n%d", i), "bash 1")
		r.Time = at.Add(-73 * time.Hour).Unix()
		check(t, w.spool.add(letter{at: at.Add(-72 * time.Hour).Add(time.Duration(i)), body: w.sealed(r)}))
	}
	for day, want := range []Collected{{Taken: 1, Left: 2}, {Taken: 1, Left: 1}, {Taken: 1}, {}} {
		if done := c.round(t); done != want {
			t.Errorf("day %d: collected %+v, not %+v", day, done, want)
		}
		said = nil
		again := Collected{Left: want.Left}
		if done := c.round(t); done != again || len(said) != 0 {
			t.Errorf("day %d, again: collected %+v, not %+v, and said %q", day, done, again, said)
		}
		at = at.Add(24 * time.Hour)
	}
	if h := must(w.sites.HostNamed(t.Context(), "NIKHEF", "n2"))(t); h.First > time.Now().Add(-71*time.Hour).Unix() {
		t.Errorf("a report that waited is known since %d", h.First)
	}
}

// TestCollectRaised has a quota raised while reports wait: they are taken at once.
func TestCollectRaised(t *testing.T) {
	w, c := newSpooling(t)
	quota := func(reports int64) {
		t.Helper()
		check(t, w.sites.PutSite(t.Context(), time.Now(), sites.Site{Name: "NIKHEF", Past: -1, Quota: sites.Quota{Reports: reports}}))
	}
	quota(1)
	for i := range 3 {
		check(t, w.spool.add(letter{at: time.Now(), body: w.sealed(node("NIKHEF", fmt.Sprint("n", i), "bash 1"))}))
	}
	for i, want := range []Collected{{Taken: 1, Left: 2}, {Left: 2}, {Taken: 1, Left: 1}, {Left: 1}} {
		if i == 2 {
			quota(2)
		}
		if done := c.round(t); done != want {
			t.Errorf("round %d: collected %+v, not %+v", i, done, want)
		}
	}
}

// TestCase40Spool fails and crashes at every change of the disk while letters are kept
// and taken out: none that was acknowledged is lost, none is taken that is not whole.
func TestCase40Spool(t *testing.T) {
	broken := errors.New("the disk is broken")
	for n := 0; ; n++ {
		dir, count := t.TempDir(), 0
		disk := &durable.Disk{}
		s := must(openSpool(dir, 1<<20, disk))(t)
		disk.Fault = faultAt(n, &count, broken)
		var kept [][]byte
		for i := range 3 {
			l := letter{body: bytes.Repeat([]byte{byte(i)}, 100), at: time.Unix(int64(1000+i), 0)}
			if s.add(l) == nil {
				kept = append(kept, l.body)
			}
		}
		names := must(spooled(dir))(t)
		var have [][]byte
		for _, name := range names {
			have = append(have, must(readSpooled(filepath.Join(dir, name)))(t).body)
		}
		for _, body := range kept {
			found := false
			for _, h := range have {
				found = found || bytes.Equal(h, body)
			}
			if !found {
				t.Errorf("fault %d: letter %x was acknowledged and is not there", n, body[:1])
			}
		}
		if count <= n {
			return
		}
	}
}

// TestCase40Collect ends the collector at every change of the disk and of the database:
// the next round takes what is left, and each report is taken once.
func TestCase40Collect(t *testing.T) {
	pems := must(collectorKeys())(t)
	id := must(sign.ParseIdentity(pems[0], pems[1], nil))(t)
	broken := errors.New("the disk is broken")
	for n := 0; ; n++ {
		dir, count, d := t.TempDir(), 0, dbtest.SQLite(t)
		kept := must(sites.Open(t.Context(), sites.Config{DB: d}))(t)
		check(t, kept.PutSite(t.Context(), time.Now(), sites.Site{Name: "NIKHEF", Past: -1}))
		line, _, err := kept.AddKey(t.Context(), time.Now(), "NIKHEF", sites.Key{})
		check(t, err)
		key := must(sitereport.ParseKey([]byte(line)))(t)
		s := must(openSpool(dir, 1<<20, nil))(t)
		for i := range 3 {
			l := letter{at: time.Now().Add(time.Duration(i) * time.Millisecond)}
			l.body = must(sign.Seal(key.Prove(text(t, node("NIKHEF", fmt.Sprintf("n%d", i), "bash 1"))), id.Leaf()))(t)
			check(t, s.add(l))
		}
		check(t, s.add(letter{at: time.Now().Add(time.Second), body: must(sign.Seal([]byte("x"), id.Leaf()))(t)}))
		c := &Collect{DB: d, Key: id, Dir: dir, Config: defaultCollector, Say: t.Logf, Disk: &durable.Disk{Fault: faultAt(n, &count, broken)}}
		_, failed := c.Once(t.Context())
		c.Disk = nil
		for range 2 {
			must(c.Once(t.Context()))(t)
		}
		for i := range 3 {
			if h := must(kept.HostNamed(t.Context(), "NIKHEF", fmt.Sprintf("n%d", i)))(t); h.Reports != 1 {
				t.Errorf("fault %d: report %d was taken %d times", n, i, h.Reports)
			}
		}
		if left := must(spooled(dir))(t); len(left) != 0 || len(must(os.ReadDir(filepath.Join(dir, refusedDir)))(t)) != 1 {
			t.Errorf("fault %d: left in the spool: %v", n, left)
		}
		if count <= n {
			check(t, failed)
			return
		}
	}
}

// faultAt fails at the n-th call, before or after a change.
func faultAt(n int, count *int, err error) func(durable.Call) error {
	return func(durable.Call) error {
		if *count++; *count == n+1 {
			return err
		}
		return nil
	}
}

func FuzzSpooled(f *testing.F) {
	f.Add(letter{body: []byte("0"), at: time.Unix(1, 0)}.spooled())
	f.Add(letter{body: []byte{}, at: time.Unix(1_780_000_000, 0), address: netip.MustParseAddr("2001:db8::1")}.spooled())
	f.Add([]byte("muster-spool 1 01 -\n"))
	f.Add([]byte("muster-spool 1 0000000000 2001:db8::1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseSpooled(data)
		if err == nil && !bytes.Equal(l.spooled(), data) {
			t.Fatalf("%q is read as %q", data, l.spooled())
		}
	})
}

// FuzzLetter opens whatever comes: a report that comes out is one that could be sent.
func FuzzLetter(f *testing.F) {
	pems, err := collectorKeys()
	if err != nil {
		f.Fatal(err)
	}
	id := must(sign.ParseIdentity(pems[0], pems[1], nil))(f)
	o := newCollector(must(sites.Open(f.Context(), sites.Config{DB: dbtest.SQLite(f)}))(f), time.Now)
	o.id, o.clear = id, true
	plain := text(f, node("NIKHEF", "n", "bash 1"))
	f.Add(plain)
	f.Add(must(sitereport.Pack(plain))(f))
	f.Add(must(sign.Seal(plain, id.Leaf()))(f))
	f.Add([]byte(pakitiText))
	f.Add(sitereport.Key{ID: "a", Secret: "01234567890123456789012345678901"}.Prove(plain))
	f.Add(must(sign.Sign(plain, false, time.Now(), must(administrator())(f)))(f))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := o.open(t.Context(), letter{body: body, at: time.Now()})
		if err != nil {
			return
		}
		m.done()
		if err := m.report.Check(); err != nil || m.proven != "" {
			t.Fatalf("%q is read as what cannot be sent: %v, of site %q", body, err, m.proven)
		}
	})
}

// FuzzMultipart holds the reader of forms to their writer.
func FuzzMultipart(f *testing.F) {
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"host\"\r\n\r\nn1\r\n--x--\r\n"), "x")
	f.Add([]byte("--x\r\n\r\n"), "x")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		values, err := readMultipart(body, boundary)
		if err != nil {
			return
		}
		total := 0
		for name, all := range values {
			for _, v := range all {
				total += len(name) + len(v)
			}
		}
		if total > len(body) || len(values) > maxFormParts {
			t.Fatalf("%d bytes come out of %d", total, len(body))
		}
	})
}
