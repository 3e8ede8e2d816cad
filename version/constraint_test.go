package version

import (
	"slices"
	"strings"
	"testing"

	"muster"

	"pgregory.net/rapid"
)

func mustParse(t testing.TB, s string) Constraint {
	t.Helper()
	c, err := ParseConstraint(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConstraintVectors reads testdata/constraint.txt.
func TestConstraintVectors(t *testing.T) {
	for _, line := range lines(t, "testdata/constraint.txt") {
		fields := strings.Split(line, "|")
		if len(fields) != 3 {
			t.Fatalf("vector %q", line)
		}
		c := mustParse(t, fields[0])
		for _, v := range strings.Fields(fields[1]) {
			if !c.Match(v) {
				t.Errorf("%q does not match %q", c, v)
			}
		}
		for _, v := range strings.Fields(fields[2]) {
			if c.Match(v) {
				t.Errorf("%q matches %q", c, v)
			}
		}
	}
}

func TestParseConstraint(t *testing.T) {
	for _, c := range []struct {
		in, out string
		mode    Mode
	}{
		{"", "", Any},
		{"  ", "", Any},
		{"=1.2", "= 1.2", Fixed},
		{"==1.2", "= 1.2", Fixed},
		{">=1.2,<2", ">= 1.2, < 2", Ranged},
		{" >> 1.2 ", "> 1.2", Floating},
		{"<< 2 , >= 1", "< 2, >= 1", Ranged},
		{">= 1.2", ">= 1.2", Floating},
		{"< 2, = 1", "< 2, = 1", Fixed},
	} {
		got := mustParse(t, c.in)
		if got.String() != c.out || got.Mode() != c.mode || got.IsZero() != (c.mode == Any) {
			t.Errorf("ParseConstraint(%q) = %q, mode %v, want %q, mode %v", c.in, got, got.Mode(), c.out, c.mode)
		}
	}
}

func TestParseConstraintErrors(t *testing.T) {
	for _, c := range []struct{ in, message, hint string }{
		{"1.2", `constraint "1.2": "1.2" has no operator`, `write "= 1.2" for this version alone or ">= 1.2" for it and later`},
		{"1.2.*", `constraint "1.2.*": "1.2.*" has no operator`, example},
		{"^1.2", `constraint "^1.2": unknown operator "^"`, example},
		{"~> 1.2", `constraint "~> 1.2": unknown operator "~>"`, example},
		{"=> 1.2", `constraint "=> 1.2": unknown operator "=>"`, example},
		{"!= 1.2", `constraint "!= 1.2": unknown operator "!="`, example},
		{">= v1.2", `constraint ">= v1.2": version "v1.2" does not start with a digit`, `write "1.2"`},
		{">=", `constraint ">=": empty version`, ""},
		{">= 1,", `constraint ">= 1,": a bound is empty`, "remove a comma"},
		{">= 1 < 2", `constraint ">= 1 < 2": version "1 < 2": character ' ' is not allowed`, "use letters, digits and . + ~ -"},
		{"> 2, < 1", `constraint "> 2, < 1": no version is both "> 2" and "< 1"`, ""},
		{"= 1, = 2", `constraint "= 1, = 2": no version is both "= 2" and "= 1"`, ""},
		{"> 1.2, <= 1.2-9", `constraint "> 1.2, <= 1.2-9": no version is both "> 1.2" and "<= 1.2-9"`, ""},
		{"> 1.2-3, < 1.2", `constraint "> 1.2-3, < 1.2": no version is both "> 1.2-3" and "< 1.2"`, ""},
		{strings.Repeat("= 1,", 8) + "= 1", "constraint of more than 8 bounds or 1072 bytes", ""},
		{"= " + strings.Repeat("1", 2000), "constraint of more than 8 bounds or 1072 bytes", ""},
	} {
		_, err := ParseConstraint(c.in)
		if err == nil || err.Error() != c.message || muster.HintOf(err) != c.hint || muster.KindOf(err) != muster.Invalid {
			t.Errorf("ParseConstraint(%q): %v, hint %q, kind %q", c.in, err, muster.HintOf(err), muster.KindOf(err))
		}
	}
}

func TestMatchOrder(t *testing.T) {
	c := Bound(GreaterEqual, "1.2_p1")
	if !c.MatchOrder(APK, "1.2_p1-r3") || c.MatchOrder(APK, "1.2") {
		t.Errorf("%q in the order of apk", c)
	}
	if c := Exactly("1.2"); c.MatchOrder(Dpkg, "1.2-1") || !c.Match("1.2-1") {
		t.Errorf("%q must be lenient in Match alone", c)
	}
}

func TestSelect(t *testing.T) {
	versions := []string{"1.2-1", "2~rc1-1", "1.10-1", "1.010-1", "1:0.1", "1.9"}
	for in, want := range map[string]string{
		"":          "1:0.1",
		"< 2~":      "1.10-1", // equal to 1.010-1, and after it in byte order
		"< 2":       "2~rc1-1",
		"= 1.2":     "1.2-1",
		"> 1.2, <2": "2~rc1-1",
		"< 1":       "",
	} {
		for range 2 {
			slices.Reverse(versions)
			got, found := mustParse(t, in).Select(versions)
			if got != want || found != (want != "") {
				t.Errorf("%q selects %q of %q, want %q", in, got, versions, want)
			}
		}
	}
}

// boundsOf are all bounds on a few versions that lie close together.
func boundsOf(versions ...string) []bound {
	var list []bound
	for _, v := range versions {
		for _, op := range []Op{Less, LessEqual, Equal, GreaterEqual, Greater} {
			list = append(list, bound{op, v})
		}
	}
	return list
}

var closeBounds = boundsOf("1", "1-1", "1-1~", "1-2", "1-a", "1~", "1~-1", "1a", "1a-1", "10", "1.0", "2")

// TestContradiction checks that ParseConstraint refuses exactly the pairs of
// bounds that no version satisfies, by trying versions next to both.
func TestContradiction(t *testing.T) {
	refused := 0
	for _, a := range closeBounds {
		for _, b := range closeBounds {
			if !checkContradiction(t, Constraint{bounds: []bound{a, b}}) {
				refused++
			}
		}
	}
	if all := len(closeBounds) * len(closeBounds); refused < all/10 || refused > all*9/10 {
		t.Errorf("%d of %d pairs refused", refused, all)
	}
}

// TestContradictionOfMany checks the same of more bounds.
func TestContradictionOfMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := rapid.SliceOfN(rapid.SampledFrom(closeBounds), 3, maxBounds).Draw(t, "bounds")
		checkContradiction(t, Constraint{bounds: bounds})
	})
}

func checkContradiction(t rapid.TB, c Constraint) (accepted bool) {
	var near []string
	for _, b := range c.bounds {
		near = append(near, neighbours(b.version)...)
	}
	_, err := ParseConstraint(c.String())
	v, found := c.Select(near)
	if (err == nil) != found {
		t.Errorf("ParseConstraint(%q): %v, but of the versions next to its bounds %q matches", c, err, v)
	}
	return err == nil
}

// neighbours lists v and versions a little below and above it, of the same and
// of other software.
func neighbours(v string) []string {
	s := Software(v)
	return []string{
		v, s, s + "~~~", s + "~~", s + "~", s + "~a", s + "~0a", s + "a~", s + "+a", "0",
		s + "-~", s + "-0a", s + "-9", s + "-a0", s + "-aa", "9",
		v + "~", v + "~~", v + "~a", v + "a~", v + "0a", s + "0~", s + "0~a", s + "0a",
	}
}
