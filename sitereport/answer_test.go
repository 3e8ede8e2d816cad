package sitereport

import (
	"reflect"
	"strings"
	"testing"
)

var found = []Found{
	{"openssl", "3.0.15-1~deb12u1", "amd64", "CVE-2026-1", "high,exploited", "3.0.16-1~deb12u1"},
	{"bash", "5.2.15-2+b8", "amd64", "DSA-1-1", "low", ""},
	{"bash", "5.2.15-2+b8", "amd64", "DSA-1-1", "low", ""},
}

func TestAnswer(t *testing.T) {
	const want = "OK\nbash\t5.2.15-2+b8\tamd64\tDSA-1-1\tlow\t\nopenssl\t3.0.15-1~deb12u1\tamd64\tCVE-2026-1\thigh,exploited\t3.0.16-1~deb12u1\n"
	if got := string(Answer(found)); got != want {
		t.Errorf("%q", got)
	}
	if got := string(AnswerPakiti(found)); got != "OK\nbash\t5.2.15-2+b8\tamd64\tDSA-1-1\tlow\nopenssl\t3.0.15-1~deb12u1\tamd64\tCVE-2026-1\thigh,exploited\n" {
		t.Errorf("Pakiti: %q", got)
	}
	got, kept, err := ParseAnswer([]byte(want))
	if err != nil || kept || !reflect.DeepEqual(got, []Found{found[1], found[0]}) {
		t.Errorf("%+v, %t, %v", got, kept, err)
	}
	if got, kept, err := ParseAnswer([]byte(AnswerKept)); len(got) > 0 || !kept || err != nil {
		t.Error(got, kept, err)
	}
	if got, kept, err := ParseAnswer([]byte(AnswerOK)); len(got) > 0 || kept || err != nil {
		t.Error(got, kept, err)
	}
	for _, bad := range []string{"", "OK", "ERROR\n", "<html>", "OK\nx\n", "OK\na\tb\tc\td\te\tf", "OK\na\tb\tc\td\te\x1b[2J\tf\n", "KEPT\nx"} {
		if _, _, err := ParseAnswer([]byte(bad)); err == nil {
			t.Errorf("%q: taken", bad)
		}
	}
}

// TestAnswerBounds holds that an answer is never longer than a reporter reads, and
// that what it has no room for is cut between lines.
func TestAnswerBounds(t *testing.T) {
	all := make([]Found, 0, 10_000)
	for i := range cap(all) {
		f := Found{Name: strings.Repeat("n", 1000), Version: strings.Repeat("v", i%1000), ID: string(rune('a' + i%26))}
		all = append(all, f)
	}
	data := Answer(all)
	if len(data) > MaxAnswer {
		t.Fatalf("%d bytes", len(data))
	}
	if got, _, err := ParseAnswer(data); err != nil || len(got) < 4000 {
		t.Errorf("%d lines, %v", len(got), err)
	}
}
