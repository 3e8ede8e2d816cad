package server

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/mailer"
	"muster/internal/sites"
	"muster/internal/testneed"
)

// awaits returns when something is so.
func awaits(t *testing.T, what string, so func() bool) {
	t.Helper()
	wait := time.NewTicker(20 * time.Millisecond)
	defer wait.Stop()
	for end := time.Now().Add(30 * time.Second); !so(); <-wait.C {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// mailServer runs a real one, and returns its port and the folder of what it took.
func mailServer(t *testing.T) (port int, box string) {
	t.Helper()
	program := testneed.Program(t, "aiosmtpd")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	port, box = l.Addr().(*net.TCPAddr).Port, filepath.Join(t.TempDir(), "box")
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	check(t, l.Close())
	cmd := exec.Command(program, "-n", "-c", "aiosmtpd.handlers.Mailbox", "-l", address, box)
	check(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // killed
	})
	awaits(t, "the mail server listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return port, box
}

// TestAdvisoriesByMail: who asked hears of what is new at their sites, by a real mail
// server, once; of other sites nothing, and nothing where nothing is new or where the
// site is theirs no more.
func TestAdvisoriesByMail(t *testing.T) {
	port, box := mailServer(t)
	w := newReporting(t, func(c *Config) { c.Mail = Mail{Host: "127.0.0.1", Port: port, TLS: "off", From: "muster@example.org"} })
	ctx, admin := t.Context(), w.person()
	const password = "a long password for bob"
	must(admin.AddPerson(ctx, api.PersonNew{Name: "bob", Password: password}))(t)
	rule := must(admin.AddRule(ctx, api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView, api.VerbReport}, Hosts: "site:OPEN"}))(t)
	must(admin.AddRule(ctx, api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView, api.VerbReport}, Hosts: "name:nothing"}))(t)
	bob := &api.PersonClient{Client: admin.Client, Token: must(admin.LoginPassword(ctx, api.PasswordLogin{Name: "bob", Password: password}))(t).Token}
	in := api.ReportScheduleNew{Report: "advisories", Every: api.Hourly, Title: "all", To: []string{"bob@example.org"}}
	all := must(bob.ScheduleReport(ctx, in))(t)
	in.Title, in.Site = "one", "OPEN"
	one := must(bob.ScheduleReport(ctx, in))(t)
	for _, in.Site = range []string{"NIKHEF", "NOSUCH"} {
		if _, err := bob.ScheduleReport(ctx, in); muster.KindOf(err) != muster.NotFound {
			t.Errorf("site %s: %v", in.Site, err)
		}
	}

	// Another server of the same database, whose clock goes on.
	var clock atomic.Int64
	clock.Store(time.Now().Unix())
	c := w.mail.Config
	c.Self, c.Each, c.Now = "later", 10*time.Millisecond, func() time.Time { return time.Unix(clock.Load(), 0) }
	m := must(mailer.Open(ctx, c))(t)
	work, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		m.Run(work, func(err error) { t.Error(err) })
		close(done)
	}()
	defer func() { stop(); <-done }()
	// pass lets an hour pass, and returns what the schedules say then and the newest mails.
	seen := map[string]bool{}
	pass := func() (states map[string]api.ReportSchedule, mails []string) {
		t.Helper()
		now := clock.Add(3600)
		awaits(t, "the hour is over", func() bool {
			states = map[string]api.ReportSchedule{}
			for _, s := range must(m.List(ctx, "bob"))(t).Schedules {
				states[s.ID] = s
			}
			return states[all.ID].Next > now && states[one.ID].Next > now
		})
		for _, f := range must(filepath.Glob(filepath.Join(box, "new", "*")))(t) {
			if !seen[f] {
				seen[f] = true
				mails = append(mails, string(must(os.ReadFile(f))(t)))
			}
		}
		return states, mails
	}
	if states, mails := pass(); len(mails) != 0 || states[all.ID].Failing != 0 || states[all.ID].Sent != 0 {
		t.Fatalf("nothing was new: %q, %+v", mails, states)
	}

	status, body := w.post(w.sealed(node("NIKHEF", "a.example.org", "curl 1", "zlib 1")))
	wantAnswer(t, status, body, 200, "OK\n")
	_, err := w.sites.Take(ctx, time.Now(), node("OPEN", "b.example.org", "curl 1"), sites.Sender{Proven: "OPEN", Form: "native"})
	check(t, err)
	must(admin.ImportAdvisories(ctx, "debian", "debian", "", false, strings.NewReader(someTracker), int64(len(someTracker))))(t)
	_, mails := pass()
	if len(mails) != 2 {
		t.Fatalf("new at a site: %q", mails)
	}
	for _, text := range mails {
		if !strings.Contains(text, "CVE-2026-1 | high |") || !strings.Contains(text, "OPEN | 1 | b.example.org | curl 1") || strings.Contains(text, "NIKHEF") || strings.Contains(text, "a.example.org") {
			t.Errorf("%s", text)
		}
	}
	if states, mails := pass(); len(mails) != 0 || states[one.ID].Failing != 0 || states[one.ID].Sent == 0 {
		t.Errorf("nothing more is new: %q, %+v", mails, states)
	}

	check(t, admin.RemoveRule(ctx, rule.ID))
	more := strings.Replace(someTracker, `"CVE-2026-1":`, `"CVE-2026-9":`, 1)
	must(admin.ImportAdvisories(ctx, "debian", "debian", "", true, strings.NewReader(more), int64(len(more))))(t)
	states, mails := pass()
	if len(mails) != 0 || !strings.Contains(states[one.ID].Reason, "OPEN") {
		t.Errorf("the site is bob's no more: %q, %+v", mails, states)
	}
}
