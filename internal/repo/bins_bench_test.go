package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
)

// hostNames are as hosts make them, random ids, but the same in every run.
func hostNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		h := index.Sum(fmt.Append(nil, i))
		names[i] = h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-a" + h[15:18] + "-" + h[18:30]
	}
	return names
}

// packHosts builds a package for each name, with a few dependencies.
func packHosts(b *testing.B, names []string, version string) []string {
	b.Helper()
	dir := b.TempDir()
	files := make([]string, len(names))
	for i, name := range names {
		c := control.Control{Name: name, Version: version, Kind: muster.Host, OS: []string{"all"}, Architecture: []string{"all"},
			Title: "PC " + name[:8], Maintainer: "Desktop team <desktop@example.org>"}
		for _, dep := range []string{"base-tools", "office (>= 7.2)", fmt.Sprintf("printer-floor-%d", i%20), "vpn-client"} {
			c.Depends = append(c.Depends, must(control.ParseDependency(dep)))
		}
		files[i] = filepath.Join(dir, c.FileName())
		if err := os.WriteFile(files[i], packBytes(b, c, "", everybody().dave), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return files
}

// BenchmarkHosts publishes packages for that many hosts at once, then one more,
// and measures what a host moves for it. With MUSTER_TEST_DISK=1 it works on the
// disk of TMPDIR.
func BenchmarkHosts(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkHosts(b, n) })
	}
}

func benchmarkHosts(b *testing.B, n int) {
	p := newRepo(b)
	publish(b, p, pack(b, "age", "1", everybody().alice))
	names := hostNames(n)
	files, next := packHosts(b, names, "1"), packHosts(b, names[:1], "2")
	size := func(name string) float64 { return float64(len(read(b, p.Dir, name))) }
	before := size(headName)
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		publish(b, p, files...)
		b.ReportMetric(time.Since(began).Seconds(), "s/publish")
		b.ReportMetric(size(headName)-before, "B/head")
		c := newClient(b, p, newLiar(b, p.Dir).url)
		c.SetNames(names[0])
		update(b, c)
		bytes := 0.0
		for _, file := range filesOf(b, c.binsDir("main")) {
			bytes += float64(file)
		}
		b.ReportMetric(bytes, "B/bins")
		began = time.Now()
		publish(b, p, next...)
		b.ReportMetric(time.Since(began).Seconds()*1000, "ms/change")
		r := must(c.Update(b.Context()))
		b.ReportMetric(float64(r.Bytes)-size(headName), "B/change")
		other := newClient(b, p, newLiar(b, p.Dir).url)
		other.SetNames(names[1])
		update(b, other)
		p.Now = p.Now.Add(time.Hour)
		must(p.Remove(control.Relation{Name: names[0]}))
		r = must(other.Update(b.Context()))
		b.ReportMetric(float64(r.Bytes)-size(headName), "B/other")
		began = time.Now()
		err := (&Checker{Base: p.Dir, Now: c.Now}).Visit(b.Context(), func(c *Client) error {
			if x := must(c.Index()); x.Len() != n {
				b.Errorf("%d packages", x.Len())
			}
			return nil
		})
		if b.ReportMetric(time.Since(began).Seconds()*1000, "ms/visit"); err != nil {
			b.Error(err)
		}
	}
}

func filesOf(b *testing.B, dir string) (sizes []int64) {
	b.Helper()
	for _, e := range must(os.ReadDir(dir)) {
		sizes = append(sizes, must(e.Info()).Size())
	}
	return sizes
}
