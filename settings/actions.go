package settings

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// actionKinds reads kinds of actions. One that this agent does not know is none
// that it would be sent: a newer document does not stop an older agent.
func actionKinds(a *Agent, s string) error {
	if s == "none" {
		a.Actions.None, a.Actions.Kinds = true, nil
		return nil
	}
	var kinds []string
	err := words(func(*Agent) *[]string { return &kinds }, isWord)(a, s)
	if err == nil {
		a.Actions.None, a.Actions.Kinds = false, kinds
	}
	return err
}

// actionSigners reads names of persons, which may hold spaces, and fingerprints.
func actionSigners(a *Agent, s string) error {
	return words(func(a *Agent) *[]string { return &a.Actions.Signers }, isName)(a, s)
}

func isName(s string) bool {
	return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}

// maxApprovals bounds the persons who sign one action: what a signed message holds.
const maxApprovals = 16

// actionApprovals reads kinds with the number of persons.
func actionApprovals(a *Agent, s string) error {
	if s == nothing {
		a.Actions.Approvals = nil
		return nil
	}
	all, err := list(s)
	if err != nil {
		return err
	}
	need := map[string]int{}
	for _, e := range all {
		kind, number, _ := strings.Cut(e, " ")
		n, err := strconv.Atoi(number)
		if err != nil || !isWord(kind) || n < 1 || n > maxApprovals {
			return fmt.Errorf("%q is no kind with 1 to %d persons, as in \"reboot 2\"", e, maxApprovals)
		}
		if _, twice := need[kind]; twice {
			return fmt.Errorf("%s stands twice", kind)
		}
		need[kind] = n
	}
	a.Actions.Approvals = need
	return nil
}
