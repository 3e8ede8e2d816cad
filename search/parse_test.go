package search

import (
	"flag"
	"os"
	"strings"
	"testing"

	"muster"
)

var update = flag.Bool("update", false, "write docs/reference/search.md")

// lines reads a file of vectors.
func lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// TestPrint holds how queries are printed.
func TestPrint(t *testing.T) {
	for _, line := range append(lines(t, "print.tsv"), " \r\n \t") {
		in, want, _ := strings.Cut(line, "\t")
		q, err := Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := q.String(); got != want {
			t.Errorf("%s is printed as %s, want %s", in, got, want)
		}
	}
}

// TestErrors holds what queries are refused, at which column, with which advice.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ in, err, hint string }{
		{"nane:x", `column 1: there is no field "nane"`, `did you mean "name"?`},
		{"a pakage:x", `column 3: there is no field "pakage"`, `did you mean "package"?`},
		{"xyzzy:x", `column 1: there is no field "xyzzy"`, "muster help queries"},
		{"aa:bb:cc", `column 1: there is no field "aa"`, "quotes"},
		{"name:", `column 6: field "name" has no value`, "-has:name"},
		{`name:""`, `column 6: field "name" has no value`, ""},
		{`é name:"x`, "column 8: quotes that do not end", ""},
		{`"a\b"`, `column 3: in quotes, \ comes before`, ""},
		{"(a", "column 1: a parenthesis that does not close", ""},
		{"a)", "column 2: a parenthesis closes", ""},
		{"()", "column 2: a term is missing", ""},
		{"a or", "column 5: a term is missing", ""},
		{"or a", `column 1: a term is missing before "or"`, "quotes"},
		{"-", "column 2: a term is missing", ""},
		{`""`, "column 1: an empty text", ""},
		{"os>debian", `column 4: field "os" has no order`, "os:VALUE"},
		{"memory:lots", `column 8: "lots" is no size`, "K, M, G"},
		{"memory:-1", `column 8: "-1" is no size`, ""},
		{"memory>9000000000000T", "is no size", ""},
		{"memory>1G..2G", `">" takes one value`, ""},
		{"cores:x", `column 7: "x" is no number`, ""},
		{"seen:7d", "nothing happens exactly 7d ago", "seen<7d"},
		{"seen>yesterday", `"yesterday" is neither a duration nor a date`, "2026-11-01"},
		{"seen:1d..2026-11-01", "column 10: a range from a date to a duration", ""},
		{"seen>2026-02-30", "neither", ""},
		{"ip:10.0.0.0/99", `"10.0.0.0/99" is no network`, ""},
		{"ip:10.0.0.1..::1", "column 14: \"::1\" is no address of the same kind", ""},
		{"status:eror", `column 8: there is no status "eror"`, `did you mean "ERROR"?`},
		{"state:x", `there is no state "x"`, "accepted, pending"},
		{"package<3", `field "package" needs a name before "<"`, "package:NAME<VERSION"},
		{"package:<3", `needs a name before "<"`, ""},
		{"package:openssl<", "column 17: a version has 1 to 190 characters", ""},
		{"package:openssl<3*", "column 17: \"<\" compares with a version", ""},
		{"package:dpgk/openssl", `column 9: there is no package manager "dpgk"`, `did you mean "dpkg"?`},
		{"muster:firefox:bad", `column 16: there is no status "bad"`, ""},
		{"audit:fine", `there is no status of an audit "fine"`, ""},
		{"audit::ok", "needs a name before the colon", ""},
		{"has:audit-eror", `there is no status of an audit "eror"`, "ERROR"},
		{"has:has", "of no host", ""},
		{"has:seriall", `there is no field "seriall"`, `"serial"`},
		{"a\x00b", "column 2: a control character", ""},
		{"\xff", "not UTF-8", ""},
		{strings.Repeat("a", MaxText+1), "more than 4096 bytes", ""},
		{strings.Repeat("a ", MaxTerms+1), "column 201: more than 100 terms", ""},
		{strings.Repeat("(", 40) + "a" + strings.Repeat(")", 40), "column 33: more than 32 parentheses", ""},
		{strings.Repeat("-", 40) + "a", "column 33: more than 32", ""},
		{strings.Repeat("*a", 17), "more than 16 times *", ""},
	} {
		q, err := Parse(c.in)
		if err == nil {
			t.Errorf("%.60q is read as %s", c.in, q)
			continue
		}
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), c.err) || !strings.Contains(muster.HintOf(err), c.hint) {
			t.Errorf("%.60q: %v (%s), want %s (%s)", c.in, err, muster.HintOf(err), c.err, c.hint)
		}
	}
}

// TestReference holds docs/reference/search.md against the fields.
func TestReference(t *testing.T) {
	const name = "../docs/reference/search.md"
	if *update {
		if err := os.WriteFile(name, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != Reference() {
		t.Errorf("%s is stale: run 'go test ./search -update'", name)
	}
	for _, line := range strings.Split(Reference(), "`") { // what stands there as code is a search, or a word
		if strings.ContainsAny(line, ":<>=") && !strings.ContainsAny(line, "\n ") {
			if _, err := Parse(line); err != nil && line != "has:reboot" {
				t.Errorf("the reference has %q: %v", line, err)
			}
		}
	}
}

// FuzzQuery holds that what is printed reads as the same, and that matching ends.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "a or b c -d", `os:debian package:dpkg/openssl<3.0.2 -group:lab name:pc-* seen>7d memory>=8G (unit:paris or unit:lyon) "free text"`,
		`ip:10.0.0.0/8 ip:::1..::5 ip:fe80::1 mac:a-b has:audit-error audit:*:* muster:x:error!=2*`, `"or" "-a" "\\\"" a"*"b "a..b"`,
		"seen:1d..9d enrolled<2026-11-01 osversion:1..2 kernel!=6", "cores!=4 disk:1G..2G status:ok"} {
		f.Add(s)
	}
	facts := someFacts(f)
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatal(err)
			}
			return
		}
		again, err := Parse(q.String())
		if err != nil && len(q.String()) <= MaxText {
			t.Fatalf("%q is printed as %q: %v", s, q, err)
		}
		if err != nil {
			return
		}
		if again.String() != q.String() {
			t.Fatalf("%q is printed as %q, and that as %q", s, q, again)
		}
		if q.Match(facts, now) != again.Match(facts, now) {
			t.Fatalf("%q and %q find others", s, q)
		}
	})
}
