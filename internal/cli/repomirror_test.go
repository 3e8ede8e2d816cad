package cli

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
		{"00:00-04:00", "2026-10-25 02:30", true, "2026-10-25 04:00"},  // an hour comes twice
		{"01:00-05:00", "2026-03-29 00:30", false, "2026-03-29 01:00"}, // an hour is left out
	} {
		w, err := parseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		if open, change := w.at(at(c.now)); open != c.open || !change.Equal(at(c.change)) {
			t.Errorf("%s at %s: %v until %s, want %v until %s", c.window, c.now, open, change, c.open, c.change)
		}
	}
	if open, change := (window{}).at(time.Now()); !open || !change.IsZero() {
		t.Error("without a window it is closed")
	}
	for _, bad := range []string{"19-7", "07:00", "07:00-07:00", "25:00-26:00", "-"} {
		if _, err := parseWindow(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzWindow: whatever hours somebody names, a window that is open closes, and opens again
// within two days.
func FuzzWindow(f *testing.F) {
	f.Add("19:00-07:00", int64(1_800_000_000))
	f.Add("00:00-23:59", int64(0))
	f.Add("07:00-07:00", int64(-1))
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		w, err := parseWindow(text)
		if err != nil || text == "" {
			return
		}
		now := time.Unix(unix%(1<<33), 0).UTC()
		open, change := w.at(now)
		if !change.After(now) || change.Sub(now) > 48*time.Hour {
			t.Fatalf("%s: %v at %s until %s", text, open, now, change)
		}
		if again, _ := w.at(change); again == open {
			t.Fatalf("%s: %v at %s, and at %s too", text, open, now, change)
		}
	})
}
