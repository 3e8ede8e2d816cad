package version

import (
	"strings"
	"testing"

	"muster"
)

func TestCheckDebian(t *testing.T) {
	for _, v := range lines(t, "testdata/debian.txt") {
		if err := Check(v); err != nil {
			t.Error(err)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, v := range []string{"0", "1.2.1-3", "1:2", "999999999:1", "1.0~rc1", "1a+b~c-d.e", "1-1-1", strings.Repeat("1", MaxLen)} {
		if err := Check(v); err != nil {
			t.Errorf("Check(%q): %v", v, err)
		}
	}
	for _, c := range []struct{ v, message, hint string }{
		{"", "empty version", ""},
		{strings.Repeat("1", MaxLen+1), "version of 129 bytes is longer than 128", ""},
		{"v1.2", `version "v1.2" does not start with a digit`, `write "1.2"`},
		{"release-1.2", `version "release-1.2" does not start with a digit`, `write "1.2"`},
		{"1:v2", `version "1:v2" does not start with a digit`, `write "2"`},
		{"-1", `version "-1" does not start with a digit`, `write "1"`},
		{"beta", `version "beta" does not start with a digit`, ""},
		{"1:", `version "1:" does not start with a digit`, ""},
		{":1", `version ":1": epoch "" is not a number of 1 to 9 digits`, ""},
		{"a:1", `version "a:1": epoch "a" is not a number of 1 to 9 digits`, ""},
		{"1234567890:1", `version "1234567890:1": epoch "1234567890" is not a number of 1 to 9 digits`, ""},
		{"1-", `version "1-": nothing after the last hyphen`, ""},
		{"1_2", `version "1_2": character '_' is not allowed`, "use letters, digits and . + ~ -"},
		{"1:2:3", `version "1:2:3": character ':' is not allowed`, "use letters, digits and . + ~ -"},
		{"1 2", `version "1 2": character ' ' is not allowed`, "use letters, digits and . + ~ -"},
		{"1é", `version "1é": character 'é' is not allowed`, "use letters, digits and . + ~ -"},
		{"1\x80", `version "1\x80": character '�' is not allowed`, "use letters, digits and . + ~ -"},
		{"1\n", `version "1\n": character '\n' is not allowed`, "use letters, digits and . + ~ -"},
	} {
		err := Check(c.v)
		if err == nil || err.Error() != c.message || muster.HintOf(err) != c.hint || muster.KindOf(err) != muster.Invalid {
			t.Errorf("Check(%q) = %v, hint %q, kind %q", c.v, err, muster.HintOf(err), muster.KindOf(err))
		}
	}
}

func TestSoftware(t *testing.T) {
	for v, want := range map[string]string{"1.2.1-3": "1.2.1", "1.2": "1.2", "1:2-3-4": "1:2-3", "1.0-rc1": "1.0"} {
		if got := Software(v); got != want {
			t.Errorf("Software(%q) = %q, want %q", v, got, want)
		}
	}
}
