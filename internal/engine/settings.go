package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/deb822"
	"muster/internal/install"
	"muster/settings"
)

// ConfFile is the file in which the administrator of a machine writes settings of
// its agent, in the form of the policy of a config package. What packages say
// counts over it.
func ConfFile(root *install.Root) string {
	if root.Dir == "/" && !root.Config.Area && runtime.GOOS != "windows" {
		return "/etc/muster/agent.conf"
	}
	return filepath.Join(root.State, "agent.conf")
}

// maxConf bounds that file in bytes.
const maxConf = 1 << 20

// Layers are the sources of settings of the agent, those of the lowest precedence
// first: the file, config packages that a person installed, and those that came
// by assignments. What cannot be read is in the error; the rest holds.
func (e *Engine) Layers() ([]settings.Layer, error) {
	recs, err := e.Root.Installed()
	all, lerr := e.layers(recs)
	return all, errors.Join(err, lerr)
}

func (e *Engine) layers(recs []*install.Record) ([]settings.Layer, error) {
	all, err := confLayers(ConfFile(e.Root))
	spoken, perr := e.spoken(muster.Config, recs)
	for _, s := range spoken {
		for _, stanza := range s.policy {
			all = append(all, settings.Layer{From: s.from, Values: stanza})
		}
	}
	return all, errors.Join(err, perr)
}

// settings are those in force with these packages installed. What is wrong is for
// those who ask for the layers.
func (e *Engine) settings(recs []*install.Record) *settings.Agent {
	all, _ := e.layers(recs)
	a, _, _ := settings.Resolve(all)
	return a
}

// SelfService are the rules by which people may change this root themselves.
func (e *Engine) SelfService() (all settings.Rules, _ []settings.Problem, err error) {
	var problems []settings.Problem
	recs, err := e.Root.Installed()
	if err != nil {
		return nil, nil, err
	}
	spoken, err := e.spoken(muster.SelfService, recs)
	for _, s := range slices.Backward(spoken) {
		rules, wrong := settings.ReadRules(s.policy, s.from)
		all, problems = append(all, rules...), append(problems, wrong...)
	}
	return all, problems, err
}

// WindowsUpdates are the rules about updates of Windows, those of the highest
// precedence first. To find and install updates is for whoever asks.
func (e *Engine) WindowsUpdates() (all settings.Updates, _ []settings.Problem, err error) {
	var problems []settings.Problem
	recs, err := e.Root.Installed()
	if err != nil {
		return nil, nil, err
	}
	spoken, err := e.spoken(muster.WSUS, recs)
	for _, s := range slices.Backward(spoken) {
		rules, wrong := settings.ReadUpdates(s.policy, s.from)
		all, problems = append(all, rules...), append(problems, wrong...)
	}
	return all, problems, err
}

func confLayers(name string) ([]settings.Layer, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxConf {
		err = fmt.Errorf("%d bytes, more than %d", info.Size(), maxConf)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(name)
	}
	var stanzas []deb822.Stanza
	if err == nil {
		stanzas, err = deb822.Parse(string(data))
	}
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	// Values are not checked here: one that is wrong leaves the others in force.
	var all []settings.Layer
	for _, stanza := range stanzas {
		values := map[string]string{}
		for _, f := range stanza {
			values[strings.ToLower(f.Name)] = strings.Join(strings.Fields(f.Text()), " ")
		}
		all = append(all, settings.Layer{From: name, Values: values})
	}
	return all, nil
}

// A saying is the policy of an installed package.
type saying struct {
	from   string // "config office 3, assigned by group lab"
	rank   int
	policy settings.Document
}

// spoken lists the policies of that kind among recs, those of the lowest
// precedence first, and by name where that is the same.
func (e *Engine) spoken(kind muster.Kind, recs []*install.Record) (all []saying, err error) {
	if !slices.ContainsFunc(recs, func(r *install.Record) bool { return r.Control.Kind == kind }) {
		return nil, nil
	}
	wishes, err := e.Root.Wishes()
	if err != nil {
		return nil, err
	}
	brought := e.brought(recs, wishes)
	var wrong []error
	for _, rec := range recs {
		if rec.Control.Kind != kind {
			continue
		}
		m, err := e.Root.Manifest(rec.Control.Name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		s := saying{from: fmt.Sprintf("%s %s", kind, &rec.Control), policy: m.Policy}
		if by := brought[rec.Control.Name]; by != "" {
			s.from, s.rank = s.from+", assigned by "+by, e.rank(by)
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b saying) int { return cmp.Compare(a.rank, b.rank) })
	return all, errors.Join(wrong...)
}

// rank orders assigners, "group lab" and the like, from the lowest precedence up.
// 0 is for what a person asked for.
func (e *Engine) rank(by string) int {
	kind, name, _ := strings.Cut(by, " ")
	switch muster.Kind(kind) {
	case "":
		return 0
	case muster.Profile:
		return 2
	case muster.Unit:
		return 3 + slices.Index(e.assigned.Units, name)
	case muster.Host:
		return 3 + len(e.assigned.Units)
	}
	return 1
}

// brought says for each installed package which assigner of the highest precedence
// it is there for, itself or because something that is assigned depends on it.
func (e *Engine) brought(recs []*install.Record, w *install.Wishes) map[string]string {
	assigned := slices.Clone(w.Assigned)
	slices.SortStableFunc(assigned, func(a, b install.Assigned) int { return cmp.Compare(e.rank(b.By), e.rank(a.By)) })
	by := map[string]string{}
	for _, a := range assigned {
		todo := []string{a.Name}
		for len(todo) > 0 {
			name := todo[0]
			todo = todo[1:]
			i := slices.IndexFunc(recs, func(r *install.Record) bool { return r.Control.Name == name })
			if i < 0 || by[name] != "" {
				continue
			}
			by[name] = a.By
			todo = append(todo, serving(recs, recs[i].Control.Depends)...)
		}
	}
	return by
}

// serving lists the installed packages that dependencies mean.
func serving(recs []*install.Record, deps []control.Dependency) (names []string) {
	for _, r := range slices.Concat(deps...) {
		for _, rec := range recs {
			c := &rec.Control
			if c.Name == r.Name && r.Constraint.Match(c.Version) ||
				slices.ContainsFunc(c.Provides, func(p control.Relation) bool { return p.Name == r.Name }) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}
