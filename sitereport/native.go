package sitereport

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"muster"
)

const (
	firstLine = "Muster-Report: 1"
	columns   = 7
)

// A field is a line of the header whose value is a text.
type field struct {
	name  string
	value *string
}

// fields are those of the header, in order, but for the time, which stands before
// the last.
func (r *Report) fields() []field {
	s := &r.System
	return []field{
		{"Host", &r.Host}, {"Site", &r.Site}, {"Tag", &r.Tag}, {"Id", &s.ID}, {"Version", &s.Version},
		{"System", &s.Name}, {"Arch", &s.Arch}, {"Kernel", &s.Kernel}, {"Nonce", &r.Nonce},
	}
}

// allFields is fields with the time, as a text.
func (r *Report) allFields(time *string) []field {
	all := r.fields()
	last := len(all) - 1
	return append(all[:last:last], field{"Time", time}, all[last])
}

// Marshal writes the native form after [Report.Check].
func (r *Report) Marshal() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	time := ""
	if r.Time != 0 {
		time = strconv.FormatInt(r.Time, 10)
	}
	b := append(make([]byte, 0, 512+64*len(r.Packages)), firstLine+"\n"...)
	for _, f := range r.allFields(&time) {
		if *f.value != "" {
			b = append(append(append(append(b, f.name...), ": "...), *f.value...), '\n')
		}
	}
	b = append(b, '\n')
	for i := range r.Packages {
		b = r.Packages[i].appendLine(b)
	}
	if len(b) > MaxReport {
		return nil, muster.Errorf(muster.Invalid, "report has %d bytes, more than %d", len(b), MaxReport)
	}
	return b, nil
}

func (p *Package) appendLine(b []byte) []byte {
	for i, s := range p.texts() {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, *s...)
	}
	return append(b, '\n')
}

// SetHash is the SHA-256 of the lines of packages: hosts with the same packages
// have the same.
func (r *Report) SetHash() (sum [32]byte) {
	h := sha256.New()
	var line []byte
	for i := range r.Packages {
		line = r.Packages[i].appendLine(line[:0])
		h.Write(line)
	}
	h.Sum(sum[:0])
	return sum
}

// Parse reads the native form. It refuses what [Report.Marshal] would not have
// written, and names the line.
func Parse(data []byte) (*Report, error) {
	if len(data) > MaxReport {
		return nil, muster.Errorf(muster.Invalid, "report has %d bytes, more than %d", len(data), MaxReport)
	}
	l := lines{rest: string(data)}
	r, err := l.report()
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read report: line %d: %w", l.number, err)
	}
	return r, nil
}

// lines hands out lines one after the other.
type lines struct {
	rest   string
	number int // of the line that was handed out last
}

func (l *lines) next() (string, error) {
	l.number++
	line, rest, ok := strings.Cut(l.rest, "\n")
	if !ok {
		return "", fmt.Errorf("the report ends in the middle of a line")
	}
	if len(line) > maxLine {
		return "", fmt.Errorf("the line has %d bytes, more than %d", len(line), maxLine)
	}
	l.rest = rest
	return line, nil
}

func (l *lines) report() (*Report, error) {
	first, err := l.next()
	if err != nil {
		return nil, err
	}
	if first != firstLine {
		return nil, fmt.Errorf("it is %.40q and not %q", first, firstLine)
	}
	r := new(Report)
	if err := l.header(r); err != nil {
		return nil, err
	}
	if err := r.checkHeader(); err != nil {
		return nil, err
	}
	return r, l.packages(r)
}

// header reads fields up to the empty line. They stand in order, so that each is
// looked for behind the one before.
func (l *lines) header(r *Report) error {
	time := ""
	fields := r.allFields(&time)
	for {
		line, err := l.next()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		for len(fields) > 0 && fields[0].name != name {
			fields = fields[1:]
		}
		if len(fields) == 0 {
			return fmt.Errorf("%.40q is no field, or not in its place", name)
		}
		if value == "" {
			return fmt.Errorf("field %s has no text", name)
		}
		*fields[0].value, fields = value, fields[1:]
	}
	if time == "" {
		return nil
	}
	n, err := strconv.ParseInt(time, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != time {
		return fmt.Errorf("%.40q is no time", time)
	}
	r.Time = n
	return nil
}

// packages reads the lines of packages, and checks each, so that an error has the
// number of its line.
func (l *lines) packages(r *Report) error {
	n := strings.Count(l.rest, "\n")
	if n == 0 || n > MaxPackages {
		return fmt.Errorf("%d packages follow, not 1 to %d", n, MaxPackages)
	}
	r.Packages = make([]Package, 0, n)
	before := ""
	for l.rest != "" {
		line, err := l.next()
		if err != nil {
			return err
		}
		if line <= before {
			return fmt.Errorf("it is not sorted behind the one before, or the same")
		}
		p, err := parsePackage(line)
		if err != nil {
			return err
		}
		r.Packages = append(r.Packages, p)
		before = line
	}
	return nil
}

func parsePackage(line string) (p Package, err error) {
	if n := strings.Count(line, "\t") + 1; n != columns {
		return p, fmt.Errorf("it has %d fields, not %d", n, columns)
	}
	for _, s := range p.texts() {
		*s, line, _ = strings.Cut(line, "\t")
	}
	return p, p.check()
}
