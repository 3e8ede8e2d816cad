package version

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"testing"

	"muster"
	"muster/internal/testneed"
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

// FuzzDpkg asks the module Dpkg::Version of dpkg-dev, in one process. Its
// numbers are those of Perl: runs of more than 15 digits are left out.
func FuzzDpkg(f *testing.F) {
	perl := testneed.Program(f, "perl")
	if exec.Command(perl, "-MDpkg::Version", "-e", "1").Run() != nil {
		testneed.Missing(f, "perl module Dpkg::Version")
	}
	for _, p := range vectors(f) {
		f.Add(p.a, p.b)
	}
	f.Add("1:1.0~rc1-1+deb12u1", "1:1.0-1")
	f.Add("0:1-0", "1")
	other := answerer(f, exec.Command(perl, "-MDpkg::Version", "-e",
		`$| = 1; while (<STDIN>) { my ($a, $b) = split; print version_compare($a, $b), "\n" }`))
	long := regexp.MustCompile(`[0-9]{16}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !validDpkg(a) || !validDpkg(b) || long.MatchString(a) || long.MatchString(b) {
			return
		}
		if got, want := sign(Dpkg(a, b)), other(t, a, b); got != want {
			t.Errorf("%q ? %q: got %d, Dpkg::Version says %d", a, b, got, want)
		}
	})
}

// answerer starts a program that answers each line of two words with a line
// that holds a number.
func answerer(f *testing.F, c *exec.Cmd) func(t *testing.T, a, b string) int {
	in, err := c.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := c.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		c.Wait()
	})
	lines := bufio.NewReader(out)
	return func(t *testing.T, a, b string) (n int) {
		if _, err := fmt.Fprintf(in, "%s %s\n", a, b); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q and %q: %v", a, b, err)
		}
		if _, err := fmt.Sscan(line, &n); err != nil {
			t.Fatalf("the answer to %q and %q is %q", a, b, line)
		}
		return n
	}
}
