package control

import (
	"slices"
	"testing"

	"muster/deb822"
	"muster/internal/canon"
)

// FuzzParse holds that both forms of what parses say the same.
func FuzzParse(f *testing.F) {
	f.Add(full)
	f.Add("package: a\nversion: 1\ndepends: b | c (>= 1), d\ndescription: x\n .\n y\n")
	f.Add("package: a\nversion: 1\nkind: group\nos: all\nsetuid: a,b,\naudit-schedule: 9999w\n")
	f.Add("package: a\nversion: 1:2~rc1-3\nvalid-until: 2027-02-29T00:00:00Z\ndescription-fr: é\n")
	f.Fuzz(func(t *testing.T, text string) {
		stanzas, err := deb822.Parse(text)
		if err != nil || len(stanzas) != 1 {
			return
		}
		c, err := Parse(stanzas[0])
		if err != nil {
			return
		}
		again, err := parse(t, c.Stanza().String())
		if err != nil || !Equal(c, again) {
			t.Fatalf("printed %q: %v", c.Stanza(), err)
		}
		data, err := canon.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again = new(Control)
		if err := canon.Unmarshal(data, again); err != nil || !Equal(c, again) || again.Check() != nil {
			t.Fatalf("JSON %s: %v", data, err)
		}
	})
}

// FuzzRelation holds that a relation, as on a command line or in a control,
// prints as a text that means the same: the same name, the same versions.
func FuzzRelation(f *testing.F) {
	for _, s := range []string{"age", "age=1.2", "age>=1.2", "age (>= 1.2, < 2)", "a(=1)", "a (<< 2)", " a ", "a ()", "a==1", "a=1*", "lib+x.y~z-1 (= 1:2-3)"} {
		f.Add(s, "1.2-1")
	}
	f.Fuzz(func(t *testing.T, s, v string) {
		r, err := ParseRelation(s)
		if err != nil {
			return
		}
		if err := CheckName(r.Name); err != nil {
			t.Fatalf("%q names %q: %v", s, r.Name, err)
		}
		var again Relation
		if err := again.UnmarshalText([]byte(r.String())); err != nil {
			t.Fatalf("%q prints as %q: %v", s, r, err)
		}
		if again.String() != r.String() || again.Constraint.Match(v) != r.Constraint.Match(v) {
			t.Fatalf("%q prints as %q, which reads as %q", s, r, again)
		}
	})
}

// FuzzDependencies holds the same of lists of alternatives, whose commas stand
// inside parentheses too.
func FuzzDependencies(f *testing.F) {
	f.Add("age-examples, libc (>= 2.36) | musl, zlib (>= 1.2, < 2),")
	f.Add("a|b|c (=1) , d (>=1,<2)|e")
	f.Add("a (, b)")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parseAll(s, ParseDependency)
		if err != nil {
			return
		}
		for _, d := range list {
			if len(d) == 0 || len(d) > maxAlternatives {
				t.Fatalf("%q has a dependency of %d alternatives", s, len(d))
			}
		}
		again, err := parseAll(join(list), ParseDependency)
		if err != nil || !slices.EqualFunc(list, again, func(a, b Dependency) bool { return a.String() == b.String() }) {
			t.Fatalf("%q prints as %q: %v", s, join(list), err)
		}
	})
}
