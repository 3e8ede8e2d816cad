package cli

import (
	"io"
	"strings"
	"testing"

	"muster"
)

// TestConfirm: nothing happens to a fleet where nobody can be asked, unless --yes.
func TestConfirm(t *testing.T) {
	a := &app{in: strings.NewReader("y\n"), err: io.Discard}
	if err := a.confirm("Send it?"); !isUsage(err) || !strings.Contains(muster.HintOf(err), "--yes") {
		t.Errorf("without a terminal: %v", err)
	}
	if !a.ask("Carry it out?") {
		t.Error("a change of this machine waits for an answer that nobody can give")
	}
	a.yes = true
	if err := a.confirm("Send it?"); err != nil {
		t.Error(err)
	}
}

// TestPagesAsk: what a page of the console has shown and asked is not asked again, where
// nobody could answer.
func TestPagesAsk(t *testing.T) {
	a, _ := (&signingConsole{a: &app{}}).inner(io.Discard)
	if err := a.confirm("Send it?"); err != nil {
		t.Error(err)
	}
}

func TestAgreed(t *testing.T) {
	for line, want := range map[string][2]bool{ // where Enter is no, and where it is yes
		"\n": {false, true}, "y\n": {true, true}, "Yes\r\n": {true, true}, "oui\n": {true, true}, " o \n": {true, true},
		"n\n": {}, "oh no\n": {}, "off\n": {}, "yesterday\n": {}, "y n\n": {}, "x\n": {},
	} {
		if got := [2]bool{agreed(line, false), agreed(line, true)}; got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}
