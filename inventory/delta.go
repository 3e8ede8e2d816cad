package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/internal/canon"
)

// A Delta turns one document into the next. Sections of packages travel as the
// rows that changed, all others whole.
type Delta struct {
	Base     string          `json:"base"` // set-hash of the document that it applies to
	Format   int             `json:"format"`
	Gone     []string        `json:"gone,omitempty"`     // sections that are no more, sorted
	New      *Document       `json:"new,omitempty"`      // sections that changed, without packages
	Packages map[string]Rows `json:"packages,omitempty"` // by source
	Result   string          `json:"result"`             // set-hash of what comes out
}

// Diff returns what turns base into next. Both must pass [Document.Check].
func Diff(base, next *Document) (*Delta, error) {
	was, err := base.Hashes()
	if err != nil {
		return nil, err
	}
	is, err := next.Hashes()
	if err != nil {
		return nil, err
	}
	d := &Delta{Base: was.Set(), Format: Format, Result: is.Set()}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if was[name] != is[name] {
			d.change(name, base, next)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if is[name] == "" {
			d.Gone = append(d.Gone, name)
		}
	}
	return d, nil
}

func (d *Delta) change(name string, base, next *Document) {
	source, ok := cutSource(name)
	if !ok {
		if d.New == nil {
			d.New = New()
		}
		d.New.Keep(next, name)
		return
	}
	if d.Packages == nil {
		d.Packages = map[string]Rows{}
	}
	d.Packages[source] = diffRows(base.Packages[source], next.Packages[source])
}

func cutSource(name string) (source string, ok bool) {
	source, ok = strings.CutPrefix(name, packagesPrefix)
	return source, ok && slices.Contains(Sources, source)
}

// Empty reports that nothing changed.
func (d *Delta) Empty() bool { return d.Base == d.Result }

// Apply returns the document that d makes of base. A base that is not the one
// d was made for is a Conflict: the reader asks for the whole document. It
// changes neither d nor base; what comes out may share rows with them.
func (d *Delta) Apply(base *Document) (*Document, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	was, err := base.Hashes()
	if err != nil {
		return nil, err
	}
	if was.Set() != d.Base {
		return nil, muster.Errorf(muster.Conflict, "the delta is for inventory %.12s, not %.12s", d.Base, was.Set())
	}
	next := *base
	next.Packages = maps.Clone(base.Packages)
	if err := d.applySections(&next); err != nil {
		return nil, err
	}
	return &next, d.checkResult(&next)
}

func (d *Delta) applySections(next *Document) error {
	if d.New != nil {
		for name := range d.New.sections() {
			next.Keep(d.New, name)
		}
	}
	for source, rows := range d.Packages {
		all, err := rows.apply(next.Packages[source])
		if err != nil {
			return fmt.Errorf("cannot apply the delta to packages of %s: %w", source, err)
		}
		next.setPackages(source, all)
	}
	for _, name := range d.Gone {
		if !next.Keep(New(), name) {
			return muster.Errorf(muster.Invalid, "the delta ends an unknown section %q", name)
		}
	}
	return nil
}

// checkResult holds that the delta made what it promised, whatever is wrong
// with one of its rows.
func (d *Delta) checkResult(next *Document) error {
	if err := next.Check(); err != nil {
		return err
	}
	is, err := next.Hashes()
	if err != nil {
		return err
	}
	if is.Set() != d.Result {
		return muster.Errorf(muster.Invalid, "the delta promised inventory %.12s and makes %.12s", d.Result, is.Set())
	}
	return nil
}

// Check reports the first place where d is not what the format allows.
func (d *Delta) Check() error {
	if d.Format != Format {
		return muster.Errorf(muster.Invalid, "delta has format %d, not %d", d.Format, Format)
	}
	if err := checkTexts(d); err != nil {
		return err
	}
	if err := d.checkNew(); err != nil {
		return err
	}
	if !ascending(d.Gone, func(a, b *string) int { return strings.Compare(*a, *b) }) {
		return muster.Errorf(muster.Invalid, "sections that are gone are not sorted, or one is there twice")
	}
	for source, rows := range d.Packages {
		if !slices.Contains(Sources, source) {
			return muster.Errorf(muster.Invalid, "delta has packages of an unknown source %q", source)
		}
		if err := rows.check(source); err != nil {
			return err
		}
	}
	return nil
}

func (d *Delta) checkNew() error {
	switch {
	case d.New == nil:
		return nil
	case d.New.Packages != nil:
		return muster.Errorf(muster.Invalid, "delta has whole sections of packages")
	case len(d.New.sections()) == 0:
		return muster.Errorf(muster.Invalid, "delta has new sections, and none is there")
	}
	return d.New.Check()
}

// ParseDelta reads what [Delta.Marshal] wrote.
func ParseDelta(data []byte) (*Delta, error) {
	if len(data) > MaxDocument {
		return nil, muster.Errorf(muster.Invalid, "delta has %d bytes, more than %d", len(data), MaxDocument)
	}
	d := new(Delta)
	if err := canon.Unmarshal(data, d); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read delta: %w", err)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	return d, nil
}

// Marshal encodes d.
func (d *Delta) Marshal() ([]byte, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return canon.Marshal(d)
}
