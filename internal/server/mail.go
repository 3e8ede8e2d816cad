package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/mail"
	"os"
	"strconv"
	"time"

	"muster"
	"muster/api"
	"muster/internal/hosts"
	"muster/internal/mailer"
	"muster/internal/report"
	"muster/search"
)

// checkMail refuses what would send passwords or reports in the clear.
func (c *Config) checkMail() error {
	m := &c.Mail
	if m.Host == "" {
		return nil
	}
	if m.TLS != "starttls" && m.TLS != "tls" && m.TLS != "off" {
		return muster.Errorf(muster.Invalid, "mail.tls: %q is none of starttls, tls and off", m.TLS)
	}
	if ip := net.ParseIP(m.Host); m.TLS == "off" && m.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return muster.Errorf(muster.Invalid, "mail.tls: off is for an address of loopback, not for %q", m.Host)
	}
	if m.Port < 1 || m.Port > 65535 {
		return muster.Errorf(muster.Invalid, "mail.port: %d is no port", m.Port)
	}
	if a, err := mail.ParseAddress(m.From); err != nil || a.Address != m.From {
		return muster.Errorf(muster.Invalid, "mail.from: %q is no address such as muster@example.org", m.From)
	}
	if (m.User == "") != (m.PasswordFile == "") {
		return muster.Errorf(muster.Invalid, "mail: user and password-file need each other")
	}
	return nil
}

// sender is the SMTP server of the configuration; nil: there is none.
func (m *Mail) sender() (mailer.Sender, error) {
	if m.Host == "" {
		return nil, nil
	}
	out := &mailer.SMTP{Address: net.JoinHostPort(m.Host, strconv.Itoa(m.Port)), Mode: m.TLS, User: m.User, TLS: &tls.Config{ServerName: m.Host, MinVersion: tls.VersionTLS12}}
	if m.CA != "" {
		data, err := os.ReadFile(m.CA)
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read mail.ca: %w", err)
		}
		out.TLS.RootCAs = x509.NewCertPool()
		if !out.TLS.RootCAs.AppendCertsFromPEM(data) {
			return nil, muster.Errorf(muster.Invalid, "mail.ca: %q holds no certificate", m.CA)
		}
	}
	if m.PasswordFile != "" {
		var err error
		if out.Password, err = secretFile(m.PasswordFile); err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read mail.password-file: %w", err)
		}
	}
	return out, nil
}

// openMail opens what sends reports.
func (s *Server) openMail(ctx context.Context) error {
	send, err := s.cfg.Mail.sender()
	if err != nil {
		return err
	}
	s.mail, err = mailer.Open(ctx, mailer.Config{DB: s.db, Send: send, Make: s.makeReport, Newest: s.newestAdvisory, From: s.cfg.Mail.From, Domains: s.cfg.Mail.Domains,
		Server: s.self.ID, Name: s.called(), Now: func() time.Time { return s.now() }})
	return err
}

// A partSource is the hosts that somebody may see, as reports ask for them.
type partSource struct{ *hosts.Part }

// Hosts implements [report.Source].
func (p partSource) Hosts(ctx context.Context, q api.HostQuery) (api.HostPage, error) {
	return p.List(ctx, q)
}

// Counts implements [report.Source].
func (p partSource) Counts(ctx context.Context, searches []string) (api.Counts, error) {
	counts, err := p.Part.Counts(ctx, searches)
	return api.Counts{Hosts: counts}, err
}

// A newsSource also knows what is new at the sites that somebody may see.
type newsSource struct {
	partSource
	s     *Server
	scope search.Scope
}

// AdvisoryNews implements [report.Newsman].
func (n newsSource) AdvisoryNews(ctx context.Context, site string, after int64, limit int) ([]api.AdvisoryRecent, int64, error) {
	see := []string{site}
	if site != "" && !n.scope.Site(site) {
		return nil, 0, muster.Errorf(muster.Denied, "its owner may not see site %q any more", site)
	}
	if site == "" {
		var err error
		if see, err = n.s.sitesIn(ctx, n.scope); err != nil {
			return nil, 0, err
		}
	}
	return n.s.advisories.Recent(ctx, see, after, limit)
}

// newestAdvisory is asked when the mailer is there, which opens first.
func (s *Server) newestAdvisory(ctx context.Context) (int64, error) { return s.advisories.Newest(ctx) }

// makeReport makes a report of what its owner, who is away, may see and export now.
func (s *Server) makeReport(ctx context.Context, owner string, w report.Wish) (*report.Report, error) {
	scope, err := s.access.Away(ctx, owner, api.VerbView, api.VerbReport)
	if err != nil {
		return nil, err
	}
	return report.Make(ctx, newsSource{partSource{s.hosts.Part(scope, scope, nil)}, s, scope}, w)
}

func (s *Server) listReportSchedules(ctx context.Context, r *request) (any, error) {
	return s.mail.List(ctx, s.ownerOf(r))
}

// ownerOf is whose reports by mail a person sees and ends: their own, or those of all.
func (s *Server) ownerOf(r *request) string {
	if r.person.may(api.VerbAdminister).All() {
		return ""
	}
	return r.person.name
}

// addReportSchedule has a report sent by mail. A token cannot: the report would outlive
// it, and have what its owner may see.
func (s *Server) addReportSchedule(ctx context.Context, r *request) (any, error) {
	var in api.ReportScheduleNew
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if err := s.mail.Check(&in); err != nil {
		return nil, err
	}
	if r.person.visit.Way == "token" {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "a token has no reports sent"), "log in as a person: 'muster login'")
	}
	if in.Site != "" {
		if _, err := s.siteKnown(ctx, r.person.may(api.VerbView).And(r.person.may(api.VerbReport)), in.Site); err != nil {
			return nil, err
		}
	}
	return s.mail.Add(ctx, r.person.name, in)
}

func (s *Server) removeReportSchedule(ctx context.Context, r *request) (any, error) {
	return nil, s.mail.Remove(ctx, s.ownerOf(r), r.PathValue("id"))
}
