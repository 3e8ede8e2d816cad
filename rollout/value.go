package rollout

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Share is a part of hosts in hundredths of a percent.
type Share int

// Whole is everybody.
const Whole Share = 100_00

func (s Share) check() error {
	if s < 0 || s > Whole {
		return fmt.Errorf("%s is not from 0 to 100", s)
	}
	return nil
}

// String is in percent: "12.5".
func (s Share) String() string {
	text := strconv.FormatFloat(float64(s)/100, 'f', 2, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// of reports whether part is at least this share of whole.
func (s Share) of(part, whole int) bool { return int64(part)*int64(Whole) >= int64(s)*int64(whole) }

func parseShare(text string) (Share, error) {
	whole, part, dot := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 16)
	var m uint64
	if dot && err == nil {
		m, err = strconv.ParseUint((part + "0")[:min(len(part)+1, 2)], 10, 16)
	}
	s := Share(n*100 + m)
	if err != nil || len(part) > 2 || s > Whole || s.String() != text {
		return 0, fmt.Errorf("%q is no percentage such as 5 or 0.5, up to 100", text)
	}
	return s, nil
}

// units of times, the largest first: a time is written in the largest that fits.
var units = []struct {
	name string
	of   time.Duration
}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

func printSpan(d time.Duration) string {
	for _, u := range units {
		if d >= u.of && d%u.of == 0 {
			return strconv.FormatInt(int64(d/u.of), 10) + u.name
		}
	}
	return "0"
}

func parseSpan(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	for _, u := range units {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, err := strconv.ParseUint(digits, 10, 32)
			if d := time.Duration(n) * u.of; err == nil && d/u.of == time.Duration(n) && checkSoak(d) == nil {
				return d, nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no time span such as 90m, 12h or 7d, up to a year", text)
}

const timeForm = "2006-01-02T15:04:05Z"

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(timeForm, text)
	if err != nil || t.Format(timeForm) != text {
		return time.Time{}, fmt.Errorf("%q is not a time such as 2026-11-21T20:00:00Z", text)
	}
	return t, nil
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return n, nil
}

func parseYes(text string) (bool, error) {
	if text != "yes" && text != "no" {
		return false, fmt.Errorf("%q is neither yes nor no", text)
	}
	return text == "yes", nil
}

// checkLine holds that a text can be shown, and written in one line.
func checkLine(s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%d bytes, more than %d", len(s), most)
	}
	if !utf8.ValidString(s) || s != strings.Join(strings.Fields(s), " ") {
		return fmt.Errorf("not one line of UTF-8 with single blanks")
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("control character %q", r)
		}
	}
	return nil
}
