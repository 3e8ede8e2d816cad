package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/report"
)

// Reports by mail are of who asked for them, with what they may see when it is made.
func TestReportsByMail(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	w := newWorld(t, func(c *Config) {
		c.Mail = Mail{Host: "127.0.0.1", Port: port, TLS: "off", From: "muster@example.org", Domains: []string{"example.org"}}
	})
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 5}))(t).Secret
	for n, name := range []string{"reception", "cellar"} {
		m := w.machine(n + 1)
		must(m.Enrol(t.Context(), api.Enrol{Token: token, Facts: api.Facts{Hostname: name, OS: "linux", Arch: "amd64"}}))(t)
	}
	const password = "a long password for bob"
	must(p.AddPerson(t.Context(), api.PersonNew{Name: "bob", Password: password}))(t)
	must(p.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView, api.VerbReport}, Hosts: "name:cellar"}))(t)
	bob := &api.PersonClient{Client: p.Client, Token: must(p.LoginPassword(t.Context(), api.PasswordLogin{Name: "bob", Password: password}))(t).Token}
	in := api.ReportScheduleNew{Report: "changes", Every: api.Daily, Hour: 3, To: []string{"bob@example.org"}}
	mine := must(bob.ScheduleReport(t.Context(), in))(t)
	must(p.ScheduleReport(t.Context(), in))(t)
	if page := must(bob.ReportSchedules(t.Context()))(t); len(page.Schedules) != 1 || page.Schedules[0].Owner != "bob" || page.Schedules[0].Next <= time.Now().Unix() {
		t.Errorf("%+v", page)
	}
	if page := must(p.ReportSchedules(t.Context()))(t); len(page.Schedules) != 2 {
		t.Errorf("who administers sees %+v", page)
	}
	in.To = []string{"thief@example.com"}
	if _, err := bob.ScheduleReport(t.Context(), in); muster.KindOf(err) != muster.Denied {
		t.Errorf("another domain: %v", err)
	}
	in.To = []string{"bob@example.org"}
	program := &api.PersonClient{Client: p.Client, Token: must(bob.CreateAPIToken(t.Context(), api.APITokenNew{Verbs: []api.Verb{api.VerbReport}, Password: password}))(t).Secret}
	if _, err := program.ScheduleReport(t.Context(), in); muster.KindOf(err) != muster.Denied {
		t.Errorf("a token has reports sent: %v", err)
	}
	fleet := report.Wish{Kind: "fleet", Now: time.Now()}
	if r := must(w.makeReport(t.Context(), "bob", fleet))(t); r.Rows[0][1] != "1" {
		t.Errorf("bob sees %q", r.Rows)
	}
	disabled := true
	must(p.EditPerson(t.Context(), "bob", api.PersonEdit{Disabled: &disabled}))(t)
	if r, err := w.makeReport(t.Context(), "bob", fleet); muster.KindOf(err) != muster.Denied {
		t.Errorf("bob is disabled, and sees %+v, %v", r, err)
	}
	check(t, p.RemovePerson(t.Context(), "bob"))
	if err := p.UnscheduleReport(t.Context(), mine.ID); muster.KindOf(err) != muster.NotFound {
		t.Errorf("bob is gone, and his mail is not: %v", err)
	}
}

func TestNoMail(t *testing.T) {
	p := newWorld(t).person()
	_, err := p.ScheduleReport(t.Context(), api.ReportScheduleNew{Report: "fleet", Every: api.Daily, To: []string{"a@example.org"}})
	if muster.KindOf(err) != muster.Unavailable || !strings.Contains(err.Error(), "no mail") {
		t.Errorf("%v", err)
	}
}

// What would send a password or a report in the clear is no configuration.
func TestMailConfig(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "password")
	check(t, os.WriteFile(secret, []byte("hush\n"), 0o600))
	good := Mail{Host: "mail.example.org", Port: 587, TLS: "starttls", From: "muster@example.org", User: "muster", PasswordFile: secret}
	for name, change := range map[string]func(*Mail){
		"clear": func(m *Mail) { m.TLS = "off" }, "mode": func(m *Mail) { m.TLS = "maybe" }, "port": func(m *Mail) { m.Port = 0 },
		"from": func(m *Mail) { m.From = "muster" }, "name": func(m *Mail) { m.From = "Muster <m@example.org>" }, "password": func(m *Mail) { m.PasswordFile = "" },
	} {
		c := Defaults()
		c.Mail = good
		check(t, c.checkMail())
		change(&c.Mail)
		if err := c.checkMail(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	s := must(good.sender())(t)
	if s == nil {
		t.Fatal("no sender")
	}
	good.PasswordFile = secret + "none"
	if _, err := good.sender(); err == nil {
		t.Error("a password that is not there is taken")
	}
}
