package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// metrics are what a server counts. Labels have few values: no host, no person,
// no address.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	bytes     prometheus.Counter
	panics    prometheus.Counter
	waiting   prometheus.Gauge
	enrols    *prometheus.CounterVec
	batches   prometheus.Histogram
	commits   prometheus.Histogram
	queue     prometheus.Gauge
	failed    prometheus.Counter
	reports   *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		requests:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "musterd_requests_total", Help: "Requests answered, by route and status."}, []string{"route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "musterd_request_seconds", Help: "How long answers took, by route.", Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5, 30}}, []string{"route"}),
		bytes:     prometheus.NewCounter(prometheus.CounterOpts{Name: "musterd_received_bytes_total", Help: "Bytes of bodies as they came."}),
		panics:    prometheus.NewCounter(prometheus.CounterOpts{Name: "musterd_panics_total", Help: "Requests that hit a defect; the log has the stack."}),
		waiting:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "musterd_waiting_hosts", Help: "Hosts that hold a connection and wait for news."}),
		enrols:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "musterd_enrolments_total", Help: "Requests to enrol, by outcome."}, []string{"state"}),
		batches:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "musterd_commit_writes", Help: "Writes that shared a commit.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}}),
		commits:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "musterd_commit_seconds", Help: "How long a commit took.", Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5}}),
		queue:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "musterd_write_queue", Help: "Writes that wait for the database."}),
		failed:    prometheus.NewCounter(prometheus.CounterOpts{Name: "musterd_commits_failed_total", Help: "Commits that the database did not take."}),
	}
	m.reports = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "musterd_reports_total", Help: "Reports of hosts without an agent, by form and outcome."}, []string{"form", "outcome"})
	m.registry.MustRegister(m.reports, m.requests, m.durations, m.bytes, m.panics, m.waiting, m.enrols, m.batches, m.commits, m.queue, m.failed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &fleet{s: s,
			hosts:     prometheus.NewDesc("musterd_hosts", "Hosts by state.", []string{"state"}, nil),
			spool:     prometheus.NewDesc("musterd_spool_bytes", "Sealed reports that wait to be opened, in bytes.", nil, nil),
			worst:     prometheus.NewDesc("musterd_advisories_hosts", "Hosts by the worst of their advisories.", []string{"severity"}, nil),
			found:     prometheus.NewDesc("musterd_advisories", "Advisories that concern any host, by severity; exploited ones also by themselves.", []string{"severity"}, nil),
			support:   prometheus.NewDesc("musterd_support_hosts", "Hosts by the support of what they run.", []string{"state"}, nil),
			uncovered: prometheus.NewDesc("musterd_advisories_uncovered_hosts", "Hosts of which no list of advisories speaks.", nil, nil),
			stale:     prometheus.NewDesc("musterd_advisories_source_failing_seconds", "For how long a source of advisories could not be read.", []string{"source"}, nil),
			head:      prometheus.NewDesc("musterd_repository_expires", "When the head of the repository expires, in Unix seconds.", nil, nil)})
	return m
}

func (m *metrics) observe(rt *route, status int, took time.Duration) {
	m.requests.WithLabelValues(rt.name(), strconv.Itoa(status)).Inc()
	if !rt.slow {
		m.durations.WithLabelValues(rt.name()).Observe(took.Seconds())
	}
}

func (m *metrics) received(n int) { m.bytes.Add(float64(n)) }

func (m *metrics) enrolled(state api.State, err error) {
	if err != nil {
		state = "failed"
	}
	m.enrols.WithLabelValues(string(state)).Inc()
}

// reported counts a report.
func (m *metrics) reported(form string, err error) {
	outcome := "kept"
	if err != nil {
		outcome = string(muster.KindOf(err))
	}
	m.reports.WithLabelValues(form, outcome).Inc()
}

// batch is told of every commit.
func (m *metrics) batch(b db.Batch) {
	m.batches.Observe(float64(b.Writes))
	m.commits.Observe(b.Took.Seconds())
	m.queue.Set(float64(b.Waiting))
	if b.Err != nil {
		m.failed.Inc()
	}
}

// fleet asks for what others count, when somebody looks.
type fleet struct {
	s                   *Server
	hosts, head, spool  *prometheus.Desc
	worst, found, stale *prometheus.Desc // advisories
	support, uncovered  *prometheus.Desc
}

func (f *fleet) Describe(c chan<- *prometheus.Desc) {
	c <- f.hosts
	c <- f.head
	c <- f.spool
	c <- f.worst
	c <- f.found
	c <- f.stale
	c <- f.support
	c <- f.uncovered
}

func (f *fleet) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	totals, err := f.s.hosts.Totals(ctx, "state")
	if err != nil {
		c <- prometheus.NewInvalidMetric(f.hosts, err)
	}
	for state, n := range totals {
		c <- prometheus.MustNewConstMetric(f.hosts, prometheus.GaugeValue, float64(n), state)
	}
	if f.s.spool != nil {
		c <- prometheus.MustNewConstMetric(f.spool, prometheus.GaugeValue, float64(f.s.spool.size()))
	}
	f.advisories(ctx, c)
	if r := f.s.depot.info(); r.ID != "" {
		c <- prometheus.MustNewConstMetric(f.head, prometheus.GaugeValue, float64(r.Expires))
	}
}

// exposeMetrics answers those whom the configuration allows, by their address.
func (s *Server) exposeMetrics(w http.ResponseWriter, r *request) {
	if !contains(s.cfg.Metrics.From, r.address) {
		http.NotFound(w, r.Request)
		return
	}
	opts := promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, Registry: s.metrics.registry}
	promhttp.HandlerFor(s.metrics.registry, opts).ServeHTTP(w, r.Request)
}
