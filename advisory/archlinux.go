package advisory

import (
	"io"

	"muster"
)

// maxPackages bounds the packages of one group of Arch.
const maxPackages = 10_000

// Arch reads the list of Arch's security tracker (security.archlinux.org/all.json).
// A group of vulnerabilities (AVG) is an advisory. Its packages are affected
// below the version that fixes it; without one, all versions are.
func Arch(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	j := newJSONReader(o.Name, text)
	found, seen := false, map[string]bool{}
	err = j.array(func() error {
		found = true
		return o.avg(j, seen, yield)
	})
	if err == nil {
		err = j.end()
	}
	if err == nil && !found {
		err = muster.Errorf(muster.Invalid, "%q is no list of Arch's security tracker: it has no groups", o.Name)
	}
	return err
}

// avg reads one group.
func (o *Options) avg(j *jsonReader, seen map[string]bool, yield func(*Advisory) error) error {
	a := Advisory{Source: "arch"}
	var packages, issues, advisories []string
	var status, severity, kind, fixed string
	err := j.object(func(key string) (err error) {
		switch key {
		case "name":
			err = j.into(&a.ID)
		case "packages":
			packages, err = j.texts(maxPackages)
		case "issues":
			issues, err = j.texts(maxPackages)
		case "advisories":
			advisories, err = j.texts(maxPackages)
		case "status":
			err = j.into(&status)
		case "severity":
			err = j.into(&severity)
		case "type":
			err = j.into(&kind)
		case "fixed":
			err = j.into(&fixed)
		default:
			err = j.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := newID(seen, a.ID); err != nil {
		return o.skip(a.ID, err)
	}
	if status == "Not affected" || len(packages) == 0 {
		return nil
	}
	a.Summary, a.Severity = Summarize(kind), severityOf(severity)
	a.References = []string{"https://security.archlinux.org/" + a.ID}
	a.Aliases = append(issues, advisories...)
	for _, name := range packages {
		a.Affected = append(a.Affected, avgRow(name, status, fixed))
	}
	a.Affected = together(a.Affected)
	return o.give(&a, yield)
}

// avgRow is the row of a package of a group. Groups of status Unknown are those
// that nobody has looked at yet.
func avgRow(name, status, fixed string) Affected {
	a := Affected{Ecosystem: "arch", Name: name, Binary: true}
	if fixed != "" {
		a.Ranges = []Range{{Fixed: fixed}}
	}
	if status == "Unknown" {
		a.Status = StatusInvestigating
	}
	return a
}
