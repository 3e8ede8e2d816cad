package api

// References: lists of the versions that hosts should have, and how hosts stand to
// them. See docs/formats/reference.md.

// A Reference is a list of wanted versions, without its rows.
type Reference struct {
	Name     string   `json:"name"`
	Note     string   `json:"note,omitempty"`
	Tags     []string `json:"tags,omitempty"`    // of hosts that it speaks of; none: all
	Systems  []string `json:"systems,omitempty"` // "debian:12"
	Sites    []string `json:"sites,omitempty"`
	Until    int64    `json:"until,omitempty"`
	Complete bool     `json:"complete,omitempty"`
	Optional bool     `json:"optional,omitempty"`
	NewestOf string   `json:"newest-of,omitempty"`
	Packages int      `json:"packages"` // rows
	Revision int64    `json:"revision"`
	Changed  int64    `json:"changed"`
	By       string   `json:"by"`
	// Unresolved names packages of which the newest is wanted and not known: at most 100.
	Unresolved []string `json:"unresolved,omitempty"`
}

// ReferencePage lists references by name.
type ReferencePage struct {
	References []Reference `json:"references"`
}

// A ReferencePut is the text of a list. YAML says all of a list itself; to the rows of
// CSV the other fields say the rest.
type ReferencePut struct {
	Form string `json:"form,omitempty"` // "yaml", where it is "", or "csv"
	Text string `json:"text"`

	Note     string   `json:"note,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Systems  []string `json:"systems,omitempty"`
	Sites    []string `json:"sites,omitempty"`
	Until    int64    `json:"until,omitempty"`
	Complete bool     `json:"complete,omitempty"`
	Optional bool     `json:"optional,omitempty"`
	NewestOf string   `json:"newest-of,omitempty"`
}

// A ReferenceDetail is a reference with its text, and what it was before.
type ReferenceDetail struct {
	Reference
	Form      string              `json:"form,omitempty"`
	Text      string              `json:"text"`
	Removed   bool                `json:"removed,omitempty"` // the list was taken away
	Revisions []ReferenceRevision `json:"revisions"`         // the newest first
}

// A ReferenceRevision is one change of a list.
type ReferenceRevision struct {
	Revision int64  `json:"revision"`
	Time     int64  `json:"time"`
	By       string `json:"by"`
	Packages int    `json:"packages"`
	Removed  bool   `json:"removed,omitempty"` // the list was taken away
}

// ReferenceCounts count rows of a comparison by verdict, or hosts.
type ReferenceCounts struct {
	Behind     int64 `json:"behind"`
	Equal      int64 `json:"equal"`
	Ahead      int64 `json:"ahead"`
	Missing    int64 `json:"missing"`
	Unexpected int64 `json:"unexpected"`
	Expired    int64 `json:"expired,omitempty"`
	// Unfit are those that are not as wanted: all that are behind, missing or unexpected,
	// and of those ahead the ones above what is allowed.
	Unfit int64 `json:"unfit"`
}

// How a comparison is told.
const (
	ReferenceByHost    = "host"
	ReferenceBySite    = "site"
	ReferenceByPackage = "package"
)

// A ReferenceComparison is how hosts stand to a list. Where a package was asked about, all
// of it is about the rows of that package alone.
type ReferenceComparison struct {
	Reference string          `json:"reference"`
	Revision  int64           `json:"revision"`
	By        string          `json:"by"`
	Hosts     int             `json:"hosts"` // that the list speaks of, and that were asked for
	Fit       int             `json:"fit"`   // hosts that are as wanted in every row
	Total     ReferenceCounts `json:"total"` // rows, of all of these hosts

	ByHost    []ReferenceHost    `json:"by-host,omitempty"`
	BySite    []ReferenceSite    `json:"by-site,omitempty"`
	ByPackage []ReferencePackage `json:"by-package,omitempty"`
	Next      string             `json:"next,omitempty"` // there is more behind this
}

// A ReferenceHost is how one host stands to a list.
type ReferenceHost struct {
	ID     int64           `json:"id"`
	Name   string          `json:"name"`
	Site   string          `json:"site,omitempty"`
	Agent  string          `json:"agent,omitempty"` // id of a host under an agent
	Tag    string          `json:"tag,omitempty"`
	Counts ReferenceCounts `json:"counts"` // of rows
	// Have are the versions of the package that was asked about.
	Have []string `json:"have,omitempty"`
}

// A ReferenceSite is how the hosts of a site stand to a list. The hosts under agents are
// those of the site "".
type ReferenceSite struct {
	Site   string          `json:"site"`
	Hosts  int             `json:"hosts"`
	Fit    int             `json:"fit"`
	Counts ReferenceCounts `json:"counts"` // of rows
}

// A ReferencePackage is how hosts stand to one row of a list, or a package that is
// unexpected.
type ReferencePackage struct {
	Name    string          `json:"name"`
	Manager string          `json:"manager,omitempty"`
	Arch    string          `json:"arch,omitempty"`
	Want    string          `json:"want,omitempty"` // "": it is not listed
	Counts  ReferenceCounts `json:"counts"`         // of hosts
}

// A ReferenceReport is every row about one host.
type ReferenceReport struct {
	Reference string         `json:"reference"`
	Revision  int64          `json:"revision"`
	Host      ReferenceHost  `json:"host"`
	Time      int64          `json:"time,omitempty"` // asked for; 0: now
	Covered   bool           `json:"covered"`        // the list speaks of the host
	Rows      []ReferenceRow `json:"rows"`
}

// A ReferenceRow is how a host stands to one row of a list.
type ReferenceRow struct {
	Name    string   `json:"name"`
	Manager string   `json:"manager,omitempty"`
	Arch    string   `json:"arch,omitempty"`
	Have    []string `json:"have,omitempty"`   // versions, in ascending order
	Counts  string   `json:"counts,omitempty"` // the one that the verdict is about
	Want    string   `json:"want,omitempty"`
	Verdict string   `json:"verdict"`
	Fits    bool     `json:"fits"`
	Doubt   string   `json:"doubt,omitempty"`
	Until   int64    `json:"until,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// ReferenceDays are the counts of a list over time, one for each day on which they
// changed; between two days they stayed as they were.
type ReferenceDays struct {
	Reference string         `json:"reference"`
	Days      []ReferenceDay `json:"days"`
}

// A ReferenceDay is how the hosts of a site stood at the end of a day.
type ReferenceDay struct {
	Day      string          `json:"day"` // "2026-11-21", UTC
	Site     string          `json:"site"`
	Revision int64           `json:"revision"`
	Hosts    int64           `json:"hosts"`
	Fit      int64           `json:"fit"`
	Counts   ReferenceCounts `json:"counts"`
}

// ReferencePatching is which share of hosts had a wanted version by which day.
type ReferencePatching struct {
	Name string                 `json:"name"`
	Want string                 `json:"want"`
	From int64                  `json:"from"`
	Days []ReferencePatchingDay `json:"days"`
}

// A ReferencePatchingDay counts hosts that had the package at the time from, or got it
// since: the version was there, the package was gone, nothing was heard of them, or
// none of these.
type ReferencePatchingDay struct {
	Day    int   `json:"day"`
	Time   int64 `json:"time"`
	Hosts  int   `json:"hosts"`
	Done   int   `json:"done"`
	Gone   int   `json:"gone"`
	Silent int   `json:"silent"`
	Left   int   `json:"left"`
}
