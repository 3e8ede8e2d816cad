package hosts

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
	"muster/search"
)

// Values that hosts of TestSearch have and queries ask for.
var (
	someNames    = []string{"pc-1", "PC-2", "É-lan", "srv_a%b", "x!y'z", "İ-k", "pc-11"}
	someTexts    = []string{"Dell Inc.", "ÉCLAIR", "100%_!'", "dell", "K", `a\b "c"`, "Ωmega"}
	someUsers    = []string{"alice", "Éva", "bob", "a_b"}
	someSoftware = []string{"openssl", "OpenSSL (x64)", "lib%a", "libéa", "vim"}
	someVersions = []string{"3.0.2", "3.0.2-1", "1:3.0.2-1", "3.0.10-1~deb12u1", "2", "10.0.22631", "", "1.2_3,1", "6.1.0-28-amd64"}
	someBounds   = []string{"3.0.2", "3.0.2-1", "1:3.0.2", "2", "10.0", "6.1.0", "3.0.11"}
	someIPs      = []string{"10.1.2.3", "10.1.200.4", "192.0.2.1", "2001:db8::7", "10.11.2.3"}
	somePackages = []string{"age", "firefox", "old.stuff"}
	someGroups   = []string{"web", "lab", "web-2"}
	someUnits    = []string{"", "paris", "paris/lab", "lyon"}
	someStatuses = []string{"OK", "ERROR", "NEED-UPGRADE"}
)

func one(t *rapid.T, of []string) string { return rapid.SampledFrom(of).Draw(t, "value") }
func some(t *rapid.T, of []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 3, rapid.ID).Draw(t, "values")
}
func number(t *rapid.T, of ...int64) int64 { return rapid.SampledFrom(of).Draw(t, "number") }

// A searched is a host of TestSearch, and all that is known of it.
type searched struct {
	m       *machine
	doc     *inventory.Document
	vol     *inventory.Volatile
	status  string
	problem string
	reboot  bool
	unit    string
	groups  []string
}

func drawSearched(t *rapid.T, s *searched) {
	s.doc = inventory.New()
	s.doc.System = &inventory.System{Arch: one(t, []string{"amd64", "arm64"}), Hostname: one(t, someNames), Domain: one(t, []string{"example.org", "É.example"}),
		ID: one(t, []string{"debian", "fedora", ""}), OS: one(t, []string{"linux", "windows"}), Name: one(t, someTexts), Version: one(t, someVersions), Kernel: one(t, someVersions)}
	if rapid.Bool().Draw(t, "hardware") {
		s.doc.Hardware = &inventory.Hardware{Memory: number(t, 0, 4<<30, 8<<30), Serial: one(t, someTexts), Vendor: one(t, someTexts), Product: one(t, someTexts),
			CPUs: []inventory.CPU{{Model: one(t, someTexts), Cores: int(number(t, 0, 2, 8)), Threads: 1}}}
	}
	if rapid.Bool().Draw(t, "network") {
		i := inventory.Interface{Name: "eth0", MAC: one(t, []string{"02:00:00:aa:bb:cc", "02:00:00:aa:bb:dd", ""})}
		for _, ip := range some(t, someIPs) {
			i.Addresses = append(i.Addresses, ip+"/24")
		}
		slices.Sort(i.Addresses)
		s.doc.Network = &inventory.Network{Interfaces: []inventory.Interface{i}}
	}
	users := some(t, someUsers)
	slices.Sort(users)
	s.doc.Users = &inventory.Users{}
	for i, u := range users {
		s.doc.Users.Accounts = append(s.doc.Users.Accounts, inventory.Account{Name: u, UID: fmt.Sprint(i)})
	}
	s.doc.Disks = &inventory.Disks{Devices: []inventory.Device{{Name: "sda", Size: number(t, 0, 1<<40), Removable: rapid.Bool().Draw(t, "removable")}}}
	drawSoftware(t, s.doc)
	s.vol = &inventory.Volatile{Format: 1, Time: 1}
	for _, u := range some(t, someUsers) {
		s.vol.Sessions = append(s.vol.Sessions, inventory.Session{User: u})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "mounts") {
		s.vol.Free = append(s.vol.Free, inventory.Free{Target: fmt.Sprint("/", i), Free: number(t, 0, 1<<30, 5<<30)})
	}
	s.status, s.problem, s.reboot = one(t, someStatuses), one(t, []string{"", "firefox: disk full"}), rapid.Bool().Draw(t, "reboot")
	s.unit, s.groups = one(t, someUnits), some(t, someGroups)
}

func drawSoftware(t *rapid.T, d *inventory.Document) {
	d.Packages = map[string][]inventory.Package{}
	for _, source := range []string{"dpkg", "rpm", "windows", "freebsd"} {
		var rows []inventory.Package
		for _, name := range some(t, someSoftware) {
			rows = append(rows, inventory.Package{Name: name, Version: one(t, someVersions)})
		}
		if len(rows) > 0 {
			d.Packages[source] = inventory.SortPackages(rows)
		}
	}
	for _, name := range somePackages {
		if rapid.Bool().Draw(t, "installed") {
			d.Muster = append(d.Muster, inventory.Installed{Arch: "all", Kind: "base", Manifest: strings.Repeat("0", 64), Name: name, Version: one(t, []string{"1", "1.2-3", "2"}), Status: "OK"})
		}
		if rapid.Bool().Draw(t, "status") {
			d.Status = append(d.Status, inventory.Status{Name: name, Status: one(t, []string{"OK", "ERROR", "NEED-INSTALL"})})
		}
		if rapid.Bool().Draw(t, "audited") {
			d.Audits = append(d.Audits, inventory.Audit{Package: name, Status: one(t, []string{"OK", "WARNING", "ERROR"})})
		}
	}
}

// quote makes a value of a query, with * before, behind and in the middle.
func quote(t *rapid.T, s string) string {
	q := func(s string) string {
		if s == "" {
			return ""
		}
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	if s == "" {
		return "*"
	}
	if rapid.Bool().Draw(t, "upper") {
		s = strings.ToUpper(s)
	}
	r := []rune(s)
	switch rapid.IntRange(0, 5).Draw(t, "stars") {
	case 0:
		return q(string(r[:len(r)/2])) + "*"
	case 1:
		return "*" + q(string(r[len(r)/2:]))
	case 2:
		return q(string(r[:1])) + "*" + q(string(r[len(r)-1:]))
	case 3:
		return "?" + q(string(r[1:]))
	}
	return q(s)
}

func drawTerm(t *rapid.T) string {
	compare := func() string { return one(t, []string{"<", "<=", ">", ">=", "=", "!="}) }
	switch rapid.IntRange(0, 18).Draw(t, "term") {
	case 0:
		return quote(t, one(t, slices.Concat(someNames, someTexts, someUsers, someIPs)))
	case 1:
		return one(t, []string{"name", "fqdn", "domain", "serial"}) + ":" + quote(t, one(t, slices.Concat(someNames, someTexts)))
	case 2:
		return one(t, []string{"vendor", "product", "cpu", "osname", "problem"}) + one(t, []string{":", "=", "!="}) + quote(t, one(t, someTexts))
	case 3:
		return one(t, []string{"os", "arch"}) + ":" + one(t, []string{"debian", "linux", "*", "fed*", "amd64", "WINDOWS"})
	case 4:
		return one(t, []string{"osversion", "kernel", "agent"}) + compare() + one(t, someBounds)
	case 5:
		return one(t, []string{"memory", "disk", "free"}) + compare() + one(t, []string{"0", "1G", "4G", "8G", "1T"})
	case 6:
		return one(t, []string{"cores", "reboot"}) + compare() + one(t, []string{"0", "1", "2", "8"})
	case 7:
		return one(t, []string{"user", "session"}) + ":" + quote(t, one(t, someUsers))
	case 8:
		return "ip:" + one(t, []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.128.0/17", "10.1.2.3", "10.1.2.0..10.1.199.9", "2001:db8::/32", "::/0", "0.0.0.0/0", "10.1.*", "192.0.2.0/24", "2001:DB8::7"})
	case 9:
		return "from:" + one(t, []string{"10.0.0.0/8", "10.0.0.1", "10.0.0.2..10.0.0.4", "10.0.0.?"})
	case 10:
		return "mac:" + one(t, []string{"02-00-*", "02:00:00:AA:BB:CC", "*dd"})
	case 11:
		return "group:" + one(t, append([]string{"*", "web*"}, someGroups...))
	case 12:
		return "unit:" + one(t, []string{"paris", "paris/lab", "paris.*", "lyon", "*", "ou"})
	case 13:
		return one(t, []string{"directory:staff", "directory:s*", "state:accepted", "state:pending", "status:ok", "status:error", "status:need-*"})
	case 14:
		return one(t, []string{"seen", "enrolled"}) + one(t, []string{"<", "<=", ">", ">="}) + one(t, []string{"10m", "100s", "2d", "2026-11-21", "2026-11-20"})
	case 15:
		return "package:" + one(t, []string{"", "dpkg/", "windows/", "rpm/", "freebsd/"}) + quote(t, one(t, someSoftware)) + one(t, []string{"", "", compare() + one(t, someBounds), "=3*", "=2..3.0.2"})
	case 16:
		return "muster:" + quote(t, one(t, somePackages)) + one(t, []string{"", ":error", ":need-install", ":ok"}) + one(t, []string{"", compare() + one(t, []string{"1", "1.2", "1.2-3"})})
	case 17:
		return "audit:" + one(t, []string{"ok", "warning", "error", "*", quote(t, one(t, somePackages)) + ":error", "age:*"})
	}
	var names []string
	for _, f := range search.Fields() {
		names = append(names, "has:"+f.Name)
	}
	return one(t, append(names[:len(names)-1], "has:audit-error", "has:audit-warning"))
}

func drawQuery(t *rapid.T, depth int) string {
	if depth == 0 {
		return drawTerm(t)
	}
	switch rapid.IntRange(0, 4).Draw(t, "expression") {
	case 0:
		return "-(" + drawQuery(t, depth-1) + ")"
	case 1:
		return "(" + drawQuery(t, depth-1) + " " + drawQuery(t, depth-1) + ")"
	case 2:
		return "(" + drawQuery(t, depth-1) + " or " + drawQuery(t, depth-1) + ")"
	}
	return drawTerm(t)
}

// tree is a directory that knows some hosts.
type tree struct{}

func (tree) Place(fqdn string) (units, groups []string, ready bool) {
	if strings.HasPrefix(fqdn, "pc-") {
		return []string{"ou", "ou.desk"}, []string{"staff"}, true
	}
	return nil, nil, true
}

// TestSearch holds the answers of databases against [search.Query.Match], for random
// hosts and queries.
func TestSearch(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(c *Config) { c.Directory = tree{} })
		for _, name := range someGroups {
			if _, err := w.PutGroup(context.Background(), api.Group{Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		hosts := make([]*searched, 6)
		for i := range hosts {
			hosts[i] = &searched{m: joined(w, i+1)}
			w.pass(50 * time.Second)
		}
		if flag.Lookup("rapid.checks").Value.String() == "100" {
			checks := map[db.Dialect]string{db.SQLite: "25"}[d.Dialect()]
			if checks == "" {
				checks = "8"
			}
			flag.Set("rapid.checks", checks) //nolint:errcheck // each is 30 queries
			defer flag.Set("rapid.checks", "100")
		}
		first := true
		rapid.Check(t, func(rt *rapid.T) {
			for _, s := range hosts {
				if first || rapid.IntRange(0, 2).Draw(rt, "changes") == 0 {
					drawSearched(rt, s)
					s.tell(w)
				}
			}
			first = false
			if err := w.FlushPresence(context.Background()); err != nil {
				rt.Fatal(err)
			}
			truth := make(map[string]search.Facts)
			for _, s := range hosts {
				truth[s.m.id] = s.facts(w)
			}
			for range 30 {
				hold(rt, w, truth, drawQuery(rt, 3))
			}
		})
	})
}

// tell makes the server know the host.
func (s *searched) tell(w *world) {
	w.pass(time.Minute)
	s.m.put(w, s.doc)
	vol, err := s.vol.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := s.m.checkIn(w, api.CheckIn{Set: setOf(w.t, s.doc), Agent: "1.4.2", Volatile: vol,
		Summary: &api.Summary{Status: muster.Status(s.status), Problem: s.problem, Reboot: s.reboot}}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Edit(context.Background(), "alice", s.m.id, api.HostEdit{Unit: &s.unit, AddGroups: s.groups, RemoveGroups: without(someGroups, s.groups)}); err != nil {
		w.t.Fatal(err)
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// facts is what is true of the host.
func (s *searched) facts(w *world) search.Facts {
	m := search.Membership{ID: s.m.id, Agent: "1.4.2", State: "accepted", Status: s.status, Problem: s.problem, Reboot: s.reboot,
		From: s.m.from.String(), Groups: s.groups}
	err := w.DB.Read(context.Background(), func(tx *db.Tx) error {
		return tx.QueryRow("SELECT s.seen, h.enrolled FROM hosts_host h JOIN hosts_seen s ON s.host = h.num WHERE h.id = ?", s.m.id).Scan(&m.Seen, &m.Enrolled)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	fqdn := strings.ToLower(s.doc.System.Hostname + "." + s.doc.System.Domain)
	m.Units, m.Directory, _ = tree{}.Place(fqdn)
	if s.unit != "" {
		m.Units = unitNames(s.unit)
	}
	return search.FactsOf(s.doc, s.vol, m)
}

// hold compares the answers to a query.
func hold(t *rapid.T, w *world, truth map[string]search.Facts, query string) {
	q, err := search.Parse(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var want []string
	for id, f := range truth {
		if q.Match(f, w.time()) {
			want = append(want, id)
		}
	}
	slices.Sort(want)
	page, err := w.List(context.Background(), api.HostQuery{Query: query, Count: true})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var got []string
	for _, h := range page.Hosts {
		got = append(got, h.ID)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || page.Total != len(want) {
		t.Fatalf("%s: the database finds %d %v, want %v", query, page.Total, got, want)
	}
}
