package settings

import (
	"time"
)

// Agent are the settings of the agent. [Resolve] makes them; the fields are
// described in the table of [All].
type Agent struct {
	Update      time.Duration
	Jitter      int // percent
	Collect     time.Duration
	Upgrade     []Slot   // none: whenever there is something to do
	Windows     []Window // none: always
	AtStart     bool
	AtStop      bool
	Predownload bool
	Rate        int64 // bytes a second; 0 is no limit
	Battery     bool
	Metered     bool
	Deadline    time.Duration
	Postpone    []string // who may put an upgrade off: as in a rule
	Memberships string   // "server" or "none"
	Package     string   // the agent's own; "" keeps the agent that is there
	Maturities  []string
	Locales     []string // none: all
	Actions     Actions
}

// Actions are what a host accepts of signed actions.
type Actions struct {
	None      bool     // but to cancel
	Kinds     []string // none: all
	Signers   []string // names and fingerprints; none: all who are believed
	Approvals map[string]int
}

// Open reports whether the agent may change something by itself at t, in local
// time.
func (a *Agent) Open(t time.Time) bool {
	for _, w := range a.Windows {
		if open, _ := w.At(t); open {
			return true
		}
	}
	return len(a.Windows) == 0
}

// LastSlot is the newest time to upgrade that is not after t, in local time; zero
// where the settings name none. A minute that a change to summer time skips is
// taken as the first after it.
func (a *Agent) LastSlot(t time.Time) (last time.Time) {
	for _, slot := range a.Upgrade {
		for back := range 8 {
			at := time.Date(t.Year(), t.Month(), t.Day()-back, slot.Minute/60, slot.Minute%60, 0, 0, t.Location())
			if slot.Days.has(at.Weekday()) && !at.After(t) {
				if at.After(last) {
					last = at
				}
				break
			}
		}
	}
	return last
}

// A Setting is one field of a config.
type Setting struct {
	Name    string
	Doc     string // for people, without the name
	Default string // "" is none
	Values  string // what may be written

	read func(*Agent, string) error
}

// table is every setting, in the order of the reference.
var table = []Setting{
	{"update-interval", "The time between two looks for news, where the server does not direct it.",
		"2h", "5m to 7d", duration(func(a *Agent) *time.Duration { return &a.Update }, 5*time.Minute, 7*day)},
	{"jitter", "By how many percent each of these times is off, by chance, so that hosts do not ask together.",
		"20", "0 to 100", number(func(a *Agent) *int { return &a.Jitter }, 0, 100)},
	{"collect-interval", "The time between two looks at the whole machine for the inventory.",
		"1d", "1h to 30d", duration(func(a *Agent) *time.Duration { return &a.Collect }, time.Hour, 30*day)},
	{"upgrade-at", "When to upgrade, in local time. None: whenever there is something to do.",
		"", "times such as `03:00, mon-fri 12:30`, or `any`", slots},
	{"maintenance-windows", "The only local times in which the agent changes anything by itself. A window that ends before it starts goes on into the next day.",
		"", "spans such as `mon-fri 20:00-06:00, sat 00:00-24:00`, or `any`", windows},
	{"upgrade-at-start", "Upgrade when the agent starts.",
		"no", "yes, no", toggle(func(a *Agent) *bool { return &a.AtStart })},
	{"upgrade-at-shutdown", "Upgrade when the machine is about to stop.",
		"no", "yes, no", toggle(func(a *Agent) *bool { return &a.AtStop })},
	{"predownload", "Fetch what an upgrade needs before the time to upgrade has come.",
		"yes", "yes, no", toggle(func(a *Agent) *bool { return &a.Predownload })},
	{"bandwidth", "The most bytes a second to fetch.",
		"0", "0 for no limit, or 1k to 10G", rate},
	{"on-battery", "Upgrade and fetch on battery, too.",
		"no", "yes, no", toggle(func(a *Agent) *bool { return &a.Battery })},
	{"on-metered", "Upgrade and fetch over connections that cost money, too.",
		"no", "yes, no", toggle(func(a *Agent) *bool { return &a.Metered })},
	{"deadline", "How long a battery, a connection, a program that runs or a person may hold up an upgrade. Maintenance windows hold for ever.",
		"7d", "0 for ever, or 1h to 90d", deadline},
	{"postpone-by", "Who may put an upgrade off, until the deadline: people of the machine who are no administrators.",
		"none", "accounts, `@group`, `*` for everybody, or none", postponeBy},
	{"memberships", "Whom the host believes about the groups and units it is in: its server, or nobody.",
		"server", "server, none", choice(func(a *Agent) *string { return &a.Memberships }, "server", "none")},
	{"agent-package", "The package by which the agent updates itself, or none to keep the agent that is there.",
		"muster-agent", "a package, or none", agentPackage},
	{"maturities", "Which packages are offered to this host, by their maturity. A package that says nothing is PROD.",
		"PROD", "words, or `any`", words(func(a *Agent) *[]string { return &a.Maturities }, isWord)},
	{"locales", "Which packages are offered to this host, by their languages. Packages without one always are.",
		"any", "languages such as `fr, en`, or `any`", words(func(a *Agent) *[]string { return &a.Locales }, isLanguage)},
	{"action-kinds", "Which actions that people sign this host carries out. To cancel one is always accepted.",
		"any", "kinds such as `update, install, reboot`, `any`, or `none`", actionKinds},
	{"action-signers", "Whose signatures under actions count, of those whom the host believes and who have the right.",
		"any", "names and fingerprints of keys or certificates, or `any`", actionSigners},
	{"action-approvals", "How many persons have to sign an action of a kind. One where it is not named.",
		"", "kinds and numbers such as `reboot 2, run 2`, or `any`", actionApprovals},
}

// All lists every setting of the agent.
func All() []Setting { return table }

func setting(name string) *Setting {
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	return nil
}

// set reads one value, or says what is wrong with it.
func (a *Agent) set(name, value string) error {
	s := setting(name)
	if s == nil {
		var known []string
		for _, s := range table {
			known = append(known, s.Name)
		}
		return unknown(name, known)
	}
	if err := s.read(a, value); err != nil {
		return &Error{Field: name, Err: err}
	}
	return nil
}

func checkConfig(stanza map[string]string) error {
	var a Agent
	for name, value := range ordered(stanza) {
		if err := a.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Offers reports whether packages of that maturity and those languages are for
// this host.
func (a *Agent) Offers(maturity string, locales []string) bool {
	if maturity == "" {
		maturity = "PROD"
	}
	return (len(a.Maturities) == 0 || meets(a.Maturities, []string{maturity})) &&
		(len(a.Locales) == 0 || len(locales) == 0 || meets(a.Locales, locales))
}
