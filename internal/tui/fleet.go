package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"muster/api"
)

// fleet is the overview of a server. It only looks: what changes hosts is signed, where
// the key is, by 'muster send'.
type fleet struct {
	screen
	ctx      context.Context
	client   *api.PersonClient
	now      func() time.Time
	query    string // of the hosts that are listed
	numbers  []number
	hosts    api.HostPage
	host     *api.HostDetail // that is open
	rollouts []api.Rollout
	actions  []api.Action
	read     time.Time
	told     [actions + 1]bool // pages of which the server has said something
}

// The pages of a fleet.
const (
	overview = iota
	hosts
	rollouts
	actions
)

// A number is how many hosts a search finds.
type number struct {
	Title, Query string
	Class        class
	Count        int
	needs        bool // somebody, where it is not 0
}

// searches are what the overview counts. Those that need somebody come behind the
// numbers of all.
var searches = []number{
	{Title: "Hosts", Class: strong},
	{Title: "As they should be", Query: "status:ok", Class: good},
	{Title: "Packages to change", Query: api.ToChange, Class: need},
	{Title: "Errors", Query: "status:error", Class: bad, needs: true},
	{Title: "Claimed by two machines", Query: "state:cloned", Class: bad, needs: true},
	{Title: "Revoked packages", Query: "status:revoked", Class: bad, needs: true},
	{Title: "Waiting for approval", Query: "state:pending", Class: need, needs: true},
	{Title: "Silent for a week", Query: "seen>7d state:accepted", Class: quiet, needs: true},
	{Title: "To be started again", Query: "has:reboot", Class: quiet, needs: true},
}

func newFleet(ctx context.Context, c *api.PersonClient) *fleet {
	return &fleet{screen: newScreen("Overview", "Hosts", "Rollouts", "Actions"), ctx: ctx, client: c, now: time.Now}
}

// news is what the server said.
type news struct {
	page     int
	query    string
	numbers  []number
	hosts    api.HostPage
	rollouts []api.Rollout
	actions  []api.Action
	err      error
}

// opened is one host.
type opened struct {
	host *api.HostDetail
	err  error
}

type tick time.Time

// pause is the time between two looks at the server.
const pause = 5 * time.Second

func again() tea.Cmd { return tea.Tick(pause, func(t time.Time) tea.Msg { return tick(t) }) }

func (m *fleet) Init() tea.Cmd { return tea.Batch(m.look(), again()) }

// look asks for what the page shows.
func (m *fleet) look() tea.Cmd {
	page, query := m.page, m.query
	return func() tea.Msg {
		n := news{page: page, query: query}
		switch page {
		case overview:
			n.numbers, n.err = m.count()
		case hosts:
			n.hosts, n.err = m.client.Hosts(m.ctx, api.HostQuery{Query: query, Limit: 200, Count: true})
		case rollouts:
			var p api.RolloutPage
			p, n.err = m.client.Rollouts(m.ctx)
			n.rollouts = p.Rollouts
		case actions:
			var p api.ActionPage
			p, n.err = m.client.Actions(m.ctx, api.ActionQuery{})
			n.actions = p.Actions
		}
		return n
	}
}

func (m *fleet) count() ([]number, error) {
	all, asked := slices.Clone(searches), make([]string, len(searches))
	for i := range all {
		asked[i] = all[i].Query
	}
	counts, err := m.client.Counts(m.ctx, asked)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Count = counts.Hosts[i]
	}
	return all, nil
}

func (m *fleet) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.press(msg.String())
	case tick:
		return m, tea.Batch(m.look(), again())
	case news:
		m.take(msg)
	case opened:
		if msg.err != nil {
			m.fail(msg.err)
			m.open = ""
			break
		}
		m.host = msg.host
	}
	return m, nil
}

// take keeps what came for the page that is still shown.
func (m *fleet) take(n news) {
	if n.err != nil {
		m.fail(n.err)
		return
	}
	m.read = m.now()
	m.told[n.page] = m.told[n.page] || n.page != hosts || n.query == m.query
	switch n.page {
	case overview:
		m.numbers = n.numbers
	case hosts:
		if n.query == m.query {
			m.hosts = n.hosts
		}
	case rollouts:
		m.rollouts = n.rollouts
	case actions:
		m.actions = n.actions
	}
}

func (m *fleet) press(k string) tea.Cmd {
	page, open, typing := m.page, m.open, m.typing
	done, quit := m.key(k, ids(m.lines()))
	switch {
	case quit:
		return tea.Quit
	case k == "R" && !done:
		return m.look()
	case m.typing && page != hosts:
		m.page = hosts // a search is for hosts
	case typing && !m.typing && m.filter != m.query:
		m.query = m.filter
		return m.look()
	case page == overview && m.open != "":
		return m.find(m.open)
	case m.page == hosts && m.open != open && m.open != "":
		return m.inspect(m.open)
	case m.page != page:
		m.query = ""
		return m.look()
	case m.page == hosts && m.filter == "" && m.query != "" && !m.typing && m.open == "" && open == "":
		m.query = ""
		return m.look()
	}
	return nil
}

// find lists the hosts that a number of the overview counts.
func (m *fleet) find(query string) tea.Cmd {
	m.page, m.at, m.open = hosts, 0, ""
	m.query = strings.TrimPrefix(query, "?")
	m.filter, m.hosts, m.told[hosts] = m.query, api.HostPage{}, false
	return m.look()
}

func (m *fleet) inspect(id string) tea.Cmd {
	m.host = nil
	return func() tea.Msg {
		h, err := m.client.Host(m.ctx, id)
		return opened{&h, err}
	}
}
