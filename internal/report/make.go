package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
)

// within is a search among the hosts of the report.
func (m *maker) within(search string) string {
	switch {
	case m.Query == "":
		return search
	case search == "":
		return m.Query
	}
	return "(" + m.Query + ") (" + search + ")"
}

// fleet counts hosts by how they are.
func (m *maker) fleet() error {
	m.out.Columns = []string{"state", "hosts", "share"}
	states := []struct{ name, search string }{
		{"all", ""},
		{"as they should be", "status:ok"}, {"packages to install", "status:need-install"}, {"packages to upgrade", "status:need-upgrade"},
		{"packages to remove", "status:need-remove"}, {"postponed", "status:postponed"}, {"errors", "status:error"}, {"revoked packages", "status:revoked"},
		{"wait for approval", "state:pending"}, {"claimed by two machines", "state:cloned"},
		{"heard of within a day", "seen<1d"}, {"silent for a week", "seen>7d"}, {"to be started again", "has:reboot"},
	}
	searches := make([]string, len(states))
	for i, s := range states {
		searches[i] = m.within(s.search)
	}
	counts, err := m.source.Counts(m.ctx, searches)
	if err != nil {
		return err
	}
	all := counts.Hosts[0]
	for i, s := range states {
		n, share := counts.Hosts[i], ""
		if i > 0 && all > 0 {
			share = fmt.Sprintf("%.1f %%", 100*float64(n)/float64(all))
		}
		m.row(s.name, strconv.Itoa(n), share)
	}
	return nil
}

// hosts adds a row for each host of a search.
func (m *maker) hosts(search, sort string, row func(api.Host) []string) error {
	for q := (api.HostQuery{Query: m.within(search), Sort: sort, Limit: 1000}); ; {
		q.Limit = min(1000, m.Most+1-len(m.out.Rows))
		page, err := m.source.Hosts(m.ctx, q)
		if err != nil {
			return err
		}
		for _, h := range page.Hosts {
			if !m.row(row(h)...) {
				return nil
			}
			m.out.Hosts = append(m.out.Hosts, h.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// patches lists the hosts that lack something.
func (m *maker) patches() error {
	m.out.Columns = []string{"host", "system", "status", "to install", "to upgrade", "to remove", "errors", "problem", "heard of"}
	const lacks = api.ToChange + " or status:error or status:revoked or status:postponed"
	return m.hosts(lacks, "status", func(h api.Host) []string {
		n := func(s ...muster.Status) string {
			sum := 0
			for _, one := range s {
				sum += h.Packages[one]
			}
			return strconv.Itoa(sum)
		}
		return []string{h.Name, h.OSName, string(h.Status), n(muster.NeedInstall), n(muster.NeedUpgrade, muster.NeedDowngrade), n(muster.NeedRemove),
			n(muster.Error, muster.Revoked), h.Problem, stamp(h.Seen)}
	})
}

// silent lists the hosts of which nothing was heard.
func (m *maker) silent() error {
	m.out.Columns = []string{"host", "system", "address", "heard of", "joined"}
	return m.hosts(fmt.Sprintf("seen>%dd state:accepted", m.Days), "seen", func(h api.Host) []string {
		return []string{h.Name, h.OSName, h.Address, stamp(h.Seen), stamp(h.Enrolled)}
	})
}

// software lists versions with how many hosts have them.
func (m *maker) software() error {
	m.out.Columns = []string{"software", "version", "architecture", "source", "hosts"}
	for cursor := ""; ; {
		page, err := m.source.Software(m.ctx, m.Software, cursor, min(1000, m.Most+1-len(m.out.Rows)))
		if err != nil {
			return err
		}
		for _, s := range page.Software {
			if !m.row(s.Name, s.Version, s.Arch, s.Source, strconv.Itoa(s.Hosts)) {
				return nil
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// failures lists what failed, of the newest thousand.
func (m *maker) failures() error {
	m.out.Columns = []string{"when", "host", "what", "packages", "error"}
	page, err := m.source.Events(m.ctx, api.EventQuery{Failed: true, Limit: 1000})
	since := m.Now.Add(-time.Duration(m.Days) * 24 * time.Hour).Unix()
	for _, e := range page.Events {
		if e.Time < since {
			return err
		}
		cells := []string{stamp(e.Time), cmp.Or(e.Name, e.Host), e.What, "", e.Text}
		if r := e.Result; r != nil {
			cells[2], cells[3], cells[4] = r.Kind, failed(r), r.Error
		}
		if !m.row(cells...) {
			return err
		}
		m.out.Hosts = append(m.out.Hosts, e.Host)
	}
	m.out.More = m.out.More || len(page.Events) == 1000
	return err
}

// failed names the packages of a change that failed.
func failed(r *api.Result) string {
	names := map[string]bool{}
	for _, s := range r.Steps {
		if s.Error != "" {
			names[s.Name] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
}

// changes lists what changed in inventories.
func (m *maker) changes() error {
	m.out.Columns = []string{"when", "host", "what", "of", "section", "before", "after"}
	for q := (api.HistoryQuery{From: m.Now.Add(-time.Duration(m.Days) * 24 * time.Hour).Unix(), Limit: 1000}); ; {
		q.Limit = min(1000, m.Most+1-len(m.out.Rows))
		page, err := m.source.History(m.ctx, q)
		if err != nil {
			return err
		}
		for _, c := range page.Changes {
			if !m.row(stamp(c.Time), cmp.Or(c.Name, c.Host), c.Op, c.Software, c.Section, c.From, c.To) {
				return nil
			}
			m.out.Hosts = append(m.out.Hosts, c.Host)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// advisories lists what came to sites, the worst first.
func (m *maker) advisories() error {
	from, ok := m.source.(Newsman)
	if !ok {
		return muster.WithHint(muster.Errorf(muster.Invalid, "report \"advisories\" comes by mail alone"), "muster reports schedule advisories --every daily --to ADDRESS")
	}
	m.out.Columns = []string{"advisory", "severity", "exploited", "site", "hosts", "names", "packages", "fixed in", "about"}
	all, last, err := from.AdvisoryNews(m.ctx, m.Site, m.After, m.Most+1)
	for _, a := range all {
		names := strings.Join(a.Names, ", ")
		if left := a.Hosts - int64(len(a.Names)); left > 0 {
			names += fmt.Sprintf(" and %d more", left)
		}
		exploited := ""
		if a.Advisory.Exploited {
			exploited = "yes"
		}
		if !m.row(a.Advisory.ID, a.Advisory.Severity, exploited, a.Site, strconv.FormatInt(a.Hosts, 10), names, strings.Join(a.Packages, ", "), strings.Join(a.Fixed, ", "), a.Advisory.Summary) {
			break
		}
	}
	m.out.Last = last
	return err
}

func stamp(t int64) string {
	if t == 0 {
		return ""
	}
	return time.Unix(t, 0).UTC().Format("2006-01-02 15:04")
}
