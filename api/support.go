package api

import "context"

// States of support of [ReleaseSupport].
const (
	Supported       = "supported"
	SupportedLonger = "extended" // the ordinary support is over, a longer one is not
	Unsupported     = "ended"
	NotReleased     = "not-released"
	SupportUnknown  = "unknown" // no list says it
)

// ReleaseSupport is a release of a system that hosts run: how long it is supported, and
// whether any list of advisories speaks of it.
type ReleaseSupport struct {
	Platform string `json:"platform"`         // "debian 12"; "": it is not known whose packages it has
	System   string `json:"system,omitempty"` // what hosts call it, where the platform does not tell
	Name     string `json:"name,omitempty"`   // "Bookworm"
	State    string `json:"state"`            // supported, extended, ended, not-released, unknown
	Kind     string `json:"kind,omitempty"`   // of the support that counts, or did last: "eol", "eol-lts"
	Ends     int64  `json:"ends,omitempty"`   // that support; Unix seconds
	Covered  bool   `json:"covered"`          // false: that nothing is found says nothing
	Hosts    int64  `json:"hosts,omitempty"`
}

// SupportCounts counts hosts by the support of what they run.
type SupportCounts struct {
	Site        string `json:"site"`
	Hosts       int64  `json:"hosts"`
	Supported   int64  `json:"supported,omitempty"`
	Extended    int64  `json:"extended,omitempty"`
	Ended       int64  `json:"ended,omitempty"`
	NotReleased int64  `json:"not-released,omitempty"`
	Unknown     int64  `json:"unknown,omitempty"`
	Uncovered   int64  `json:"uncovered,omitempty"` // of all these: no list of advisories speaks of them
}

// SupportPage answers how long what hosts run is supported.
type SupportPage struct {
	Releases []ReleaseSupport `json:"releases"` // what is over first
	Sites    []SupportCounts  `json:"sites"`
	All      SupportCounts    `json:"all"`
	// Packages are without support, or with a limited one, by themselves: advisories
	// end-of-life:NAME and limited-support:NAME of lists of such packages.
	Packages []Advisory `json:"packages"`
	Builtin  string     `json:"builtin"` // day of which the built-in list of releases is
}

// SupportQuery asks for hosts. It travels as the query of the URL.
type SupportQuery struct {
	Site      string // "": all
	Platform  string // "debian 10"
	State     string // of ReleaseSupport
	Uncovered bool   // only those that no list speaks of
	Cursor    string
	Limit     int // 100 where it is 0, at most 1,000
}

// SupportHost is a host and what it runs.
type SupportHost struct {
	ID      int64          `json:"id"`
	Name    string         `json:"name"`
	Site    string         `json:"site"`
	Tag     string         `json:"tag,omitempty"`
	Seen    int64          `json:"seen"`
	Release ReleaseSupport `json:"release"`
}

// SupportHostPage answers which hosts those are.
type SupportHostPage struct {
	Hosts []SupportHost `json:"hosts"`
	Next  string        `json:"next,omitempty"`
}

// Support says how long what hosts of a site run is supported, or with "" of all.
func (p *PersonClient) Support(ctx context.Context, site string) (out SupportPage, err error) {
	err = p.get(ctx, RouteSupport, query("site", site), &out)
	return out, err
}

// SupportHosts lists hosts by what they run.
func (p *PersonClient) SupportHosts(ctx context.Context, q SupportQuery) (out SupportHostPage, err error) {
	err = p.get(ctx, RouteSupportHosts, query("site", q.Site, "platform", q.Platform, "state", q.State, "uncovered", flag(q.Uncovered), "cursor", q.Cursor, "limit", number(q.Limit)), &out)
	return out, err
}
