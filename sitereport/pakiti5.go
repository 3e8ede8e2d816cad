package sitereport

import (
	"strings"

	"muster"
)

// ParsePakiti5 reads the report of a pakiti-client of version 3: "#", lines "key:
// value", "#", lines of packages, "#". Of what it does not know it skips keys, not
// packages. svmon's lists of services are no packages and refused.
func ParsePakiti5(data []byte) (*Report, error) {
	if len(data) > MaxReport {
		return nil, muster.Errorf(muster.Invalid, "report has %d bytes, more than %d", len(data), MaxReport)
	}
	p := pakiti5{fields: map[string]string{}}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if err := p.line(strings.TrimRight(line, "\r\n")); err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read report of Pakiti: line %d: %w", n, err)
		}
	}
	return p.report()
}

// pakiti5 is a report while its lines come.
type pakiti5 struct {
	hashes   int // lines of "#" that were seen
	fields   map[string]string
	manager  string
	packages []Package
}

// IsPakiti5 reports whether data begins as a report of a pakiti-client does.
func IsPakiti5(data []byte) bool {
	return len(data) > 1 && data[0] == '#' && (data[1] == '\n' || data[1] == '\r')
}

const maxPakitiFields = 64

func (p *pakiti5) line(line string) (err error) {
	switch {
	case len(line) > maxLine:
		return muster.Errorf(muster.Invalid, "it has %d bytes, more than %d", len(line), maxLine)
	case line == "#":
		if p.hashes++; p.hashes == 2 {
			p.manager, err = pakitiManager(p.fields["packager"], p.fields["system"])
		}
		return err
	case p.hashes == 0:
		return muster.Errorf(muster.Invalid, "a report begins with #")
	case p.hashes == 1:
		return p.field(line)
	case line == "":
		return nil
	}
	return p.pack(line)
}

func (p *pakiti5) field(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || len(p.fields) == maxPakitiFields {
		return muster.Errorf(muster.Invalid, "%.40q is no field, or there are too many", line)
	}
	p.fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
	return nil
}

func (p *pakiti5) pack(line string) error {
	columns := strings.Split(line, "\t")
	if len(columns) == 1 {
		columns = strings.Fields(line)
	}
	if len(columns) != 3 {
		return muster.Errorf(muster.Invalid, "%.80q is not name, version and arch", line)
	}
	if len(p.packages) == MaxPackages {
		return muster.Errorf(muster.Invalid, "more than %d packages", MaxPackages)
	}
	p.packages = append(p.packages, Package{
		Manager: p.manager, Name: columns[0], Version: pakitiVersion(p.manager, columns[1]), Arch: columns[2],
	})
	return nil
}

func (p *pakiti5) report() (*Report, error) {
	host, _, _ := strings.Cut(p.fields["host"], " ") // some send all names of a host
	r := &Report{
		Host: host, Site: p.fields["site"], Tag: p.fields["tag"], Packages: p.packages,
		System: System{Name: p.fields["system"], Arch: p.fields["arch"], Kernel: p.fields["kernel"]},
	}
	return r.finish("Pakiti")
}
