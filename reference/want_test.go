package reference

import (
	"strings"
	"testing"

	"muster"
	"muster/version"
)

func TestParseWant(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "any",
		" any ":                      "any",
		"=1.2":                       "= 1.2",
		"== 1.2":                     "= 1.2",
		">>1.2":                      "> 1.2",
		">=1.2,<2":                   ">= 1.2, < 2",
		">= 1.2 ,  < 2":              ">= 1.2, < 2",
		"= 1.2_1,1":                  "= 1.2_1,1",
		">= 1.2_1,1, < 2,1":          ">= 1.2_1,1, < 2,1",
		"= 1, 0, 0, 1":               "= 1, 0, 0, 1",
		"absent":                     "absent",
		"absent >= 5.6.0, <= 5.6.1":  "absent >= 5.6.0, <= 5.6.1",
		"absent>=5.6.0":              "absent >= 5.6.0",
		"newest":                     "newest",
		"newest >= 4.2, < 5":         "newest >= 4.2, < 5",
		"= 6.1.7601.17514 (win7sp1)": "= 6.1.7601.17514 (win7sp1)",
	} {
		w, err := ParseWant(in)
		if err != nil || w.String() != want {
			t.Errorf("ParseWant(%q) = %q, %v, want %q", in, w, err, want)
		}
	}
	for in, says := range map[string]string{
		"1.2":                                   "has no operator",
		"newer":                                 "has no operator",
		"absently":                              "has no operator",
		"any >= 1":                              "any version, and yet bounds",
		"=> 1.2":                                "unknown operator",
		"!= 1.2":                                "has no operator",
		">=":                                    "no version",
		">= 1, ":                                "is no version",
		"= 1 < 2":                               "", // a version with a space: odd, but Windows has such
		">= 1\x00":                              "does not print",
		">= 1\xff":                              "does not print",
		"= <1":                                  "is no version",
		">= " + strings.Repeat("1", 300):        "more than",
		strings.Repeat(">= 1, ", 8) + "< 2":     "more than 8 bounds",
		strings.Repeat(">= 1, ", 1000) + ">= 1": "bytes",
	} {
		_, err := ParseWant(in)
		if says == "" && err == nil {
			continue
		}
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseWant(%q) = %v, want %q", in, err, says)
		}
	}
	if _, err := ParseWant("1.2"); muster.HintOf(err) != `write "= 1.2" for this version alone or ">= 1.2" for it and later` {
		t.Errorf("hint %q", muster.HintOf(err))
	}
}

// What a version is to a wish: each row says so of versions in ascending order.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		want  string
		order version.Order
		of    string // version:verdict, "!" where it does not fit
	}{
		{"= 1.2-3", version.Dpkg, "1.2-2:behind! 1.2-3:equal 0:1.2-3:equal 1.2-4:ahead! 1:0.1:ahead!"},
		{">= 1.2-3", version.Dpkg, "1.2~rc1-9:behind! 1.2-3:equal 1.2-3+deb12u1:ahead 2:ahead"},
		{"> 1.2", version.Dpkg, "1.1:behind! 1.2:behind! 1.2-1:ahead"},
		{"< 2", version.Dpkg, "1:equal 2~rc1:equal 2:ahead! 3:ahead!"},
		{"<= 2", version.Dpkg, "2:equal 2-1:ahead!"},
		{">= 1.2, < 2", version.Dpkg, "1.1:behind! 1.2:equal 1.9:equal 2:ahead!"},
		{"> 1.2, <= 2", version.Dpkg, "1.2:behind! 1.3:equal 2:equal 2.1:ahead!"},
		{"any", version.Dpkg, "0:equal 9:equal"},
		{"absent", version.Dpkg, "0:unexpected! 9:unexpected!"},
		{"absent >= 5.6.0, <= 5.6.1", version.Dpkg, "5.4:equal 5.6.0:unexpected! 5.6.1:unexpected! 5.6.2:equal"},
		{">= 3.0.7-27.el9", version.RPM, "3.0.7-26.el9:behind! 0:3.0.7-27.el9:equal 1:1-1:ahead"},
		{">= 1.0^git2-1", version.RPM, "1.0-1:behind! 1.0^git1-1:behind! 1.0.1-1:ahead"},
		{"= 1.0a", version.APK, "1.0:behind! 1.0a:equal 1.0b:ahead!"},
		{">= 1.2nb2", version.Pkgsrc, "1.2nb1:behind! 1.2.0nb2:equal 1.2nb10:ahead"},
		{">= 1.2_1,1", version.FreeBSD, "2.0:behind! 1.2,1:behind! 1.2_1,1:equal 1.2_2,1:ahead"},
		{">= 10.0.19041.1", version.Windows, "10.0.9200.7:behind! 10,0,19041,1:equal 10.0.19041.2:ahead"},
	} {
		w, err := ParseWant(c.want)
		if err != nil {
			t.Fatal(err)
		}
		for pair := range strings.FieldsSeq(c.of) {
			i := strings.LastIndexByte(pair, ':')
			verdict, fits := w.judge(pair[:i], c.order)
			got := verdict.String()
			if !fits {
				got += "!"
			}
			if got != pair[i+1:] {
				t.Errorf("%q of %q: %s, want %s", pair[:i], c.want, got, pair[i+1:])
			}
		}
	}
}

// FuzzWant: a wish that was read prints as one that reads the same; and no version
// both fits and lies outside of the bounds.
func FuzzWant(f *testing.F) {
	for _, s := range []string{"", "any", "absent", "newest >= 4.2", ">= 1.2, < 2", "= 1.2_1,1", "= 1, 0, 0, 1", "absent>=5.6.0,<=5.6.1", "== 1 , >> 2"} {
		f.Add(s, "1.2")
	}
	f.Fuzz(func(t *testing.T, s, v string) {
		w, err := ParseWant(s)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("%q: %v is not of kind invalid", s, err)
			}
			return
		}
		again, err := ParseWant(w.String())
		if err != nil || again.String() != w.String() {
			t.Fatalf("%q prints as %q, which reads as %q: %v", s, w, again, err)
		}
		for manager, order := range orders {
			if w.check(order) != nil {
				continue
			}
			verdict, fits := w.judge(v, order)
			holds := w.holds(v, order)
			if w.Mode == Absent {
				holds = !holds
			}
			if fits != holds || verdict == None || verdict == Behind && fits {
				t.Fatalf("%s: %q of %q is %v, fits %v, holds %v", manager, v, w, verdict, fits, holds)
			}
		}
	})
}
