package advisory

import (
	"errors"
	"fmt"
	"strings"
)

// pkgsrcRows is what a pattern of pkgsrc stands for (pkg_info(1), "PACKAGE
// WILDCARDS"): alternatives in braces; a name with one or two bounds; a name
// and a version with wildcards; a name and its version, or a name alone.
func pkgsrcRows(pattern string) ([]Affected, error) {
	all, err := alternates(pattern)
	if err != nil {
		return nil, err
	}
	rows := make([]Affected, 0, len(all))
	for _, one := range all {
		a := Affected{Ecosystem: "pkgsrc", Binary: true}
		switch {
		case strings.ContainsAny(one, "<>"):
			err = a.dewey(one)
		case IsGlob(one):
			a.wild(one)
		default:
			a.plain(one)
		}
		if err == nil && a.Name == "" {
			err = errors.New("it has no name")
		}
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		rows = append(rows, a)
	}
	return rows, nil
}

// alternates expands the braces of a pattern, those inside of others too.
func alternates(pattern string) ([]string, error) {
	work, done := []string{pattern}, []string{}
	for len(work) > 0 {
		p := work[len(work)-1]
		work = work[:len(work)-1]
		open, closing, parts := braces(p)
		if parts == nil {
			if strings.ContainsAny(p, "{}") {
				return nil, fmt.Errorf("pattern %q: a brace has no other", pattern)
			}
			done = append(done, p)
			continue
		}
		for _, part := range parts {
			work = append(work, p[:open]+part+p[closing+1:])
		}
		if len(work)+len(done) > maxAlternates {
			return nil, fmt.Errorf("pattern %q stands for more than %d", pattern, maxAlternates)
		}
	}
	return done, nil
}

// braces finds the first pair of braces and the alternatives in it.
func braces(p string) (open, closing int, parts []string) {
	open = strings.IndexByte(p, '{')
	if open < 0 {
		return 0, 0, nil
	}
	depth, from := 0, open+1
	for i := open; i < len(p); i++ {
		switch p[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return open, i, append(parts, p[from:i])
			}
		case ',':
			if depth == 1 {
				parts = append(parts, p[from:i])
				from = i + 1
			}
		}
	}
	return 0, 0, nil
}

// dewey reads name>=1<2. The bounds are a lower one, an upper one, or a lower
// and then an upper one, as pkg_install takes them.
func (a *Affected) dewey(pattern string) error {
	i := strings.IndexAny(pattern, "<>")
	a.Name = pattern[:i]
	var r Range
	for rest := pattern[i:]; rest != ""; {
		op := rest[:1]
		if strings.HasPrefix(rest[1:], "=") {
			op += "="
		}
		rest = rest[len(op):]
		end := strings.IndexAny(rest, "<>")
		if end < 0 {
			end = len(rest)
		}
		if err := r.bounded(op, rest[:end]); err != nil {
			return err
		}
		rest = rest[end:]
	}
	a.Ranges = []Range{r}
	return nil
}

// bounded adds a bound; the upper one comes last.
func (r *Range) bounded(op, version string) error {
	lower := r.Introduced != "" || r.After != ""
	upper := r.Fixed != "" || r.Last != ""
	switch {
	case version == "":
		return fmt.Errorf("no version after %q", op)
	case upper || lower && op[0] == '>':
		return fmt.Errorf("a bound %q too many", op)
	case op == ">":
		r.After = version
	case op == ">=":
		r.Introduced = version
	case op == "<":
		r.Fixed = version
	default:
		r.Last = version
	}
	return nil
}

// wild reads a pattern with wildcards. The version is what follows the last
// hyphen that is not in brackets, because no version has a hyphen: strictly,
// mutt-1.3* would fit a package "mutt-1.3-doc" too.
func (a *Affected) wild(pattern string) {
	a.Glob = true
	i := lastHyphen(pattern)
	if i < 0 {
		a.Name = pattern
		return
	}
	a.Name = pattern[:i]
	if v := pattern[i+1:]; v != "*" && v != "[0-9]*" {
		a.Versions = []string{v}
	}
	a.Glob = a.Versions != nil || IsGlob(a.Name)
}

func lastHyphen(pattern string) int {
	last, inside := -1, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '-' && !inside:
			last = i
		}
	}
	return last
}

// plain reads a name with a version, which is what follows the last hyphen
// where that begins with a digit, or a name alone. The version is meant as it
// is written: samba-2.2.0 is not samba-2.2.0nb1.
func (a *Affected) plain(pattern string) {
	i := strings.LastIndexByte(pattern, '-')
	if i < 0 || i+1 == len(pattern) || pattern[i+1] < '0' || '9' < pattern[i+1] {
		a.Name = pattern
		return
	}
	a.Name, a.Versions, a.Glob = pattern[:i], []string{pattern[i+1:]}, true
}
