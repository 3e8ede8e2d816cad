package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/sign"
)

// A PersonClient is how an administrator speaks to a server, with the token of a
// [Session].
type PersonClient struct {
	*Client
	Token string
}

// Login opens a session for the owner of id.
func (c *Client) Login(ctx context.Context, id *sign.Identity, now time.Time) (out Session, err error) {
	body, err := json.Marshal(Login{Certificate: string(sign.EncodeCerts(id.Chain...))})
	if err != nil {
		return out, err
	}
	r := request{method: http.MethodPost, path: RouteLogin, body: body, authorize: c.signKey(id.Key, now)}
	err = c.do(ctx, r, &out)
	return out, err
}

// bearer authorizes a request of the person (RFC 6750).
func (p *PersonClient) bearer(req *http.Request, _ []byte) error {
	req.Header.Set("Authorization", "Bearer "+p.Token)
	return nil
}

func (p *PersonClient) get(ctx context.Context, path string, q url.Values, out any) error {
	return p.do(ctx, request{method: http.MethodGet, path: path, query: q, authorize: p.bearer}, out)
}

func (p *PersonClient) send(ctx context.Context, method, path string, in, out any) error {
	r := request{method: method, path: path, authorize: p.bearer}
	if in != nil {
		var err error
		if r.body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	return p.do(ctx, r, out)
}

// at puts values into the places of a route.
func at(route string, values ...string) string {
	for _, v := range values {
		i, j := strings.IndexByte(route, '{'), strings.IndexByte(route, '}')
		route = route[:i] + url.PathEscape(v) + route[j+1:]
	}
	return route
}

// query leaves out what is empty.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if v := pairs[i+1]; v != "" && v != "0" {
			q.Set(pairs[i], v)
		}
	}
	return q
}

func number[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// asked refuses an answer about something else than was asked for: what people are
// shown, and sign, would be of another.
func asked(what, id, got string) error {
	if id != got {
		return muster.Errorf(muster.Denied, "the server answered for another %s than %q", what, id)
	}
	return nil
}

// Logout ends the session.
func (p *PersonClient) Logout(ctx context.Context) error {
	return p.send(ctx, http.MethodPost, RouteLogout, nil, nil)
}

// Hosts lists hosts.
func (p *PersonClient) Hosts(ctx context.Context, q HostQuery) (out HostPage, err error) {
	v := query("q", q.Query, "sort", q.Sort, "cursor", q.Cursor, "limit", number(q.Limit), "columns", strings.Join(q.Columns, ","))
	if q.Count {
		v.Set("count", "1")
	}
	err = p.get(ctx, RouteHosts, v, &out)
	return out, err
}

// Counts says how many hosts each of some searches finds, all as of one moment.
func (p *PersonClient) Counts(ctx context.Context, searches []string) (out Counts, err error) {
	err = p.get(ctx, RouteCounts, url.Values{"q": searches}, &out)
	if err == nil && len(out.Hosts) != len(searches) {
		err = muster.Errorf(muster.Invalid, "the server counted %d searches of %d", len(out.Hosts), len(searches))
	}
	return out, err
}

// HostTrend says how many hosts there were since a time; 0 is as long as it is kept. Only
// who may view all hosts is told.
func (p *PersonClient) HostTrend(ctx context.Context, from int64) (out Trend, err error) {
	err = p.get(ctx, RouteTrend, query("from", number(from)), &out)
	return out, err
}

var hostID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Host returns all about one host, named by its id or, where only one has it, its
// name.
func (p *PersonClient) Host(ctx context.Context, id string) (out HostDetail, err error) {
	// Whom a name means is for the server to say; an id means one host.
	if err = p.get(ctx, at(RouteHost, id), nil, &out); err == nil && hostID.MatchString(id) {
		err = asked("host", id, out.ID)
	}
	return out, err
}

// EditHost changes what the server keeps of a host.
func (p *PersonClient) EditHost(ctx context.Context, id string, e HostEdit) (out HostDetail, err error) {
	err = p.send(ctx, http.MethodPatch, at(RouteHost, id), e, &out)
	return out, err
}

// ForgetHost removes a host and all that is known of it.
func (p *PersonClient) ForgetHost(ctx context.Context, id string) error {
	return p.send(ctx, http.MethodDelete, at(RouteHost, id), nil, nil)
}

// HostInventory returns the document of a host, as it was at a time; 0 is now.
func (p *PersonClient) HostInventory(ctx context.Context, id string, when int64) (doc []byte, err error) {
	r := request{method: http.MethodGet, path: at(RouteHostDoc, id), query: query("at", number(when)), authorize: p.bearer,
		read: func(_ http.Header, body io.Reader) error {
			doc, err = io.ReadAll(io.LimitReader(body, maxAnswer))
			return err
		}}
	err = p.do(ctx, r, nil)
	return doc, err
}

// HostDiff returns what changed in a host's inventory between two times.
func (p *PersonClient) HostDiff(ctx context.Context, id string, from, to int64) (out HistoryPage, err error) {
	err = p.get(ctx, at(RouteHostDiff, id), query("from", number(from), "to", number(to)), &out)
	return out, err
}

// History lists changes of inventories.
func (p *PersonClient) History(ctx context.Context, q HistoryQuery) (out HistoryPage, err error) {
	err = p.get(ctx, RouteHistory, query("host", q.Host, "software", q.Software, "from", number(q.From), "to", number(q.To),
		"cursor", q.Cursor, "limit", number(q.Limit)), &out)
	return out, err
}

// Events lists what hosts did.
func (p *PersonClient) Events(ctx context.Context, q EventQuery) (out EventPage, err error) {
	v := query("host", q.Host, "since", number(q.Since), "limit", number(q.Limit))
	if q.Failed {
		v.Set("failed", "1")
	}
	err = p.get(ctx, RouteEvents, v, &out)
	return out, err
}

// Tokens lists the tokens by which hosts may enrol.
func (p *PersonClient) Tokens(ctx context.Context) (out TokenPage, err error) {
	err = p.get(ctx, RouteTokens, nil, &out)
	return out, err
}

// CreateToken makes a token; only this answer holds its secret.
func (p *PersonClient) CreateToken(ctx context.Context, t TokenRequest) (out Token, err error) {
	err = p.send(ctx, http.MethodPost, RouteTokens, t, &out)
	return out, err
}

// RevokeToken ends a token.
func (p *PersonClient) RevokeToken(ctx context.Context, id string) error {
	return p.send(ctx, http.MethodDelete, at(RouteToken, id), nil, nil)
}

// Approve lets a host in before it asks.
func (p *PersonClient) Approve(ctx context.Context, a Approval) error {
	return p.send(ctx, http.MethodPost, RouteApprovals, a, nil)
}

// Approvals lists the approvals that no host has used yet.
func (p *PersonClient) Approvals(ctx context.Context) (out ApprovalPage, err error) {
	err = p.get(ctx, RouteApprovals, nil, &out)
	return out, err
}

// Units lists the organisational units of hosts that may be seen.
func (p *PersonClient) Units(ctx context.Context) (out UnitPage, err error) {
	err = p.get(ctx, RouteUnits, nil, &out)
	return out, err
}

// Groups lists the groups.
func (p *PersonClient) Groups(ctx context.Context) (out GroupPage, err error) {
	err = p.get(ctx, RouteGroups, nil, &out)
	return out, err
}

// Group returns a group with its members.
func (p *PersonClient) Group(ctx context.Context, name string) (out Group, err error) {
	if err = p.get(ctx, at(RouteGroup, name), nil, &out); err == nil {
		err = asked("group", name, out.Name)
	}
	return out, err
}

// PutGroup makes or replaces a group.
func (p *PersonClient) PutGroup(ctx context.Context, g Group) (out Group, err error) {
	err = p.send(ctx, http.MethodPut, at(RouteGroup, g.Name), g, &out)
	return out, err
}

// DeleteGroup removes a group.
func (p *PersonClient) DeleteGroup(ctx context.Context, name string) error {
	return p.send(ctx, http.MethodDelete, at(RouteGroup, name), nil, nil)
}

// Software lists software that hosts have, by a query as in "openssl<3.0.2".
func (p *PersonClient) Software(ctx context.Context, q, cursor string, limit int) (out SoftwarePage, err error) {
	err = p.get(ctx, RouteSoftware, query("q", q, "cursor", cursor, "limit", number(limit)), &out)
	return out, err
}

// Publish uploads a package file of size bytes.
func (p *PersonClient) Publish(ctx context.Context, name string, file io.Reader, size int64) (out Published, err error) {
	r := request{method: http.MethodPost, path: RoutePackages, query: query("name", name), kind: "application/octet-stream",
		stream: file, size: size, authorize: p.bearer, timeout: -1}
	err = p.do(ctx, r, &out)
	return out, err
}

// Unpublish takes a package file out of the repository's index.
func (p *PersonClient) Unpublish(ctx context.Context, file string) error {
	return p.send(ctx, http.MethodDelete, at(RoutePackage, file), nil, nil)
}

// UnpublishAll takes package files out of the repository's index: all of them, or
// none.
func (p *PersonClient) UnpublishAll(ctx context.Context, in Removal) (out Tidied, err error) {
	err = p.send(ctx, http.MethodPost, RouteUnlist, in, &out)
	return out, err
}

// Tidy drops all but the newest keep versions of each package from the index (0: all
// stay), and deletes files that no index has listed for the time of grace.
func (p *PersonClient) Tidy(ctx context.Context, keep int, grace time.Duration) (out Tidied, err error) {
	r := request{method: http.MethodPost, path: RouteTidy, query: url.Values{"keep": {number(keep)}, "grace": {grace.String()}},
		authorize: p.bearer, timeout: -1}
	err = p.do(ctx, r, &out)
	return out, err
}

// Repository says how the server's repository is.
func (p *PersonClient) Repository(ctx context.Context) (out Repository, err error) {
	err = p.get(ctx, RouteRepository, nil, &out)
	return out, err
}

// PostLink adds a signed link of trust to the repository; the first one sets it up.
func (p *PersonClient) PostLink(ctx context.Context, link []byte) (out Repository, err error) {
	r := request{method: http.MethodPost, path: RouteRepository, kind: "application/pkcs7-mime", body: link, authorize: p.bearer}
	err = p.do(ctx, r, &out)
	return out, err
}
