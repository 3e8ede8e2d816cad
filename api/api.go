// Package api is what hosts, people and the server say to each other: wire
// types, routes, and the clients that the agent, the command line and the
// console use. There is no second way in.
//
// Start with [Dial], which asks a server who it is; then [HostClient] is how a host
// speaks to it, [PersonClient] how an administrator does.
//
// Bodies are JSON. Readers pass over members that they do not know, so that an
// older agent and a newer server understand each other; a member is added, never
// changed in meaning. Times are Unix seconds, durations seconds, hashes SHA-256 in
// lower-case hexadecimal. A request of a host is signed by its key (RFC 9421), as
// docs/formats/requests.md says, so that a proxy that ends TLS is ordinary.
package api

import "time"

// Routes. {id} is a host's id.
const (
	RouteServer    = "/api/v1/server"    // GET, anyone: [Server]
	RouteEnrol     = "/api/v1/enrol"     // POST, signed by the new key: [Enrol] -> [Enrolled]
	RouteReturn    = "/api/v1/return"    // POST, signed by the host's key: [Return] -> [Enrolled]
	RouteRenew     = "/api/v1/renew"     // POST, host: [Renew] -> [Enrolled]
	RouteCheckIn   = "/api/v1/checkin"   // POST, host: [CheckIn] -> [CheckedIn]
	RouteInventory = "/api/v1/inventory" // POST, host: a document or a delta of package inventory -> [InventoryTaken]
	RouteWake      = "/api/v1/wake"      // GET, host: ?since=N, answers [Wake] when there is news or after a while

	RouteLogin       = "/api/v1/login"                // POST, signed by a person's key: [Login] -> [Session]
	RouteLogout      = "/api/v1/logout"               // POST, person
	RouteHosts       = "/api/v1/hosts"                // GET, person: [HostQuery] -> [HostPage]
	RouteHost        = "/api/v1/hosts/{id}"           // GET [HostDetail], PATCH [HostEdit], DELETE (forget), person
	RouteHostsChange = "/api/v1/hosts/change"         // POST, person: [HostsChange] -> [HostsChanged]
	RouteHostDoc     = "/api/v1/hosts/{id}/inventory" // GET, person: ?at=T, a document of package inventory
	RouteHostDiff    = "/api/v1/hosts/{id}/diff"      // GET, person: ?from=T&to=T -> [HistoryPage]
	RouteTrend       = "/api/v1/hosts/trend"          // GET, person: ?from=T -> [Trend]
	RouteCounts      = "/api/v1/counts"               // GET, person: ?q=&q= -> [Counts]
	RouteVersions    = "/api/v1/versions"             // GET, person: ?package=&package=&from=T -> [Spread]
	RouteVersion     = "/api/v1/versions/{name}"      // PUT, DELETE, person: a package whose versions are counted
	RouteHistory     = "/api/v1/history"              // GET, person: [HistoryQuery] -> [HistoryPage]
	RouteEvents      = "/api/v1/events"               // GET, person: [EventQuery] -> [EventPage]
	RouteTokens      = "/api/v1/tokens"               // GET -> [TokenPage], POST [TokenRequest] -> [Token], person
	RouteToken       = "/api/v1/tokens/{id}"          // DELETE, person
	RouteApprovals   = "/api/v1/approvals"            // POST [Approval], GET -> [ApprovalPage], person: hosts approved before they enrol
	RouteUnits       = "/api/v1/units"                // GET, person: [UnitPage]
	RouteGroups      = "/api/v1/groups"               // GET -> [GroupPage], person
	RouteGroup       = "/api/v1/groups/{name}"        // GET, PUT [Group], DELETE, person
	RouteSoftware    = "/api/v1/software"             // GET, person: ?q= -> [SoftwarePage]
	RoutePackages    = "/api/v1/packages"             // POST, person: a package file -> [Published]
	RoutePackage     = "/api/v1/packages/{file}"      // DELETE, person
	RouteUnlist      = "/api/v1/packages/remove"      // POST, person: [Removal] -> [Tidied]
	RouteRepository  = "/api/v1/repository"           // GET -> [Repository], POST a link of trust, person
	RouteTidy        = "/api/v1/repository/gc"        // POST, person: ?keep=N&grace=TIME -> [Tidied]
	RouteRepo        = "/repo/"                       // GET, anyone: the repository's files
	RouteOpenAPI     = "/api/v1/openapi.json"         // GET, anyone: what is described here, for other languages
	RouteHealth      = "/healthz"
	RouteMetrics     = "/metrics"
)

// Headers of signed requests.
const (
	HeaderServer  = "Muster-Server"  // id of the server that the request is for
	HeaderCounter = "Muster-Counter" // of the host: increases with every request
)

// Bounds of what a server reads, in bytes, decompressed.
const (
	MaxCheckIn = 1 << 20
	MaxEnrol   = 64 << 10
	MaxPerson  = 1 << 20
)

// Types of the bodies of [RouteInventory].
const (
	TypeDocument = "application/vnd.muster.inventory+json"
	TypeDelta    = "application/vnd.muster.inventory-delta+json"
)

// Server is who a server is.
type Server struct {
	ID      string `json:"id"` // UUID, of one database and all the servers on it
	Name    string `json:"name"`
	Version string `json:"version"`
	Time    int64  `json:"time"`
	// Repository is where packages are; its URL may be relative to the server's.
	// Without ID nobody has set it up yet.
	Repository Repository `json:"repository"`
	// Anchors are the certificates that administrators believe, PEM. A host takes
	// them only when a person has pinned them: they come over the wire.
	Anchors string `json:"anchors,omitempty"`
	// Audit is the verifier key of the audit log's checkpoints.
	Audit string `json:"audit,omitempty"`
}

// A Repository is where a host finds its packages.
type Repository struct {
	ID  string `json:"id"`
	URL string `json:"url"`
	// Index is the certificate that signs heads, PEM. Its right is "index".
	Index string `json:"index,omitempty"`
	// Serial of the newest head, and when it expires.
	Serial  int64 `json:"serial,omitempty"`
	Expires int64 `json:"expires,omitempty"`
	// Link is the number of the newest link of trust; 0: there is none.
	Link int `json:"link,omitempty"`
}

// Clock is how far a server's clock is ahead of the caller's. A host says so in
// its log, and never sets its clock by it.
func (s *Server) Clock(now time.Time) time.Duration {
	return time.Unix(s.Time, 0).Sub(now).Round(time.Second)
}
