package console

import (
	"cmp"
	"slices"

	"muster"
	"muster/control"
	"muster/internal/steer"
)

// maxNames bounds the packages that a field completes.
const maxNames = 1000

// An editing is a form that says what hosts should have, and what that would change.
type editing struct {
	Preview    *preview // nil: nothing is asked for yet
	Names      []string // of packages, for completion
	assignment steer.Assignment
}

func (v *visit) editing(list *steer.List) editing {
	return editing{Names: list.Names()[:min(len(list.Names()), maxNames)], assignment: v.assignmentOf()}
}

// ready reports why what the page has shown is not done: it is wrong, there is nothing,
// it was not confirmed, or it is not what was shown.
func (e *editing) ready(v *visit) error {
	if v.wrong != nil {
		return v.wrong
	}
	if e.Preview == nil {
		return muster.Errorf(muster.Invalid, "nothing is to be changed")
	}
	if e.Preview.Confirm {
		if err := v.typed(e.Preview.Total); err != nil {
			return err
		}
	}
	return e.Preview.shown(v)
}

// basis is what packages say that an edit builds on: verified, where a key is here that
// signs on top of them, else as the repository lists them.
func (v *visit) basis(list *steer.List, kind muster.Kind, names ...string) (map[string]steer.Basis, error) {
	if v.Signer != nil {
		return v.Signer.Published(v.ctx(), kind, names...)
	}
	out := map[string]steer.Basis{}
	for _, name := range names {
		e, err := list.Newest(v.ctx(), kind, name)
		if err != nil {
			return nil, err
		}
		if e != nil {
			out[name] = steer.Basis{Control: e.Control}
		}
	}
	return out, nil
}

// upon is the option by which an order signs on top of nothing else than was shown.
func (v *visit) upon(o order, b steer.Basis) order {
	if v.Signer == nil {
		return o
	}
	return o.with("--upon", cmp.Or(b.Sum, steer.NoBasis))
}

// A saying is what a package says of others before an edit and after it.
type saying struct {
	Host               string // its name, where the edit is about several
	Version            string // before; "": there is none
	Depends, Conflicts []saidText
}

// A saidText is one relation.
type saidText struct {
	Text      string
	New, Gone bool
}

func sayingOf(host string, before, after *control.Control) saying {
	s := saying{Host: host}
	var depends, conflicts []string
	if before != nil {
		s.Version, depends, conflicts = before.Version, relationTexts(before.Depends), relationTexts(before.Conflicts)
	}
	s.Depends, s.Conflicts = saidTexts(depends, relationTexts(after.Depends)), saidTexts(conflicts, relationTexts(after.Conflicts))
	return s
}

func relationTexts[T interface{ String() string }](all []T) (out []string) {
	for _, r := range all {
		out = append(out, r.String())
	}
	return out
}

// saidTexts has what is said afterwards, and what is not any more.
func saidTexts(before, after []string) (all []saidText) {
	for _, text := range before {
		if !slices.Contains(after, text) {
			all = append(all, saidText{Text: text, Gone: true})
		}
	}
	for _, text := range after {
		all = append(all, saidText{Text: text, New: !slices.Contains(before, text)})
	}
	return all
}
