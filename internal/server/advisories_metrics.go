package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"muster/api"
)

// advisories counts hosts and advisories by severity, and says which sources fail.
func (f *fleet) advisories(ctx context.Context, c chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, n int64, label string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), label)
	}
	standing, err := f.s.advisories.Standing(ctx, nil)
	if err != nil {
		c <- prometheus.NewInvalidMetric(f.worst, err)
		return
	}
	w, a := &standing.All.Worst, &standing.All.Advisories
	for _, s := range []struct {
		name        string
		hosts, many int64
	}{
		{"critical", w.Critical, a.Critical}, {"high", w.High, a.High}, {"medium", w.Medium, a.Medium}, {"low", w.Low, a.Low},
		{"negligible", w.Negligible, a.Negligible}, {"unknown", w.Unknown, a.Unknown}, {"exploited", w.Exploited, a.Exploited},
	} {
		put(f.worst, s.hosts, s.name)
		put(f.found, s.many, s.name)
	}
	put(f.worst, w.None, "none")
	put(f.worst, w.Uncovered, "not-covered")
	support, err := f.s.advisories.Supported(ctx, nil)
	if err != nil {
		c <- prometheus.NewInvalidMetric(f.support, err)
		return
	}
	for _, s := range []struct {
		name string
		n    int64
	}{{api.Supported, support.Supported}, {api.SupportedLonger, support.Extended}, {api.Unsupported, support.Ended}, {api.NotReleased, support.NotReleased}, {api.SupportUnknown, support.Unknown}} {
		put(f.support, s.n, s.name)
	}
	c <- prometheus.MustNewConstMetric(f.uncovered, prometheus.GaugeValue, float64(support.Uncovered))
	sources, err := f.s.advisories.ListSources(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(f.stale, err)
		return
	}
	now := f.s.now().Unix()
	for _, s := range sources.Sources {
		failing := int64(0)
		if s.Failing != 0 {
			failing = now - s.Failing
		}
		put(f.stale, failing, s.Name)
	}
}
