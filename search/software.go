package search

import (
	"slices"
	"strings"

	"muster"
	"muster/inventory"
)

// Software is an installed package, or one of muster that is missing.
type Software struct {
	Source  string // of inventory.Sources; "" for muster
	Name    string
	Version string // "" of a package of muster that is missing
	Status  string // of a package of muster
	Audit   string // of a package of muster: what its audit said
}

// readSoftware reads [SOURCE/]NAME[:STATUS][CMP VERSION], of an audit [NAME:]STATUS.
func (t *Term) readSoftware(w word) error {
	if t.Cmp != Has && t.Cmp != Equal || len(w.in) == 0 {
		return muster.WithHint(errorAt(w.at, "field %q needs a name before %q", t.Field.Name, t.Cmp),
			"write %s:NAME%sVERSION", t.Field.Name, t.Cmp)
	}
	t.Cmp = Has
	if t.Field.Kind == Audit {
		return t.readAudit(w)
	}
	if err := t.readSource(&w); err != nil {
		return err
	}
	name, rest := w.upTo(t.Field.Kind == Muster)
	if len(name.in) == 0 {
		return errorAt(w.at, "field %q needs a name", t.Field.Name)
	}
	var err error
	if t.Pattern, err = name.pattern(); err != nil {
		return err
	}
	if len(rest.in) > 0 && rest.in[0].is(':') {
		rest.drop(1)
		status, after := rest.upTo(false)
		if t.Status, err = oneOf(text(status.in), statuses(), "status", status.at); err != nil {
			return err
		}
		rest = after
	}
	if len(rest.in) == 0 {
		return nil
	}
	return t.readBound(rest)
}

// upTo cuts w before a comparison, or a colon where one counts.
func (w *word) upTo(colon bool) (before, rest word) {
	for i := range w.in {
		r := word{w.in[i:], w.at + i}
		if c := r.comparison(); c != "" && (c != Has || colon) {
			return word{w.in[:i], w.at}, r
		}
	}
	return *w, word{nil, w.at + len(w.in)}
}

func (t *Term) readSource(w *word) error {
	slash := slices.IndexFunc(w.in, func(c char) bool { return c.is('/') })
	if t.Field.Kind != Package || slash < 0 {
		return nil
	}
	source, err := oneOf(text(w.in[:slash]), inventory.Sources, "package manager", w.at)
	if err != nil {
		return err
	}
	t.Source = source
	w.drop(slash + 1)
	return nil
}

func (t *Term) readBound(w word) error {
	t.compareTo = w.comparison()
	w.drop(len(t.compareTo))
	if low, high, ok := w.split(); ok && t.compareTo == Equal {
		t.compareTo = Between
		if err := checkBound(high); err != nil {
			return err
		}
		t.high, w = text(high.in), low
	}
	if err := checkBound(w); err != nil {
		return err
	}
	t.low = text(w.in)
	var err error
	t.version, err = w.pattern()
	if _, ok := t.version.Literal(); err == nil && !ok && t.compareTo != Equal && t.compareTo != Unequal {
		return errorAt(w.at, "%q compares with a version, not with a pattern", t.compareTo)
	}
	return err
}

func checkBound(w word) error {
	if len(w.in) == 0 || len(w.in) > 190 {
		return errorAt(w.at, "a version has 1 to 190 characters")
	}
	return nil
}

func (t *Term) readAudit(w word) error {
	colon := slices.IndexFunc(w.in, func(c char) bool { return c.is(':') })
	t.Pattern = newPattern(plain("*"))
	if colon >= 0 {
		name := word{w.in[:colon], w.at}
		var err error
		if t.Pattern, err = name.pattern(); err != nil {
			return err
		}
		if colon == 0 {
			return errorAt(w.at, "field %q needs a name before the colon", t.Field.Name)
		}
		w.drop(colon + 1)
	}
	if len(w.in) == 1 && w.in[0].is('*') {
		return nil
	}
	s, err := oneOf(text(w.in), audits, "status of an audit", w.at)
	t.Status = s
	return err
}

// bareName are the characters of a name, a version that need no quotes.
const bareName = "_-.+~@%,"

func (t *Term) printSoftware() string {
	name := t.Pattern.print(bareName)
	if t.Field.Kind == Audit {
		status := "*"
		if t.Status != "" {
			status = strings.ToLower(t.Status)
		}
		return name + ":" + status
	}
	if t.Source != "" {
		name = t.Source + "/" + name
	}
	if t.Status != "" {
		name += ":" + strings.ToLower(t.Status)
	}
	switch t.compareTo {
	case "":
		return name
	case Between:
		return name + "=" + quoted(t.low, bareValue) + ".." + quoted(t.high, bareValue)
	}
	return name + string(t.compareTo) + t.version.print(bareValue)
}

// MatchSoftware reports whether s is what t, a Package, Muster or Audit, says.
func (t *Term) MatchSoftware(s Software) bool {
	if !t.Pattern.Match(s.Name) || t.Source != "" && t.Source != s.Source {
		return false
	}
	if t.Field.Kind == Audit {
		return s.Audit != "" && (t.Status == "" || t.Status == s.Audit)
	}
	if t.Status != "" && t.Status != s.Status {
		return false
	}
	if t.Field.Kind == Muster && s.Version == "" {
		return t.Status != "" && t.compareTo == ""
	}
	return t.compareTo == "" || t.holds(t.compareTo, schemeOf(s.Source), s.Version)
}

// AnyVersion reports whether t says nothing of versions.
func (t *Term) AnyVersion() bool { return t.compareTo == "" }
