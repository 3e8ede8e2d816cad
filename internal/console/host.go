package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
)

// A hostPage is all about one host, in four tabs.
type hostPage struct {
	api.HostDetail
	Badge badge
	Tabs  []entry
	Tab   string

	Packages []api.InstalledPackage
	Changes  []api.HistoryChange // of the tab history
	Next     string
	From, To string // of a comparison: days
	Events   []api.Event
	Software softwareList
	Machine  []fact
	Found    foundList
	At       string // the day of the inventory that is shown; "" is now
}

// A fact is a value of an inventory.
type fact struct{ Name, Value string }

var hostTabs = []struct {
	name, title string
	load        func(*hostPage, *visit) error
}{
	{"packages", "Packages", (*hostPage).packages},
	{"history", "History", (*hostPage).history},
	{"events", "Events", (*hostPage).events},
	{"inventory", "Inventory", (*hostPage).inventory},
	{"findings", "Findings", (*hostPage).findings},
}

func host(v *visit) (any, error) {
	d, err := v.api.Host(v.ctx(), v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v.title = d.Name
	out := &hostPage{HostDetail: d, Badge: badgeOf(d.Status, d.State)}
	chosen := hostTabs[0]
	for _, tab := range hostTabs {
		if tab.name == v.query("tab") {
			chosen = tab
		}
	}
	out.Tab = chosen.name
	for _, tab := range hostTabs {
		out.Tabs = append(out.Tabs, entry{Title: v.t(tab.title), Href: v.link("/hosts/"+d.ID, "tab", tab.name), Here: tab.name == chosen.name})
	}
	return out, chosen.load(out, v)
}

// packages has what is wrong first.
func (p *hostPage) packages(*visit) error {
	p.Packages = slices.Clone(p.Installed)
	slices.SortStableFunc(p.Packages, func(a, b api.InstalledPackage) int {
		return cmp.Or(cmp.Compare(urgency(a.Status), urgency(b.Status)), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// urgency orders statuses: what needs somebody first.
func urgency(s muster.Status) int {
	order := []muster.Status{muster.Error, muster.Revoked, muster.Running, muster.NeedInstall, muster.NeedUpgrade, muster.NeedDowngrade, muster.NeedRemove, muster.Postponed, muster.Warning}
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// day reads a day of a form, in UTC; with end its last second.
func day(name, text string, end bool) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fieldError{name, muster.Errorf(muster.Invalid, "%s: %.30q is no day like 2026-11-21", name, text)}
	}
	if end {
		t = t.Add(24*time.Hour - time.Second)
	}
	return t.Unix(), nil
}

// history is what changed or, between two days, what is different.
func (p *hostPage) history(v *visit) error {
	p.From, p.To = v.query("from"), v.query("to")
	from, err := day("from", p.From, false)
	if err != nil {
		return err
	}
	to, err := day("to", p.To, true)
	if err != nil {
		return err
	}
	var page api.HistoryPage
	if from != 0 {
		page, err = v.api.HostDiff(v.ctx(), p.ID, from, to)
	} else {
		page, err = v.api.History(v.ctx(), api.HistoryQuery{Host: p.ID, To: to, Cursor: v.query("cursor"), Limit: 100})
	}
	p.Changes = page.Changes
	if page.Next != "" {
		p.Next = v.link("/hosts/"+p.ID, "tab", "history", "to", p.To, "cursor", page.Next)
	}
	return err
}

func (p *hostPage) events(v *visit) error {
	page, err := v.api.Events(v.ctx(), api.EventQuery{Host: p.ID, Limit: 100})
	p.Events = page.Events
	return err
}

func (p *hostPage) findings(v *visit) error {
	q, path := v.findingQuery(), "/hosts/"+p.ID
	p.Found.findingFilter = v.findingFilter(q, path+"/findings")
	page, err := v.api.HostFindings(v.ctx(), p.ID, q)
	if err == nil {
		p.Found.turn(v, page, path, "tab", "findings")
	}
	return v.tell(err)
}

func hostFindingsTable(v *visit, w http.ResponseWriter) error {
	id := v.PathValue("id")
	return v.findingsFile(w, "host-findings", func(q api.FindingQuery) (api.FindingPage, error) { return v.api.HostFindings(v.ctx(), id, q) })
}

// A softwareList is software of an inventory that a filter lets through.
type softwareList struct {
	Filter string
	Rows   []softwareRow
	All    int // before the filter
	More   int // that are not shown
}

// A softwareRow is one of them.
type softwareRow struct {
	Source  string `json:"-"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"architecture"`
}

// maxSoftware and maxFacts bound what a page shows.
const (
	maxSoftware = 400
	maxFacts    = 200
)

// inventory is the document of the host, as it is or as it was at the end of a day.
func (p *hostPage) inventory(v *visit) error {
	p.At = v.query("at")
	at, err := day("at", p.At, true)
	if err != nil {
		return err
	}
	doc, err := v.api.HostInventory(v.ctx(), p.ID, at)
	if muster.KindOf(err) == muster.NotFound {
		return nil // nothing was reported yet
	}
	if err != nil {
		return err
	}
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(doc, &sections); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read the inventory: %w", err)
	}
	if err := p.Software.read(sections["packages"], v.query("filter")); err != nil {
		return err
	}
	delete(sections, "packages")
	p.Machine, err = factsOf(sections)
	return err
}

func (s *softwareList) read(data []byte, filter string) error {
	if len(data) == 0 {
		return nil
	}
	var all map[string][]softwareRow
	if err := json.Unmarshal(data, &all); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read the software of the inventory: %w", err)
	}
	s.Filter = strings.TrimSpace(filter)
	for source, rows := range all {
		for _, r := range rows {
			s.All++
			r.Source = source
			if strings.Contains(strings.ToLower(r.Name), strings.ToLower(s.Filter)) {
				s.Rows = append(s.Rows, r)
			}
		}
	}
	slices.SortFunc(s.Rows, func(a, b softwareRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Version, b.Version))
	})
	if len(s.Rows) > maxSoftware {
		s.More, s.Rows = len(s.Rows)-maxSoftware, s.Rows[:maxSoftware]
	}
	return nil
}

// factsOf makes a flat list of sections: "hardware.memory", "network.0.address".
func factsOf(sections map[string]json.RawMessage) (all []fact, err error) {
	for name, data := range sections {
		var value any
		if err := json.Unmarshal(data, &value); err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read %q of the inventory: %w", name, err)
		}
		all = flatten(all, name, value)
	}
	slices.SortFunc(all, func(a, b fact) int { return cmp.Compare(a.Name, b.Name) })
	return all[:min(len(all), maxFacts)], nil
}

func flatten(all []fact, name string, value any) []fact {
	switch value := value.(type) {
	case map[string]any:
		for k, inner := range value {
			all = flatten(all, name+"."+k, inner)
		}
	case []any:
		for i, inner := range value {
			all = flatten(all, fmt.Sprintf("%s.%02d", name, i), inner)
		}
	case float64:
		all = append(all, fact{name, strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", value), "0"), ".")})
	case nil:
	default:
		all = append(all, fact{name, fmt.Sprint(value)})
	}
	return all
}

// editHost does what one of the forms of the page asks for.
func editHost(v *visit) (string, error) {
	id, form := v.PathValue("id"), v.PostForm
	var e api.HostEdit
	done := v.t("Changed")
	switch form.Get("do") {
	case "approve":
		e, done = api.HostEdit{State: &accepted, Wake: true}, v.t("Approved")
	case "refuse":
		e, done = api.HostEdit{State: &refused}, v.t("Refused")
	case "wake":
		e, done = api.HostEdit{Wake: true}, v.t("The host looks for news when it hears of it")
	case "forget":
		if err := v.api.ForgetHost(v.ctx(), id); err != nil {
			return "", err
		}
		v.flash(v.t("Forgotten"))
		return v.link("/hosts"), nil
	default:
		return "", muster.Errorf(muster.Invalid, "it is not said what to do")
	}
	if _, err := v.api.EditHost(v.ctx(), id, e); err != nil {
		return "", err
	}
	v.flash(done)
	return v.link("/hosts/" + id), nil
}

// Unit is the host's, as people write it: the innermost of its packages has all of it.
func (p *hostPage) Unit() string {
	if len(p.Units) == 0 {
		return ""
	}
	return strings.ReplaceAll(p.Units[len(p.Units)-1], ".", "/")
}
