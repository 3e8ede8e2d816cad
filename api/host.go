package api

import "muster"

// Facts are what a host says of itself when it enrols, for the person who
// approves it. Nothing is decided by them but what a person decided to.
type Facts struct {
	Name      string `json:"name,omitempty"` // that a person gave it there, in place of its own
	Hostname  string `json:"hostname"`
	FQDN      string `json:"fqdn,omitempty"`
	OS        string `json:"os"`
	OSName    string `json:"os-name,omitempty"` // "Debian GNU/Linux 12"
	Arch      string `json:"arch"`
	MachineID string `json:"machine-id,omitempty"`
	Serial    string `json:"serial,omitempty"`
	Hardware  string `json:"hardware,omitempty"` // UUID of the main board; clones of machines share it
	Agent     string `json:"agent,omitempty"`    // version of muster
}

// Enrol asks to become a host. The request is signed by the key that it names.
type Enrol struct {
	ID    string `json:"id"`  // UUID that the host made
	Key   string `json:"key"` // SubjectPublicKeyInfo, DER, base64
	Token string `json:"token,omitempty"`
	Unit  string `json:"unit,omitempty"` // asked for; the token decides where it names one
	Facts Facts  `json:"facts"`
}

// State is how far a host is with a server.
type State string

// The states of a host.
const (
	Accepted State = "accepted"
	Pending  State = "pending" // a person has to approve it; ask again later
	Refused  State = "refused"
	Cloned   State = "cloned" // two machines use the key; a person has to say which is right
)

// Enrolled answers [Enrol], [Return] and [Renew].
type Enrolled struct {
	State       State  `json:"state"`
	Certificate string `json:"certificate,omitempty"` // PEM, of the host and of the authority that issued it
	Next        int    `json:"next,omitempty"`        // while pending: seconds until the host asks again
	// Counter is above every counter that the server has seen of this host.
	Counter uint64 `json:"counter,omitempty"`
}

// Return says who a host was to a server that does not know it any more. The
// certificate, which that server's authority issued, is the proof.
type Return struct {
	Certificate string      `json:"certificate"` // PEM
	Facts       Facts       `json:"facts"`
	Memberships Memberships `json:"memberships"` // as the server last told them
	Enrolled    int64       `json:"enrolled,omitempty"`
}

// Renew replaces a host's certificate, with Key also its key. The request is
// signed by the key that the server knows; Proof is made by the new one.
type Renew struct {
	Key string `json:"key,omitempty"` // SubjectPublicKeyInfo of the new key, DER, base64
	// Proof is the signature (ASN.1) of the new key over SHA-256 of
	// "muster-renew/1\n" + server id + "\n" + host id + "\n" + Key: whoever renews has it.
	Proof string `json:"proof,omitempty"`
}

// Memberships are the groups that a server counts a host among. What they mean
// for its packages stands in signed packages of these names.
type Memberships struct {
	// Units are organisational units, the outermost first, as package names.
	Units []string `json:"units,omitempty"`
	// Groups are those kept on the server: of people's choice, and saved searches.
	Groups []string `json:"groups,omitempty"`
	// Directory are groups of LDAP or Active Directory, as package names.
	Directory []string `json:"directory,omitempty"`
}

// Policy is what a server tells a host beside what signed packages say.
type Policy struct {
	Memberships
	// Mirrors are base URLs of the repository, the preferred first.
	Mirrors []string `json:"mirrors,omitempty"`
	// Wake says that the server answers [RouteWake].
	Wake bool `json:"wake,omitempty"`
}

// CheckIn says how a host is. What has not changed is left out.
type CheckIn struct {
	Etag string `json:"etag,omitempty"` // of the policy that the host has
	// Set is the set-hash of the host's inventory, Base that of the document that
	// it last sent and could send a delta against.
	Set  string `json:"set,omitempty"`
	Base string `json:"base,omitempty"`
	// Agent is the version of muster, sent when it changed and at the start.
	Agent string `json:"agent,omitempty"`
	// Clock is the host's time.
	Clock int64 `json:"clock"`
	// Repository is the serial of the newest head that the host believes, and Stale
	// that it has expired.
	Repository int64    `json:"repository,omitempty"`
	Stale      bool     `json:"stale,omitempty"`
	Summary    *Summary `json:"summary,omitempty"` // when it changed, and at the start
	// Results of changes, at most 64, the oldest first. A server that answers has
	// kept them; an id that it has already is passed over.
	Results []Result `json:"results,omitempty"`
	// Audit is the size of the server's audit log that the host has a checkpoint of, 0
	// without one: it asks for a newer one, at most daily.
	Audit *int64 `json:"audit,omitempty"`
	// Volatile is the JSON of an inventory.Volatile, at most hourly.
	Volatile []byte `json:"volatile,omitempty"`
	// Orders says that the host takes actions. Have are the ids of those that it has.
	Orders bool     `json:"orders,omitempty"`
	Have   []string `json:"have,omitempty"`
	// Reports are results of actions that the host signed (package action), the oldest
	// first, at most [MaxReports]. A server that answers has kept them.
	Reports [][]byte `json:"reports,omitempty"`
}

// Summary counts a host's packages by status, which is the colour it has.
type Summary struct {
	Status   muster.Status         `json:"status"` // the worst of all packages
	Packages map[muster.Status]int `json:"packages,omitempty"`
	// Problem says in a sentence what keeps the host from being as it should.
	Problem string `json:"problem,omitempty"`
	Reboot  bool   `json:"reboot,omitempty"`
	// Postponed says what an upgrade waits for: "maintenance window", "on battery",
	// "firefox is running". Until is when it will not wait any longer.
	Postponed string `json:"postponed,omitempty"`
	Until     int64  `json:"until,omitempty"`
}

// CheckedIn answers [CheckIn].
type CheckedIn struct {
	Etag   string  `json:"etag"`
	Policy *Policy `json:"policy,omitempty"` // when the host's etag is another
	// Send says what the server wants of the inventory.
	Send Send `json:"send,omitempty"`
	// Next is when to come back, in seconds, spread over the hosts.
	Next int `json:"next"`
	// Wake is the number of the newest wish of the server; see [Wake].
	Wake int64 `json:"wake,omitempty"`
	// Audit is the checkpoint that [CheckIn.Audit] asked for.
	Audit *Checkpoint `json:"audit,omitempty"`
	// Renew asks for [RouteRenew].
	Renew bool `json:"renew,omitempty"`
	// Orders are actions that the host has not said to have.
	Orders []Order `json:"orders,omitempty"`
}

// Send says what a server wants of an inventory.
type Send string

// What a server wants.
const (
	SendNothing Send = ""
	SendDelta   Send = "delta" // against [CheckIn.Base], or whole
	SendWhole   Send = "whole"
)

// InventoryTaken answers [RouteInventory]: kept, or please send the whole.
type InventoryTaken struct {
	Set  string `json:"set,omitempty"` // set-hash of what the server now has
	Send Send   `json:"send,omitempty"`
}

// Wake answers [RouteWake]: a host that sees another number than the one it had
// looks for news at once, by an ordinary check-in.
type Wake struct {
	Number int64 `json:"number"`
	// Orders are actions that the host has not said to have: see [HostClient.Attend].
	Orders []Order `json:"orders,omitempty"`
	// Spread is above 0 where many hosts were given orders at once: the seconds over
	// which they answer. Each begins at once, and speaks after [Apart].
	Spread int `json:"spread,omitempty"`
}

// A Result is one change that a host carried out, or could not.
type Result struct {
	ID       string   `json:"id"` // UUID
	Kind     string   `json:"kind"`
	Started  int64    `json:"started"`
	Ended    int64    `json:"ended"`
	By       string   `json:"by,omitempty"`    // who asked: "schedule", "user alice", "administrator bob"
	Error    string   `json:"error,omitempty"` // at most 4 KiB
	Steps    []Change `json:"steps,omitempty"` // at most 1,000
	Output   string   `json:"output,omitempty"`
	Progress bool     `json:"progress,omitempty"` // not over yet
}

// A Change is what happened to one package.
type Change struct {
	Op     string        `json:"op"` // install, upgrade, downgrade, reinstall, remove
	Name   string        `json:"name"`
	From   string        `json:"from,omitempty"`
	To     string        `json:"to,omitempty"`
	Status muster.Status `json:"status"`
	Error  string        `json:"error,omitempty"`
}
