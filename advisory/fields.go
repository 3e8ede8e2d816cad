package advisory

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxList bounds the aliases and the references of an advisory that are kept.
const maxList = 2000

// appendBounded appends what there is still room for.
func appendBounded(list []string, s string) []string {
	if len(list) >= maxList {
		return list
	}
	return append(list, s)
}

// aliases are names sorted, each once, without id and empty ones.
func aliases(id string, names []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == id || n == "" })
}

// newID notes an ID, and reports one that an advisory before it has, or that
// nothing can be called by.
func newID(seen map[string]bool, id string) error {
	if seen[id] {
		return errors.New("another before it has the same name")
	}
	if err := checkText("name", id); err != nil {
		return err
	}
	seen[id] = true
	return nil
}

// layouts are how publishers write a time; without a zone it is UTC.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
}

// parseTime reads a time as Unix seconds: one of [layouts], or the number
// itself, as updateinfo of SUSE has it. What is none of them is 0, unknown.
func parseTime(text string) int64 {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 1e8 && n < 1e11 {
		return n
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1970 {
			return t.Unix()
		}
	}
	return 0
}

// severityOf is a publisher's word for a severity, unknown where it is none.
func severityOf(word string) Severity {
	s, _ := ParseSeverity(word)
	return s
}

// isID reports whether a word is written like the name of a vulnerability or an
// advisory: CVE-2024-1, XSA-213, GHSA-x8jp-v2j6-6vjf.
func isID(word string) bool {
	family, rest, found := strings.Cut(word, "-")
	return found && len(family) >= 2 && strings.Trim(family, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" &&
		rest != "" && strings.Trim(rest, "-:.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// called is the platform that people call by a name ("Fedora 39"); ok is false
// where the table does not have it, which has then been reported.
func (o *Options) called(name string) (p Platform, ok bool) {
	if p = o.table().Of("", "", name); !p.Known && o.Unknown != nil {
		o.Unknown("name", name)
	}
	return p, p.Known
}

// maxAddress bounds a reference that is kept.
const maxAddress = 1000

// give yields an advisory that is finished: what of it a person reads, or
// another program is told, is plain and bounded. One whose name or rows are not
// is skipped.
func (o *Options) give(a *Advisory, yield func(*Advisory) error) error {
	if err := a.check(); err != nil {
		return o.skip(a.ID, err)
	}
	a.Aliases = slices.DeleteFunc(aliases(a.ID, a.Aliases), func(s string) bool { return checkText("alias", s) != nil })
	a.References = slices.DeleteFunc(a.References, func(s string) bool { return !isAddress(s) })
	if len(a.References) > maxReferences {
		a.References = a.References[:maxReferences]
	}
	if checkVersion(a.CVSS) != nil {
		a.CVSS = ""
	}
	return yield(a)
}

func isAddress(s string) bool {
	return len(s) <= maxAddress && strings.Contains(s, "://") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// checkVersion is checkText of what may be empty.
func checkVersion(v string) error {
	if v == "" {
		return nil
	}
	return checkText("version", v)
}

// check reports what makes an advisory unfit to be kept.
func (a *Advisory) check() error {
	if err := checkText("name", a.ID); err != nil {
		return err
	}
	for i := range a.Affected {
		f := &a.Affected[i]
		if err := checkText("package", f.Name); err != nil {
			return err
		}
		for _, r := range f.Ranges {
			for _, v := range []string{r.Introduced, r.After, r.Fixed, r.Last} {
				if err := checkVersion(v); err != nil {
					return err
				}
			}
		}
		for _, v := range f.Versions {
			if err := checkVersion(v); err != nil {
				return err
			}
		}
		if err := cmp.Or(checkVersion(f.Arch), checkVersion(f.Module)); err != nil {
			return err
		}
	}
	return nil
}
