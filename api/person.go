package api

import "muster"

// Login asks for a session. The request is signed by the person's key.
type Login struct {
	Certificate string `json:"certificate"` // PEM: the person's, then its issuers
}

// A Session is what a person's requests carry, as a bearer token (RFC 6750).
type Session struct {
	Token   string `json:"token"`
	Name    string `json:"name"`
	Expires int64  `json:"expires"`
}

// ToChange is a search of hosts on which packages are to change.
const ToChange = "status:need-install or status:need-upgrade or status:need-downgrade or status:need-remove"

// HostQuery asks for hosts. It travels as the query of the URL.
type HostQuery struct {
	Query   string   // in the language of package search
	Sort    string   // name (the default), seen, enrolled, status; "-seen" is the other way round
	Cursor  string   // HostPage.Next
	Limit   int      // 50 where it is 0, at most 1,000
	Columns []string // further facts to show: names of fields of package search
	Count   bool     // count all that match
}

// A HostPage is some of the hosts that match.
type HostPage struct {
	Hosts []Host `json:"hosts"`
	Next  string `json:"next,omitempty"`
	Total int    `json:"total,omitempty"`
}

// A Host is a row of a list of hosts.
type Host struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	FQDN     string        `json:"fqdn,omitempty"`
	State    State         `json:"state"`
	Status   muster.Status `json:"status,omitempty"`
	Problem  string        `json:"problem,omitempty"`
	OS       string        `json:"os,omitempty"`
	OSName   string        `json:"os-name,omitempty"`
	Arch     string        `json:"arch,omitempty"`
	Agent    string        `json:"agent,omitempty"`
	Address  string        `json:"address,omitempty"`
	Seen     int64         `json:"seen,omitempty"`
	Enrolled int64         `json:"enrolled,omitempty"`
	// Online: it holds a connection, or was seen within the interval it was given.
	Online   bool                  `json:"online,omitempty"`
	Packages map[muster.Status]int `json:"packages,omitempty"`
	Columns  map[string]string     `json:"columns,omitempty"`
}

// Counts are how many hosts each of some searches finds, in the order in which they
// were asked for.
type Counts struct {
	Hosts []int `json:"hosts"`
}

// A Trend is how many hosts there were, by hours of the last week and by days of the last
// year, the oldest first. A day is as its last hour was. What no server was there to count
// is left out.
type Trend struct {
	Hours []TrendPoint `json:"hours"`
	Days  []TrendPoint `json:"days"`
}

// A TrendPoint counts all hosts at one time.
type TrendPoint struct {
	Time   int64                 `json:"time"`
	Hosts  int                   `json:"hosts"`
	Online int                   `json:"online"` // held a connection, or were not overdue
	Errors int                   `json:"errors"` // their last change of a package failed
	Change int                   `json:"change"` // some package is to be changed
	Status map[muster.Status]int `json:"status,omitempty"`
}

// HostDetail is everything about one host but its inventory.
type HostDetail struct {
	Host
	Memberships
	Facts       Facts    `json:"facts"`
	Key         string   `json:"key"`                   // fingerprint
	Certificate string   `json:"certificate,omitempty"` // PEM
	Expires     int64    `json:"expires,omitempty"`     // the certificate
	Token       string   `json:"token,omitempty"`       // id of the token that it came by
	Alarms      []string `json:"alarms,omitempty"`      // sentences: cloned, clock, stale repository
	Inventory   int64    `json:"inventory,omitempty"`   // when it last changed
	Set         string   `json:"set,omitempty"`
	Summary     *Summary `json:"summary,omitempty"`
	// Packages of muster with their status, from the inventory.
	Installed []InstalledPackage `json:"installed,omitempty"`
}

// InstalledPackage is a package of muster on a host, or one that should be there.
type InstalledPackage struct {
	Name      string        `json:"name"`
	Root      string        `json:"root,omitempty"` // the area it is in; "" is the machine's own root
	Version   string        `json:"version,omitempty"`
	Available string        `json:"available,omitempty"`
	Status    muster.Status `json:"status"`
	By        string        `json:"by,omitempty"`
	Error     string        `json:"error,omitempty"`
}

// HostEdit changes what the server keeps of a host. Nil is left as it is.
type HostEdit struct {
	State        *State   `json:"state,omitempty"` // Accepted approves, or ends a clone alarm; Refused
	Name         *string  `json:"name,omitempty"`
	Unit         *string  `json:"unit,omitempty"` // outermost first, with slashes: "paris/lab"
	AddGroups    []string `json:"add-groups,omitempty"`
	RemoveGroups []string `json:"remove-groups,omitempty"`
	Wake         bool     `json:"wake,omitempty"` // look for news now
}

// A Token lets hosts enrol.
type Token struct {
	ID      string   `json:"id"`
	Secret  string   `json:"secret,omitempty"` // only in the answer to its creation
	Note    string   `json:"note,omitempty"`
	Uses    int      `json:"uses"`              // left; -1: any number
	Expires int64    `json:"expires,omitempty"` // 0: never
	Groups  []string `json:"groups,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	From    []string `json:"from,omitempty"` // addresses in CIDR notation; none: any
	Created int64    `json:"created"`
	By      string   `json:"by,omitempty"`
}

// TokenRequest makes a token. Its fields are those of [Token].
type TokenRequest struct {
	Note    string   `json:"note,omitempty"`
	Uses    int      `json:"uses"`
	Expires int64    `json:"expires,omitempty"`
	Groups  []string `json:"groups,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	From    []string `json:"from,omitempty"`
}

// TokenPage lists tokens.
type TokenPage struct {
	Tokens []Token `json:"tokens"`
}

// An Approval lets a host in before it asks. All that is given must be so.
type Approval struct {
	ID     string   `json:"id,omitempty"`  // of the host
	Key    string   `json:"key,omitempty"` // fingerprint of its key
	FQDN   string   `json:"fqdn,omitempty"`
	Serial string   `json:"serial,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Unit   string   `json:"unit,omitempty"`
}

// ApprovalPage lists approvals that no host has used yet.
type ApprovalPage struct {
	Approvals []Approval `json:"approvals"`
}

// A Group is a set of hosts: members that people chose, or a saved search.
type Group struct {
	Name    string   `json:"name"` // that of the package of kind group that it assigns
	Note    string   `json:"note,omitempty"`
	Query   string   `json:"query,omitempty"`   // in the language of package search
	Members []string `json:"members,omitempty"` // ids of hosts, where Query is empty
	Count   int      `json:"count,omitempty"`
}

// A Unit is an organisational unit that people gave hosts, or one around it.
type Unit struct {
	Path    string `json:"path"`    // outermost first, with slashes
	Package string `json:"package"` // name of the package of kind unit that says something for it
	Hosts   int    `json:"hosts"`   // in it and in those below
	Signed  bool   `json:"signed"`  // there is such a package
}

// UnitPage lists units, by their paths.
type UnitPage struct {
	Units []Unit `json:"units"`
}

// GroupPage lists groups, without their members.
type GroupPage struct {
	Groups []Group `json:"groups"`
}

// HistoryQuery asks what changed in inventories, the newest first. It travels as
// the query of the URL.
type HistoryQuery struct {
	Host     string // id; "" is all
	Software string // name
	From, To int64  // Unix seconds; 0 is open
	Cursor   string
	Limit    int // 100 where it is 0, at most 1,000
}

// HistoryPage lists changes.
type HistoryPage struct {
	Changes []HistoryChange `json:"changes"`
	Next    string          `json:"next,omitempty"`
}

// A HistoryChange is one thing that changed in a host's inventory.
type HistoryChange struct {
	Time    int64  `json:"time"` // when the server was told
	Host    string `json:"host"`
	Name    string `json:"host-name,omitempty"`
	Section string `json:"section"` // "packages.dpkg", "muster", "hardware"
	// Op is installed, removed, changed; for sections other than packages: changed.
	Op       string `json:"op"`
	Software string `json:"software,omitempty"`
	Arch     string `json:"arch,omitempty"`
	From     string `json:"from,omitempty"` // version
	To       string `json:"to,omitempty"`
	// Before and After are JSON of the section, where it is not one of packages.
	Before []byte `json:"before,omitempty"`
	After  []byte `json:"after,omitempty"`
}

// EventQuery asks for what hosts did and what happened to them, the newest
// first. It travels as the query of the URL.
type EventQuery struct {
	Host   string
	Since  int64 // number of an event: only later ones, the oldest first
	Limit  int
	Failed bool // only what failed
}

// EventPage lists events.
type EventPage struct {
	Events []Event `json:"events"`
}

// An Event is something that happened to a host.
type Event struct {
	Number int64   `json:"number"` // increases
	Time   int64   `json:"time"`
	Host   string  `json:"host"`
	Name   string  `json:"host-name,omitempty"`
	What   string  `json:"what"` // result, enrolled, approved, returned, renewed, cloned, forgotten
	Text   string  `json:"text,omitempty"`
	Result *Result `json:"result,omitempty"`
}

// SoftwarePage lists software with the number of hosts that have it.
type SoftwarePage struct {
	Software []Software `json:"software"`
	Next     string     `json:"next,omitempty"`
}

// Software is a version of something that hosts have.
type Software struct {
	Source  string `json:"source"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch,omitempty"`
	Hosts   int    `json:"hosts"`
}

// Removal names package files that the repository should not list any more: all of
// them leave with one head, or none.
type Removal struct {
	Files []string `json:"files"`
}

// Tidied is what was dropped from the repository: packages from its index, and
// files that no index has listed for a time.
type Tidied struct {
	Serial  int64    `json:"serial"` // of the new head; 0: the one before stands
	Removed []string `json:"removed,omitempty"`
	Deleted []string `json:"deleted,omitempty"`
}

// Published answers an upload.
type Published struct {
	File   string `json:"file"` // of the pool
	Name   string `json:"name"`
	Serial int64  `json:"serial"`         // of the head that lists it
	Same   bool   `json:"same,omitempty"` // it was there already
}
