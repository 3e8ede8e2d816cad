package settings

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/control"
)

const day = 24 * time.Hour

// nothing is how a list without entries is written.
const nothing = "any"

// ordered yields the fields of a stanza, always in the same order.
func ordered(stanza map[string]string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range slices.Sorted(maps.Keys(stanza)) {
			if !yield(name, stanza[name]) {
				return
			}
		}
	}
}

// parseDuration reads a number of seconds, minutes, hours, days or weeks.
func parseDuration(s string) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': day, 'w': 7 * day}
	if s == "0" {
		return 0, nil
	}
	if s != "" {
		n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
		if unit := units[s[len(s)-1]]; err == nil && unit > 0 {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%q is no time span such as 90m, 2h or 7d", s)
}

func duration(place func(*Agent) *time.Duration, least, most time.Duration) func(*Agent, string) error {
	return func(a *Agent, s string) error {
		d, err := parseDuration(s)
		if err == nil && (d < least || d > most) {
			err = fmt.Errorf("%s is out of range", s)
		}
		if err == nil {
			*place(a) = d
		}
		return err
	}
}

func deadline(a *Agent, s string) error {
	if s == "0" {
		a.Deadline = 0
		return nil
	}
	return duration(func(a *Agent) *time.Duration { return &a.Deadline }, time.Hour, 90*day)(a, s)
}

func number(place func(*Agent) *int, least, most int) func(*Agent, string) error {
	return func(a *Agent, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no number from %d to %d", s, least, most)
		}
		*place(a) = n
		return nil
	}
}

func toggle(place func(*Agent) *bool) func(*Agent, string) error {
	return func(a *Agent, s string) error {
		if s != "yes" && s != "no" {
			return fmt.Errorf("%q is neither yes nor no", s)
		}
		*place(a) = s == "yes"
		return nil
	}
}

func choice(place func(*Agent) *string, values ...string) func(*Agent, string) error {
	return func(a *Agent, s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("%q is none of %s", s, strings.Join(values, ", "))
		}
		*place(a) = s
		return nil
	}
}

// rate reads bytes a second, with k, M and G for powers of 1024.
func rate(a *Agent, s string) error {
	number, shift := strings.TrimRight(s, "kMG"), 0
	if unit := s[len(number):]; len(unit) == 1 {
		shift = 10 * (strings.Index("kMG", unit) + 1)
	} else if unit != "" {
		number = ""
	}
	n, err := strconv.ParseUint(number, 10, 34)
	if n <<= shift; err != nil || n != 0 && n < 1<<10 || n > 10<<30 {
		return fmt.Errorf("%q is no number of bytes such as 500k or 2M, and not 0", s)
	}
	a.Rate = int64(n)
	return nil
}

func agentPackage(a *Agent, s string) error {
	if s == "none" {
		a.Package = ""
		return nil
	}
	a.Package = s
	return control.CheckName(s)
}

// maxList bounds the entries of one list.
const maxList = 1000

// list reads entries between commas.
func list(s string) (all []string, err error) {
	for e := range strings.SplitSeq(s, ",") {
		if e = strings.TrimSpace(e); e == "" {
			return nil, errors.New("empty entry in the list")
		}
		if all = append(all, e); len(all) > maxList {
			return nil, fmt.Errorf("more than %d entries", maxList)
		}
	}
	return all, nil
}

func words(place func(*Agent) *[]string, ok func(string) bool) func(*Agent, string) error {
	return func(a *Agent, s string) error {
		if s == nothing {
			*place(a) = nil
			return nil
		}
		all, err := list(s)
		if err != nil {
			return err
		}
		for _, w := range all {
			if !ok(w) {
				return fmt.Errorf("%q is not a word", w)
			}
		}
		*place(a) = all
		return nil
	}
}

func isWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

func isLanguage(s string) bool {
	return len(s) == 2 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

// meets reports whether the lists have something in common, capitals aside.
func meets(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return strings.EqualFold(x, y) })
	})
}
