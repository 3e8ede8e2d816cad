package version

import (
	"testing"

	"muster"
)

// FuzzOrders checks on any three strings that every order is a total preorder:
// reflexive, antisymmetric in sign, transitive.
func FuzzOrders(f *testing.F) {
	var last string
	for _, p := range vectors(f) {
		f.Add(p.a, p.b, last)
		last = p.b
	}
	f.Add("1.0bc", "1.0b", "1.0b_alpha")
	f.Add("1_2,3", "1,3_2", "*+1_2")
	f.Add("1nb", "anb2nb1", "1-1:1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for name, order := range orders {
			ab, bc, ac := sign(order(a, b)), sign(order(b, c)), sign(order(a, c))
			if order(a, a) != 0 {
				t.Errorf("%s: %q differs from itself", name, a)
			}
			if sign(order(b, a)) != -ab {
				t.Errorf("%s: %q ? %q is not antisymmetric", name, a, b)
			}
			if ab <= 0 && bc <= 0 && ac != min(ab, bc) || ab >= 0 && bc >= 0 && ac != max(ab, bc) {
				t.Errorf("%s: %q ? %q ? %q: %d, %d, but %d", name, a, b, c, ab, bc, ac)
			}
		}
	})
}

// FuzzCheck checks what every accepted version promises to its readers.
func FuzzCheck(f *testing.F) {
	for _, v := range []string{"1.2.1-3", "1:2~rc1", "v1.2", "1.0-rc1", "2024-05-13", "1:2:3", "1-", "0--0", "1é", "1-0.dev-a"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if err := Check(v); err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("Check(%q): %v is not of kind invalid", v, err)
			}
			if Lint(v) != nil {
				t.Errorf("Lint(%q) of what is no version", v)
			}
			return
		}
		software := Exactly(Software(v))
		if len(v) > MaxLen || !Exactly(v).Match(v) {
			t.Errorf("%q is accepted but cannot be matched", v)
		}
		// "= 1-0" is of software 1 in packaging 0, even for 1-0-3.
		if software.bounds[0].softwareOnly() && (!software.Match(v) || Check(Software(v)) != nil) {
			t.Errorf("%q does not match %q", software, v)
		}
		if _, err := ParseConstraint(Exactly(v).String()); err != nil {
			t.Error(err)
		}
		release, better, found := preRelease(v)
		if found && len(better) <= MaxLen && (Check(better) != nil || Compare(better, release) >= 0 || Compare(v, release) <= 0) {
			t.Errorf("Lint(%q): %q is no pre-release of %q, or %q is one", v, better, release, v)
		}
	})
}

// FuzzParseConstraint checks that printing and reading again changes nothing,
// neither the text nor what matches.
func FuzzParseConstraint(f *testing.F) {
	for _, line := range lines(f, "testdata/constraint.txt") {
		f.Add(line, "1.2.1-3")
	}
	f.Add(">>1,<<2", "1.5")
	f.Add("==1 , >=1", "1-1")
	f.Fuzz(func(t *testing.T, s, v string) {
		c, err := ParseConstraint(s)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid || !c.IsZero() {
				t.Errorf("ParseConstraint(%q): %v, kind %q", s, err, muster.KindOf(err))
			}
			return
		}
		d, err := ParseConstraint(c.String())
		if err != nil || d.String() != c.String() || d.Match(v) != c.Match(v) {
			t.Errorf("%q prints as %q, which reads as %q (%v)", s, c, d, err)
		}
	})
}
