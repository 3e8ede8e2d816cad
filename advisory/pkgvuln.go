package advisory

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"muster"
)

// Bounds on pkg-vulnerabilities, of which there is one: some 2.5 MB and 30,000
// lines.
const (
	maxPkgvulnLine = 8 << 10
	maxPkgvulns    = 2_000_000
	maxAlternates  = 256 // patterns that the braces of one stand for
)

// Pkgvuln reads pkg-vulnerabilities, the list of pkgsrc: lines of a pattern, a
// kind of vulnerability, and an address, separated by white space.
//
// A line #CHECKSUM is verified, by the rule of pkg_install. The wrapper of a
// clear-signed message is taken off, its signature not checked: that needs the
// key of pkgsrc-security, and gpg.
//
// Lines of the same CVE, or else of the same address, are one advisory. Lines
// of the kind "eol" say that a package gets no more updates.
func Pkgvuln(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	p := pkgvuln{o: &o}
	if err := p.read(text); err != nil {
		return err
	}
	slices.SortStableFunc(p.entries, func(a, b pkgvulnEntry) int { return strings.Compare(a.id, b.id) })
	for len(p.entries) > 0 {
		n := 1
		for n < len(p.entries) && p.entries[n].id == p.entries[0].id {
			n++
		}
		a, err := o.pkgvulnAdvisory(p.entries[:n])
		if err == nil {
			err = o.give(a, yield)
		}
		if err != nil {
			return err
		}
		p.entries = p.entries[n:]
	}
	return nil
}

// A pkgvuln is the list while it is read.
type pkgvuln struct {
	o       *Options
	line    int
	format  bool      // #FORMAT was met
	sum     hash.Hash // nil where there is no #CHECKSUM yet
	sums    [2]hash.Hash
	want    string // of #CHECKSUM, hexadecimal
	entries []pkgvulnEntry
}

// A pkgvulnEntry is a line. The texts are parts of it: a list has very many.
type pkgvulnEntry struct{ id, pattern, kind, url string }

func (p *pkgvuln) read(text io.Reader) error {
	p.sums = [2]hash.Hash{sha512.New(), sha1.New()}
	s := bufio.NewReaderSize(text, maxPkgvulnLine)
	for {
		line, err := s.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		p.line++
		switch {
		case err == bufio.ErrBufferFull:
			return p.fail("line is longer than %d bytes", maxPkgvulnLine)
		case err == io.EOF:
			return p.fail("the last line has no end")
		case err != nil:
			return muster.Errorf(muster.KindOf(err), "cannot read %q: %w", p.o.Name, err)
		}
		if done, err := p.take(line); done || err != nil {
			if err != nil {
				return err
			}
			break
		}
	}
	return p.verify()
}

func (p *pkgvuln) fail(format string, args ...any) error {
	return muster.Errorf(muster.Invalid, "cannot read %q, line %d: %w", p.o.Name, p.line, fmt.Errorf(format, args...))
}

// take reads a line; done says that no more follows but a signature.
func (p *pkgvuln) take(line []byte) (done bool, err error) {
	has := func(prefix string) bool { return bytes.HasPrefix(line, []byte(prefix)) }
	if has("-----BEGIN PGP SIGNATURE") {
		return true, nil
	}
	if len(line) == 1 || has("-----BEGIN") || has("Hash:") || has("# $NetBSD") {
		return false, nil
	}
	if has("#CHECKSUM") {
		return false, p.checksum(strings.Fields(string(line[len("#CHECKSUM"):])))
	}
	for _, h := range p.sums {
		h.Write(line)
	}
	switch {
	case has("#FORMAT"):
		if f := strings.TrimSpace(string(line[len("#FORMAT"):])); f != "1.0.0" && f != "1.1.0" {
			return false, p.fail("format %q is not known; 1.0.0 and 1.1.0 are", f)
		}
		p.format = true
		return false, nil
	case line[0] == '#':
		return false, nil
	case !p.format:
		return false, p.fail("no line #FORMAT before the first entry: this is no pkg-vulnerabilities")
	}
	return false, p.entry(string(line))
}

// checksum remembers what the text must hash to.
func (p *pkgvuln) checksum(fields []string) error {
	if len(fields) != 2 {
		return p.fail("#CHECKSUM has not two words")
	}
	switch fields[0] {
	case "SHA512":
		p.sum = p.sums[0]
	case "SHA1":
		p.sum = p.sums[1]
	default:
		return p.fail("checksum %q is not known; SHA1 and SHA512 are", fields[0])
	}
	p.want = strings.ToLower(fields[1])
	return nil
}

func (p *pkgvuln) verify() error {
	if !p.format {
		return p.fail("no line #FORMAT: this is no pkg-vulnerabilities")
	}
	if p.sum == nil {
		return nil
	}
	if got := hex.EncodeToString(p.sum.Sum(nil)); got != p.want {
		return muster.Errorf(muster.Invalid, "%q is damaged: its checksum is %q, and it says %q", p.o.Name, got, p.want)
	}
	return nil
}

// entry reads a line of pattern, kind and address.
func (p *pkgvuln) entry(line string) error {
	if len(p.entries) >= maxPkgvulns {
		return p.fail("more than %d entries", maxPkgvulns)
	}
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return nil
	}
	if len(fields) < 3 {
		return p.o.skip(fmt.Sprintf("line %d", p.line), errors.New("it has not pattern, kind and address"))
	}
	if _, err := pkgsrcRows(fields[0]); err != nil {
		return p.o.skip(fmt.Sprintf("line %d", p.line), err)
	}
	e := pkgvulnEntry{pattern: fields[0], kind: fields[1], url: fields[2]}
	e.id = e.of()
	p.entries = append(p.entries, e)
	return nil
}

// pkgvulnAdvisory is what all lines of one ID say.
func (o *Options) pkgvulnAdvisory(entries []pkgvulnEntry) (*Advisory, error) {
	a := &Advisory{ID: entries[0].id, Source: "pkgvuln"}
	kinds := []string{}
	for _, e := range entries {
		rows, err := pkgsrcRows(e.pattern)
		if err != nil || len(a.Affected)+len(rows) > maxRows {
			continue // the line was read before
		}
		if err := o.measure.makes(len(rows)); err != nil {
			return nil, err
		}
		for i := range rows {
			if e.kind == "eol" {
				rows[i].Status = StatusEndOfLife
			}
		}
		a.Affected = append(a.Affected, rows...)
		if !slices.Contains(kinds, e.kind) && len(kinds) < 10 {
			kinds = append(kinds, e.kind)
		}
		if !slices.Contains(a.References, e.url) && len(a.References) < maxReferences {
			a.References = append(a.References, e.url)
		}
	}
	a.Summary = Summarize(strings.Join(kinds, ", "))
	a.Affected = together(a.Affected)
	return a, nil
}

// of is the ID of the advisory that a line belongs to.
func (e *pkgvulnEntry) of() string {
	if e.kind == "eol" {
		return "end-of-life:" + e.pattern
	}
	if cve := findCVE(e.url); cve != "" {
		return cve
	}
	if len(e.url) > maxText/2 {
		sum := sha512.Sum512([]byte(e.url))
		return e.url[:maxText/2] + "#" + hex.EncodeToString(sum[:4])
	}
	return e.url
}

// findCVE is the first name of a CVE in an address, or "". Before 2005 they
// began with CAN.
func findCVE(url string) string {
	upper := strings.ToUpper(url)
	for _, family := range []string{"CVE-", "CAN-"} {
		i := strings.Index(upper, family)
		if i < 0 {
			continue
		}
		year, rest := cutNumber(upper[i+4:])
		if number, _ := cutNumber(strings.TrimPrefix(rest, "-")); len(year) == 4 && strings.HasPrefix(rest, "-") && len(number) >= 4 {
			return "CVE-" + year + "-" + number
		}
	}
	return ""
}
