package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
)

// TestForeignWords: what servers send, hosts are called and strangers claim does
// nothing to a terminal, makes up no line, and moves nothing to another column.
func TestForeignWords(t *testing.T) {
	var out, errw strings.Builder
	a := &app{out: &out, err: &errw, now: time.Now}
	bad := "x\x1b]0;owned\x07\x1b[2J\t\u202e\n7  alice  done"
	want := "x�]0;owned��[2J � 7  alice  done"
	for _, do := range []func(){
		func() { a.print("%-3s|", bad) },
		func() { a.print("%s|", errors.New(bad)) },
		func() { a.print("%v|", api.ActionState(bad)) },
		func() { a.talk("%s|", bad) },
		func() { a.table([]string{row("A", "B", "C"), row(bad+"|", "b", "c")}) },
		func() { a.exit(muster.WithHint(errors.New("cannot"), "try %s|", bad)) },
		func() { indent(&out, "  ", strings.ReplaceAll(bad, "\n", " ")+"|") },
	} {
		out.Reset()
		errw.Reset()
		do()
		if got := out.String() + errw.String(); !strings.Contains(got, want+"|") {
			t.Errorf("%q", got)
		}
	}
	errw.Reset()
	a.exit(errors.New("one\x1b[2J\ntwo"))
	if errw.String() != "muster: one�[2J\n        two\n" {
		t.Errorf("%q", errw.String())
	}
	out.Reset()
	a.print("%-*s|%d|%6.2f|%q", 5, "ab", 3, 1.5, "c\x1b")
	if out.String() != "ab   |3|  1.50|\"c\\x1b\"\n" {
		t.Errorf("%q", out.String())
	}
}
