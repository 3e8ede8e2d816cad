package crowd

import (
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

// The size of Debian's tracker: source packages, vulnerabilities of them, releases of
// each. Hosts are of three of these.
const (
	sources  = 3_600
	issues   = 60_000
	packages = 2_000
)

var suites = []string{"bullseye", "bookworm", "trixie", "forky", "sid"}

// The distribution of sets of packages: roles of hosts, each in several states of
// patching; and one host in 50 is like no other.
const (
	roles  = 30
	levels = 12
	alone  = 50
	states = 3 * roles * levels
)

// NextLevel is from a host to one of the same release and role that is patched further.
const NextLevel = 3 * roles

// Tracker writes a list in the form and of the size of Debian's tracker: a few sources with thousands of
// vulnerabilities, most with a few; three in four are mended in what every host has.
func Tracker(w io.Writer, extra string) {
	r := rand.New(rand.NewPCG(1, 2))
	left, id := issues, 0
	fmt.Fprint(w, "{")
	for i := range sources {
		n := min(left-(sources-i-1), 1+issues/7/(i+1)+r.IntN(3))
		if left -= n; i == sources-1 {
			n += left
		}
		name := source(i)
		fmt.Fprintf(w, "%s%q: {", strings.Repeat(",", min(i, 1)), name)
		if i == 5 {
			fmt.Fprint(w, extra)
		}
		for k := range n {
			id++
			fmt.Fprintf(w, "%s\"CVE-%d-%d\": {\"description\": \"%s\", \"scope\": \"remote\", \"releases\": {", strings.Repeat(",", min(k, 1)),
				2005+id%22, 1000+id, strings.Repeat("An issue was discovered in "+name+". ", 1+r.IntN(9)))
			for j, suite := range suites {
				fmt.Fprintf(w, "%s%q: {%s, \"repositories\": {%q: \"1\"}}", strings.Repeat(",", min(j, 1)), suite, fixed(r, i), suite)
			}
			fmt.Fprint(w, "}}")
		}
		fmt.Fprint(w, "}")
	}
	fmt.Fprint(w, "}")
}

func source(i int) string {
	if i == 0 {
		return "linux"
	}
	return fmt.Sprintf("source%d", i)
}

// fixed is whether a release is affected by a vulnerability of source i.
func fixed(r *rand.Rand, i int) string {
	switch k := r.IntN(100); {
	case k < 4:
		return `"status": "open", "urgency": "not yet assigned"`
	case k < 8:
		return `"status": "open", "nodsa": "Minor issue", "nodsa_reason": "", "urgency": "low"`
	case k < 11:
		return `"status": "open", "urgency": "unimportant"`
	case k < 26:
		return `"status": "resolved", "fixed_version": "0", "urgency": "not yet assigned"`
	case k < 30:
		return fmt.Sprintf(`"status": "resolved", "fixed_version": "1.%d-1+deb%d", "urgency": "medium"`, i, 1+r.IntN(levels))
	}
	return fmt.Sprintf(`"status": "resolved", "fixed_version": "1.%d-0.%d", "urgency": "medium"`, i, r.IntN(9))
}

// SiteHost is what host n has: of its release, its role and how far it is patched.
func SiteHost(n int) (sitereport.System, []sitereport.Package) {
	release, role, level := n%3, n/3%roles, n/(3*roles)%levels
	s := sitereport.System{ID: "debian", Version: strconv.Itoa(11 + release), Name: fmt.Sprintf("Debian GNU/Linux %d", 11+release), Arch: "x86_64", Kernel: fmt.Sprintf("6.1.0-%d-amd64", level)}
	var all []sitereport.Package
	add := func(name, source string, i int) {
		// A level has patched one package in twelve: the others wait for theirs.
		v := fmt.Sprintf("1.%d-1+deb%d", i, max(0, level-(i+role)%levels))
		all = append(all, sitereport.Package{Manager: "dpkg", Name: name, Version: v, Arch: "amd64", Source: source, Origin: "Debian"})
	}
	for k := range 2 {
		add(fmt.Sprintf("linux-image-6.1.0-%d-amd64", max(0, level-k)), "linux", 0)
	}
	r := rand.New(rand.NewPCG(uint64(role), 9))
	for i := range sources { // two in three packages are on every host
		k := i * 7 % sources // as bad as any others
		if k > 0 && len(all) < packages && (i < packages/3 || r.IntN(sources) < 1000) {
			add(fmt.Sprintf("lib%d", k), source(k), k)
			add(fmt.Sprintf("tool%d", k), source(k), k)
		}
	}
	if n%alone == 0 {
		all = append(all, sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("local%d", n), Version: "1", Arch: "amd64"})
	}
	return s, sitereport.SortPackages(all)
}

// siteCount is of how many sites the hosts are, in turn: SITE0, SITE1, ...
const siteCount = 100

// Reports are what many hosts of sites report, into an empty store.
type Reports struct {
	Sites *sites.Sites
	DB    *db.DB
	Now   time.Time // when the next report comes
	count int
}

// kept is what the store keeps of the system and the packages of a host.
type kept struct{ os, has int64 }

// Fill has as many hosts. One of each kind reports; the others are put beside it as if
// they had, which says nothing about how fast reports are taken.
func (r *Reports) Fill(t testing.TB, hosts int) {
	t.Helper()
	for n := range siteCount {
		r.check(t, r.Sites.PutSite(t.Context(), r.Now, sites.Site{Name: fmt.Sprintf("SITE%d", n), Past: -1}))
	}
	kinds := map[int]kept{}
	var twins []int
	for n := range hosts {
		if n >= states && n%alone != 0 {
			twins = append(twins, n)
			continue
		}
		if k := r.report(t, n); n < states && n%alone != 0 {
			kinds[n] = k
		}
	}
	for len(twins) > 0 {
		part := twins[:min(len(twins), 1000)]
		twins = twins[len(part):]
		r.check(t, r.DB.Write(t.Context(), func(tx *db.Tx) error { return r.copy(tx, part, kinds) }))
	}
}

// copy has hosts be as those of their kind.
func (r *Reports) copy(tx *db.Tx, hosts []int, kinds map[int]kept) error {
	num, err := tx.Next("sites_number", "host", int64(len(hosts)))
	if err != nil {
		return err
	}
	edited, err := tx.Next("sites_number", "change", int64(len(hosts)))
	if err != nil {
		return err
	}
	now := r.Now.Unix()
	var rows, seen [][]any
	for i, n := range hosts {
		k, known := kinds[n%states]
		if !known { // its kind is alone
			k = kinds[(n+1)%states]
		}
		rows = append(rows, []any{num + int64(i), n%siteCount + 1, hostName(n), hostName(n), "", "native", now, now, 0, edited + int64(i), k.os, k.has})
		seen = append(seen, []any{num + int64(i), now, now, []byte{}, []byte{}, 1, ""})
	}
	if err := tx.Insert("sites_host", []string{"num", "site", "ident", "name", "tag", "form", "first", "changed", "gone", "edited", "os", "has"}, rows); err != nil {
		return err
	}
	return tx.Insert("sites_seen", []string{"host", "seen", "sent", "nonce", "sum", "reports", "address"}, seen)
}

func hostName(n int) string { return fmt.Sprintf("host%d.example.org", n) }

// report has host n report.
func (r *Reports) report(t testing.TB, n int) (k kept) {
	t.Helper()
	r.count++
	r.Now = r.Now.Add(time.Second)
	site := fmt.Sprintf("SITE%d", n%siteCount)
	said := &sitereport.Report{Host: hostName(n), Site: site, Time: r.Now.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%016d", r.count))}
	said.System, said.Packages = SiteHost(n)
	out, err := r.Sites.Take(t.Context(), r.Now, said, sites.Sender{Proven: site, Form: "native"})
	r.check(t, err)
	r.check(t, r.DB.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRow("SELECT os, has FROM sites_host WHERE num = ?", out.Host).Scan(&k.os, &k.has)
	}))
	return k
}

func (r *Reports) check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("cannot fill the store of sites: %v", err)
	}
}
