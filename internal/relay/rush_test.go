package relay

import (
	"testing"

	"muster/internal/db/dbtest"
)

// TestSpread: hosts that are told at about the same time are to answer one after the
// other; those that come later, or alone, at once.
func TestSpread(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Pace = 2 })
	for _, host := range hostIDs(10) {
		defer w.Attend(host, func() {})()
	}
	if got := w.Spread(); got != 0 {
		t.Errorf("%d s before anything was sent", got)
	}
	w.send(1, nil)
	if got := w.Spread(); got != 0 {
		t.Errorf("one host answers within %d s", got)
	}
	w.send(7, nil)
	if got := w.Spread(); got != 4 {
		t.Errorf("eight hosts answer within %d s, want 4", got)
	}
	w.send(12, nil) // two of them do not wait
	if got := w.Spread(); got != 9 {
		t.Errorf("18 hosts answer within %d s, want 9", got)
	}
	for _, host := range hostIDs(10) {
		if _, err := w.Take(t.Context(), host); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(w.Resend / 2)
	if got := w.Spread(); got != 9 {
		t.Errorf("who takes it a little later answers within %d s", got)
	}
	w.pass(w.Resend * 3 / 4) // all are given it again, as nobody said to have it
	if got := w.Spread(); got != 5 {
		t.Errorf("the ten that are told again answer within %d s, want 5", got)
	}
}
