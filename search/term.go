package search

import (
	"strings"

	"muster"
)

// A Cmp is how a term compares.
type Cmp string

// The comparisons. != of a field other than software is the negation of =.
const (
	Has          Cmp = ":"
	Equal        Cmp = "="
	Unequal      Cmp = "!="
	Less         Cmp = "<"
	LessEqual    Cmp = "<="
	Greater      Cmp = ">"
	GreaterEqual Cmp = ">="
	Between      Cmp = ".." // both ends included
)

// comparisons has the longer ones first.
var comparisons = []Cmp{Unequal, LessEqual, GreaterEqual, Has, Equal, Less, Greater}

// A Term says something of one field, or looks for a word in those of [Free].
type Term struct {
	Field *Field // nil: any of Free
	Cmp   Cmp
	// Pattern is a text to look for, or the name of software. [Term.Whole] is how
	// to hold it against a value.
	Pattern Pattern
	Source  string // of a Package; "": any
	Status  string // of a Muster or an Audit; "": any

	low, high  string // versions; of others, as printed
	version    Pattern
	span       span
	network    network
	compareTo  Cmp // of software, to low
	presenceOf *Field
}

// A word is what is left to read of a term.
type word struct {
	in []char
	at int // column of the first
}

func (w *word) drop(n int) { w.in, w.at = w.in[n:], w.at+n }

// comparison returns what w begins with, which is no part of a quoted text.
func (w *word) comparison() Cmp {
	for _, c := range comparisons {
		if len(w.in) >= len(c) && !w.in[0].quoted && !w.in[len(c)-1].quoted && text(w.in[:len(c)]) == string(c) {
			return c
		}
	}
	return ""
}

// parseTerm reads a word of a query.
func parseTerm(t token) (*Expr, error) {
	w := word{t.word, t.at}
	n := 0
	for n < len(w.in) && !w.in[n].quoted && (w.in[n].r|0x20 >= 'a' && w.in[n].r|0x20 <= 'z') {
		n++
	}
	rest := word{w.in[n:], w.at + n}
	cmp := rest.comparison()
	if n == 0 || cmp == "" {
		return freeTerm(w)
	}
	f, err := findField(text(w.in[:n]), t.at)
	if err != nil {
		return nil, err
	}
	rest.drop(len(cmp))
	if next := rest.comparison(); cmp == Has && next != "" && next != Has { // field:>=value
		cmp = next
		rest.drop(len(next))
	}
	if len(rest.in) == 0 {
		return nil, muster.WithHint(errorAt(rest.at, "field %q has no value", f.Name), "write -has:%s for hosts without it", f.Name)
	}
	return fieldTerm(f, cmp, rest)
}

func freeTerm(w word) (*Expr, error) {
	if len(w.in) == 0 {
		return nil, errorAt(w.at, "an empty text")
	}
	p, err := w.pattern()
	if err != nil {
		return nil, err
	}
	return &Expr{Term: &Term{Cmp: Has, Pattern: p}}, nil
}

// fieldTerm reads the value.
func fieldTerm(f *Field, cmp Cmp, w word) (*Expr, error) {
	t := &Term{Field: f, Cmp: cmp}
	if cmp == Unequal && f.Kind != Package && f.Kind != Muster {
		t.Cmp = Equal
	}
	if err := t.read(w); err != nil {
		return nil, err
	}
	if cmp == Unequal && t.Cmp != Unequal {
		return &Expr{Op: Not, Of: []*Expr{{Term: t}}}, nil
	}
	return &Expr{Term: t}, nil
}

func (t *Term) read(w word) error {
	switch t.Field.Kind {
	case Word, Text:
		return t.readText(w)
	case Version:
		return t.readVersion(w)
	case Count, Size:
		return t.readNumber(w)
	case Time:
		return t.readTime(w)
	case Address:
		return t.readAddress(w)
	case Presence:
		return t.readPresence(w)
	}
	return t.readSoftware(w)
}

// maxStars bounds the patterns that databases are given.
const maxStars = 16

func (w *word) pattern() (Pattern, error) {
	p := newPattern(w.in)
	stars := 0
	for _, r := range p.low {
		if r == anyText {
			stars++
		}
	}
	if stars > maxStars {
		return p, errorAt(w.at, "more than %d times * in a word", maxStars)
	}
	return p, nil
}

// onlyEqual refuses comparisons of what has no order.
func (t *Term) onlyEqual(at int) error {
	if t.Cmp == Has || t.Cmp == Equal {
		return nil
	}
	return muster.WithHint(errorAt(at, "field %q has no order, so that %q cannot be said of it", t.Field.Name, t.Cmp),
		"write %s:VALUE or -%s:VALUE", t.Field.Name, t.Field.Name)
}

func (t *Term) readText(w word) error {
	if err := t.onlyEqual(w.at); err != nil {
		return err
	}
	if t.Field.Kind == Word {
		t.Cmp = Has
	}
	switch t.Field.Name {
	case "mac":
		w.in = exchange(w.in, '-', ':')
	case "unit":
		w.in = exchange(w.in, '/', '.')
	}
	var err error
	if t.Pattern, err = w.pattern(); err != nil {
		return err
	}
	if s, ok := t.Pattern.Literal(); ok && t.Field.Values != nil {
		v, err := oneOf(s, t.Field.Values, t.Field.Name, w.at)
		t.Pattern = newPattern(plain(strings.ToLower(v)))
		return err
	}
	return nil
}

func exchange(in []char, from, to rune) []char {
	out := make([]char, len(in))
	for i, c := range in {
		if out[i] = c; c.r == from {
			out[i].r = to
		}
	}
	return out
}

func (t *Term) readPresence(w word) error {
	if err := t.onlyEqual(w.at); err != nil {
		return err
	}
	t.Cmp = Has
	name := strings.ToLower(text(w.in))
	t.low = name
	if status, ok := strings.CutPrefix(name, "audit-"); ok {
		s, err := oneOf(status, audits, "status of an audit", w.at)
		t.Status = s
		return err
	}
	f, err := findField(name, w.at)
	if err == nil && f.Kind == Presence {
		err = errorAt(w.at, "%q is of no host", "has:has")
	}
	t.presenceOf = f
	return err
}

// Of is the field that a Presence asks for; nil for that of an audit with
// Term.Status.
func (t *Term) Of() *Field { return t.presenceOf }

// split cuts a value a..b at the dots.
func (w *word) split() (low, high word, ok bool) {
	for i := 0; i+1 < len(w.in); i++ {
		if w.in[i].is('.') && w.in[i+1].is('.') {
			return word{w.in[:i], w.at}, word{w.in[i+2:], w.at + i + 2}, true
		}
	}
	return *w, word{}, false
}

// ends reads a value, or the two of a range, with read.
func (t *Term) ends(w word, read func(word) (string, error)) (err error) {
	low, high, two := w.split()
	if !two {
		t.low, err = read(w)
		return err
	}
	if t.Cmp != Has && t.Cmp != Equal {
		return errorAt(w.at, "%q takes one value, not a range", t.Cmp)
	}
	t.Cmp = Between
	if t.low, err = read(low); err != nil {
		return err
	}
	t.high, err = read(high)
	return err
}

// String prints the term in its one form.
func (t *Term) String() string {
	if t.Field == nil {
		return t.printFree()
	}
	switch t.Field.Kind {
	case Package, Muster, Audit:
		return t.Field.Name + ":" + t.printSoftware()
	case Word, Text:
		return t.Field.Name + string(t.Cmp) + t.Pattern.print(bareValue)
	case Version:
		return t.printVersion()
	}
	if t.Cmp == Between {
		return t.Field.Name + ":" + t.low + ".." + t.high
	}
	return t.Field.Name + string(t.Cmp) + t.low
}

// Characters that need no quotes, in a value and in a word of its own.
const (
	bareValue = "_-.+~@%/:,"
	bareFree  = "_.+~@%/,"
)

func (t *Term) printFree() string {
	bare := bareFree
	if t.Pattern.word[0].r != '-' {
		bare += "-"
	}
	s := t.Pattern.print(bare)
	if isKeyword(s) {
		return `"` + s + `"`
	}
	return s
}
