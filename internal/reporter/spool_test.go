package reporter

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/durable"
)

// TestOldestFirst keeps reports while the collector is away, and sends them in the
// order in which they were made.
func TestOldestFirst(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	c.away(503)
	for i := range 3 {
		n.exits(n.report("--retries", "0", "--tag", fmt.Sprint(i)), exitKept, "goes with the next report")
	}
	if got := n.spooled(); len(got) != 3 {
		t.Fatal(got)
	}
	c.before = nil
	n.exits(n.report("--tag", "3", "--json"), 0, `"sent"`)
	var tags []string
	for _, r := range c.got {
		tags = append(tags, r.Tag)
	}
	if !slices.Equal(tags, []string{"0", "1", "2", "3"}) || len(n.spooled()) > 0 {
		t.Errorf("%q arrived, %q wait", tags, n.spooled())
	}
}

// TestCase36LostAnswer loses the answer to a report that was taken: it is sent again, and
// is one report.
func TestCase36LostAnswer(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	c.before = func(w http.ResponseWriter, r *http.Request) bool {
		c.before = nil
		c.ServeHTTP(nobody{w}, r)
		panic(http.ErrAbortHandler)
	}
	n.exits(n.report("--json"), 0, `"known"`)
	if len(c.got) != 1 || len(n.spooled()) > 0 {
		t.Errorf("%d arrived, %q wait", len(c.got), n.spooled())
	}
}

// nobody hears what is written.
type nobody struct{ http.ResponseWriter }

func (nobody) Write(b []byte) (int, error) { return len(b), nil }
func (nobody) WriteHeader(int)             {}

// TestRefusedInSpool throws away what a collector refuses for good, and says so.
// A report that fails by itself does not stand in the way of others.
func TestRefusedInSpool(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	c.away(503)
	n.exits(n.report("--retries", "0"), exitKept)
	n.exits(n.report("--retries", "0"), exitKept)
	asked := 0
	c.before = func(w http.ResponseWriter, _ *http.Request) bool {
		if asked++; asked == 1 {
			http.Error(w, "ERROR malformed", http.StatusBadRequest)
		}
		if asked == 2 {
			http.Error(w, "ERROR a defect", http.StatusInternalServerError)
		}
		return asked < 3
	}
	n.exits(n.report(), 0, "threw away", "malformed")
	if len(c.got) != 1 || len(n.spooled()) != 1 {
		t.Errorf("%d arrived, %q wait", len(c.got), n.spooled())
	}
	n.exits(n.report(), 0)
	if len(c.got) != 3 || len(n.spooled()) != 0 {
		t.Errorf("%d arrived, %q wait", len(c.got), n.spooled())
	}
	c.away(503)
	n.exits(n.report("--retries", "0"), exitKept)
	c.away(403)
	n.exits(n.report("--retries", "0"), 1, "threw away", "403")
	if len(n.spooled()) != 0 {
		t.Errorf("%q wait", n.spooled())
	}
}

// TestSpoolBounds holds that a host whose collector is gone does not fill its disk.
func TestSpoolBounds(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	c.away(503)
	for range maxWaiting + 2 {
		n.exits(n.report("--retries", "0"), exitKept)
	}
	got := n.spooled()
	if len(got) != maxWaiting || !strings.HasPrefix(got[0], fmt.Sprintf("%011d", now.Unix()+3)) {
		t.Errorf("%d wait from %s", len(got), got[0])
	}
	n.at = n.at.Add(maxAge - maxWaiting/2*time.Second)
	c.before = nil
	n.exits(n.report(), 0, "no collector takes any more")
	if sent := c.count(); sent < maxWaiting/4 || sent > maxWaiting*3/4 || len(n.spooled()) > 0 {
		t.Errorf("%d arrived, %d wait", sent, len(n.spooled()))
	}
	s := &spool{dir: t.TempDir()}
	for i := range 3 {
		dropped, err := s.put(nameAt(i), bytes.Repeat([]byte{'x'}, maxBytes/2-1))
		if err != nil || (len(dropped) > 0) != (i == 2) || i == 2 && dropped[0] != nameAt(0) {
			t.Errorf("%d: dropped %q, %v", i, dropped, err)
		}
	}
}

func nameAt(i int) string { return fmt.Sprintf("%011d-x%s", i, suffix) }

// TestSpoolOfOthers refuses a folder that others can write to, and sends nothing
// that is not a file in it.
func TestSpoolOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders have no modes")
	}
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	dir := n.path("spool")
	n.file(filepath.Join(dir, "notes.txt"), []byte("not a report"))
	n.file(n.path("secret"), []byte("secret"))
	if err := os.Symlink(n.path("secret"), filepath.Join(dir, nameOf(mustReport()))); err != nil {
		t.Fatal(err)
	}
	n.exits(n.report(), 0)
	if c.count() != 1 {
		t.Errorf("%d reports arrived", c.count())
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	n.exits(n.report(), 1, "others than this user", "hint: chown")
	n.file(n.path("file"), nil)
	n.exits(n.report("--spool", n.path("file")), 1, "no folder")
}

// fault strikes at the n-th change of the disk.
type fault struct {
	n, seen int
	mode    string // "before" it happens, "after" it has, or a "crash": nothing changes any more
}

var errFault = errors.New("injected")

func (f *fault) call(c durable.Call) error {
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

// TestCase40Spool fails every change of the disk, in each way, while reports are kept
// and while they are sent. What the program said to be kept arrives, once, in
// order; what it said to have failed arrives once or not at all; and nothing is
// left over.
func TestCase40Spool(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	for _, mode := range []string{"before", "after", "crash"} {
		for strike := 1; ; strike++ {
			if !strikeAt(t, c, mode, strike) {
				if strike < 8 {
					t.Errorf("%s: only %d changes of the disk", mode, strike)
				}
				break
			}
		}
	}
}

func strikeAt(t *testing.T, c *collector, mode string, strike int) (struck bool) {
	t.Helper()
	c.got, c.seen = nil, map[string]bool{}
	n := newNode(t, c)
	f := &fault{n: strike, mode: mode}
	n.r = &reporter{disk: &durable.Disk{Fault: f.call}}
	kept := map[string]bool{}
	run := func(tag string) {
		if n.report("--retries", "0", "--tag", tag) == exitKept {
			kept[tag] = true
		}
	}
	c.away(503)
	run("a")
	run("b")
	c.before = nil
	run("c")
	n.r = nil // the disk is well again
	n.exits(n.report("--tag", "d"), 0)
	tags := map[string]int{}
	last := ""
	for _, r := range c.got {
		tags[r.Tag]++
		if r.Tag < last {
			t.Errorf("%s %d: %s behind %s", mode, strike, r.Tag, last)
		}
		last = r.Tag
	}
	for tag, times := range tags {
		if times > 1 {
			t.Errorf("%s %d: %s arrived %d times", mode, strike, tag, times)
		}
	}
	for tag := range kept {
		if tags[tag] != 1 {
			t.Errorf("%s %d: %s was kept, and never arrived", mode, strike, tag)
		}
	}
	if tags["d"] != 1 || tags["c"] != 1 {
		t.Errorf("%s %d: %v arrived", mode, strike, tags)
	}
	entries, err := os.ReadDir(n.path("spool"))
	for _, e := range entries {
		if err == nil && e.Name() != lockName {
			t.Errorf("%s %d: %s is left over", mode, strike, e.Name())
		}
	}
	return f.seen >= strike
}

// TestTwoAtOnce has several runs use one spool: each report arrives once.
func TestTwoAtOnce(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	first := newNode(t, c)
	c.away(503)
	for range 4 {
		first.exits(first.report("--retries", "0"), exitKept)
	}
	c.before = nil
	var wg sync.WaitGroup
	for i := range 3 {
		n := newNode(t, c)
		n.dir, n.at = first.dir, now.Add(time.Duration(i)*time.Hour)
		wg.Go(func() {
			if code := n.report(); code != 0 {
				t.Errorf("exit code %d: %s", code, n.err.String())
			}
		})
	}
	wg.Wait()
	if c.count() != 7 || len(first.spooled()) > 0 {
		t.Errorf("%d arrived, %q wait", c.count(), first.spooled())
	}
	held := &spool{dir: first.path("spool")}
	if err := held.acquire(t.Context(), false); err != nil || held.lock == nil {
		t.Fatal(err)
	}
	defer held.release()
	first.exits(first.report("--timeout", "1s"), 0, "warning: cannot lock the spool")
	if c.count() != 8 {
		t.Error("a spool in use keeps a report from going")
	}
}
