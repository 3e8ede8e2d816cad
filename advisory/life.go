package advisory

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"muster"
	"muster/sitereport"
)

// A Life is how long a release of a system is supported.
type Life struct {
	Ecosystem, Release string // as systems.Platform
	System             string // only hosts whose os-release has this ID, or whose name begins with it; "" all
	Name               string // for people: "Bookworm"
	Released           int64  // Unix seconds; 0 not known
	Ends               []End  // in order of time; none: no day is set
}

// An End is the end of one kind of support.
type End struct {
	Kind string // as the list calls it: "eol", "eol-lts", "eol-elts", "eol-server", "eol-esm", "eol-legacy"
	At   int64  // first second without it, UTC
}

// States of support.
const (
	Supported   = "supported"
	Extended    = "extended"     // that which everybody has is over; a longer one is not
	Ended       = "ended"        // no support of any kind
	NotReleased = "not-released" // it is being made
)

// A Support is how a release stands at a time.
type Support struct {
	State string
	Kind  string // of the support that counts, or did last
	End   int64  // of it; 0: no day is set
}

// Support says how a release stands at a time.
func (l *Life) Support(at int64) Support {
	if at < l.Released {
		return Support{State: NotReleased}
	}
	if len(l.Ends) == 0 {
		return Support{State: Supported}
	}
	for _, e := range l.Ends {
		switch {
		case at >= e.At:
		case e.Kind == "eol" || e.Kind == "eol-server":
			return Support{Supported, e.Kind, e.At}
		default:
			return Support{Extended, e.Kind, e.At}
		}
	}
	last := l.Ends[len(l.Ends)-1]
	return Support{Ended, last.Kind, last.At}
}

// Lives are the lives of releases. Of several that fit the first counts.
type Lives []Life

// LivesAsOf is the day on which [BuiltinLives] were written down.
const LivesAsOf = "2026-11-21"

//go:embed lives.csv
var livesCSV string

// BuiltinLives are those that come with the program.
var BuiltinLives = sync.OnceValue(func() (all Lives) {
	o := Options{Name: "lives.csv"}
	if err := Releases(strings.NewReader(livesCSV), o, func(l *Life) error { all = append(all, *l); return nil }); err != nil {
		panic(err) // embedded: a test reads it
	}
	return all
})

// Of is the life of the release of a host on p; nil where it is not known. One that is
// about the host's own system counts before one about all that share its packages.
func (all Lives) Of(p Platform, s sitereport.System) (found *Life) {
	if !p.Known {
		return nil
	}
	for i := range all {
		l := &all[i]
		if l.Ecosystem != p.Ecosystem || l.Release != p.Release || !l.fits(s) {
			continue
		}
		if l.System != "" {
			return l
		}
		if found == nil {
			found = l
		}
	}
	return found
}

func (l *Life) fits(s sitereport.System) bool {
	if l.System == "" {
		return true
	}
	id, name := strings.ToLower(s.ID), strings.ToLower(s.Name)
	return id == l.System || id == "" && (name == l.System || strings.HasPrefix(name, l.System+" "))
}

// Bounds on lists of releases, which have some 100 lines.
const (
	maxLives = 10_000
	maxEnds  = 20
)

// Releases reads until when releases are supported. It takes debian.csv or ubuntu.csv of
// distro-info-data: for each release the days on which it appeared and on which its kinds
// of support end; those that have neither are passed over. And it takes lists like
// lives.csv, of any system:
//
//	ecosystem,release,system,name,released,ends
//	debian,12,,Bookworm,2023-06-10,eol=2026-07-11 eol-lts=2028-06-30
func Releases(r io.Reader, o Options, yield func(*Life) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	in := csv.NewReader(&lineBound{r: text, name: o.Name})
	in.Comment = '#'
	in.FieldsPerRecord = -1 // days that are not yet known are left out at the end
	in.ReuseRecord = true
	head, err := in.Read()
	read := (*Options).suite
	switch {
	case err == nil && strings.Join(head, ",") == "ecosystem,release,system,name,released,ends":
		read = (*Options).life
	case err != nil || len(head) < 6 || head[0] != "version" || head[2] != "series" || head[4] != "release":
		return muster.Errorf(muster.Invalid, "%q is no list of releases: its first line names other columns", o.Name)
	}
	head = slices.Clone(head)
	seen := map[string]bool{}
	for n := 0; ; n++ {
		row, err := in.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return muster.Errorf(muster.Invalid, "cannot read %q: %w", o.Name, err)
		case n == maxLives:
			return muster.Errorf(muster.Invalid, "%q has more than %d releases", o.Name, maxLives)
		}
		l, err := read(&o, head, row)
		if err == nil && l != nil && seen[l.ID()] {
			err = fmt.Errorf("it is there twice")
		}
		if err != nil {
			err = o.skip(strings.Join(row[:min(3, len(row))], " "), err)
		} else if l != nil {
			seen[l.ID()] = true
			err = yield(l)
		}
		if err != nil {
			return err
		}
	}
}

// suite reads a row of distro-info-data; nil is one of no release that is known.
func (o *Options) suite(head, row []string) (*Life, error) {
	if len(row) < 5 || row[0] == "" || row[4] == "" {
		return nil, nil
	}
	l := &Life{Name: Summarize(row[1])}
	var err error
	if l.Released, err = dayOf(row[4]); err != nil {
		return nil, err
	}
	for i := 5; i < len(row) && i < min(len(head), 5+maxEnds); i++ {
		if row[i] == "" {
			continue
		}
		if err := l.add(head[i], row[i]); err != nil {
			return nil, err
		}
	}
	p, known := o.platform("suite", row[2])
	if !known {
		return nil, nil
	}
	l.Ecosystem, l.Release = p.Ecosystem, p.Release
	return l, nil
}

// life reads a row of a list of our own form.
func (o *Options) life(_, row []string) (*Life, error) {
	if len(row) != 6 {
		return nil, fmt.Errorf("it has %d fields, not 6", len(row))
	}
	l := &Life{Ecosystem: strings.Clone(row[0]), Release: strings.Clone(row[1]), System: strings.ToLower(row[2]), Name: Summarize(row[3])}
	if !o.table().Ecosystem(l.Ecosystem, l.Release).Known {
		if o.Unknown != nil {
			o.Unknown("ecosystem", l.Ecosystem)
		}
		return nil, nil
	}
	for _, text := range []string{l.Release, l.System} {
		if text != "" && checkText("name", text) != nil {
			return nil, fmt.Errorf("%.40q is no name", text)
		}
	}
	var err error
	if row[4] != "" {
		if l.Released, err = dayOf(row[4]); err != nil {
			return nil, err
		}
	}
	ends := strings.Fields(row[5])
	if len(ends) > maxEnds {
		return nil, fmt.Errorf("it has more than %d ends", maxEnds)
	}
	for _, e := range ends {
		kind, day, _ := strings.Cut(e, "=")
		if err := l.add(kind, day); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// add adds the end of a kind of support, given its last day.
func (l *Life) add(kind, day string) error {
	at, err := dayOf(day)
	if err != nil {
		return err
	}
	if err := checkText("kind of support", kind); err != nil {
		return err
	}
	l.Ends = append(l.Ends, End{strings.Clone(kind), at + int64(24*time.Hour/time.Second)})
	slices.SortStableFunc(l.Ends, func(a, b End) int { return int(min(1, max(-1, a.At-b.At))) })
	return nil
}

func dayOf(text string) (int64, error) {
	at := parseTime(text)
	if at == 0 {
		return 0, fmt.Errorf("%.40q is no day", text)
	}
	return at, nil
}

// ID names a life.
func (l *Life) ID() string {
	return strings.TrimRight("release:"+l.Ecosystem+":"+l.Release+":"+l.System, ":")
}
