// Package mailer sends reports by mail, when people asked for them. It owns the tables
// mailer_*.
//
// Start with [Open] and [Mailer.Run]. What is due is made by [Config.Make], in the name
// of who asked for it, and carried by a [Sender]: [SMTP].
//
// # Promise
//
// A report is sent at most once a period, across restarts and by several servers on
// one database: that a message is about to be handed over is written down before, and
// where nobody knows whether it was, it is not sent again. What surely was not is tried
// again, later each time, until the next one is due. What was missed while the server
// was away is sent once.
//
// A report of news has what is new since the last one that was surely sent, and is not
// sent where nothing is.
//
// A report has what its owner may see at that time; who may see nothing any more gets
// nothing.
package mailer

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"io/fs"
	"net/mail"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/report"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "mailer", Files: schema} }

// A Sender carries a message to all of the recipients, or to none. Where it is not
// known whether it did, the error is [ErrUnknown].
type Sender interface {
	Send(ctx context.Context, from string, to []string, message []byte) error
}

// Config says what a [Mailer] works with.
type Config struct {
	DB   *db.DB
	Send Sender // nil: there is no mail, and none can be asked for
	// Make makes a report in the name of a person.
	Make func(ctx context.Context, owner string, w report.Wish) (*report.Report, error)
	// Newest is the event behind which what is new begins for who asks now; nil: 0.
	Newest  func(ctx context.Context) (int64, error)
	From    string   // address
	Domains []string // that recipients may be of; none: any
	Server  string   // id, for messages
	Name    string   // of the server, for people
	Self    string   // of this process, of several on one database; random where it is ""
	Now     func() time.Time
	Each    time.Duration // how often it is looked for what is due: 20 seconds
}

// Mailer sends what is due.
type Mailer struct{ Config }

// Bounds of schedules.
const (
	maxSchedules  = 500 // of a server
	maxOf         = 20  // of one person
	maxRecipients = 20
)

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*Mailer, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Self == "" {
		c.Self = rand.Text()
	}
	if c.Each == 0 {
		c.Each = 20 * time.Second
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	return &Mailer{c}, c.DB.Migrate(ctx, "mailer", files)
}

// Check refuses a schedule that cannot be kept, and brings it into form.
func (m *Mailer) Check(in *api.ReportScheduleNew) error {
	if m.Send == nil {
		return muster.WithHint(muster.Errorf(muster.Unavailable, "this server sends no mail"), "set 'mail.host' in its configuration")
	}
	w := wish(in)
	if err := w.Check(); err != nil {
		return err
	}
	if in.Format == "" {
		in.Format = "csv"
	}
	if in.Format != "csv" && in.Format != "json" {
		return muster.WithField(muster.Errorf(muster.Invalid, "%.20q is no format: csv or json", in.Format), "/format")
	}
	if err := checkTimes(in); err != nil {
		return err
	}
	if len(in.Title) > 200 {
		return muster.WithField(muster.Errorf(muster.Invalid, "the title is longer than 200 bytes"), "/title")
	}
	return muster.WithField(m.checkRecipients(in), "/to")
}

func wish(in *api.ReportScheduleNew) report.Wish {
	return report.Wish{Kind: in.Report, Query: in.Query, Software: in.Software, Site: in.Site, Days: in.Days}
}

// checkRecipients takes addresses alone, of the domains that are allowed.
func (m *Mailer) checkRecipients(in *api.ReportScheduleNew) error {
	if len(in.To) == 0 || len(in.To) > maxRecipients {
		return muster.Errorf(muster.Invalid, "%d recipients are none, or more than %d", len(in.To), maxRecipients)
	}
	for i, text := range in.To {
		a, err := mail.ParseAddress(text)
		if err != nil || len(a.Address) > 254 || strings.ContainsAny(a.Address, "\r\n<> \"") {
			return muster.Errorf(muster.Invalid, "%.100q is no address of mail", text)
		}
		_, domain, _ := strings.Cut(a.Address, "@")
		if len(m.Domains) > 0 && !slices.ContainsFunc(m.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
			return muster.WithHint(muster.Errorf(muster.Denied, "no mail goes to %q", domain), "'mail.domains' of the server's configuration names where it goes")
		}
		in.To[i] = a.Address
	}
	return nil
}

// Add makes a schedule.
func (m *Mailer) Add(ctx context.Context, owner string, in api.ReportScheduleNew) (out api.ReportSchedule, err error) {
	if err := m.Check(&in); err != nil {
		return out, err
	}
	wanted, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	news := int64(0)
	if m.Newest != nil {
		if news, err = m.Newest(ctx); err != nil {
			return out, err
		}
	}
	now := m.Now()
	out = api.ReportSchedule{ID: rand.Text(), ReportScheduleNew: in, Owner: owner, Created: now.Unix(), Next: next(&in, now).Unix()}
	err = m.DB.Write(ctx, func(tx *db.Tx) error {
		if err := room(tx, owner); err != nil {
			return err
		}
		return tx.Insert("mailer_schedule", []string{"id", "owner", "wanted", "created", "period", "retry", "tries", "sending", "sent", "failing", "reason", "holder", "held", "news"},
			[][]any{{out.ID, owner, string(wanted), out.Created, out.Next, out.Next, 0, 0, 0, 0, "", "", 0, news}})
	})
	return out, err
}

// room refuses one schedule too many.
func room(tx *db.Tx, owner string) error {
	var all, own int
	if err := tx.QueryRow("SELECT count(*) FROM mailer_schedule").Scan(&all); err != nil {
		return err
	}
	if err := tx.QueryRow("SELECT count(*) FROM mailer_schedule WHERE owner = ?", owner).Scan(&own); err != nil {
		return err
	}
	if all >= maxSchedules || own >= maxOf {
		return muster.Errorf(muster.Conflict, "%q has %d reports by mail of %d on this server, and may have no more", owner, own, all)
	}
	return nil
}

// List lists the schedules of a person or, with "", of all.
func (m *Mailer) List(ctx context.Context, owner string) (out api.ReportSchedulePage, err error) {
	err = m.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := read(tx, "(owner = ? OR ? = '') ORDER BY owner, created, id", owner, owner)
		for _, j := range all {
			out.Schedules = append(out.Schedules, j.ReportSchedule)
		}
		return err
	})
	return out, err
}

// Remove ends a schedule: of a person or, with "", of anybody.
func (m *Mailer) Remove(ctx context.Context, owner, id string) error {
	return m.DB.Write(ctx, func(tx *db.Tx) error {
		all, err := read(tx, "id = ? AND (owner = ? OR ? = '')", id, owner, owner)
		if err == nil && len(all) == 0 {
			err = muster.WithHint(muster.Errorf(muster.NotFound, "there is no report by mail %.50q", id), "muster reports schedules")
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM mailer_schedule WHERE id = ?", id)
		return err
	})
}

// RemoveOf ends the schedules of a person.
func (m *Mailer) RemoveOf(ctx context.Context, owner string) error {
	return m.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM mailer_schedule WHERE owner = ?", owner)
		return err
	})
}

// A job is a row.
type job struct {
	api.ReportSchedule
	retry   int64
	sending int
	news    int64 // the event up to which it was sent
}

func read(tx *db.Tx, where string, args ...any) (all []job, err error) {
	err = tx.Each("SELECT id, owner, wanted, created, period, retry, tries, sending, sent, failing, reason, news FROM mailer_schedule WHERE "+where, args, func(scan db.Scan) error {
		var j job
		var wanted string
		if err := scan(&j.ID, &j.Owner, &wanted, &j.Created, &j.Next, &j.retry, &j.Tries, &j.sending, &j.Sent, &j.Failing, &j.Reason, &j.news); err != nil {
			return err
		}
		all = append(all, j)
		return json.Unmarshal([]byte(wanted), &all[len(all)-1].ReportScheduleNew)
	})
	return all, err
}
