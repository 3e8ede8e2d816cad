package advisory

import (
	"archive/zip"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/sitereport"
)

// The size of Debian's list in 2026: sources, vulnerabilities of packages, and
// releases of each.
const (
	benchSources = 3_600
	benchIssues  = 60_000
)

var benchSuites = []string{"bullseye", "bookworm", "trixie", "forky", "sid"}

// available are packages that apt knows, by name: real names and versions.
func available(t testing.TB) []sitereport.Package {
	t.Helper()
	out, err := exec.Command(testneed.Program(t, "apt-cache"), "dumpavail").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(out), "\nVersion:", "\nStatus: x installed\nVersion:")
	all := dpkgStatus(text)
	if len(all) < 2*benchSources {
		testneed.Missing(t, "index of apt")
	}
	return all
}

// benchTracker writes a list of the size and shape of Debian's: a few sources
// with thousands of vulnerabilities, most with a few.
func benchTracker(w io.Writer, sources []trackedSource, issues int) {
	r := rand.New(rand.NewPCG(1, 2))
	out := bufio.NewWriterSize(w, 1<<20)
	left, id := issues, 0
	out.WriteString("{")
	for i, s := range sources {
		n := min(left-(len(sources)-i-1), 1+issues/6/(i+1)+r.IntN(3))
		left -= n
		if i == len(sources)-1 {
			n += left
		}
		fmt.Fprintf(out, "%s%q: {", strings.Repeat(",", min(i, 1)), s.name)
		for k := range n {
			id++
			fmt.Fprintf(out, "%s\"CVE-%d-%d\": {\"description\": \"%s\", \"scope\": \"remote\", \"releases\": {", strings.Repeat(",", min(k, 1)),
				2005+id%22, 1000+id, strings.Repeat("An issue was discovered in "+s.name+". ", 1+r.IntN(12)))
			for j, suite := range benchSuites {
				benchRelease(out, r, j, suite, s.version)
			}
			out.WriteString("}}")
		}
		out.WriteString("}")
	}
	out.WriteString("}")
	out.Flush() // into memory
}

func benchRelease(out *bufio.Writer, r *rand.Rand, j int, suite, v string) {
	out.WriteString(strings.Repeat(",", min(j, 1)))
	fmt.Fprintf(out, "%q: {\"status\": ", suite)
	switch k := r.IntN(100); {
	case k < 5:
		out.WriteString(`"open", "urgency": "not yet assigned"`)
	case k < 12:
		out.WriteString(`"open", "nodsa": "Minor issue", "nodsa_reason": "", "urgency": "low"`)
	case k < 20:
		out.WriteString(`"open", "urgency": "unimportant"`)
	case k < 40:
		out.WriteString(`"resolved", "fixed_version": "0", "urgency": "not yet assigned"`)
	case k < 95:
		fmt.Fprintf(out, `"resolved", "fixed_version": "%s~%d", "urgency": "not yet assigned"`, v, r.IntN(40))
	default:
		fmt.Fprintf(out, `"resolved", "fixed_version": "%s+deb%du%d", "urgency": "medium"`, v, 11+j, 1+r.IntN(3))
	}
	fmt.Fprintf(out, `, "repositories": {"%s": "%s", "%s-security": "%s"}}`, suite, v, suite, v)
}

// benchWorld is a list, a host of 2,000 packages, and all packages that apt knows.
type benchWorld struct {
	list []byte
	host Host
	all  []sitereport.Package
}

func newBenchWorld(b *testing.B) benchWorld {
	all := available(b)
	r := rand.New(rand.NewPCG(3, 4))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	host := Host{System: sitereport.System{ID: "debian", Version: "12", Kernel: "6.1.0-27-amd64"}, Packages: slices.Clone(all[:2000])}
	sources := sourcesOnHost(all)[:benchSources]
	var list bytes.Buffer
	benchTracker(&list, sources, benchIssues)
	return benchWorld{list.Bytes(), host, all}
}

// read imports the list; first is called before the first advisory.
func (w *benchWorld) read(b *testing.B, first func()) *Index {
	builder := NewBuilder()
	err := Debian(bytes.NewReader(w.list), Options{Name: "bench"}, func(a *Advisory) error {
		if first != nil {
			first()
			first = nil
		}
		builder.Add(a)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return builder.Index()
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// cpu starts to count the time of processors; the function that it returns
// reports it for each round, in a unit of so many nanoseconds. Wall clocks say
// little on a machine that others use, too.
func cpu(b *testing.B) func(unit float64, name string) {
	now := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start, end := now(), int64(0)
	return func(unit float64, name string) {
		if end == 0 {
			end = now()
		}
		b.ReportMetric(float64(end-start)/float64(b.N)/unit, name)
	}
}

// BenchmarkImport: how long does it take to read the whole of Debian's list and
// build an index, and what does the index hold?
func BenchmarkImport(b *testing.B) {
	w := newBenchWorld(b)
	before := heap()
	var reading float64
	x := w.read(b, func() { reading = heap() - before })
	index := heap() - before
	used := cpu(b)
	for b.Loop() {
		w.read(b, nil)
	}
	used(1e9, "cpu-s/op")
	b.ReportMetric(reading, "MiB-reading")
	b.ReportMetric(index, "MiB-index")
	advisories, rows := x.Len()
	b.ReportMetric(float64(advisories), "advisories")
	b.ReportMetric(float64(rows), "rows")
	b.SetBytes(int64(len(w.list)))
}

// osvArchive is the list as osv.dev publishes it: a document a vulnerability,
// with all versions that there were.
func (w *benchWorld) osvArchive(b *testing.B) (archive []byte, size int64) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	err := Debian(bytes.NewReader(w.list), Options{Name: "bench"}, func(a *Advisory) error {
		f, err := z.Create("DEBIAN-" + a.ID + ".json")
		if err != nil {
			return err
		}
		var doc bytes.Buffer
		fmt.Fprintf(&doc, `{"schema_version":"1.7.3","id":"DEBIAN-%s","modified":"2026-02-03T04:05:06Z","upstream":[%q],"details":%q,"affected":[`, a.ID, a.ID, a.Summary)
		for i, row := range a.Affected {
			fixed, versions := "", []string{"0"}
			if len(row.Ranges) > 0 && !row.FixElsewhere {
				fixed = fmt.Sprintf(`,{"fixed":%q}`, row.Ranges[0].Fixed)
			}
			for k := range 12 {
				versions = append(versions, fmt.Sprintf("0.%d-%d", k, i))
			}
			fmt.Fprintf(&doc, `%s{"package":{"ecosystem":"Debian:%s","name":%q,"purl":"pkg:deb/debian/%s?arch=source"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}%s]}],"versions":["%s"],"ecosystem_specific":{"urgency":"not yet assigned"}}`,
				strings.Repeat(",", min(i, 1)), row.Release, row.Name, row.Name, fixed, strings.Join(versions, `","`))
		}
		doc.WriteString(`],"references":[{"type":"ADVISORY","url":"https://security-tracker.debian.org/tracker/` + a.ID + `"}]}`)
		size += int64(doc.Len())
		_, err = f.Write(doc.Bytes())
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes(), size
}

// BenchmarkOSV: how long does it take to read the same from an archive of OSV,
// and build an index?
func BenchmarkOSV(b *testing.B) {
	w := newBenchWorld(b)
	archive, size := w.osvArchive(b)
	w.list = nil
	used := cpu(b)
	var x *Index
	for b.Loop() {
		builder := NewBuilder()
		err := OSVZip(bytes.NewReader(archive), int64(len(archive)), Options{Name: "bench"}, func(a *Advisory) error { builder.Add(a); return nil })
		if err != nil {
			b.Fatal(err)
		}
		x = builder.Index()
	}
	used(1e9, "cpu-s/op")
	advisories, rows := x.Len()
	b.ReportMetric(float64(advisories), "advisories")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(len(archive))/(1<<20), "MiB-zip")
	b.ReportMetric(float64(size)/(1<<20), "MiB-text")
}

// BenchmarkHost: how long does it take to hold a host of 2,000 packages against
// the whole list?
func BenchmarkHost(b *testing.B) {
	w := newBenchWorld(b)
	x := w.read(b, nil)
	var found Findings
	used := cpu(b)
	for b.Loop() {
		found = MatchAll(nil, w.host, x, nil, time.Time{})
	}
	used(1e6, "cpu-ms/op")
	b.ReportMetric(float64(len(found.Open)), "findings")
}

// BenchmarkRows: how long does it take to hold every different package of a
// fleet against the whole list once?
func BenchmarkRows(b *testing.B) {
	w := newBenchWorld(b)
	x := w.read(b, nil)
	p := platform(b, "debian", "12")
	found := 0
	used := cpu(b)
	for b.Loop() {
		found = 0
		for i := range w.all {
			x.Match(p, w.all[i], func(Finding) { found++ })
		}
	}
	used(1e6, "cpu-ms/op")
	used(float64(len(w.all)), "cpu-ns/row")
	b.ReportMetric(float64(found), "findings")
	b.ReportMetric(float64(len(w.all)), "rows")
}
