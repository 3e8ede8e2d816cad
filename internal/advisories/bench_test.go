package advisories

import (
	"bytes"
	"encoding/hex"
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
	"muster/internal/testneed/crowd"
	"muster/internal/testneed/sqlserver"
	"muster/sitereport"
)

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
	crowd.Tracker(&list, "")
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
	reports := crowd.Reports{Sites: w.sites, DB: w.DB, Now: w.now}
	reports.Fill(b, hosts)
	w.now = reports.Now
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
	crowd.Tracker(&grown, `"CVE-2026-99999": {"description": "new", "scope": "remote", "releases": {"bookworm": {"status": "open", "urgency": "high", "repositories": {"bookworm": "1"}}, "trixie": {"status": "open", "urgency": "high", "repositories": {"trixie": "1"}}}},`)
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
	_, more := crowd.SiteHost(1 + crowd.NextLevel)
	w.pass(10 * time.Second)
	s, _ := crowd.SiteHost(1)
	_, err = w.sites.Take(b.Context(), w.now, &sitereport.Report{Host: "host1.example.org", Site: "SITE1", Time: w.now.Unix(), Nonce: hex.EncodeToString([]byte("nonce of no twin")), System: s, Packages: more}, sites.Sender{Proven: "SITE1", Form: "native"})
	check(b, err)
	since, used = time.Now(), cpu()
	w.follow()
	lap("report-followed")
	_, packages := crowd.SiteHost(2)
	_, err = w.Found(b.Context(), &sitereport.Report{Site: "S", System: sitereport.System{ID: "debian", Version: "12"}, Packages: packages})
	check(b, err)
	lap("answer")

	x := benchIndex(b, list)
	const some = 200
	var all [some]advisory.Host
	for n := range all {
		all[n].System, all[n].Packages = crowd.SiteHost(n * 7)
	}
	since, used = time.Now(), cpu()
	for _, h := range all {
		advisory.MatchAll(nil, h, x, nil, w.now)
	}
	b.ReportMetric((cpu()-used)/some*float64(hosts), "cpu-naive")
	b.ReportMetric(float64(peak())/1e6, "MB-peak")
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
