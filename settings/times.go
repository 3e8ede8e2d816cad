package settings

import (
	"fmt"
	"strings"
	"time"
)

// Days are days of the week: bit n is time.Weekday n; 0 is every day.
type Days uint8

func (d Days) has(w time.Weekday) bool { return d == 0 || d&(1<<w) != 0 }

// A Slot is a time of the day on some days of the week.
type Slot struct {
	Days   Days
	Minute int // of the day, local time
}

// A Window is a span of local time. One whose end is not after its start goes on
// into the next day; its days are those on which it starts.
type Window struct {
	Days     Days
	From, To int // minutes of the day
}

// At reports whether the window is open at t, by the clock on the wall where t is, and
// when that changes: never, of one that is always open, is the zero time. Days have 23
// to 25 hours.
func (w Window) At(t time.Time) (open bool, change time.Time) {
	for day := -1; ; day++ {
		begin, end, ok := w.on(t, day)
		switch {
		case !ok || !t.Before(end):
		case t.Before(begin):
			return false, begin
		default:
			return true, w.lasts(t, day, end)
		}
	}
}

// on is the window that begins some days after t, if there is one on that day: an hour
// that clocks leave out may be all of it.
func (w Window) on(t time.Time, days int) (begin, end time.Time, ok bool) {
	y, m, d := t.Date()
	at := func(day, minute int) time.Time { return first(time.Date(y, m, day, 0, minute, 0, 0, t.Location())) }
	begin, end = at(d+days, w.From), at(d+days, w.To)
	if w.To <= w.From {
		end = at(d+days+1, w.To)
	}
	return begin, end, begin.Before(end) && w.Days.has((t.Weekday()+time.Weekday(days%7)+7)%7)
}

// first is the earlier of two moments that a clock on the wall shows alike, when it is set
// back by an hour, or on Lord Howe by half of one.
func first(t time.Time) time.Time {
	for _, back := range []time.Duration{time.Hour, 30 * time.Minute} {
		if before := t.Add(-back); before.Day() == t.Day() && before.Hour() == t.Hour() && before.Minute() == t.Minute() {
			return before
		}
	}
	return t
}

// lasts is the end of a window that begins some days after t and ends at end, or where
// others follow without a gap, of the last of them.
func (w Window) lasts(t time.Time, days int, end time.Time) time.Time {
	for next := 1; next <= 7; next++ {
		begin, later, ok := w.on(t, days+next)
		if !ok || begin.After(end) {
			return end
		}
		end = later
	}
	return time.Time{}
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (d Days) String() string {
	var names []string
	for i, name := range dayNames {
		if d != 0 && d.has(time.Weekday(i)) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

func (s Slot) String() string { return strings.TrimSpace(s.Days.String() + " " + clock(s.Minute)) }

func (w Window) String() string {
	return strings.TrimSpace(w.Days.String() + " " + clock(w.From) + "-" + clock(w.To))
}

func clock(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// parseClock reads "HH:MM"; the end of a window may be 24:00.
func parseClock(s string, most int) (int, error) {
	var h, m int
	if len(s) == 5 && s[2] == ':' {
		h, m = digits(s[:2]), digits(s[3:])
	}
	if at := h*60 + m; len(s) == 5 && s[2] == ':' && h >= 0 && m >= 0 && m < 60 && at <= most {
		return at, nil
	}
	return 0, fmt.Errorf("%q is no time such as 03:00", s)
}

func digits(s string) int {
	if s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return -1 << 10
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}

// parseDays reads "mon", "mon-fri" or "mon+wed"; a range may go over Sunday.
func parseDays(s string) (d Days, err error) {
	for part := range strings.SplitSeq(s, "+") {
		from, to, span := strings.Cut(part, "-")
		first, last := weekday(from), weekday(to)
		if !span {
			last = first
		}
		if first < 0 || last < 0 {
			return 0, fmt.Errorf("%q is no day such as mon, and no range such as mon-fri", part)
		}
		for i := first; ; i = (i + 1) % 7 {
			d |= 1 << i
			if i == last {
				break
			}
		}
	}
	if d == 1<<7-1 {
		d = 0
	}
	return d, nil
}

func weekday(s string) int {
	for i, name := range dayNames {
		if s == name {
			return i
		}
	}
	return -1
}

// split takes the days off an entry such as "mon-fri 20:00-06:00".
func split(entry string) (d Days, rest string, err error) {
	days, rest, ok := strings.Cut(entry, " ")
	if !ok {
		return 0, days, nil
	}
	d, err = parseDays(days)
	return d, rest, err
}

func parseSlot(entry string) (s Slot, err error) {
	d, at, err := split(entry)
	if err != nil {
		return s, err
	}
	s.Days = d
	s.Minute, err = parseClock(at, 24*60-1)
	return s, err
}

// ParseWindow reads a span such as "20:00-06:00" or "mon-fri 20:00-06:00".
func ParseWindow(entry string) (w Window, err error) {
	d, span, err := split(entry)
	if err != nil {
		return w, err
	}
	from, to, ok := strings.Cut(span, "-")
	if !ok {
		return w, fmt.Errorf("%q is no span such as 20:00-06:00", span)
	}
	w.Days = d
	if w.From, err = parseClock(from, 24*60-1); err == nil {
		w.To, err = parseClock(to, 24*60)
	}
	if err == nil && w.From == w.To {
		err = fmt.Errorf("%q is empty; a whole day is 00:00-24:00", span)
	}
	return w, err
}

func slots(a *Agent, s string) (err error) {
	a.Upgrade, err = entries(s, parseSlot)
	return err
}

func windows(a *Agent, s string) (err error) {
	a.Windows, err = entries(s, ParseWindow)
	return err
}

func entries[T any](s string, parse func(string) (T, error)) (all []T, err error) {
	if s == nothing {
		return nil, nil
	}
	texts, err := list(s)
	for _, text := range texts {
		v, err := parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, err
}
