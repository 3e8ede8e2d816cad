package hosts

import (
	"context"
	"runtime"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestBehind has what was committed not be read again: nobody is let in by what
// memory had before.
func TestBehind(t *testing.T) {
	d, away := dbtest.SQLite(t), dbtest.SQLite(t)
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, d)
	m := joined(w, 1)
	err := w.write(t.Context(), func(tx *db.Tx) error {
		r, err := readRecord(tx, "id", m.id)
		if err != nil {
			return err
		}
		w.DB = away // as soon as this is committed
		return r.become(tx, api.Refused)
	})
	if err != nil {
		t.Errorf("what was committed failed: %v", err)
	}
	if _, err := m.call(w); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("let in by what was: %v", err)
	}
	if _, err := w.Key(t.Context(), m.id); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("its key is that of before: %v", err)
	}
	w.DB = d
	if _, err := m.call(w); muster.KindOf(err) != muster.Denied {
		t.Errorf("refused: %v", err)
	}
}

// TestAlarmFails has the alarm of a clone fail while a person refuses the host: it
// stays refused.
func TestAlarmFails(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := joined(w, 1)
	for range 3 {
		if _, err := m.checkIn(w, api.CheckIn{}); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(60e9)
	m.counter -= 2
	again := m.message(t, w.time(), m.id, m.counter)
	// Somebody else writes as long as it takes.
	writing, written, done := make(chan bool), make(chan bool), make(chan error, 2)
	go func() {
		done <- w.DB.Write(t.Context(), func(*db.Tx) error { close(writing); <-written; return nil })
	}()
	<-writing
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := w.Accept(ctx, again, m.from)
		done <- err
	}()
	for w.stateOf(m.id) != api.Cloned {
		runtime.Gosched()
	}
	w.Hosts.mu.Lock()
	refused := *w.byID[m.id]
	w.Hosts.mu.Unlock()
	refused.state, refused.edited = api.Refused, refused.edited+1
	w.learn(refused.edited, 0, []*entry{&refused}, nil)
	cancel()
	if err := <-done; err == nil {
		t.Error("the alarm was raised")
	}
	if s := w.stateOf(m.id); s != api.Refused {
		t.Errorf("the host is %s", s)
	}
	close(written)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func (w *world) stateOf(id string) api.State {
	w.Hosts.mu.Lock()
	defer w.Hosts.mu.Unlock()
	return w.byID[id].state
}
