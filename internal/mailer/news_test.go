package mailer

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/report"
)

// A wire is what happens to sites, as events after each other.
type wire struct {
	*world
	events []string
}

func newWire(t testing.TB, first, second *db.DB) *wire {
	w := &wire{world: newWorld(t, first, second)}
	for _, m := range []*Mailer{w.a, w.b} {
		m.Newest = func(context.Context) (int64, error) { return int64(len(w.events)), nil }
		m.Make = func(_ context.Context, _ string, x report.Wish) (*report.Report, error) {
			r := &report.Report{Kind: x.Kind, Title: "New", Made: w.now.Unix(), Columns: []string{"advisory"}, Last: int64(len(w.events))}
			for _, e := range w.events[x.After:] {
				r.Rows = append(r.Rows, []string{e})
			}
			return r, w.may
		}
	}
	return w
}

func (w *wire) news(every string) string {
	w.t.Helper()
	s, err := w.a.Add(w.t.Context(), "alice", api.ReportScheduleNew{Report: "advisories", Site: "LYON", Every: every, Hour: 8, To: []string{"boss@example.org"}})
	check(w.t, err)
	return s.ID
}

// wants says what the newest mail has, and how many there were.
func (w *wire) wants(n int, has ...string) {
	w.t.Helper()
	if len(w.box.got) != n {
		w.t.Fatalf("there are %d mails, want %d: %+v", len(w.box.got), n, w.one())
	}
	if n == 0 {
		return
	}
	_, parts := opened(w.t, w.box.got[n-1])
	for _, e := range w.events {
		want := false
		for _, h := range has {
			want = want || h == e
		}
		if strings.Contains(parts[0], e+"\r\n") != want {
			w.t.Errorf("the mail has %q, want of it %q", parts[0], has)
		}
	}
}

// News are sent once, at most once a period, by whichever server, and where there are any.
func TestNews(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWire(t, first, second)
		w.events = []string{"CVE-old"}
		w.news(api.Hourly)
		w.at(time.Hour)
		w.wants(0)
		if s := w.one(); s.Failing != 0 || s.Reason != "" || s.Sent != 0 || s.Next != start.Add(90*time.Minute).Unix() {
			t.Fatalf("nothing was new: %+v", s)
		}
		w.events = append(w.events, "CVE-1", "CVE-2")
		w.at(80 * time.Minute)
		w.wants(0) // not before the hour
		w.at(91 * time.Minute)
		w.wants(1, "CVE-1", "CVE-2")
		w.events = append(w.events, "CVE-3")
		w.at(100 * time.Minute)
		w.wants(1, "CVE-1", "CVE-2")
		w.at(10 * time.Hour)
		w.wants(2, "CVE-3")
		w.at(20 * time.Hour)
		w.wants(2, "CVE-3")
	})
}

// What surely was not sent comes later, and what nobody knows of comes with the next one:
// it is perhaps told twice, and never lost.
func TestNewsFail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWire(t, d, d)
		id := w.news(api.Daily)
		w.events = []string{"CVE-1"}
		w.box.fail = muster.Errorf(muster.Unavailable, "451 later")
		w.at(30 * time.Minute)
		w.box.fail = nil
		w.events = append(w.events, "CVE-2")
		w.at(40 * time.Minute)
		w.wants(1, "CVE-1", "CVE-2")
		w.events = append(w.events, "CVE-3")
		w.box.fail = errors.Join(ErrUnknown, io.ErrUnexpectedEOF)
		w.at(25 * time.Hour)
		w.box.fail = nil
		w.at(26 * time.Hour)
		w.wants(1, "CVE-1", "CVE-2")
		w.at(49 * time.Hour)
		w.wants(2, "CVE-3")

		// A server that stops while it sends.
		w.events = append(w.events, "CVE-4")
		w.now = start.Add(73 * time.Hour)
		j, err := w.a.claim(t.Context(), id)
		check(t, err)
		if mine, err := w.a.begin(t.Context(), j); err != nil || !mine {
			t.Fatal(mine, err)
		}
		w.at(75 * time.Hour)
		w.wants(2, "CVE-3")
		w.at(97 * time.Hour)
		w.wants(3, "CVE-4")

		// One that was slow and finds nothing new ends nothing for the other.
		w.now = start.Add(121 * time.Hour)
		j, err = w.a.claim(t.Context(), id)
		check(t, err)
		w.events = append(w.events, "CVE-5")
		w.now = w.now.Add(time.Hour)
		check(t, w.b.look(t.Context()))
		check(t, w.a.quiet(t.Context(), j, 4))
		w.at(145 * time.Hour)
		w.wants(4, "CVE-5")
	})
}

// Who may not see the site any more gets nothing.
func TestNewsRights(t *testing.T) {
	w := newWire(t, dbtest.SQLite(t), dbtest.SQLite(t))
	w.news(api.Daily)
	w.events = []string{"CVE-1"}
	w.may = muster.Errorf(muster.Denied, "its owner may not see site \"LYON\" any more")
	w.at(time.Hour)
	w.wants(0)
	if s := w.one(); s.Failing == 0 || !strings.Contains(s.Reason, "LYON") {
		t.Errorf("%+v", s)
	}
	for _, in := range []api.ReportScheduleNew{{Report: "fleet", Every: api.Hourly}, {Report: "fleet", Every: api.Daily, Site: "LYON"}} {
		in.To = []string{"boss@example.org"}
		if _, err := w.a.Add(t.Context(), "alice", in); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%+v: %v", in, err)
		}
	}
}
