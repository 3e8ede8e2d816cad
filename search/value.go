package search

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"muster"
)

// A span is numbers, ages in seconds or moments, as what they were written as.
type span struct {
	low, high int64
	ages      bool
	end       int64 // of a date: when the day of low is over
	highEnd   int64 // the same of high
}

// units of sizes, the largest first.
var units = []struct {
	name  string
	bytes int64
}{{"P", 1 << 50}, {"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}}

// maxNumber is the largest number in an inventory.
const maxNumber = 1 << 53

func (t *Term) readNumber(w word) error {
	if t.Cmp == Equal {
		t.Cmp = Has
	}
	numbers := []*int64{&t.span.low, &t.span.high}
	return t.ends(w, func(w word) (string, error) {
		n := numbers[0]
		numbers = numbers[1:]
		var err error
		if t.Field.Kind == Count {
			*n, err = parseCount(text(w.in), w.at)
			return strconv.FormatInt(*n, 10), err
		}
		*n, err = parseSize(text(w.in), w.at)
		return printSize(*n), err
	})
}

func parseCount(s string, at int) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > maxNumber {
		return 0, errorAt(at, "%q is no number", s)
	}
	return int64(n), nil
}

func parseSize(s string, at int) (int64, error) {
	low := strings.ToUpper(s)
	low = strings.TrimSuffix(strings.TrimSuffix(low, "B"), "I")
	for _, u := range units {
		digits, ok := strings.CutSuffix(low, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n > uint64(maxNumber/u.bytes) {
			break
		}
		return int64(n) * u.bytes, nil
	}
	return 0, muster.WithHint(errorAt(at, "%q is no size", s), "write a whole number, and K, M, G, T or P behind it")
}

func printSize(n int64) string {
	for _, u := range units {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return "0"
}

// ages are the units of durations, the largest first.
var ages = []struct {
	name    byte
	seconds int64
}{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}

// maxAge is a thousand years, more or less.
const maxAge = 366_000 * 86400

func (t *Term) readTime(w word) error {
	if t.Cmp == Equal {
		t.Cmp = Has
	}
	first := true
	err := t.ends(w, func(w word) (string, error) {
		start, end, printed, err := parseTime(text(w.in), w.at)
		if first {
			t.span.low, t.span.end, t.span.ages, first = start, end, end == 0, false
		} else {
			t.span.high, t.span.highEnd = start, end
		}
		if err == nil && t.span.ages != (end == 0) {
			err = errorAt(w.at, "a range from a date to a duration")
		}
		return printed, err
	})
	if err == nil && t.span.ages && t.Cmp == Has {
		return muster.WithHint(errorAt(w.at, "nothing happens exactly %s ago", t.low),
			"write %[1]s<%[2]s for later than that, %[1]s>%[2]s for longer ago", t.Field.Name, t.low)
	}
	return err
}

// parseTime reads a duration, then end is 0, or a date: from when to when the day
// is, in UTC.
func parseTime(s string, at int) (start, end int64, printed string, err error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil && day.Year() >= 1970 {
		return day.Unix(), day.AddDate(0, 0, 1).Unix(), s, nil
	}
	n, ok := parseAge(s)
	if !ok {
		return 0, 0, "", muster.WithHint(errorAt(at, "%q is neither a duration nor a date", s), "write 90m, 2h, 7d, 3w or 2026-11-01")
	}
	return n, 0, printAge(n), nil
}

func parseAge(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	per := map[byte]int64{'w': 7 * 86400, 'd': 86400, 'h': 3600, 'm': 60, 's': 1}[s[len(s)-1]|0x20]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 63)
	if err != nil || per == 0 || n > uint64(maxAge/per) {
		return 0, false
	}
	return int64(n) * per, true
}

func printAge(n int64) string {
	for _, u := range ages {
		if n%u.seconds == 0 {
			return fmt.Sprintf("%d%c", n/u.seconds, u.name)
		}
	}
	return ""
}

// Range is what a Count, a Size or a Time may be, both ends included. Time counts
// in Unix seconds. Unless low <= high nothing is.
func (t *Term) Range(now time.Time) (low, high int64) {
	s := &t.span
	if t.Field.Kind != Time {
		return bounds(t.Cmp, s.low, s.low, s.low, s.high)
	}
	if !s.ages {
		return bounds(t.Cmp, s.low, s.end-1, s.low, s.highEnd-1)
	}
	at := now.Unix() - s.low
	switch t.Cmp {
	case Less:
		return at + 1, math.MaxInt64
	case LessEqual:
		return at, math.MaxInt64
	case Greater:
		return math.MinInt64, at - 1
	case GreaterEqual:
		return math.MinInt64, at
	}
	other := now.Unix() - s.high
	return min(at, other), max(at, other)
}

// bounds is what compares to a value that goes from first to last, or is between
// low and high.
func bounds(cmp Cmp, first, last, low, high int64) (int64, int64) {
	switch cmp {
	case Less:
		return math.MinInt64, first - 1
	case LessEqual:
		return math.MinInt64, last
	case Greater:
		return last + 1, math.MaxInt64
	case GreaterEqual:
		return first, math.MaxInt64
	case Between:
		return low, high
	}
	return first, last
}

// A network is addresses from low to high of one family; not valid where the term
// is a pattern.
type network struct {
	low, high netip.Addr
}

func (t *Term) readAddress(w word) error {
	if err := t.onlyEqual(w.at); err != nil {
		return err
	}
	t.Cmp = Has
	if first, last, ok := w.split(); ok {
		return t.readAddresses(first, last)
	}
	s := text(w.in)
	if p, err := netip.ParsePrefix(s); err == nil {
		p = p.Masked()
		t.low, t.network = p.String(), network{p.Addr(), lastOf(p)}
		return nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		w.in = plain(a.String())
	} else if strings.ContainsRune(s, '/') {
		return muster.WithHint(errorAt(w.at, "%q is no network", s), "write 192.0.2.0/24")
	}
	var err error
	t.Pattern, err = w.pattern()
	t.low = t.Pattern.print(bareValue)
	return err
}

func (t *Term) readAddresses(first, last word) error {
	a, err := netip.ParseAddr(text(first.in))
	if err != nil || a.Zone() != "" {
		return errorAt(first.at, "%q is no address", text(first.in))
	}
	b, err := netip.ParseAddr(text(last.in))
	if err != nil || b.Is4() != a.Is4() || b.Zone() != "" {
		return errorAt(last.at, "%q is no address of the same kind as %q", text(last.in), a)
	}
	t.Cmp = Between
	t.low, t.high, t.network = a.String(), b.String(), network{a, b}
	return nil
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Network returns the first and the last address of a term that asks for more
// than a pattern.
func (t *Term) Network() (first, last netip.Addr, ok bool) {
	return t.network.low, t.network.high, t.network.low.IsValid()
}

func (n network) has(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return false
	}
	a = a.WithZone("")
	return a.Is4() == n.low.Is4() && n.low.Compare(a) <= 0 && a.Compare(n.high) <= 0
}
