package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"muster"
)

// interactive reports whether somebody can answer a question.
func (a *app) interactive() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && a.terminal()
}

// ask puts a question about this machine: whoever types `muster install age` has
// said what is meant, and sees what it takes. So the answer is yes where somebody
// presses Enter, as apt has it, and where nobody can be asked: scripts that want a
// look first use `muster plan`, and every change can be undone.
func (a *app) ask(question string) bool {
	if a.yes || !a.interactive() {
		return true
	}
	return a.reply(question+" [Y/n] ", true)
}

// confirm puts a question about other machines: a mistyped query means all of them,
// and nobody sits there. So Enter is no, and where nobody can be asked only --yes
// goes ahead.
func (a *app) confirm(question string) error {
	switch {
	case a.yes:
		return nil
	case !a.interactive():
		return muster.WithHint(usagef("nobody can be asked without a terminal: %s", question), "--yes goes ahead unasked")
	case !a.reply(question+" [y/N] ", false):
		return muster.Errorf(muster.Conflict, "nothing was changed")
	}
	return nil
}

// confirmFlag is for verbs that confirm.
func (a *app) confirmFlag(f interface {
	BoolVarP(p *bool, name, short string, value bool, usage string)
}) {
	f.BoolVarP(&a.yes, "yes", "y", false, "do not ask; needed without a terminal")
}

func (a *app) reply(question string, enter bool) bool {
	fmt.Fprint(a.err, question)
	line, err := bufio.NewReader(io.LimitReader(a.in, 1000)).ReadString('\n')
	return err == nil && agreed(line, enter)
}

// agreed reads an answer: what is neither yes nor Enter is no.
func agreed(line string, enter bool) bool {
	word := strings.ToLower(strings.TrimSpace(line))
	return word == "" && enter || slices.Contains([]string{"y", "yes", "o", "oui"}, word)
}
