package advisory

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"muster"
)

// maxSupportLine bounds lines of lists of support.
const maxSupportLine = 16 << 10

// SecuritySupport reads a list of debian-security-support: source packages whose
// support ends before that of their release (security-support-ended.deb12), or
// is limited (security-support-limited). The release is what the name of the
// file ends in, else [Options.Platform]; the list of limits is of every release
// where neither says one.
//
// A line is an advisory: published on the day on which support ends, which may
// be to come. Like check-support-status(1) it is about every version.
func SecuritySupport(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	l := supportList{o: &o, limited: strings.Contains(path.Base(o.Name), "limited"), seen: map[string]bool{}}
	if err := l.platform(); err != nil {
		return err
	}
	s := bufio.NewScanner(text)
	s.Buffer(nil, maxSupportLine)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if n > maxLives {
			return muster.Errorf(muster.Invalid, "%q has more than %d lines", o.Name, maxLives)
		}
		a, err := l.entry(line)
		if err != nil {
			err = o.skip(fmt.Sprintf("line %d", n), err)
		} else if a != nil {
			err = o.give(a, yield)
		}
		if err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", o.Name, err)
	}
	return nil
}

// A supportList is a list of debian-security-support while it is read.
type supportList struct {
	o                  *Options
	limited            bool
	ecosystem, release string
	seen               map[string]bool
}

// platform is the release that the list is about.
func (l *supportList) platform() error {
	l.ecosystem = "debian"
	if _, number, ok := strings.Cut(path.Base(l.o.Name), ".deb"); ok {
		digits, _ := cutNumber(number)
		p, known := l.o.platform("osv", "Debian:"+digits)
		if known {
			l.release = p.Release
			return nil
		}
	}
	if l.o.Platform.Known {
		l.ecosystem, l.release = l.o.Platform.Ecosystem, l.o.Platform.Release
		return nil
	}
	if l.limited {
		return nil
	}
	err := muster.Errorf(muster.Invalid, "%q does not say which release it is about", l.o.Name)
	return muster.WithHint(err, "keep its name, as security-support-ended.deb12, or name the system")
}

// entry reads a line; nil is one that another precedes.
func (l *supportList) entry(line string) (*Advisory, error) {
	word := func() (w string) {
		w, line, _ = strings.Cut(line, " ")
		line = strings.TrimLeft(line, " ")
		return w
	}
	line = strings.ReplaceAll(line, "\t", " ")
	pattern := word()
	a := &Advisory{Source: "debian-security-support"}
	row := Affected{Ecosystem: l.ecosystem, Release: l.release, Status: StatusLimited}
	if !l.limited {
		row.Status = StatusEndOfLife
		word() // the last version with support: for people
		day := word()
		if a.Published = parseTime(day); a.Published == 0 {
			return nil, fmt.Errorf("%q is no day", day)
		}
	}
	var err error
	if row.Name, err = supportPattern(pattern); err != nil {
		return nil, err
	}
	if l.seen[row.Name] {
		return nil, nil
	}
	l.seen[row.Name] = true
	row.Glob = IsGlob(row.Name)
	a.ID = row.Status + ":" + pattern
	a.Summary = Summarize(line)
	for _, w := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ';' || r == ',' }) {
		if strings.HasPrefix(w, "https://") {
			a.References = appendBounded(a.References, w)
		}
	}
	a.Affected = []Affected{row}
	return a, nil
}

// supportPattern reads a name, which the program takes for an expression of
// Perl: of those only ".*" is in use. A plus is meant as it is written.
func supportPattern(pattern string) (string, error) {
	glob := strings.ReplaceAll(pattern, ".*", "*")
	if strings.Trim(strings.ReplaceAll(glob, "*", ""), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return "", fmt.Errorf("%q is neither a name nor one with .*", pattern)
	}
	return glob, nil
}

// A lineBound refuses lines that are longer than those of a list of support.
type lineBound struct {
	r    io.Reader
	name string
	line int // bytes of the line so far
}

func (l *lineBound) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(len(p), maxSupportLine)])
	if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 {
		l.line = n - i
	} else {
		l.line += n
	}
	if l.line > 2*maxSupportLine {
		return 0, muster.Errorf(muster.Invalid, "%q has a line of more than %d bytes", l.name, maxSupportLine)
	}
	return n, err
}
