package advisories

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/advisory"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
	"muster/internal/testneed/sqlserver"
	"muster/sitereport"
)

// The size of Debian's tracker: source packages, vulnerabilities of them, releases of
// each. Hosts are of three of these.
const (
	benchSources  = 3_600
	benchIssues   = 60_000
	benchPackages = 2_000
)

var benchSuites = []string{"bullseye", "bookworm", "trixie", "forky", "sid"}

// The distribution of sets of packages: roles of hosts, each in several states of
// patching; and one host in 50 is like no other.
const (
	benchRoles  = 30
	benchLevels = 12
	benchAlone  = 50
	benchStates = 3 * benchRoles * benchLevels
)

// benchTracker writes a list of that size: a few sources with thousands of
// vulnerabilities, most with a few; three in four are mended in what every host has.
func benchTracker(w io.Writer, extra string) {
	r := rand.New(rand.NewPCG(1, 2))
	left, id := benchIssues, 0
	fmt.Fprint(w, "{")
	for i := range benchSources {
		n := min(left-(benchSources-i-1), 1+benchIssues/7/(i+1)+r.IntN(3))
		if left -= n; i == benchSources-1 {
			n += left
		}
		name := benchSource(i)
		fmt.Fprintf(w, "%s%q: {", strings.Repeat(",", min(i, 1)), name)
		if i == 5 {
			fmt.Fprint(w, extra)
		}
		for k := range n {
			id++
			fmt.Fprintf(w, "%s\"CVE-%d-%d\": {\"description\": \"%s\", \"scope\": \"remote\", \"releases\": {", strings.Repeat(",", min(k, 1)),
				2005+id%22, 1000+id, strings.Repeat("An issue was discovered in "+name+". ", 1+r.IntN(9)))
			for j, suite := range benchSuites {
				fmt.Fprintf(w, "%s%q: {%s, \"repositories\": {%q: \"1\"}}", strings.Repeat(",", min(j, 1)), suite, benchState(r, i), suite)
			}
			fmt.Fprint(w, "}}")
		}
		fmt.Fprint(w, "}")
	}
	fmt.Fprint(w, "}")
}

func benchSource(i int) string {
	if i == 0 {
		return "linux"
	}
	return fmt.Sprintf("source%d", i)
}

// benchState is whether a release is affected by a vulnerability of source i.
func benchState(r *rand.Rand, i int) string {
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
		return fmt.Sprintf(`"status": "resolved", "fixed_version": "1.%d-1+deb%d", "urgency": "medium"`, i, 1+r.IntN(benchLevels))
	}
	return fmt.Sprintf(`"status": "resolved", "fixed_version": "1.%d-0.%d", "urgency": "medium"`, i, r.IntN(9))
}

// benchHost is what host n has: of its release, its role and how far it is patched.
func benchHost(n int) (sitereport.System, []sitereport.Package) {
	release, role, level := n%3, n/3%benchRoles, n/(3*benchRoles)%benchLevels
	s := sitereport.System{ID: "debian", Version: strconv.Itoa(11 + release), Name: fmt.Sprintf("Debian GNU/Linux %d", 11+release), Arch: "x86_64", Kernel: fmt.Sprintf("6.1.0-%d-amd64", level)}
	var all []sitereport.Package
	add := func(name, source string, i int) {
		// A level has patched one package in twelve: the others wait for theirs.
		v := fmt.Sprintf("1.%d-1+deb%d", i, max(0, level-(i+role)%benchLevels))
		all = append(all, sitereport.Package{Manager: "dpkg", Name: name, Version: v, Arch: "amd64", Source: source, Origin: "Debian"})
	}
	for k := range 2 {
		add(fmt.Sprintf("linux-image-6.1.0-%d-amd64", max(0, level-k)), "linux", 0)
	}
	r := rand.New(rand.NewPCG(uint64(role), 9))
	for i := range benchSources { // two in three packages are on every host
		k := i * 7 % benchSources // as bad as any others
		if k > 0 && len(all) < benchPackages && (i < benchPackages/3 || r.IntN(benchSources) < 1000) {
			add(fmt.Sprintf("lib%d", k), benchSource(k), k)
			add(fmt.Sprintf("tool%d", k), benchSource(k), k)
		}
	}
	if n%benchAlone == 0 {
		all = append(all, sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("local%d", n), Version: "1", Arch: "amd64"})
	}
	return s, sitereport.SortPackages(all)
}

// BenchmarkFleet is the questions how long it takes until it is known what a whole
// tracker has against a fleet, and until it is known whom a new advisory concerns. It
// is one run: MUSTER_BENCH_HOSTS says of how many hosts (2,000), MUSTER_BENCH_DB of
// which engine (sqlite).
func BenchmarkFleet(b *testing.B) {
	hosts := 2000
	if n, err := strconv.Atoi(os.Getenv("MUSTER_BENCH_HOSTS")); err == nil {
		hosts = n
	}
	var list bytes.Buffer
	benchTracker(&list, "")
	for range b.N {
		benchFleet(b, hosts, list.Bytes())
	}
}

func benchFleet(b *testing.B, hosts int, list []byte) {
	dsn := map[string]func(testing.TB) string{
		"":         func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "b.db") },
		"postgres": sqlserver.Postgres, "mysql": sqlserver.MariaDB,
	}[os.Getenv("MUSTER_BENCH_DB")](b)
	w := newWorld(b, dbtest.Open(b, dsn))
	since, used := time.Now(), cpu()
	lap := func(what string) {
		b.ReportMetric(time.Since(since).Seconds(), "s-"+what)
		b.ReportMetric(cpu()-used, "cpu-"+what)
		b.Logf("%s: %.2f s, %.2f s of CPU, peak %d MB", what, time.Since(since).Seconds(), cpu()-used, peak()/1e6)
		since, used = time.Now(), cpu()
	}
	w.benchFill(b, hosts)
	lap("reports")
	w.follow()
	lap("groups")

	// The tracker comes: findings of all hosts, and all counts.
	w.bring("debian", "debian", string(list))
	lap("tracker")
	counts, err := w.HostCounts(b.Context(), nil, []int64{1, 2, 3})
	check(b, err)
	first := counts[1]
	b.ReportMetric(float64(first.Total()), "open-on-a-host")
	rows, findings, groups := w.rowsOf("advisories_row"), w.rowsOf("advisories_finding"), w.rowsOf("advisories_group")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(findings), "findings")
	b.ReportMetric(float64(groups), "groups")
	b.ReportMetric(float64(len(list))/1e6, "MB-tracker")

	// The same again: nothing changed but a space.
	since, used = time.Now(), cpu()
	w.bring("debian", "debian", string(list)+" ")
	lap("tracker-same")

	// One advisory more, in the tracker, and one by itself.
	var grown bytes.Buffer
	benchTracker(&grown, `"CVE-2026-99999": {"description": "new", "scope": "remote", "releases": {"bookworm": {"status": "open", "urgency": "high", "repositories": {"bookworm": "1"}}, "trixie": {"status": "open", "urgency": "high", "repositories": {"trixie": "1"}}}},`)
	since, used = time.Now(), cpu()
	w.bring("debian", "debian", grown.String())
	n := w.benchHolders(b, "CVE-2026-99999")
	lap("new-in-tracker")
	b.ReportMetric(float64(n), "hosts-of-new")
	w.bring("osv", "osv", `{"id":"DSA-9-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"source5"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}`)
	n = w.benchHolders(b, "DSA-9-1")
	lap("new-alone")
	b.ReportMetric(float64(n), "hosts-of-alone")

	// A host changes, and is looked at.
	_, more := benchHost(2)
	w.count++
	w.pass(10 * time.Second)
	s, _ := benchHost(1)
	_, err = w.sites.Take(b.Context(), w.now, &sitereport.Report{Host: "host1.example.org", Site: "SITE1", Time: w.now.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%016d", w.count)), System: s, Packages: more}, sites.Sender{Proven: "SITE1", Form: "native"})
	check(b, err)
	since, used = time.Now(), cpu()
	w.follow()
	lap("report-followed")
	_, packages := benchHost(2)
	_, err = w.Found(b.Context(), &sitereport.Report{Site: "S", System: sitereport.System{ID: "debian", Version: "12"}, Packages: packages})
	check(b, err)
	lap("answer")

	x := benchIndex(b, list)
	const some = 200
	var all [some]advisory.Host
	for n := range all {
		all[n].System, all[n].Packages = benchHost(n * 7)
	}
	since, used = time.Now(), cpu()
	for _, h := range all {
		advisory.MatchAll(nil, h, x, nil, w.now)
	}
	b.ReportMetric((cpu()-used)/some*float64(hosts), "cpu-naive")
	b.ReportMetric(float64(peak())/1e6, "MB-peak")
}

// benchFill has as many hosts. One of each kind reports; the others are put beside it as
// if they had, which says nothing about how fast reports are taken.
func (w *world) benchFill(b *testing.B, hosts int) {
	b.Helper()
	for n := range 100 {
		w.site(fmt.Sprintf("SITE%d", n))
	}
	type state struct{ os, has int64 }
	kinds := map[int]state{}
	var twins []int
	for n := range hosts {
		if n >= benchStates && n%benchAlone != 0 {
			twins = append(twins, n)
			continue
		}
		num := w.benchReport(b, n)
		var s state
		check(b, w.DB.Read(b.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT os, has FROM sites_host WHERE num = ?", num).Scan(&s.os, &s.has)
		}))
		if n < benchStates && n%benchAlone != 0 {
			kinds[n] = s
		}
	}
	for len(twins) > 0 {
		part := twins[:min(len(twins), 1000)]
		twins = twins[len(part):]
		check(b, w.DB.Write(b.Context(), func(tx *db.Tx) error {
			num, err := tx.Next("sites_number", "host", int64(len(part)))
			if err != nil {
				return err
			}
			edited, err := tx.Next("sites_number", "change", int64(len(part)))
			if err != nil {
				return err
			}
			var rows, seen [][]any
			for i, n := range part {
				s, known := kinds[n%benchStates]
				if !known { // its kind is alone
					s = kinds[(n+1)%benchStates]
				}
				name := fmt.Sprintf("host%d.example.org", n)
				rows = append(rows, []any{num + int64(i), n%100 + 1, name, name, "", "native", 1, 1, 0, edited + int64(i), s.os, s.has})
				seen = append(seen, []any{num + int64(i), 1, 1, []byte{}, []byte{}, 1, ""})
			}
			if err := tx.Insert("sites_host", []string{"num", "site", "ident", "name", "tag", "form", "first", "changed", "gone", "edited", "os", "has"}, rows); err != nil {
				return err
			}
			return tx.Insert("sites_seen", []string{"host", "seen", "sent", "nonce", "sum", "reports", "address"}, seen)
		}))
	}
}

// benchReport has host n report.
func (w *world) benchReport(b *testing.B, n int) int64 {
	b.Helper()
	w.count++
	w.pass(time.Second)
	s, packages := benchHost(n)
	site := fmt.Sprintf("SITE%d", n%100)
	r := &sitereport.Report{Host: fmt.Sprintf("host%d.example.org", n), Site: site, Time: w.now.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%016d", w.count)), System: s, Packages: packages}
	out, err := w.sites.Take(b.Context(), w.now, r, sites.Sender{Proven: site, Form: "native"})
	check(b, err)
	return out.Host
}

func (w *world) rowsOf(table string) (n int) {
	w.t.Helper()
	check(w.t, w.DB.Read(w.t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n) }))
	return n
}

// benchHolders lists all hosts that an advisory concerns.
func (w *world) benchHolders(b *testing.B, id string) int {
	b.Helper()
	all, err := w.AllHolders(b.Context(), nil, id)
	check(b, err)
	return len(all)
}

func benchIndex(b *testing.B, list []byte) *advisory.Index {
	b.Helper()
	build := advisory.NewBuilder()
	check(b, advisory.Debian(bytes.NewReader(list), advisory.Options{Name: "bench"}, func(a *advisory.Advisory) error { build.Add(a); return nil }))
	return build.Index()
}

// cpu is the time that the process has had of processors, in seconds.
func cpu() float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseFloat(f[11], 64)   //nolint:errcheck // the kernel's
	system, _ := strconv.ParseFloat(f[12], 64) //nolint:errcheck // the kernel's
	return (user + system) / 100
}

// peak is the most memory that the process ever had, in bytes; 0 where the system does
// not say.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(f[1], 10, 64) //nolint:errcheck // the kernel's
			return n * 1024
		}
	}
	return 0
}
