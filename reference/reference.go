// Package reference holds lists of wanted versions, and compares hosts with them.
//
// A [List] says which versions hosts should have: written by hand ([ParseYAML],
// [ParseCSV]), taken from indexes of repositories ([Newest]), or from a host that is
// the model for others ([FromReport]). It speaks of the hosts in its [Scope], up to
// a time. [Compare] says of each package how a host stands to it:
//
//	behind      older than what is wanted
//	equal       what is wanted
//	ahead       newer
//	missing     not there, but should be
//	unexpected  there, but should not be
//	expired     the wish has expired: not compared
//
// A wish ([Want]) is written as
//
//	wish   = ["any"] / bounds / "absent" [bounds] / "newest" [bounds]
//	bounds = bound *("," bound)
//	bound  = ("<" / "<=" / "=" / ">=" / ">") version
//
// Versions are those of the package manager, and are compared in its order: that of
// package version. A comma is part of a version unless an operator follows it.
//
// docs/formats/reference.md says all of it for a second implementation, and what
// a list means does not change.
//
// The package is pure: no network, no database, no clock, no log.
package reference

import (
	"cmp"
	"slices"
	"strings"

	"muster"
	"muster/inventory"
)

// Bounds. A list beyond one is refused.
const (
	MaxWanted = 500_000 // rows of a list
	MaxWord   = 255     // bytes of a name, a version, a word of a scope
	MaxNote   = 2000    // bytes
	MaxScope  = 1000    // words of each part of a scope
)

// A List is what hosts should have.
type List struct {
	Name  string // letters, digits and . _ -
	Note  string // for people
	For   Scope
	Until int64 // Unix seconds from which on the list does not count; 0: none
	// Complete: what is installed and not listed is unexpected.
	Complete bool
	// Optional: no package need be there; those that are are compared.
	Optional bool
	// NewestOf names the list of which a wish "newest" speaks.
	NewestOf string
	Wanted   []Wanted // sorted, unique: see [List.Check]
}

// A Wanted is what is wanted of one package.
type Wanted struct {
	Name     string // of a binary package, or "source:openssl" of all that are built from a source package
	Manager  string // "dpkg", "rpm", ...: one of [Managers]; "" any
	Arch     string // as the package manager writes it; "" any
	Want     Want
	Until    int64 // as of the list
	Optional bool  // it need not be there
	Note     string
}

// Managers are those of inventories, and muster itself.
var Managers = append(slices.Clone(inventory.Sources), "muster")

const sourcePrefix = "source:"

// Source returns the name of the source package that w speaks of.
func (w *Wanted) Source() (name string, ok bool) { return strings.CutPrefix(w.Name, sourcePrefix) }

func (w *Wanted) compare(o *Wanted) int {
	return cmp.Or(cmp.Compare(w.Name, o.Name), cmp.Compare(w.Manager, o.Manager), cmp.Compare(w.Arch, o.Arch))
}

// sort brings rows into their order.
func (l *List) sort() {
	slices.SortFunc(l.Wanted, func(a, b Wanted) int { return a.compare(&b) })
}

// Check sorts the rows and reports the first rule that l breaks, or nil.
func (l *List) Check() error {
	if err := CheckName(l.Name); l.Name != "" && err != nil {
		return err
	}
	if l.NewestOf != "" {
		if err := CheckName(l.NewestOf); err != nil {
			return err
		}
	}
	if len(l.Wanted) > MaxWanted {
		return muster.Errorf(muster.Invalid, "a list of more than %d packages", MaxWanted)
	}
	if err := checkNote(l.Note); err != nil {
		return err
	}
	if err := l.For.check(); err != nil {
		return err
	}
	l.sort()
	for i := range l.Wanted {
		w := &l.Wanted[i]
		if err := w.check(l.NewestOf != ""); err != nil {
			return muster.Errorf(muster.Invalid, "package %q: %w", w.Name, err)
		}
		if i > 0 && w.compare(&l.Wanted[i-1]) == 0 {
			return muster.Errorf(muster.Invalid, "package %q stands twice for the same manager and architecture", w.Name)
		}
	}
	return checkTime(l.Until)
}

func (w *Wanted) check(newest bool) error {
	name, _ := w.Source()
	if err := checkWord("name", name); err != nil {
		return err
	}
	if w.Manager != "" && !slices.Contains(Managers, w.Manager) {
		err := muster.Errorf(muster.Invalid, "there is no package manager %q", w.Manager)
		return muster.WithHint(err, "use one of %s", strings.Join(Managers, ", "))
	}
	if w.Arch != "" {
		if err := checkWord("architecture", w.Arch); err != nil {
			return err
		}
	}
	if w.Want.Mode == NewestIn && !newest {
		return muster.WithHint(muster.Errorf(muster.Invalid, "newest of what"), "name a list with 'newest-of: NAME'")
	}
	if w.Optional && w.Want.Mode == Absent {
		return muster.Errorf(muster.Invalid, "what must be absent cannot be optional")
	}
	if err := w.Want.check(orderOf(w.Manager)); err != nil {
		return err
	}
	if err := checkNote(w.Note); err != nil {
		return err
	}
	return checkTime(w.Until)
}

// Expired reports whether a time has come; 0 never does.
func expired(until, now int64) bool { return until != 0 && now >= until }
