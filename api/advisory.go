package api

// Advisories are published vulnerabilities; a finding is one of them in a package that
// hosts have.

// Kinds of [AdvisoryNews] in the feed.
const (
	AdvisoryNew  = "advisory.new"
	AdvisoryGone = "advisory.gone"
	// The ordinary support of a release of hosts is over, and the last that there was.
	SupportExtended = "support.extended"
	SupportEnded    = "support.ended"
)

// An Advisory is one published statement about vulnerable packages.
type Advisory struct {
	Number    int64    `json:"number"` // stays the same while its source has it
	ID        string   `json:"id"`     // as its publisher writes it
	Source    string   `json:"source"` // name of the source that it was imported from
	Aliases   []string `json:"aliases,omitempty"`
	Summary   string   `json:"summary,omitempty"`
	Severity  string   `json:"severity"` // unknown, negligible, low, medium, high, critical
	CVSS      string   `json:"cvss,omitempty"`
	Exploited bool     `json:"exploited,omitempty"` // a catalogue of exploited vulnerabilities lists it
	// How likely it is to be exploited within 30 days, and which share of all
	// vulnerabilities is less so (EPSS); 0: not known.
	EPSS       float64  `json:"epss,omitempty"`
	Percentile float64  `json:"epss-percentile,omitempty"`
	Published  int64    `json:"published,omitempty"`
	Modified   int64    `json:"modified,omitempty"`
	Withdrawn  int64    `json:"withdrawn,omitempty"` // by its publisher, or gone from its source
	References []string `json:"references,omitempty"`
	// Hosts that it concerns, of those that the reader may see; left out where it was
	// not counted.
	Hosts *int64 `json:"hosts,omitempty"`
}

// AdvisoryPage answers a list of advisories, the worst first.
type AdvisoryPage struct {
	Advisories []Advisory `json:"advisories"`
	Next       string     `json:"next,omitempty"` // cursor; "": there are no more
	// Uncovered is how many hosts run what no list of advisories speaks of: that nothing
	// is found on them says nothing.
	Uncovered int64 `json:"uncovered,omitempty"`
}

// AdvisoryDetail is all about one advisory.
type AdvisoryDetail struct {
	Advisory
	Affected []AdvisoryAffected `json:"affected"`
	Sites    []AdvisorySite     `json:"sites"` // that have it
}

// AdvisoryAffected says which versions of a package are vulnerable.
type AdvisoryAffected struct {
	Ecosystem string          `json:"ecosystem"`
	Release   string          `json:"release,omitempty"` // "": every one
	Name      string          `json:"name"`
	Binary    bool            `json:"binary,omitempty"` // else a source package
	Arch      string          `json:"arch,omitempty"`
	Module    string          `json:"module,omitempty"`
	Ranges    []AdvisoryRange `json:"ranges,omitempty"` // any of them
	Versions  []string        `json:"versions,omitempty"`
	Status    string          `json:"status,omitempty"`
	Severity  string          `json:"severity,omitempty"`
	// FixElsewhere: the release has no fix; that of the ranges is of a newer release.
	FixElsewhere bool `json:"fix-elsewhere,omitempty"`
}

// AdvisoryRange is an interval of versions, open where a field is empty.
type AdvisoryRange struct {
	Introduced string `json:"introduced,omitempty"`
	Fixed      string `json:"fixed,omitempty"`
	Last       string `json:"last,omitempty"`
}

// AdvisorySite is how many hosts of a site have an advisory.
type AdvisorySite struct {
	Site  string `json:"site"`
	Hosts int64  `json:"hosts"`
	Since int64  `json:"since,omitempty"` // when it was first seen there as a serious one
}

// A Finding is an advisory in a package.
type Finding struct {
	Advisory Advisory `json:"advisory"`
	Package  string   `json:"package"`
	Version  string   `json:"version"`
	Arch     string   `json:"arch,omitempty"`
	Manager  string   `json:"manager"`
	Origin   string   `json:"source-package,omitempty"` // where it has another name
	System   string   `json:"system"`                   // "debian 12"
	Fixed    string   `json:"fixed,omitempty"`          // the version without it; "": there is none
	Status   string   `json:"status,omitempty"`         // what the publisher says: "no-dsa", "end-of-life", ...
	Severity string   `json:"severity"`                 // of this package in this release
	// Ignored is why it does not count.
	Ignored *AdvisoryIgnore `json:"ignored,omitempty"`
	Note    string          `json:"note,omitempty"`  // what is left where a part of the advisory is ignored
	Hosts   int64           `json:"hosts,omitempty"` // that have the package; of a package's findings only
}

// FindingPage answers a list of findings, the worst first.
type FindingPage struct {
	Findings []Finding      `json:"findings"`
	Counts   AdvisoryCounts `json:"counts"` // of all, not only of this page
	Next     string         `json:"next,omitempty"`
	// Release is what the host runs, of a host's findings. Where it is not covered, that
	// nothing is found says nothing.
	Release *ReleaseSupport `json:"release,omitempty"`
}

// FindingQuery leaves findings and advisories out. It travels as the query of the URL.
type FindingQuery struct {
	Severity  string  // the least: "high"
	Exploited bool    // only those
	Fixable   bool    // only where there is a fix
	Ignored   bool    // also those that are ignored
	Text      string  // in the advisory's names or the package's
	EPSS      float64 // only those of which the score is not less
	Sort      string  // "epss": the most likely to be exploited first; "": the worst
	Cursor    string
	Limit     int // 100 where it is 0, at most 1,000
}

// AdvisoryCounts counts advisories of a host, a site, or all that somebody sees. One
// that several packages have counts once. Ignored ones are only in Ignored.
type AdvisoryCounts struct {
	SeverityCounts
	Exploited int64 `json:"exploited,omitempty"`
	Fixable   int64 `json:"fixable,omitempty"`
	Ignored   int64 `json:"ignored,omitempty"`
	Packages  int64 `json:"packages,omitempty"` // of a host: that have any
}

// SeverityCounts counts something by severity.
type SeverityCounts struct {
	Critical   int64 `json:"critical,omitempty"`
	High       int64 `json:"high,omitempty"`
	Medium     int64 `json:"medium,omitempty"`
	Low        int64 `json:"low,omitempty"`
	Negligible int64 `json:"negligible,omitempty"`
	Unknown    int64 `json:"unknown,omitempty"`
}

// Of is the count of a severity, by its name.
func (c *SeverityCounts) Of(severity string) *int64 {
	switch severity {
	case "critical":
		return &c.Critical
	case "high":
		return &c.High
	case "medium":
		return &c.Medium
	case "low":
		return &c.Low
	case "negligible":
		return &c.Negligible
	}
	return &c.Unknown
}

// Total is how many there are; of advisories, that are not ignored.
func (c *SeverityCounts) Total() int64 {
	return c.Critical + c.High + c.Medium + c.Low + c.Negligible + c.Unknown
}

// AdvisoryHost is a host that an advisory concerns.
type AdvisoryHost struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Site    string `json:"site"`
	Tag     string `json:"tag,omitempty"`
	System  string `json:"system"`
	Seen    int64  `json:"seen"`
	Package string `json:"package"` // the first of those that it has
	Version string `json:"version"`
	Fixed   string `json:"fixed,omitempty"`
	Status  string `json:"status,omitempty"`
}

// AdvisoryHostPage answers which hosts an advisory concerns.
type AdvisoryHostPage struct {
	Hosts []AdvisoryHost `json:"hosts"`
	Next  string         `json:"next,omitempty"`
}

// SiteCounts is how a site stands.
type SiteCounts struct {
	Site       string         `json:"site"`
	Hosts      int64          `json:"hosts"`
	Worst      HostCounts     `json:"worst"`      // hosts by their worst advisory
	Advisories AdvisoryCounts `json:"advisories"` // that any of its hosts has
}

// HostCounts counts hosts by the worst of their advisories.
type HostCounts struct {
	SeverityCounts
	None      int64 `json:"none,omitempty"`
	Uncovered int64 `json:"uncovered,omitempty"` // none was found, and no list speaks of what they run
	Exploited int64 `json:"exploited,omitempty"` // that have an exploited one
}

// SiteCountsPage answers how sites stand.
type SiteCountsPage struct {
	Sites []SiteCounts `json:"sites"`
	All   SiteCounts   `json:"all"`
}

// AdvisoryPoint is how a site, or all of them, stood at the end of a day.
type AdvisoryPoint struct {
	Day        int64          `json:"day"` // its beginning, of UTC
	Hosts      int64          `json:"hosts"`
	Worst      HostCounts     `json:"worst"`
	Advisories AdvisoryCounts `json:"advisories"` // of several sites: their sum
}

// AdvisoryTrend is how it came to be so, the oldest first.
type AdvisoryTrend struct {
	Points []AdvisoryPoint `json:"points"`
}

// AdvisoryIgnore leaves findings out of what counts. It names an advisory, a package,
// or both; where more is said, all of it must be so.
type AdvisoryIgnore struct {
	Number   int64  `json:"number"`
	Advisory string `json:"advisory,omitempty"` // its ID or any of its aliases
	Package  string `json:"package,omitempty"`  // name of it or of its source package; one "*" stands for any text
	Platform string `json:"platform,omitempty"` // "debian" or "debian 12"; "": every one
	Site     string `json:"site,omitempty"`     // "": every one
	Reason   string `json:"reason"`
	By       string `json:"by"`
	Created  int64  `json:"created"`
	Expires  int64  `json:"expires,omitempty"` // Unix seconds; 0: never
	Over     bool   `json:"over,omitempty"`    // it has expired
}

// AdvisoryIgnorePage answers what is ignored, the newest first.
type AdvisoryIgnorePage struct {
	Ignored []AdvisoryIgnore `json:"ignored"`
}

// MaxIgnoreList bounds a list of what is ignored, in bytes.
const MaxIgnoreList = 4 << 20

// AdvisoryIgnoreImport is what became of a list of what is ignored.
type AdvisoryIgnoreImport struct {
	Added     int64 `json:"added"`
	Changed   int64 `json:"changed"`           // another reason or end than an entry about the same
	Unchanged int64 `json:"unchanged"`         // are there already
	Expired   int64 `json:"expired,omitempty"` // were left out
}

// AdvisorySource is where advisories come from, and how that goes.
type AdvisorySource struct {
	Name       string   `json:"name"`
	Form       string   `json:"form"`            // osv, debian, csaf, oval, vuxml, pkgsrc, ...
	Place      string   `json:"place,omitempty"` // file, folder or address; "": brought by hand
	Every      int64    `json:"every,omitempty"` // seconds
	Entries    int64    `json:"entries"`
	Skipped    int64    `json:"skipped,omitempty"`  // entries that could not be read
	Unmapped   []string `json:"unmapped,omitempty"` // systems that nothing is known of
	Bytes      int64    `json:"bytes,omitempty"`
	Tried      int64    `json:"tried,omitempty"`
	Succeeded  int64    `json:"succeeded,omitempty"`
	Changed    int64    `json:"changed,omitempty"` // when its content last did
	Failing    int64    `json:"failing,omitempty"` // since when
	Due        int64    `json:"due,omitempty"`
	Error      string   `json:"error,omitempty"`
	Edition    string   `json:"edition,omitempty"`    // what it calls itself: of EPSS model and day
	Leaving    bool     `json:"leaving,omitempty"`    // it is being removed
	Matching   bool     `json:"matching,omitempty"`   // findings do not follow it yet
	Configured bool     `json:"configured,omitempty"` // by the server's configuration
}

// AdvisorySourcePage answers where advisories come from.
type AdvisorySourcePage struct {
	Sources []AdvisorySource `json:"sources"`
	// Unmapped are systems of hosts of which it is not known whose advisories are
	// theirs, with how many hosts have them.
	Unmapped []UnmappedSystem `json:"unmapped,omitempty"`
}

// UnmappedSystem is a system that no advisories are known to speak of.
type UnmappedSystem struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Name    string `json:"name,omitempty"`
	Hosts   int64  `json:"hosts"`
}

// AdvisoryImport is what became of an import.
type AdvisoryImport struct {
	Source    string `json:"source"`
	Unchanged bool   `json:"unchanged,omitempty"` // it says what it said before
	Entries   int64  `json:"entries"`
	Added     int64  `json:"added"`
	Changed   int64  `json:"changed"`
	Withdrawn int64  `json:"withdrawn"`
	Skipped   int64  `json:"skipped,omitempty"`
	// Notes are the first reasons why entries were left out.
	Notes []string `json:"notes,omitempty"`
}

// AdvisoryNews is a serious advisory that came to a site, or left it. Where many came
// together there is one without Advisory. Or it is the end of a release's support.
type AdvisoryNews struct {
	Number     int64     `json:"number"`
	Time       int64     `json:"time"`
	Kind       string    `json:"kind"`
	Site       string    `json:"site"`
	Advisory   *Advisory `json:"advisory,omitempty"`
	Severity   string    `json:"severity"` // at this site
	Exploited  bool      `json:"exploited,omitempty"`
	Advisories int64     `json:"advisories"` // 1, or how many
	Hosts      int64     `json:"hosts"`
	// Release is of support.extended and support.ended: what so many hosts of the site run.
	Release *ReleaseSupport `json:"release,omitempty"`
}
