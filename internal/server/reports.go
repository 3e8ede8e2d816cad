package server

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

// maxReportBody bounds what is sent: a report in clear, with a proof or signature.
const maxReportBody = sitereport.MaxReport + 1<<20

// maxReportIntake bounds reports on their way, in bytes: apart from those of hosts and
// people, which they must not push out.
const maxReportIntake = 128 << 20

// openCollector opens what keeps reports of hosts without an agent.
func (s *Server) openCollector(ctx context.Context) error {
	c := &s.cfg.Collector
	table, err := s.cfg.Advisories.Table()
	if err != nil {
		return err
	}
	kept, err := sites.Open(ctx, sites.Config{DB: s.db, Window: c.Window.std(), Quota: c.quota(), Systems: table,
		Weeded: func(ctx context.Context) error { return s.advisories.ForgetRows(ctx, s.sites.Absent) }})
	if err != nil {
		return err
	}
	s.sites, s.collector, s.reportIntake = kept, newCollector(kept, s.now), newIntake(maxReportIntake)
	s.collector.clear, s.collector.site = c.Clear, c.Site
	switch c.Mode {
	case "open":
		s.collector.id, err = s.collectorIdentity(s.now())
	case "spool":
		s.spool, err = openSpool(s.folder.path(spoolDir), int64(c.Spool), s.folder.Disk)
	}
	return err
}

// takeReport takes a report in the native form, or in that of Pakiti's clients of
// version 3: which, its bytes say.
func (s *Server) takeReport(ctx context.Context, r *request) (any, error) {
	mode, err := sitereport.ParseMode(r.URL.Query().Get("mode"))
	if err != nil {
		return nil, err
	}
	if err := s.collects(); err != nil {
		return nil, err
	}
	l := letter{body: r.body, at: s.now(), address: r.address}
	if s.spool != nil && isSealed(r.body) {
		return s.keepSealed(l, mode, sitereport.AnswerKept, http.StatusAccepted)
	}
	m, err := s.collector.open(ctx, l)
	if err != nil {
		s.metrics.reported("", err)
		return nil, err
	}
	return s.keepReport(ctx, r, l, m, mode)
}

// collects is an error where the server takes no reports.
func (s *Server) collects() error {
	if s.cfg.Collector.Mode == "off" {
		return muster.WithHint(muster.Errorf(muster.NotFound, "this server takes no reports"), "those who run it set collector.mode in its configuration")
	}
	return nil
}

// keepSealed keeps a letter for who has the key.
func (s *Server) keepSealed(l letter, mode sitereport.Mode, text string, status int) (any, error) {
	if !mode.Stores() {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "this collector keeps reports sealed, and cannot answer without storing"), "report without the mode report-only")
	}
	err := sign.CheckSealed(l.body)
	if err == nil {
		err = s.spool.add(l)
	}
	s.metrics.reported("sealed", err)
	if err != nil {
		return nil, err
	}
	return said(status, []byte(text)), nil
}

// keepReport keeps what a message says, and answers what is published against it.
func (s *Server) keepReport(ctx context.Context, r *request, l letter, m *message, mode sitereport.Mode) (any, error) {
	defer m.done()
	from := s.collector.heardFrom(ctx, l, m) // before it is stored, as that changes it
	kept, err := s.collector.keep(ctx, l, m, mode)
	s.metrics.reported(m.form, err)
	if err != nil {
		return nil, err
	}
	found, err := s.found(ctx, r, m, mode)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 && !s.mayHear(ctx, m, mode.Stores(), from || kept.New) {
		found = nil
	}
	if m.form == "native" {
		return said(http.StatusOK, sitereport.Answer(found)), nil
	}
	return said(http.StatusOK, sitereport.AnswerPakiti(found)), nil
}

// found is what is published against the packages of a report, for who asks for it in a
// way that nobody else hears: what a site has that is vulnerable is no matter of the
// network. It is never worth more than the report: where it cannot be found out, what
// was kept stays kept.
func (s *Server) found(ctx context.Context, r *request, m *message, mode sitereport.Mode) ([]sitereport.Found, error) {
	if !mode.Answers() || s.collector.finder == nil || !s.overTLS(r) {
		return nil, nil
	}
	found, err := s.collector.finder.Found(ctx, m.report)
	if err != nil && mode.Stores() {
		s.log.Warn("cannot say what is published against a report", "host", m.report.Host, "error", err.Error())
		return nil, nil
	}
	return found, err
}

// overTLS reports whether nobody on the way reads the answer: the proxy that ends TLS
// says so.
func (s *Server) overTLS(r *request) bool {
	if r.TLS != nil {
		return true
	}
	proxy := s.cfg.unixSocket() != "" || s.trusted(peer(r.RemoteAddr))
	return proxy && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// said is an answer in plain text.
func said(status int, text []byte) answer {
	return func(w http.ResponseWriter) error {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(status)
		_, err := w.Write(text)
		return err
	}
}

// sayNative is a refusal as docs/formats/report.md has it.
func sayNative(status int, e *api.ErrorBody) (int, string, []byte) {
	text := "ERROR " + e.Error.Message
	if e.Error.Hint != "" {
		text += "; " + e.Error.Hint
	}
	return status, "text/plain; charset=utf-8", []byte(strings.ReplaceAll(text, "\n", " ") + "\n")
}

// reportCert hands out the certificate that reports are sealed to, to anybody.
func (s *Server) reportCert(_ context.Context, _ *request) (any, error) {
	if err := s.collects(); err != nil {
		return nil, err
	}
	cert, err := s.collectorCert()
	if err != nil {
		return nil, err
	}
	data := sign.EncodeCerts(cert)
	return answer(func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, err := w.Write(data)
		return err
	}), nil
}

// reportPlaces is how many reports are worked on at once: opening is bounded apart from
// it, and the rest is waiting for the database.
var reportPlaces = max(16, 4*runtime.GOMAXPROCS(0))
