package mailer

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/report"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A box takes messages as the test says.
type box struct {
	mu   sync.Mutex
	got  []string
	fail error
}

func (b *box) Send(_ context.Context, _ string, _ []string, message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.got = append(b.got, string(message))
	return nil
}

// start is a Monday.
var start = time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC)

// A world is two servers on one database, and a clock.
type world struct {
	t    testing.TB
	now  time.Time
	box  *box
	may  error
	a, b *Mailer
}

func newWorld(t testing.TB, first, second *db.DB) *world {
	w := &world{t: t, now: start, box: &box{}}
	server := func(d *db.DB, self string) *Mailer {
		m, err := Open(t.Context(), Config{DB: d, Send: w.box, From: "muster@example.org", Domains: []string{"example.org"}, Server: "id", Name: "site",
			Self: self, Now: func() time.Time { return w.now },
			Make: func(_ context.Context, owner string, x report.Wish) (*report.Report, error) {
				return &report.Report{Kind: x.Kind, Title: "State of the fleet", Made: w.now.Unix(), Columns: []string{"owner"}, Rows: [][]string{{owner}}}, w.may
			}})
		check(t, err)
		return m
	}
	w.a, w.b = server(first, "a"), server(second, "b")
	return w
}

func (w *world) add(every string, day int) string {
	w.t.Helper()
	s, err := w.a.Add(w.t.Context(), "alice", api.ReportScheduleNew{Report: "fleet", Every: every, Day: day, Hour: 8, To: []string{"boss@example.org"}})
	check(w.t, err)
	return s.ID
}

// at moves the clock and has both servers look.
func (w *world) at(d time.Duration) {
	w.t.Helper()
	w.now = start.Add(d)
	check(w.t, w.a.look(w.t.Context()))
	check(w.t, w.b.look(w.t.Context()))
}

func (w *world) one() api.ReportSchedule {
	w.t.Helper()
	page, err := w.a.List(w.t.Context(), "")
	check(w.t, err)
	if len(page.Schedules) != 1 {
		w.t.Fatalf("%+v", page)
	}
	return page.Schedules[0]
}

// Once a period, by whichever server, on every engine; what was missed comes once.
func TestOnce(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first, second)
		w.add(api.Daily, 0)
		for _, step := range []struct {
			at   time.Duration
			want int
		}{{0, 0}, {29 * time.Minute, 0}, {30 * time.Minute, 1}, {31 * time.Minute, 1}, {20 * time.Hour, 1}, {25 * time.Hour, 2}, {5 * 24 * time.Hour, 3}, {5*24*time.Hour + time.Minute, 3}} {
			if w.at(step.at); len(w.box.got) != step.want {
				t.Fatalf("after %s there are %d, want %d", step.at, len(w.box.got), step.want)
			}
		}
		if s := w.one(); s.Failing != 0 || s.Sent == 0 || s.Next != start.Add(5*24*time.Hour+30*time.Minute).Unix() {
			t.Errorf("%+v", s)
		}
	})
}

// What failed for sure comes later, and once; what may have been sent does not.
func TestRetry(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), dbtest.SQLite(t))
	w.add(api.Daily, 0)
	w.box.fail = muster.Errorf(muster.Unavailable, "451 later")
	w.at(30 * time.Minute)
	w.at(31 * time.Minute)
	if s := w.one(); s.Tries != 1 || s.Failing == 0 || !strings.Contains(s.Reason, "451") {
		t.Fatalf("%+v", s)
	}
	w.box.fail = nil
	w.at(33 * time.Minute)
	if len(w.box.got) != 0 {
		t.Fatal("it came too early")
	}
	w.at(37 * time.Minute)
	w.at(50 * time.Minute)
	if s := w.one(); len(w.box.got) != 1 || s.Failing != 0 || s.Tries != 0 {
		t.Fatalf("%d, %+v", len(w.box.got), s)
	}
	w.box.fail = errors.Join(ErrUnknown, io.ErrUnexpectedEOF)
	w.at(25 * time.Hour)
	w.box.fail = nil
	w.at(40 * time.Hour)
	if s := w.one(); len(w.box.got) != 1 || s.Failing == 0 {
		t.Fatalf("what may have been sent came again: %+v", s)
	}
}

// A server that stops while it sends: nobody knows, so it is not sent again.
func TestKilled(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, d)
		id := w.add(api.Daily, 0)
		w.now = start.Add(time.Hour)
		j, err := w.a.claim(t.Context(), id)
		check(t, err)
		if j == nil {
			t.Fatal("not due")
		}
		if other, err := w.b.claim(t.Context(), id); err != nil || other != nil {
			t.Fatalf("two servers have it: %v", err)
		}
		mine, err := w.a.begin(t.Context(), j)
		if err != nil || !mine {
			t.Fatal(mine, err)
		}
		w.at(2 * time.Hour) // a is gone; its hold is over
		if s := w.one(); len(w.box.got) != 0 || s.Failing == 0 || s.Next != start.Add(24*time.Hour+30*time.Minute).Unix() {
			t.Fatalf("%d, %+v", len(w.box.got), s)
		}
		// One that stopped before is begun anew by another; the first, that comes back, is late.
		w.now = start.Add(25 * time.Hour)
		j, err = w.a.claim(t.Context(), id)
		check(t, err)
		w.now = w.now.Add(time.Hour)
		check(t, w.b.look(t.Context()))
		if mine, err := w.a.begin(t.Context(), j); len(w.box.got) != 1 || mine || err != nil {
			t.Fatalf("%d, %v, %v", len(w.box.got), mine, err)
		}
	})
}

// Who may see nothing any more gets nothing, and is asked about once a period.
func TestRights(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), dbtest.SQLite(t))
	id := w.add(api.Daily, 0)
	w.may = muster.Errorf(muster.Denied, "alice may do nothing here any more")
	w.at(time.Hour)
	w.at(2 * time.Hour)
	if s := w.one(); len(w.box.got) != 0 || s.Tries != 0 || !strings.Contains(s.Reason, "any more") {
		t.Errorf("%+v", s)
	}
	if page, err := w.a.List(t.Context(), "bob"); err != nil || len(page.Schedules) != 0 {
		t.Errorf("%+v %v", page, err)
	}
	if err := w.a.Remove(t.Context(), "bob", id); muster.KindOf(err) != muster.NotFound {
		t.Errorf("bob ended that of alice: %v", err)
	}
	check(t, w.a.Remove(t.Context(), "alice", id))
}

func TestRefused(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), dbtest.SQLite(t))
	good := api.ReportScheduleNew{Report: "fleet", Every: api.Daily, Hour: 8, To: []string{"a@example.org"}}
	for name, change := range map[string]func(*api.ReportScheduleNew){
		"report":  func(s *api.ReportScheduleNew) { s.Report = "none" },
		"every":   func(s *api.ReportScheduleNew) { s.Every = "hourly" },
		"hour":    func(s *api.ReportScheduleNew) { s.Hour = 24 },
		"weekday": func(s *api.ReportScheduleNew) { s.Every, s.Day = api.Weekly, 8 },
		"day":     func(s *api.ReportScheduleNew) { s.Every, s.Day = api.Monthly, 31 },
		"nobody":  func(s *api.ReportScheduleNew) { s.To = nil },
		"line":    func(s *api.ReportScheduleNew) { s.To = []string{"a@example.org\r\nBcc: x@example.org"} },
		"domain":  func(s *api.ReportScheduleNew) { s.To = []string{"a@example.com"} },
		"format":  func(s *api.ReportScheduleNew) { s.Format = "exe" },
		"many":    func(s *api.ReportScheduleNew) { s.To = strings.Split(strings.Repeat("a@example.org ", 21), " ")[:21] },
	} {
		in := good
		in.To = append([]string(nil), good.To...)
		change(&in)
		if _, err := w.a.Add(t.Context(), "alice", in); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for range maxOf {
		_, err := w.a.Add(t.Context(), "alice", good)
		check(t, err)
	}
	if _, err := w.a.Add(t.Context(), "alice", good); muster.KindOf(err) != muster.Conflict {
		t.Errorf("one too many: %v", err)
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		every string
		day   int
		want  string
	}{
		{api.Daily, 0, "2026-11-23T08"}, {api.Weekly, 1, "2026-11-23T08"}, {api.Weekly, 7, "2026-11-29T08"}, {api.Monthly, 23, "2026-11-23T08"},
		{api.Monthly, 22, "2026-12-22T08"}, {api.Monthly, 1, "2026-12-01T08"}, {api.Monthly, 28, "2026-11-28T08"},
	} {
		in := api.ReportScheduleNew{Every: c.every, Day: c.day, Hour: 8}
		if got := next(&in, start).Format("2006-01-02T15"); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
		if at := next(&in, start); !next(&in, at).After(at) {
			t.Errorf("%+v: a period twice", c)
		}
	}
}

// opened reads a message as those who get it do.
func opened(t testing.TB, text string) (head mail.Header, parts []string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	check(t, err)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	check(t, err)
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return m.Header, parts
		}
		check(t, err)
		data, err := io.ReadAll(p)
		check(t, err)
		parts = append(parts, string(data))
	}
}

// A message is one that others read, whatever is in it, and bounded.
func TestMessage(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), dbtest.SQLite(t))
	j := &job{ReportSchedule: api.ReportSchedule{ID: "x", Next: 5, Owner: "alice", ReportScheduleNew: api.ReportScheduleNew{Title: "été\r\nBcc: x@evil.example", Format: "csv", Every: api.Daily, To: []string{"a@example.org", "b@example.org"}}}}
	r := &report.Report{Kind: "fleet", Columns: []string{"c"}}
	for range 9000 {
		r.Rows = append(r.Rows, []string{strings.Repeat("é", 1000)})
	}
	r.Rows[0][0] = "\x1b[2J.\r\n.\r\nescape"
	text, err := w.a.compose(j, r)
	check(t, err)
	if len(text) > 8<<20 {
		t.Errorf("%d bytes", len(text))
	}
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if len(line) > 998 {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
	head, parts := opened(t, string(text))
	subject, err := new(mime.WordDecoder).DecodeHeader(head.Get("Subject"))
	if err != nil || head.Get("Bcc") != "" || !strings.Contains(subject, "été") || head.Get("Message-ID") != "<x.5@id>" || len(parts) != 2 {
		t.Errorf("%v %q %d parts", head, subject, len(parts))
	}
	if strings.Contains(parts[0], "\x1b") || !strings.Contains(parts[0], "unschedule x") || !strings.Contains(parts[0], "there are more") {
		t.Errorf("%.300q", parts[0])
	}
}
