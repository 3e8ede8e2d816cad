package settings

import (
	"testing"
	"time"
)

// A window is some hours of each day, over midnight too, and on days that are longer.
func TestWindow(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip(err) // no data of time zones here
	}
	at := func(text string) time.Time {
		t.Helper()
		v, err := time.ParseInLocation("2006-01-02 15:04", text, paris)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		window, now string
		open        bool
		change      string
	}{
		{"19:00-07:00", "2026-11-21 18:59", false, "2026-11-21 19:00"},
		{"19:00-07:00", "2026-11-21 19:00", true, "2026-11-22 07:00"},
		{"19:00-07:00", "2026-11-22 06:59", true, "2026-11-22 07:00"},
		{"19:00-07:00", "2026-11-22 07:00", false, "2026-11-22 19:00"},
		{"12:00-13:30", "2026-12-31 13:30", false, "2027-01-01 12:00"},
		{"00:00-04:00", "2026-10-25 02:30", true, "2026-10-25 04:00"},         // an hour comes twice
		{"02:00-03:00", "2026-10-25 02:30", true, "2026-10-25 03:00"},         // all of it does
		{"01:00-05:00", "2026-03-29 00:30", false, "2026-03-29 01:00"},        // an hour is left out
		{"02:00-03:00", "2026-03-29 01:30", false, "2026-03-30 02:00"},        // all of it is
		{"mon-fri 19:00-07:00", "2026-11-20 19:30", true, "2026-11-21 07:00"}, // a Friday
		{"mon-fri 19:00-07:00", "2026-11-21 19:30", false, "2026-11-23 19:00"},
		{"mon-fri 19:00-07:00", "2026-11-23 06:00", false, "2026-11-23 19:00"},
		{"sat-sun 00:00-24:00", "2026-11-21 12:00", true, "2026-11-23 00:00"}, // one after the other
		{"mon 00:00-24:00", "2026-11-24 00:00", false, "2026-11-30 00:00"},
	} {
		w, err := ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		if open, change := w.At(at(c.now)); open != c.open || !change.Equal(at(c.change)) {
			t.Errorf("%s at %s: %v until %s, want %v until %s", c.window, c.now, open, change, c.open, c.change)
		}
	}
	if open, change := (Window{To: 24 * 60}).At(at("2026-11-21 12:00")); !open || !change.IsZero() {
		t.Errorf("what is always open closes at %s", change)
	}
	for _, bad := range []string{"", "19-7", "07:00", "07:00-07:00", "25:00-26:00", "-"} {
		if _, err := ParseWindow(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzWindow: whatever hours somebody names, a window that is open closes, unless it never
// does, and opens again within eight days.
func FuzzWindow(f *testing.F) {
	f.Add("19:00-07:00", int64(1_800_000_000))
	f.Add("00:00-23:59", int64(0))
	f.Add("07:00-07:00", int64(-1))
	f.Add("sat-sun 00:00-24:00", int64(1_800_000_000))
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		w, err := ParseWindow(text)
		if err != nil {
			return
		}
		if again, err := ParseWindow(w.String()); err != nil || again != w {
			t.Fatalf("%q is written %q: %v", text, w, err)
		}
		now := time.Unix(unix%(1<<33), 0).UTC()
		open, change := w.At(now)
		if open && change.IsZero() && w.Days == 0 && w.From == 0 && w.To == 24*60 {
			return
		}
		if !change.After(now) || change.Sub(now) > 8*24*time.Hour {
			t.Fatalf("%s: %v at %s until %s", text, open, now, change)
		}
		if again, _ := w.At(change); again == open {
			t.Fatalf("%s: %v at %s, and at %s too", text, open, now, change)
		}
	})
}
