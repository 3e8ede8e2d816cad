package hosts

import (
	"context"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db/dbtest"
	"muster/inventory"
	"muster/search"
)

// FuzzSearch holds that whatever reads as a search is one for a database too, with
// the answer of [search.Query.Match].
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"", `"%" or "_" or "!"`, "-(a b) or not -c", `package:"a'b"<1 or "--" "\\"`, "seen>300000d enrolled<1970-01-02", "memory<8191P free>=0",
		"ip:::/0 from:10.0.0.1..10.0.0.3 ip:0.0.0.0/1", "é or É or K or İ", "package:*<3* or package:*=3*", "osversion<1 kernel:* agent!=2", "muster:a!=1 muster:*:error<=2 has:package",
		"unit:paris/* directory:* group:?", "package:a=..b osversion:..1", `name:"` + "\u2028" + `"`} {
		f.Add(s)
	}
	w := newWorld(f, dbtest.SQLite(f), func(c *Config) { c.Directory = tree{} })
	s := &searched{m: joined(w, 1), doc: desktop(1, 3), status: "ERROR", problem: "é: 100%", unit: "paris/lab",
		vol: &inventory.Volatile{Format: 1, Time: 1, Sessions: []inventory.Session{{User: "É"}}, Free: []inventory.Free{{Free: 1 << 30, Target: "/"}}}}
	for _, name := range someGroups {
		if _, err := w.PutGroup(context.Background(), api.Group{Name: name}); err != nil {
			f.Fatal(err)
		}
	}
	s.tell(w)
	w.pass(time.Hour)
	if err := w.FlushPresence(context.Background()); err != nil {
		f.Fatal(err)
	}
	truth := s.facts(w)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := search.Parse(text)
		if err != nil {
			return
		}
		page, err := w.List(context.Background(), api.HostQuery{Query: text})
		if err != nil {
			t.Fatalf("%q: %v", q, err)
		}
		if found := len(page.Hosts) == 1; found != q.Match(truth, w.time()) {
			t.Fatalf("%q: the database says %v", q, found)
		}
	})
}
