package mailer

import (
	"context"
	"errors"
	"time"

	"muster"
	"muster/internal/backoff"
	"muster/internal/db"
	"muster/internal/report"
)

// ErrUnknown is that of a [Sender] that does not know whether the message was taken.
var ErrUnknown = errors.New("nobody knows whether the message was taken")

// hold is for how long one server has a schedule: above the time that making and
// sending a report takes.
const hold = 10 * time.Minute

// Run sends what is due until ctx ends.
func (m *Mailer) Run(ctx context.Context, tell func(error)) {
	if m.Send == nil {
		return
	}
	tick := time.NewTicker(m.Each)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := m.look(ctx); err != nil && ctx.Err() == nil {
			tell(err)
		}
	}
}

// look works on all that is due, one after the other.
func (m *Mailer) look(ctx context.Context) error {
	var due []job
	now := m.Now().Unix()
	err := m.DB.Read(ctx, func(tx *db.Tx) (err error) {
		due, err = read(tx, "retry <= ? AND held <= ? ORDER BY retry, id", now, now)
		return err
	})
	for _, j := range due {
		if err == nil {
			err = m.work(ctx, j.ID)
		}
	}
	return err
}

// claim takes a schedule for a while, or returns nil: another server has it, or it is
// not due any more. One that a server was about to send when it stopped has perhaps
// been sent: it waits for the next period.
func (m *Mailer) claim(ctx context.Context, id string) (mine *job, err error) {
	err = m.DB.Write(ctx, func(tx *db.Tx) error {
		mine = nil
		now := m.Now()
		all, err := read(tx, "id = ? AND retry <= ? AND held <= ?", id, now.Unix(), now.Unix())
		if err != nil || len(all) == 0 {
			return err
		}
		if j := &all[0]; j.sending != 0 {
			return m.over(tx, j, 0, "a server stopped while it sent: "+ErrUnknown.Error())
		}
		mine = &all[0]
		_, err = tx.Exec("UPDATE mailer_schedule SET holder = ?, held = ? WHERE id = ?", m.Self, now.Add(hold).Unix(), id)
		return err
	})
	return mine, err
}

// over ends a period: the next one is due in its time. sent is when it was sent, 0 where
// it was not.
func (m *Mailer) over(tx *db.Tx, j *job, sent int64, reason string) error {
	now := m.Now()
	due, failing := next(&j.ReportScheduleNew, now).Unix(), int64(0)
	if sent == 0 {
		sent, failing = j.Sent, j.Failing
		if failing == 0 {
			failing = now.Unix()
		}
	}
	_, err := tx.Exec("UPDATE mailer_schedule SET period = ?, retry = ?, tries = 0, sending = 0, sent = ?, failing = ?, reason = ?, news = ?, holder = '', held = 0 WHERE id = ?",
		due, due, sent, failing, cut(reason), j.news, j.ID)
	return err
}

// work makes a report and sends it.
func (m *Mailer) work(ctx context.Context, id string) error {
	j, err := m.claim(ctx, id)
	if err != nil || j == nil {
		return err
	}
	message, last, err := m.message(ctx, j)
	if err == nil && message == nil {
		return m.quiet(ctx, j, last)
	}
	if err == nil {
		mine := false
		if mine, err = m.begin(ctx, j); err == nil && !mine {
			return nil // it was removed, or took too long and another server has it
		}
		if err == nil {
			err = m.Send.Send(ctx, m.From, j.To, message)
		}
	}
	if err == nil {
		j.news = last
	}
	// What became of it is written down also where the server stops meanwhile.
	return m.settle(context.WithoutCancel(ctx), j, err)
}

// begin writes down that the message is about to be handed over.
func (m *Mailer) begin(ctx context.Context, j *job) (mine bool, err error) {
	err = m.DB.Write(ctx, func(tx *db.Tx) error {
		if mine, err = m.holds(tx, j); err != nil || !mine {
			return err
		}
		_, err := tx.Exec("UPDATE mailer_schedule SET sending = 1 WHERE id = ?", j.ID)
		return err
	})
	return mine, err
}

// holds reports whether a schedule is still this server's.
func (m *Mailer) holds(tx *db.Tx, j *job) (bool, error) {
	var holder string
	err := tx.QueryRow("SELECT holder FROM mailer_schedule WHERE id = ? AND period = ?", j.ID, j.Next).Scan(&holder)
	if muster.KindOf(err) == muster.NotFound {
		return false, nil
	}
	return err == nil && holder == m.Self, err
}

// quiet ends a period in which nothing was new: nothing is sent, and nothing is wrong.
func (m *Mailer) quiet(ctx context.Context, j *job, last int64) error {
	return m.DB.Write(ctx, func(tx *db.Tx) error {
		mine, err := m.holds(tx, j)
		if err != nil || !mine {
			return err
		}
		if err := m.over(tx, j, 0, ""); err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE mailer_schedule SET failing = 0, news = ? WHERE id = ?", last, j.ID)
		return err
	})
}

// settle writes down what became of an attempt.
func (m *Mailer) settle(ctx context.Context, j *job, failed error) error {
	return m.DB.Write(ctx, func(tx *db.Tx) error {
		now := m.Now()
		if failed == nil {
			return m.over(tx, j, now.Unix(), "")
		}
		later := now.Add(backoff.After(int64(j.Tries)+1, 5*time.Minute, 4*time.Hour))
		// Another attempt would not help, would come too late, or could be a second one.
		if errors.Is(failed, ErrUnknown) || muster.KindOf(failed) == muster.Denied || !later.Before(next(&j.ReportScheduleNew, now)) {
			return m.over(tx, j, 0, failed.Error())
		}
		failing := j.Failing
		if failing == 0 {
			failing = now.Unix()
		}
		_, err := tx.Exec("UPDATE mailer_schedule SET retry = ?, tries = ?, sending = 0, failing = ?, reason = ?, holder = '', held = 0 WHERE id = ?",
			later.Unix(), j.Tries+1, failing, cut(failed.Error()), j.ID)
		return err
	})
}

// cut keeps what the column holds.
func cut(text string) string {
	if r := []rune(text); len(r) > 400 {
		return string(r[:400])
	}
	return text
}

// message is the report of a schedule, in the name of its owner, and the event up to
// which it goes. It is nil where it would be of news, and nothing is new.
func (m *Mailer) message(ctx context.Context, j *job) (message []byte, last int64, err error) {
	k, err := report.Find(j.Report)
	if err != nil {
		return nil, 0, err
	}
	w := wish(&j.ReportScheduleNew)
	w.Now, w.Most, w.After = m.Now(), report.MaxRows, j.news
	r, err := m.Make(ctx, j.Owner, w)
	if err != nil {
		return nil, 0, err
	}
	if last = j.news; k.News {
		last = r.Last
	}
	if k.News && len(r.Rows) == 0 {
		return nil, last, nil
	}
	message, err = m.compose(j, r)
	return message, last, err
}
