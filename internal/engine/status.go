package engine

import (
	"cmp"
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/settings"
	"muster/version"
)

// A Status is one package as a root sees it.
type Status struct {
	Name      string
	Version   string // installed
	Available string // newest that may be installed
	Status    muster.Status
	Asked     bool
	By        string // who assigns it: "group lab"
	Pin       string
	Summary   string
	Error     string
}

// Status lists the installed packages and those that failed, with what an
// upgrade would do to them; with available also what could be installed.
func (e *Engine) Status(available bool) ([]Status, error) {
	all := map[string]*Status{}
	recs, err := e.Root.Installed()
	if err != nil {
		return nil, err
	}
	if err := e.installedStatus(all, recs); err != nil {
		return nil, err
	}
	before, err := e.wishStatus(all)
	if err != nil {
		return nil, err
	}
	if err := e.availableStatus(all, e.settings(recs), available); err != nil {
		return nil, err
	}
	e.planStatus(all, before)
	if err := e.revokedStatus(all); err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(all))
	for _, s := range all {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (e *Engine) installedStatus(all map[string]*Status, recs []*install.Record) error {
	wishes, err := e.Root.Wishes()
	if err != nil {
		return err
	}
	for _, rec := range recs {
		all[rec.Control.Name] = &Status{By: wishes.AssignedBy(rec.Control.Name), Name: rec.Control.Name, Version: rec.Control.Version,
			Status: rec.Status, Summary: rec.Control.Summary("en")}
	}
	return nil
}

// availableStatus fills in the newest version that is for this host.
func (e *Engine) availableStatus(all map[string]*Status, set *settings.Agent, add bool) error {
	cands, err := e.candidates()
	if err != nil {
		return err
	}
	for _, c := range cands {
		if !c.Entry.RunsOn(e.Root.Config.Platform) || !set.Offers(c.Entry.Maturity, c.Entry.Locale) {
			continue
		}
		s := all[c.Entry.Name]
		if s == nil {
			if !add {
				continue
			}
			s = &Status{Name: c.Entry.Name}
			all[c.Entry.Name] = s
		}
		if s.Available == "" || version.Compare(c.Entry.Version, s.Available) > 0 {
			s.Available, s.Summary = c.Entry.Version, c.Entry.Summary("en")
		}
	}
	return nil
}

// wishStatus fills in what people asked for and what failed. before are the statuses
// of what is installed, where bringing it to another version failed.
func (e *Engine) wishStatus(all map[string]*Status) (before map[string]muster.Status, err error) {
	wishes, err := e.Root.Wishes()
	if err != nil {
		return nil, err
	}
	before = map[string]muster.Status{}
	for _, rel := range wishes.Wanted {
		if all[rel.Name] == nil {
			all[rel.Name] = &Status{Name: rel.Name, Status: muster.NeedInstall}
		}
		s := all[rel.Name]
		if s.Asked = true; s.Version == "" && s.Status == "" {
			s.Status = muster.NeedInstall
		}
	}
	for _, pin := range wishes.Pins {
		if s := all[pin.Name]; s != nil {
			s.Pin = pin.Constraint.String()
		}
	}
	for _, f := range wishes.Failed {
		s := all[f.Name]
		if s == nil {
			s = &Status{Name: f.Name}
			all[f.Name] = s
		}
		if s.Version != "" && (f.Status == muster.NeedUpgrade || f.Status == muster.NeedDowngrade) {
			before[f.Name] = s.Status
		}
		s.Status, s.Error = muster.Error, f.Error
	}
	return before, nil
}

// planStatus marks what an upgrade would change. A root that cannot be planned
// for keeps the statuses it has.
func (e *Engine) planStatus(all map[string]*Status, before map[string]muster.Status) {
	p, err := e.Plan(Request{Upgrade: true})
	if err != nil {
		return
	}
	defer p.Close()
	needs := map[plan.Op]muster.Status{plan.Install: muster.NeedInstall, plan.Upgrade: muster.NeedUpgrade,
		plan.Downgrade: muster.NeedDowngrade, plan.Remove: muster.NeedRemove}
	for _, step := range p.Steps {
		s := all[step.Name()]
		if s == nil && step.Op == plan.Install && e.managed() {
			s = &Status{Name: step.Name(), Available: step.To.Version}
			all[step.Name()] = s
		}
		if s == nil {
			continue
		}
		if s.By = cmp.Or(step.By, s.By); needs[step.Op] != "" && s.Status != muster.Error {
			s.Status = needs[step.Op]
		}
	}
	p.forgive(all, before)
	p.heldStatus(all)
	for _, u := range p.Unmet {
		if all[u.Name] == nil {
			all[u.Name] = &Status{Name: u.Name}
		}
		s := all[u.Name]
		if s.By, s.Status, s.Error = u.By, muster.Error, u.Err.Error(); p.waits(u.Err) {
			s.Status = muster.Postponed // that is no error: it comes when a rollout lets it
		}
	}
}

// forgive takes back the failure of what would not be tried again: the version was
// withdrawn, or is held.
func (p *Plan) forgive(all map[string]*Status, before map[string]muster.Status) {
	for _, step := range p.Steps {
		delete(before, step.Name())
	}
	for name, status := range before {
		all[name].Status, all[name].Error = status, ""
	}
}

// Versions lists the versions of a package that are available for the root's
// platform, newest first.
func (e *Engine) Versions(name string) ([]control.Control, error) {
	cands, err := e.candidates()
	if err != nil {
		return nil, err
	}
	var all []control.Control
	for _, c := range cands {
		if c.Entry.Name == name && c.Entry.RunsOn(e.Root.Config.Platform) {
			all = append(all, *c.Entry.Control)
		}
	}
	slices.SortStableFunc(all, func(a, b control.Control) int { return version.Compare(b.Version, a.Version) })
	return all, nil
}

// Search lists the newest version of each package of the root's platform that
// has every word in its name, title, keywords or description.
func (e *Engine) Search(words []string) ([]control.Control, error) {
	cands, err := e.candidates()
	if err != nil {
		return nil, err
	}
	newest := map[string]*control.Control{}
	for _, c := range cands {
		if !c.Entry.RunsOn(e.Root.Config.Platform) || !matches(c.Entry.Control, words) {
			continue
		}
		if n := newest[c.Entry.Name]; n == nil || version.Compare(c.Entry.Version, n.Version) > 0 {
			newest[c.Entry.Name] = c.Entry.Control
		}
	}
	all := make([]control.Control, 0, len(newest))
	for _, c := range newest {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b control.Control) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func matches(c *control.Control, words []string) bool {
	text := []string{c.Name, c.Title, c.Description}
	text = append(text, c.Keywords...)
	for _, d := range c.Descriptions {
		text = append(text, d)
	}
	all := strings.ToLower(strings.Join(text, "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, strings.ToLower(w)) })
}
