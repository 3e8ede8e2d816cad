package api

// A Verb is one kind of thing that people may do. Every route of a person names
// the verb that it takes.
type Verb string

// The verbs. The last three concern the server as a whole: a rule that is for
// some hosts gives none of them.
const (
	VerbSelf   Verb = "self"   // what concerns nobody but the caller: it needs no rule
	VerbView   Verb = "view"   // see hosts, inventories, history, events, groups
	VerbReport Verb = "report" // exports, statistics
	VerbEdit   Verb = "edit"   // a host's name and unit; approve, refuse, forget hosts
	VerbAssign Verb = "assign" // packages of hosts, units and groups; groups and their members
	VerbDeploy Verb = "deploy" // rollouts: start, pause, resume, abort
	VerbAct    Verb = "act"    // send actions

	VerbPublish    Verb = "publish"    // packages that run code; remove packages
	VerbEnrol      Verb = "enrol"      // tokens for hosts, approvals before they ask
	VerbAdminister Verb = "administer" // people, rules, links of trust, webhooks, the audit log
)

// Verbs are all that a rule may give, in the order in which they are shown.
func Verbs() []Verb {
	return []Verb{VerbView, VerbReport, VerbEdit, VerbAssign, VerbDeploy, VerbAct, VerbPublish, VerbEnrol, VerbAdminister}
}

// Whole reports whether the verb concerns the server as a whole.
func (v Verb) Whole() bool { return v == VerbPublish || v == VerbEnrol || v == VerbAdminister }

// Routes of people's logins, rights and programs.
const (
	RouteLoginWays     = "/api/v1/login"          // GET, anyone: [LoginWays]
	RouteLoginPassword = "/api/v1/login/password" // POST, anyone: [PasswordLogin] -> [Session]
	RouteLoginTLS      = "/api/v1/login/tls"      // POST, anyone, by the client certificate of the connection: [TLSLogin] -> [Session]
	RouteLoginOIDC     = "/api/v1/login/oidc"     // POST, anyone: [OIDCBegin] -> [OIDCBegun]
	RouteLoginOIDCEnd  = "/api/v1/login/oidc/end" // POST, anyone: [OIDCEnd] -> [Session]

	RouteSelf     = "/api/v1/self"          // GET, person: [Self]
	RoutePassword = "/api/v1/self/password" // PUT, person: [PasswordChange] -> [PasswordChanged]
	RouteSessions = "/api/v1/sessions"      // GET, person: ?person=NAME&cursor=&limit= -> [SessionPage]
	RouteSession  = "/api/v1/sessions/{id}" // DELETE, person

	RoutePeople    = "/api/v1/people"         // GET ?like=&person=&cursor=&limit= -> [PersonPage], POST [PersonNew] -> [Person], person
	RoutePerson    = "/api/v1/people/{name}"  // PATCH [PersonEdit] -> [Person], DELETE, person
	RouteRules     = "/api/v1/rules"          // GET ?cursor=&limit= -> [RulePage], POST [Rule] -> [Rule], person
	RouteRule      = "/api/v1/rules/{id}"     // DELETE, person
	RouteRulesTest = "/api/v1/rules/test"     // GET, person: ?person=NAME&verb=V&host=H -> [RightsPage]
	RouteAPITokens = "/api/v1/apitokens"      // GET ?all=1 -> [APITokenPage], POST [APITokenNew] -> [APIToken], person
	RouteAPIToken  = "/api/v1/apitokens/{id}" // DELETE, person
)

// Cookie is the name of the cookie that carries a session to the console. Its
// prefix has browsers take it from this server alone, over TLS (RFC 6265bis).
const Cookie = "__Host-muster"

// LoginWays are the ways to log in that a server offers.
type LoginWays struct {
	Certificate bool `json:"certificate"`
	Password    bool `json:"password"`
	LDAP        bool `json:"ldap,omitempty"`
	OIDC        bool `json:"oidc,omitempty"`
	TLS         bool `json:"tls,omitempty"` // client certificates
}

// PasswordLogin asks for a session by a password: one of this server, or that of
// the directory.
type PasswordLogin struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	LDAP     bool   `json:"ldap,omitempty"`
	Cookie   bool   `json:"cookie,omitempty"` // the token comes as [Cookie], not in the answer
}

// TLSLogin asks for a session by the client certificate of the connection.
type TLSLogin struct {
	Cookie bool `json:"cookie,omitempty"`
}

// OIDCBegin begins a login by OpenID Connect. Redirect is where the browser comes
// back to: http://127.0.0.1:PORT/ of a program (RFC 8252), or a page of this server.
type OIDCBegin struct {
	Redirect string `json:"redirect"`
}

// OIDCBegun says where to send the browser. The secret stays with whoever began.
type OIDCBegun struct {
	URL    string `json:"url"`
	State  string `json:"state"` // comes back with the browser
	Secret string `json:"secret"`
}

// OIDCEnd ends what [OIDCBegin] began, with what the browser brought.
type OIDCEnd struct {
	Secret string `json:"secret"`
	State  string `json:"state"`
	Code   string `json:"code"`
	Cookie bool   `json:"cookie,omitempty"`
}

// Self is who one is to a server, and what one may do.
type Self struct {
	Name    string   `json:"name"`
	Way     string   `json:"way"` // certificate, tls, password, ldap, oidc, token
	Token   string   `json:"token,omitempty"`
	Groups  []string `json:"groups,omitempty"`
	Rights  []string `json:"rights,omitempty"` // of the certificate
	Expires int64    `json:"expires,omitempty"`
	May     []Right  `json:"may"`
}

// A Right is one verb over some hosts.
type Right struct {
	Verb  Verb     `json:"verb"`
	All   bool     `json:"all,omitempty"`
	Hosts []string `json:"hosts,omitempty"` // searches; a host of any of them
	Rules []int64  `json:"rules,omitempty"` // that give it
}

// RightsPage answers a test: what a person may do, or whether to one host.
type RightsPage struct {
	Person string   `json:"person"`
	Groups []string `json:"groups,omitempty"` // as of the newest login
	Rights []string `json:"rights,omitempty"`
	May    []Right  `json:"may"`
	Host   string   `json:"host,omitempty"` // id of the one that was asked for; then May is what is so of it
}

// A Rule gives somebody verbs over hosts; package internal/access has the grammar.
type Rule struct {
	ID      int64  `json:"id,omitempty"`
	Who     string `json:"who"` // person:NAME, group:NAME, right:RIGHT, token:ID
	Verbs   []Verb `json:"verbs"`
	Hosts   string `json:"hosts,omitempty"`   // a search; "" is all
	Expires int64  `json:"expires,omitempty"` // 0: never
	Note    string `json:"note,omitempty"`
	Created int64  `json:"created,omitempty"`
	By      string `json:"by,omitempty"`
}

// RulePage lists rules.
type RulePage struct {
	Rules []Rule `json:"rules"`
	Next  string `json:"next,omitempty"` // cursor of the next page; "" where this is the last
}

// A ListQuery asks for a page of people, sessions or rules.
type ListQuery struct {
	Query  string // of people: a part of the name, in small letters or capitals
	Name   string // of people: that one alone
	Cursor string
	Limit  int // 0: all of them
}

// A Person is somebody who logged in, or was made to.
type Person struct {
	Name     string   `json:"name"`
	Disabled bool     `json:"disabled,omitempty"`
	Password bool     `json:"password,omitempty"` // has one here
	Groups   []string `json:"groups,omitempty"`   // as of the newest login
	Rights   []string `json:"rights,omitempty"`
	Seen     int64    `json:"seen,omitempty"`
	Created  int64    `json:"created"`
	By       string   `json:"by,omitempty"`
}

// PersonPage lists people.
type PersonPage struct {
	People []Person `json:"people"`
	Next   string   `json:"next,omitempty"` // cursor of the next page; "" where this is the last
}

// PersonNew adds somebody who logs in by a password of this server.
type PersonNew struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

// PersonEdit changes a person. Nil is left as it is.
type PersonEdit struct {
	Password *string `json:"password,omitempty"` // ends their sessions
	// RevokeTokens ends their tokens too.
	RevokeTokens bool  `json:"revoke-tokens,omitempty"`
	Disabled     *bool `json:"disabled,omitempty"` // true ends their sessions, and stops their tokens
	// Anew lets the next who comes under the name have it, whichever authority or
	// account they come by: after a new key, or a move to another provider.
	Anew bool `json:"anew,omitempty"`
}

// PasswordChange changes one's own password.
type PasswordChange struct {
	Old string `json:"old-password"`
	New string `json:"new-password"`
	// RevokeTokens ends one's tokens too.
	RevokeTokens bool `json:"revoke-tokens,omitempty"`
}

// PasswordChanged tells which tokens are left. Other sessions have ended.
type PasswordChanged struct {
	Tokens []APIToken `json:"tokens,omitempty"`
}

// SessionPage lists sessions.
type SessionPage struct {
	Sessions []SessionInfo `json:"sessions"`
	Next     string        `json:"next,omitempty"` // cursor of the next page; "" where this is the last
}

// SessionInfo is a session without its token.
type SessionInfo struct {
	ID      string `json:"id"`
	Person  string `json:"person"`
	Way     string `json:"way"`
	Address string `json:"address,omitempty"`
	Created int64  `json:"created"`
	Used    int64  `json:"used"`
	Expires int64  `json:"expires"`
	Current bool   `json:"current,omitempty"` // that of the request
}

// An APIToken is a program's.
type APIToken struct {
	ID      string `json:"id"`
	Secret  string `json:"secret,omitempty"` // only in the answer to its creation
	Person  string `json:"person"`           // its owner
	Verbs   []Verb `json:"verbs,omitempty"`
	Hosts   string `json:"hosts,omitempty"`
	Note    string `json:"note,omitempty"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
	Used    int64  `json:"used,omitempty"`
}

// APITokenNew makes a token that may do no more than its owner.
type APITokenNew struct {
	Verbs   []Verb `json:"verbs"`
	Hosts   string `json:"hosts,omitempty"`
	Note    string `json:"note,omitempty"`
	Expires int64  `json:"expires,omitempty"` // 0: in 90 days; at most in a year
	// Password is that of who logged in by one of this server, and needed of them.
	Password string `json:"password,omitempty"`
}

// APITokenPage lists tokens.
type APITokenPage struct {
	Tokens []APIToken `json:"tokens"`
}
