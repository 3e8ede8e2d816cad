package hostile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/index"
	"muster/internal/repo"
)

// A refusal is a lie, and what muster makes of it.
type refusal struct {
	name string
	lies func(w *world) []lie
	code int
	want string // in what is said
}

const (
	failed  = 1
	denied  = 4
	stale   = 6
	refused = -1 // denied or failed: who changed it at random decides
)

// all makes one lie about everything.
func all(l lie) func(*world) []lie { return func(*world) []lie { return []lie{l} } }

// head lies about the head.
func head(answer func(w *world) []byte) func(*world) []lie {
	return func(w *world) []lie { return []lie{{"Packages.p7m", says(answer(w))}} }
}

// index lies about the index, which is fetched whole.
func listing(l func(w *world) lie) func(*world) []lie {
	return func(w *world) []lie { return []lie{{"changes/", status(404)}, l(w)} }
}

func byHash(w *world) []byte {
	h, _, err := w.Contents()
	check(w, err)
	return w.published("by-hash/" + h.Index.Compressed.SHA256)
}

// refuse tells the lies while args are run: they fail as they should, say so
// with a next step, and leave everything as it was. Then the server is honest.
func (w *world) refuse(r refusal, args ...string) {
	w.Helper()
	w.server.lie(r.lies(w)...)
	before := w.snapshot()
	o := w.muster(append(args, "--timeout", "500ms")...)
	if o.code != r.code && (r.code != refused || o.code != denied && o.code != failed) || !strings.Contains(o.err, r.want) {
		w.Errorf("exit code %d, want %d with %q in\n%s%s", o.code, r.code, r.want, o.out, o.err)
	}
	if !strings.Contains(o.err, "hint: ") {
		w.Errorf("no next step in\n%s", o.err)
	}
	if after := w.snapshot(); after != before {
		w.Errorf("the area was changed:\n%swas\n%s", after, before)
	}
	w.server.lie()
}

// Looking for news.
func TestHostileUpdate(t *testing.T) {
	w := newWorld(t)
	restore := w.keep()
	for _, r := range []refusal{
		{"head cut short", func(w *world) []lie { return []lie{{"Packages.p7m", cuts(w.published("Packages.p7m"))}} }, failed, "EOF"},
		{"head stalls", func(w *world) []lie { return []lie{{"Packages.p7m", stalls(w.published("Packages.p7m"))}} }, failed, "nothing came for 500ms"},
		{"no answer", all(lie{"", silent}), failed, "nothing came for 500ms"},
		{"head a bit off", head(func(w *world) []byte { return flippedAt(w.published("Packages.p7m"), 150) }), refused, "refused"},
		{"head is noise", head(func(*world) []byte { return []byte(content(9)[:2000]) }), failed, "refused"},
		{"head without end", all(lie{"Packages.p7m", endless("")}), failed, "more than 65536 bytes"},
		{"head of a TiB", all(lie{"Packages.p7m", endless("1099511627776")}), failed, "more than 65536"},
		{"head longer than it says", func(w *world) []lie {
			return []lie{{"Packages.p7m", claims(100, w.published("Packages.p7m"))}}
		}, failed, "refused"},
		{"head shorter than it says", func(w *world) []lie {
			return []lie{{"Packages.p7m", claims(60_000, w.published("Packages.p7m"))}}
		}, failed, "EOF"},
		{"head from the future", head(func(w *world) []byte {
			return w.signHead(func(h *index.Head) { h.Serial += 5 * 86400 })
		}), denied, "hint: check the clock"},
		{"head that has expired", head(func(w *world) []byte {
			return w.signHead(func(h *index.Head) { h.Expires = h.Date + 1 })
		}), stale, "expired on"},
		{"index of before", listing(func(w *world) lie {
			h, _, err := (&repo.Publisher{Dir: w.old}).Contents()
			check(w, err)
			data, err := os.ReadFile(filepath.Join(w.old, "by-hash", h.Index.Compressed.SHA256))
			check(w, err)
			return lie{"by-hash/", says(data)}
		}), refused, "refused"},
		{"index away", listing(func(*world) lie { return lie{"by-hash/", status(404)} }), failed, "404 Not Found"},
		{"index a bit off", listing(func(w *world) lie { return lie{"by-hash/", says(flipped(byHash(w)))} }), denied, "sha256"},
		{"index cut short", listing(func(w *world) lie { return lie{"by-hash/", cuts(byHash(w))} }), failed, "EOF"},
		{"index without end", listing(func(*world) lie { return lie{"by-hash/", endless("")} }), failed, "more than"},
		{"index bombs", func(w *world) []lie {
			return []lie{{"changes/", status(404)}, {"by-hash/", says(bomb())}, {"Packages.p7m", says(w.signHead(func(h *index.Head) {
				h.Index.Compressed = index.Blob{Size: int64(len(bomb())), SHA256: index.Sum(bomb())}
			}))}}
		}, failed, "cannot decompress: more than"},
		{"compressed on the way", all(lie{"", gzipped}), failed, `encoded as "gzip"`},
		{"portal", all(lie{"", portal}), failed, "portal"},
		{"portal as binary", all(lie{"", says([]byte("<html>Welcome</html>"))}), failed, "refused"},
		{"403", all(lie{"", status(403)}), denied, "hint: check the credentials"},
		{"404", all(lie{"", status(404)}), failed, "404 Not Found"},
		{"500", all(lie{"", status(500)}), failed, "500 Internal Server Error"},
		{"redirect to another host", all(lie{"", redirects("http://localhost:1/")}), failed, "another host"},
		{"redirect loop", all(lie{"", redirects("")}), failed, "more than 5 redirects"},
		{"redirect to a file", all(lie{"", redirects("file:///etc/passwd")}), failed, "redirect from http to file"},
	} {
		t.Run(r.name, func(t *testing.T) {
			w := w.in(t)
			restore()
			w.refuse(r, "update")
			if o := w.must("update"); !strings.Contains(o.out, "news") {
				t.Errorf("with an honest server: %s", o.out)
			}
			w.must("upgrade", "--yes")
			w.installed("app", "app two")
		})
	}
}

// in is w for the errors of a part of a test.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.TB = t
	return &part
}

// installed holds that the file of a package has that content, and that all is
// as it should be.
func (w *world) installed(name, want string) {
	w.Helper()
	if data, err := os.ReadFile(filepath.Join(w.root, "share", name)); err != nil || string(data) != want {
		w.Errorf("%s has %d bytes, %v; want %d", name, len(data), err, len(want))
	}
	w.must("check")
}

// Fetching a package, and unpacking it.
func TestHostileInstall(t *testing.T) {
	w := newWorld(t)
	w.must("update")
	restore := w.keep()
	pool := func(answer func(w *world) lie) func(*world) []lie {
		return func(w *world) []lie { return []lie{answer(w)} }
	}
	file := func(w *world) []byte { return w.published(w.entry("big", "2").Filename) }
	for _, r := range []refusal{
		{"a bit off", pool(func(w *world) lie { return lie{"pool/", says(flipped(file(w)))} }), denied, "sha256"},
		{"another package", pool(func(w *world) lie { return lie{"pool/", says(w.published(w.entry("app", "2").Filename))} }), failed, "bytes, not"},
		{"an older version", pool(func(w *world) lie { return lie{"pool/", says(w.published(w.entry("big", "1").Filename))} }), refused, "cannot get big 2"},
		{"cut short", pool(func(w *world) lie { return lie{"pool/", cuts(file(w))} }), failed, "EOF"},
		{"stalls", pool(func(w *world) lie { return lie{"pool/", stalls(file(w))} }), failed, "nothing came for 500ms"},
		{"drips", pool(func(w *world) lie { return lie{"pool/", drips(file(w))} }), failed, "slower than 8192 bytes a second"},
		{"without end", pool(func(*world) lie { return lie{"pool/", endless("")} }), failed, "more than"},
		{"a TiB", pool(func(*world) lie { return lie{"pool/", endless("1099511627776")} }), failed, "the server has 1099511627776 bytes"},
		{"bomb", pool(func(*world) lie { return lie{"pool/", says(bomb())} }), failed, "131078 of"},
		{"portal", pool(func(*world) lie { return lie{"pool/", portal} }), failed, "portal"},
		{"404", pool(func(*world) lie { return lie{"pool/", status(404)} }), failed, "404 Not Found"},
		{"403", pool(func(*world) lie { return lie{"pool/", status(403)} }), denied, "403 Forbidden"},
		{"500", pool(func(*world) lie { return lie{"pool/", status(500)} }), failed, "500 Internal Server Error"},
		{"redirect loop", pool(func(*world) lie { return lie{"pool/", redirects("")} }), failed, "more than 5 redirects"},
	} {
		t.Run(r.name, func(t *testing.T) {
			w := w.in(t)
			restore()
			w.refuse(r, "install", "big", "--yes")
			if _, err := os.Stat(filepath.Join(w.root, ".muster/cache", w.entry("big", "2").SHA256)); err == nil {
				t.Error("a file that was refused is in the cache")
			}
			w.must("install", "big", "--yes")
			w.installed("big", content(2))
		})
	}
}

// A transfer that broke off goes on where it stopped, in another process.
func TestCase14ResumedByTheProgram(t *testing.T) {
	w := newWorld(t)
	w.must("update")
	file := w.published(w.entry("big", "2").Filename)
	w.server.lie(lie{"pool/", cuts(file)})
	if o := w.muster("install", "big", "--yes"); o.code != failed || !strings.Contains(o.err, "goes on where the transfer stopped") {
		t.Errorf("exit code %d\n%s", o.code, o.err)
	}
	w.server.lie()
	w.must("install", "big", "--yes")
	w.installed("big", content(2))
	if asked := w.server.asked(); len(asked) != 1 || !strings.HasPrefix(asked[0], "bytes=") || asked[0] == "bytes=0-" {
		t.Errorf("asked for %q, not for the rest", asked)
	}
}

// A repository that was rolled back is refused, and alarms from the third time on.
func TestCase06AlarmOfTheProgram(t *testing.T) {
	w := newWorld(t)
	w.must("update")
	before := w.snapshot()
	for i := 1; i <= 3; i++ {
		w.server.lie(lie{"", repo.Handler(w.old).ServeHTTP})
		o := w.muster("update")
		if o.code != denied || !strings.Contains(o.err, "older than serial") || !strings.Contains(o.err, "hint: ") {
			t.Errorf("exit code %d\n%s", o.code, o.err)
		}
		if alarm := strings.Contains(o.out, "failed 3 times in a row"); alarm != (i == 3) {
			t.Errorf("time %d: %s", i, o.out)
		}
	}
	if after := w.snapshot(); after != before {
		t.Errorf("the area was changed:\n%swas\n%s", after, before)
	}
	w.server.lie()
	if o := w.must("update"); strings.Contains(o.out, "failed") {
		t.Errorf("with an honest server: %s", o.out)
	}
}

// A repository whose head has expired says so with exit code 6, installs
// nothing new, and leaves everything else to go on.
func TestCase09ExitCodeOfTheProgram(t *testing.T) {
	w := newWorld(t)
	// A repository that is signed anew, for a second, and known before that is over.
	w.Expires = 2e9
	_, err := w.Refresh()
	check(t, err)
	w.Now = w.Now.AddDate(0, 0, -1)
	o := w.muster("update")
	if o.code != stale || !strings.Contains(o.err, "expired on") || !strings.Contains(o.err, "muster repo refresh") {
		t.Errorf("exit code %d\n%s", o.code, o.err)
	}
	w.must("list")
	w.must("check")
	w.must("remove", "app", "--yes")
	w.must("undo", "--yes")
	w.installed("app", "app one")
}

// A mirror that lags is no failure.
func TestCase07LaggingMirrorOfTheProgram(t *testing.T) {
	w := newWorld(t)
	w.must("update")
	lagging := filepath.Join(w.dir, "lagging")
	check(t, os.CopyFS(lagging, os.DirFS(w.Dir)))
	w.publish(30e9, w.pack("app", "3", "app three"))
	w.must("update")
	w.server.lie(lie{"", repo.Handler(lagging).ServeHTTP})
	before := w.snapshot()
	if o := w.must("update"); !strings.Contains(o.out, "the mirror is behind") {
		t.Errorf("said: %s", o.out)
	}
	if after := w.snapshot(); after != before {
		t.Errorf("the area was changed:\n%swas\n%s", after, before)
	}
}
