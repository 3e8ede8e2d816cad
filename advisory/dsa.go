package advisory

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"time"

	"muster"
)

// DSA reads the list of Debian's advisories (data/DSA/list of the security
// tracker), and those of LTS in the same form (data/DLA/list):
//
//	[11 Jul 2019] DSA-4480-1 redis - security update
//		{CVE-2019-10192 CVE-2019-10193}
//		[stretch] - redis 3:3.2.6-3+deb9u3
//		NOTE: text
//
// A release without a version says why in <...>: at its end of life it is
// affected, not-affected it is not.
func DSA(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	in := &dsaReader{o: o, yield: yield, seen: map[string]bool{}}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxDSALine)
	for lines.Scan() {
		in.line++
		if err := in.read(lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q, line %d: %w", o.Name, in.line+1, err)
	}
	return in.flush()
}

// Bounds of the list.
const (
	maxDSALine = 64 << 10
	maxDSARows = 1_000
)

// debianAdvisory is where advisories are described.
const debianAdvisory = "https://security-tracker.debian.org/tracker/"

type dsaReader struct {
	o     Options
	yield func(*Advisory) error
	seen  map[string]bool
	line  int
	now   *Advisory // being read
	bad   error     // why it will be left out
}

// read takes a line: the head of an entry, or of its body, which is indented.
func (in *dsaReader) read(line string) error {
	text := strings.TrimSpace(line)
	switch {
	case text == "":
		return nil
	case line[0] != '\t' && line[0] != ' ':
		if err := in.flush(); err != nil {
			return err
		}
		in.head(text)
	case in.now == nil:
		return in.o.skip(text, muster.Errorf(muster.Invalid, "line %d belongs to no advisory", in.line))
	case in.bad == nil:
		in.body(text)
	}
	return nil
}

// flush ends an entry.
func (in *dsaReader) flush() error {
	a, bad := in.now, in.bad
	in.now, in.bad = nil, nil
	switch {
	case a == nil:
		return nil
	case bad == nil && in.seen[a.ID]:
		bad = muster.Errorf(muster.Invalid, "an advisory of this name was read before")
	}
	if bad != nil {
		return in.o.skip(a.ID, bad)
	}
	if len(a.Affected) == 0 {
		return nil
	}
	in.seen[a.ID] = true
	slices.Sort(a.Aliases)
	a.Aliases = slices.Compact(a.Aliases)
	return in.yield(a)
}

func (in *dsaReader) fail(format string, args ...any) {
	in.bad = muster.Errorf(muster.Invalid, "line %d: "+format, append([]any{in.line}, args...)...)
}

// head reads "[date] ID what it is".
func (in *dsaReader) head(text string) {
	in.now = &Advisory{ID: text[:min(len(text), 40)], Source: "debian"}
	day, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	if !ok || text[0] != '[' {
		in.fail("an advisory begins with its day in brackets")
		return
	}
	id, summary, _ := strings.Cut(rest, " ")
	t, err := time.Parse("2 Jan 2006", day)
	switch {
	case err != nil:
		in.fail("%.40q is no day such as 11 Jul 2019", day)
	case checkText("id", id) != nil:
		in.fail("there is no name behind the day")
	default:
		in.now = &Advisory{ID: id, Source: "debian", Published: t.Unix(), Summary: Summarize(summary), References: []string{debianAdvisory + id}}
	}
}

// body reads what an advisory repairs, and where.
func (in *dsaReader) body(text string) {
	switch {
	case text[0] == '{' && text[len(text)-1] == '}':
		in.names(strings.Fields(text[1 : len(text)-1]))
	case text[0] == '[':
		in.release(text)
	case strings.HasPrefix(text, "NOTE:") || strings.HasPrefix(text, "TODO:"):
	default:
		in.fail("%.40q is neither names, nor a release, nor a note", text)
	}
}

func (in *dsaReader) names(ids []string) {
	for _, id := range ids {
		if checkText("name", id) != nil || len(in.now.Aliases) == maxAliases {
			in.fail("%.40q is no name, or one too many", id)
			return
		}
		if id != in.now.ID {
			in.now.Aliases = append(in.now.Aliases, id)
		}
	}
}

// release reads "[suite] - package version", with a remark behind it.
func (in *dsaReader) release(text string) {
	suite, rest, ok := strings.Cut(text[1:], "]")
	words := strings.Fields(rest)
	if !ok || len(words) < 3 || words[0] != "-" || len(in.now.Affected) == maxDSARows {
		in.fail("%.60q is not [suite] - package version", text)
		return
	}
	name, v := words[1], words[2]
	if checkText("package", name) != nil || checkText("version", v) != nil {
		in.fail("%.60q: no package, or no version", text)
		return
	}
	row := Affected{Name: name}
	switch {
	case v == "<not-affected>":
		return
	case v == "<end-of-life>":
		row.Status = StatusEndOfLife
	case v[0] == '<':
	default:
		row.Ranges = []Range{{Fixed: v}}
	}
	if p, known := in.o.platform("suite", suite); known {
		row.Ecosystem, row.Release = p.Ecosystem, p.Release
		in.now.Affected = append(in.now.Affected, row)
	}
}
