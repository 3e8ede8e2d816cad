package server

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"muster"
	"muster/api"
	"muster/internal/access"
	"muster/internal/db"
	"muster/internal/testneed"
)

// The matrix holds every route, for people with rules made at random, against a plain
// reading of docs/access.md: loops over rules and hosts, which share no code with what
// is tested.

// A fact is a host of the matrix.
type fact struct {
	id, os string
	groups []string
}

// sets are the searches that rules of the matrix name, and what they mean.
var sets = map[string]func(fact) bool{
	"":                   func(fact) bool { return true },
	"os:linux":           func(f fact) bool { return f.os == "linux" },
	"group:lab":          func(f fact) bool { return slices.Contains(f.groups, "lab") },
	"os:linux group:lab": func(f fact) bool { return f.os == "linux" && slices.Contains(f.groups, "lab") },
	"-group:lab":         func(f fact) bool { return !slices.Contains(f.groups, "lab") },
	"name:nobody":        func(fact) bool { return false },
}

// A subject is somebody of the matrix, or a token of theirs.
type subject struct {
	name   string
	groups []string
	token  string // "token:N"
	secret string
}

// A matrix is the world with its hosts and rules.
type matrix struct {
	*world
	hosts   []fact
	rules   []api.Rule
	handler http.Handler
}

// gives reads one rule as the document says.
func gives(r api.Rule, whos []string, verb api.Verb) bool {
	if !slices.Contains(whos, r.Who) || !slices.Contains(r.Verbs, verb) || r.Expires != 0 && r.Expires <= time.Now().Unix() {
		return false
	}
	return r.Hosts == "" || verb != "publish" && verb != "enrol" && verb != "administer"
}

// has reports whether somebody has a verb over a host; nil is over all of them.
func (m *matrix) has(s subject, verb api.Verb, f *fact) bool {
	names := []string{"person:" + s.name}
	for _, g := range s.groups {
		names = append(names, "group:"+g)
	}
	some := func(whos []string) bool {
		for _, r := range m.rules {
			if gives(r, whos, verb) && (r.Hosts == "" || f != nil && sets[r.Hosts](*f)) {
				return true
			}
		}
		return false
	}
	return some(names) && (s.token == "" || some([]string{s.token}))
}

// anywhere reports whether a rule gives the verb at all, over whatever hosts.
func (m *matrix) anywhere(s subject, verb api.Verb) bool {
	names := []string{"person:" + s.name}
	for _, g := range s.groups {
		names = append(names, "group:"+g)
	}
	some := func(whos []string) bool {
		return slices.ContainsFunc(m.rules, func(r api.Rule) bool { return gives(r, whos, verb) })
	}
	return verb == api.VerbSelf || some(names) && (s.token == "" || some([]string{s.token}))
}

// widens are the verbs that rules give by a group: who puts hosts into it needs them
// over these hosts, unless they could give themselves everything.
func (m *matrix) widens(s subject, group string) (all []api.Verb) {
	if m.has(s, api.VerbAdminister, nil) {
		return nil
	}
	for _, r := range m.rules {
		for _, v := range api.Verbs() {
			if strings.Contains(r.Hosts, "group:"+group) && gives(r, []string{r.Who}, v) {
				all = append(all, v)
			}
		}
	}
	return all
}

// sees are the hosts over which somebody has view and all the verbs.
func (m *matrix) sees(s subject, verbs ...api.Verb) (ids []string) {
	for i := range m.hosts {
		f := &m.hosts[i]
		if !slices.ContainsFunc(append(verbs, api.VerbView), func(v api.Verb) bool { return !m.has(s, v, f) }) {
			ids = append(ids, f.id)
		}
	}
	return ids
}

// ask asks as somebody, and returns status and body.
func (m *matrix) ask(s subject, method, path, body string) (int, string) {
	m.t.Helper()
	ctx, stop := context.WithTimeout(m.t.Context(), 5*time.Second)
	defer stop()
	r := httptest.NewRequestWithContext(ctx, method, m.url+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.secret)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// read asks for an answer that has to be.
func read[T any](m *matrix, s subject, path string) (out T) {
	m.t.Helper()
	status, body := m.ask(s, http.MethodGet, path, "")
	if status != http.StatusOK {
		m.t.Fatalf("%+v: GET %s: %d %s", s, path, status, body)
	}
	check(m.t, json.Unmarshal([]byte(body), &out))
	return out
}

const nobody = "00000000-0000-4000-8000-ffffffffffff"

// newMatrix has four hosts with inventories, history and groups.
func newMatrix(t *testing.T) *matrix {
	m := &matrix{world: newWorld(t)}
	for _, class := range []string{"people", "export", "upload", "follow", "watch", "enrol", "checkin", "inventory"} {
		if l := m.limits[class]; l != nil {
			l.rate = rate.NewLimiter(rate.Inf, 0)
		}
	}
	m.handler = m.Handler()
	m.addSites()
	m.addReferences()
	admin := m.person()
	for i, f := range []fact{{os: "linux", groups: []string{"lab"}}, {os: "windows", groups: []string{"lab", "office"}}, {os: "linux", groups: []string{"office"}}, {os: "darwin"}} {
		f.id = m.host(admin, i+1, f)
		m.hosts = append(m.hosts, f)
	}
	must(admin.PutGroup(t.Context(), api.Group{Name: "empty"}))(t)
	check(t, m.Server.hosts.Regroup(t.Context()))
	check(t, newFollower(t, m.world).round(t.Context()))
	return m
}

// host enrols a host, and reports twice.
func (m *matrix) host(admin *api.PersonClient, n int, f fact) (id string) {
	m.t.Helper()
	token := must(admin.CreateToken(m.t.Context(), api.TokenRequest{Uses: 1, Groups: f.groups}))(m.t)
	h := m.machine(n)
	h.join(token.Secret)
	doc := desktop(2)
	doc.System.OS = f.os
	h.report(doc)
	doc = desktop(3)
	doc.System.OS = f.os
	h.report(doc)
	return h.ID
}

// subjects are people with rules and tokens made at random, some of which have expired.
func (m *matrix) subjects(rnd *rand.Rand, n int) (all []subject) {
	t := m.t
	sorted := slices.Sorted(maps.Keys(sets))
	rule := func(who string) {
		r := api.Rule{Who: who, Hosts: sorted[rnd.IntN(len(sorted))], Expires: []int64{0, 0, time.Now().Add(time.Hour).Unix(), time.Now().Unix() - 1}[rnd.IntN(4)]}
		for _, v := range api.Verbs() {
			if rnd.IntN(2) == 0 {
				r.Verbs = append(r.Verbs, v)
			}
		}
		m.rules = append(m.rules, r)
	}
	for i := range n {
		s := subject{name: fmt.Sprintf("ldap:p%d", i)}
		if i%3 == 0 {
			s.groups = []string{fmt.Sprintf("ldap:g%d", i)}
			rule("group:" + s.groups[0])
		}
		for range rnd.IntN(3) {
			rule("person:" + s.name)
		}
		s.secret = must(m.access.Begin(t.Context(), access.Login{Caller: access.Caller{Name: s.name, Groups: s.groups}, Way: "ldap", Address: netip.MustParseAddr("192.0.2.1")}))(t).Token
		all = append(all, s)
		if i%2 == 0 {
			v := must(m.access.Session(t.Context(), s.secret))(t)
			token := must(m.access.CreateToken(t.Context(), v, api.APITokenNew{Verbs: []api.Verb{api.VerbView}}, netip.Addr{}))(t)
			s.token, s.secret = "token:"+token.ID, token.Secret
			m.rules = append(m.rules, api.Rule{Who: s.token, Verbs: []api.Verb{api.VerbView}})
			rule(s.token)
			all = append(all, s)
		}
	}
	m.write()
	return all
}

// write puts the rules into the database as they are: those that have expired too,
// and those for some hosts that name verbs of the whole.
func (m *matrix) write() {
	m.t.Helper()
	check(m.t, m.db.Write(m.t.Context(), func(tx *db.Tx) error {
		for i, r := range m.rules {
			var verbs []string
			for _, v := range r.Verbs {
				verbs = append(verbs, string(v))
			}
			err := tx.Insert("access_rule", []string{"num", "who", "verbs", "hosts", "expires", "note", "created", "creator"},
				[][]any{{5000 + i, r.Who, strings.Join(verbs, " "), r.Hosts, r.Expires, "", 0, ""}})
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec("UPDATE access_number SET value = value + 1 WHERE name = 'rules'")
		return err
	}))
}

// cells are the routes whose answers depend on hosts. The others are held against
// whether somebody has the verb at all.
var cells = map[string]func(*matrix, subject, route){
	"GET " + api.RouteHosts: func(m *matrix, s subject, _ route) {
		page := read[api.HostPage](m, s, api.RouteHosts+"?count=1")
		m.same(s, "hosts", hostIDs(page), m.sees(s))
		if page.Total != len(page.Hosts) {
			m.t.Errorf("%+v: %d hosts are counted, %d listed", s, page.Total, len(page.Hosts))
		}
		found := read[api.HostPage](m, s, api.RouteHosts+"?limit=1&count=1&q=os:linux")
		var linux []string
		for _, f := range m.hosts {
			if f.os == "linux" && slices.Contains(m.sees(s), f.id) {
				linux = append(linux, f.id)
			}
		}
		if found.Total != len(linux) || len(found.Hosts) != min(1, len(linux)) {
			m.t.Errorf("%+v: a search finds %d, want %d", s, found.Total, len(linux))
		}
	},
	"GET " + api.RouteCounts: func(m *matrix, s subject, _ route) {
		linux, seen := 0, m.sees(s)
		for _, f := range m.hosts {
			if f.os == "linux" && slices.Contains(seen, f.id) {
				linux++
			}
		}
		for range 2 { // what is kept of others is not theirs
			if got := read[api.Counts](m, s, api.RouteCounts+"?q=os:linux&q="); !slices.Equal(got.Hosts, []int{linux, len(seen)}) {
				m.t.Errorf("%+v: counted %v, want %d and %d", s, got.Hosts, linux, len(seen))
			}
		}
	},
	"GET " + api.RouteTrend: func(m *matrix, s subject, rt route) {
		if m.has(s, api.VerbView, nil) {
			m.plain(s, rt)
		} else {
			m.want(s, rt.method, rt.path, "", http.StatusForbidden)
		}
	},
	"GET " + api.RouteVersions: func(m *matrix, s subject, rt route) {
		if m.has(s, api.VerbView, nil) {
			m.plain(s, rt)
		} else {
			m.want(s, rt.method, rt.path, "", http.StatusForbidden)
		}
	},
	"GET " + api.RouteEvents: func(m *matrix, s subject, _ route) {
		var ids []string
		for _, e := range read[api.EventPage](m, s, api.RouteEvents+"?limit=1000").Events {
			ids = append(ids, e.Host)
		}
		m.same(s, "events", ids, m.sees(s))
		m.hidden(s, http.MethodGet, api.RouteEvents+"?host={id}", "", api.VerbView)
	},
	"GET " + api.RouteHistory: func(m *matrix, s subject, _ route) {
		for _, query := range []string{"?limit=1000", "?software=lib002"} {
			var ids []string
			for _, c := range read[api.HistoryPage](m, s, api.RouteHistory+query).Changes {
				ids = append(ids, c.Host)
			}
			m.same(s, "history", ids, m.sees(s))
		}
		m.hidden(s, http.MethodGet, api.RouteHistory+"?host={id}", "", api.VerbView)
	},
	"GET " + api.RouteSoftware: func(m *matrix, s subject, _ route) {
		list, seen := read[api.SoftwarePage](m, s, api.RouteSoftware).Software, len(m.sees(s))
		if len(list) != 3*min(1, seen) {
			m.t.Errorf("%+v: %d softwares on %d hosts", s, len(list), seen)
		}
		for _, w := range list {
			if w.Hosts != seen {
				m.t.Errorf("%+v: %s is on %d hosts, want %d", s, w.Name, w.Hosts, seen)
			}
		}
	},
	"GET " + api.RouteGroups: func(m *matrix, s subject, _ route) {
		got := map[string]int{}
		for _, g := range read[api.GroupPage](m, s, api.RouteGroups).Groups {
			got[g.Name] = g.Count
		}
		want := map[string]int{}
		for _, name := range []string{"lab", "office", "empty"} {
			if n := len(m.members(s, name)); n > 0 || m.has(s, api.VerbView, nil) {
				want[name] = n
			}
		}
		if !maps.Equal(got, want) {
			m.t.Errorf("%+v: groups %v, want %v", s, got, want)
		}
	},
	"GET " + api.RouteGroup: func(m *matrix, s subject, _ route) {
		for _, name := range []string{"lab", "office"} {
			if len(m.members(s, name)) == 0 && !m.has(s, api.VerbView, nil) {
				m.noGroup(s, http.MethodGet, name, "")
				continue
			}
			g := read[api.Group](m, s, "/api/v1/groups/"+name)
			m.same(s, name, g.Members, m.members(s, name))
			if g.Count != len(g.Members) {
				m.t.Errorf("%+v: %s counts %d of %d", s, name, g.Count, len(g.Members))
			}
		}
	},
	"PUT " + api.RouteGroup: func(m *matrix, s subject, _ route) {
		for _, name := range []string{"lab", "office"} {
			seen := m.members(s, name)
			body := string(must(json.Marshal(api.Group{Name: name, Members: seen}))(m.t))
			whole := m.has(s, api.VerbAssign, nil) && m.has(s, api.VerbView, nil)
			if len(seen) == 0 && !whole {
				m.noGroup(s, http.MethodPut, name, body)
				continue
			}
			if status, answer := m.ask(s, http.MethodPut, "/api/v1/groups/"+name, body); status != http.StatusOK {
				m.t.Errorf("%+v: PUT %s as it is: %d %s", s, name, status, answer)
			}
		}
		m.unchanged(s)
		m.moves(s)
	},
	"DELETE " + api.RouteGroup: func(m *matrix, s subject, _ route) {
		if m.has(s, api.VerbAssign, nil) && m.has(s, api.VerbView, nil) {
			m.want(s, http.MethodPut, "/api/v1/groups/temporary", `{"name":"temporary"}`, http.StatusOK)
			m.want(s, http.MethodDelete, "/api/v1/groups/temporary", "", http.StatusNoContent)
			return
		}
		for _, name := range []string{"lab", "office"} {
			if len(m.members(s, name)) == 0 && !m.has(s, api.VerbView, nil) {
				m.noGroup(s, http.MethodDelete, name, "")
			} else {
				m.want(s, http.MethodDelete, "/api/v1/groups/"+name, "", http.StatusForbidden)
			}
		}
	},
	"GET " + api.RouteHost:     func(m *matrix, s subject, rt route) { m.hidden(s, rt.method, rt.path, "", api.VerbView) },
	"GET " + api.RouteHostDoc:  func(m *matrix, s subject, rt route) { m.hidden(s, rt.method, rt.path, "", api.VerbView) },
	"GET " + api.RouteHostDiff: func(m *matrix, s subject, rt route) { m.hidden(s, rt.method, rt.path, "", api.VerbView) },
	"PATCH " + api.RouteHost: func(m *matrix, s subject, rt route) {
		m.hidden(s, rt.method, rt.path, `{}`, api.VerbEdit)
		m.hidden(s, rt.method, rt.path, `{"remove-groups":[]}`, api.VerbEdit)
		m.hidden(s, rt.method, rt.path, `{"state":"accepted"}`, api.VerbEdit)
		for i := range m.hosts {
			f := &m.hosts[i]
			if len(f.groups) > 0 {
				verbs := append(m.widens(s, f.groups[0]), api.VerbAssign)
				m.one(s, f, rt.method, rt.path, `{"add-groups":["`+f.groups[0]+`"]}`, verbs...)
				m.one(s, f, rt.method, rt.path, `{"unit":"","add-groups":["`+f.groups[0]+`"]}`, append(verbs, api.VerbEdit)...)
			}
		}
	},
	"DELETE " + api.RouteHost: func(m *matrix, s subject, rt route) {
		for i := range m.hosts {
			if f := &m.hosts[i]; !m.has(s, api.VerbView, f) || !m.has(s, api.VerbEdit, f) {
				m.one(s, f, rt.method, rt.path, "", api.VerbEdit)
			}
		}
	},
	"POST " + api.RouteHostsChange: func(m *matrix, s subject, rt route) {
		m.many(s, rt, `{"query":"","preview":true,"edit":{"wake":true}}`, nil, api.VerbEdit)
		m.many(s, rt, `{"query":"","preview":true,"forget":true,"edit":{}}`, nil, api.VerbEdit)
		for _, group := range []string{"lab", "office"} {
			if len(m.members(s, group)) == 0 && !m.has(s, api.VerbView, nil) {
				continue
			}
			ids := []string{nobody}
			for _, f := range m.hosts {
				if slices.Contains(f.groups, group) {
					ids = append(ids, f.id)
				}
			}
			verbs := append(m.widens(s, group), api.VerbAssign)
			in := api.HostsChange{Hosts: ids, Edit: api.HostEdit{AddGroups: []string{group}}}
			m.many(s, rt, string(must(json.Marshal(in))(m.t)), ids, verbs...)
		}
		m.unchanged(s)
	},
	"GET " + api.RouteChanges: func(m *matrix, s subject, _ route) {
		var ids []string
		for since := api.FeedStart; ; {
			page := read[api.FeedPage](m, s, api.RouteChanges+"?kinds=host,inventory&since="+since)
			for _, i := range page.Items {
				ids = append(ids, i.Host)
			}
			if len(page.Items) == 0 {
				break
			}
			since = page.Next
		}
		m.same(s, "changes", ids, m.sees(s))
	},
	// Rollouts reach whoever they reach: to change one takes the verb over all hosts.
	"POST " + api.RouteRollout: func(m *matrix, s subject, rt route) {
		if m.has(s, api.VerbDeploy, nil) {
			m.plain(s, rt)
		} else {
			m.want(s, rt.method, place(rt, nobody), body(rt), http.StatusForbidden)
		}
	},
	"GET " + api.RouteRulesTest: func(m *matrix, s subject, rt route) {
		m.plain(s, rt)
		if !m.has(s, api.VerbAdminister, nil) {
			return
		}
		for i := range m.hosts {
			f := &m.hosts[i]
			if !m.has(s, api.VerbView, f) {
				continue
			}
			var got, want []api.Verb
			for _, r := range read[api.RightsPage](m, s, api.RouteRulesTest+"?person="+s.name+"&host="+f.id).May {
				got = append(got, r.Verb)
			}
			self := subject{name: s.name, groups: s.groups}
			for _, v := range api.Verbs() {
				if m.has(self, v, f) && m.has(self, api.VerbView, f) {
					want = append(want, v)
				}
			}
			if !slices.Equal(got, want) {
				m.t.Errorf("%+v may %v to %s, says the test, want %v", self, got, f.id, want)
			}
		}
	},
}

// TestMatrix goes through every route of people: each day with some of them, others at
// every route.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	all := m.subjects(rnd, 40)
	step := testneed.Every(4)
	for i, rt := range routes() {
		if rt.who != aPerson || rt.path == api.RouteLogout {
			continue
		}
		for s := range every(all, i, step) {
			verbs := append([]api.Verb{rt.verb}, rt.or...)
			if !slices.ContainsFunc(verbs, func(v api.Verb) bool { return m.anywhere(s, v) }) {
				m.refused(s, rt)
			} else if cell := cells[rt.name()]; cell != nil {
				cell(m, s, rt)
			} else {
				m.plain(s, rt)
			}
		}
	}
	m.forgets(slices.Collect(every(all, 0, step)))
}

// every is every step-th of all; which, goes round with i.
func every(all []subject, i, step int) iter.Seq[subject] {
	return func(yield func(subject) bool) {
		for i %= step; i < len(all) && yield(all[i]); i += step {
		}
	}
}

// place fills the path of a route with what is not there.
func place(rt route, id string) string {
	return strings.NewReplacer("{id}", id, "{name}", "nosuch", "{file}", "x.mpk", "{number}", "1", "{host}", "nosuch", "{key}", "nosuch").Replace(rt.path)
}

// body is one that a route takes, and that changes nothing.
func body(rt route) string {
	if rt.body == 0 {
		return ""
	}
	return "{}"
}

// refused wants the same refusal whatever is there.
func (m *matrix) refused(s subject, rt route) {
	m.t.Helper()
	first := ""
	for _, id := range []string{nobody, m.hosts[0].id, m.hosts[3].id} {
		status, answer := m.ask(s, rt.method, place(rt, id), body(rt))
		if status != http.StatusForbidden || !strings.Contains(answer, `has no right to \"`+string(rt.verb)+`\"`) {
			m.t.Errorf("%+v: %s: %d %s", s, rt.name(), status, answer)
		}
		if first == "" {
			first = answer
		}
		if answer != first {
			m.t.Errorf("%s tells hosts apart: %s and %s", rt.name(), first, answer)
		}
	}
}

// plain wants a route that names no host to be answered, whatever it says of a
// request that asks for nothing; but tokens are nobody to whom people's own belongs.
func (m *matrix) plain(s subject, rt route) {
	m.t.Helper()
	status, answer := m.ask(s, rt.method, place(rt, nobody), body(rt))
	no := status == http.StatusUnauthorized || status == http.StatusForbidden
	if want := rt.verb == api.VerbSelf && s.token != "" && rt.path != api.RouteSelf; no != want {
		m.t.Errorf("%+v: %s: %d %s", s, rt.name(), status, answer)
	}
}

// hidden asks for every host: those that may not be seen are as if they were not.
func (m *matrix) hidden(s subject, method, path, body string, verbs ...api.Verb) {
	m.t.Helper()
	for i := range m.hosts {
		m.one(s, &m.hosts[i], method, path, body, verbs...)
	}
}

func (m *matrix) one(s subject, f *fact, method, path, body string, verbs ...api.Verb) {
	m.t.Helper()
	status, answer := m.ask(s, method, strings.Replace(path, "{id}", f.id, 1), body)
	may := !slices.ContainsFunc(verbs, func(v api.Verb) bool { return !m.has(s, v, f) })
	switch {
	case !m.has(s, api.VerbView, f):
		status2, other := m.ask(s, method, strings.Replace(path, "{id}", nobody, 1), body)
		if status != http.StatusNotFound || status2 != status || strings.ReplaceAll(answer, f.id, nobody) != other {
			m.t.Errorf("%+v: %s %s of a host that may not be seen: %d %s; of one that is not: %d %s", s, method, path, status, answer, status2, other)
		}
	case !may:
		if status != http.StatusForbidden || !strings.Contains(answer, "may see host") {
			m.t.Errorf("%+v: %s %s %s: %d %s", s, method, path, body, status, answer)
		}
	case status != http.StatusOK && status != http.StatusNoContent:
		m.t.Errorf("%+v: %s %s %s: %d %s", s, method, path, body, status, answer)
	}
}

// many changes hosts, all or those named, and wants it to go as each alone would.
func (m *matrix) many(s subject, rt route, body string, named []string, verbs ...api.Verb) {
	m.t.Helper()
	status, answer := m.ask(s, rt.method, rt.path, body)
	var out api.HostsChanged
	if status != http.StatusOK || json.Unmarshal([]byte(answer), &out) != nil {
		m.t.Errorf("%+v: %s %s: %d %s", s, rt.path, body, status, answer)
		return
	}
	meant, may := m.sees(s), m.sees(s, verbs...)
	if named != nil {
		other := func(id string) bool { return !slices.Contains(named, id) }
		meant, may = slices.DeleteFunc(meant, other), slices.DeleteFunc(may, other)
	}
	var done, told []string
	for _, h := range out.Hosts {
		if h.Outcome != api.NotLet {
			done = append(done, h.ID)
		} else if !slices.Contains(meant, h.ID) {
			told = append(told, strings.ReplaceAll(h.Why, h.ID, nobody))
		} else if !strings.Contains(h.Why, "may see host") {
			m.t.Errorf("%+v: %s: refused by %q", s, body, h.Why)
		}
	}
	m.same(s, "hosts that "+body+" may change", done, may)
	if out.Count != len(meant) || len(slices.Compact(told)) > 1 || len(told) != len(named)-len(meant)*min(1, len(named)) {
		m.t.Errorf("%+v: %s of %d hosts: %+v", s, body, len(meant), out)
	}
}

func (m *matrix) want(s subject, method, path, body string, status int) {
	m.t.Helper()
	if got, answer := m.ask(s, method, path, body); got != status {
		m.t.Errorf("%+v: %s %s: %d %s, want %d", s, method, path, got, answer, status)
	}
}

// noGroup wants a group to be as one that is not there.
func (m *matrix) noGroup(s subject, method, name, body string) {
	m.t.Helper()
	status, answer := m.ask(s, method, "/api/v1/groups/"+name, body)
	status2, other := m.ask(s, method, "/api/v1/groups/nosuch", strings.ReplaceAll(body, name, "nosuch"))
	if status != http.StatusNotFound || status2 != status || strings.ReplaceAll(answer, name, "nosuch") != other {
		m.t.Errorf("%+v: %s group %s: %d %s; of one that is not: %d %s", s, method, name, status, answer, status2, other)
	}
}

// members are those of a group whom somebody sees.
func (m *matrix) members(s subject, group string) (ids []string) {
	for _, f := range m.hosts {
		if slices.Contains(f.groups, group) && slices.Contains(m.sees(s), f.id) {
			ids = append(ids, f.id)
		}
	}
	return ids
}

// same compares sets of hosts.
func (m *matrix) same(s subject, what string, got, want []string) {
	m.t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if got, want = slices.Compact(got), slices.Compact(want); !slices.Equal(got, want) {
		m.t.Errorf("%+v: %s of %v, want %v", s, what, got, want)
	}
}

func hostIDs(page api.HostPage) (ids []string) {
	for _, h := range page.Hosts {
		ids = append(ids, h.ID)
	}
	return ids
}

// unchanged wants every group to have the members that it began with.
func (m *matrix) unchanged(s subject) {
	m.t.Helper()
	for _, name := range []string{"lab", "office"} {
		var want []string
		for _, f := range m.hosts {
			if slices.Contains(f.groups, name) {
				want = append(want, f.id)
			}
		}
		g := must(m.Server.hosts.Everything().Group(m.t.Context(), name))(m.t)
		m.same(s, "members of "+name, g.Members, want)
	}
}

// moves empties a group, as far as somebody may, and fills it again.
func (m *matrix) moves(s subject) {
	m.t.Helper()
	if len(m.members(s, "office")) == 0 {
		return
	}
	all := m.Server.hosts.Everything()
	was := must(all.Group(m.t.Context(), "office"))(m.t)
	m.want(s, http.MethodPut, "/api/v1/groups/office", `{"name":"office"}`, http.StatusOK)
	var stay []string
	for _, id := range was.Members {
		if !slices.Contains(m.sees(s, api.VerbAssign), id) {
			stay = append(stay, id)
		}
	}
	m.same(s, "members of office that may not be changed", must(all.Group(m.t.Context(), "office"))(m.t).Members, stay)
	must(all.PutGroup(m.t.Context(), api.Group{Name: "office", Members: was.Members}))(m.t)
}

// forgets has everybody forget a host that they may, which is a new one.
func (m *matrix) forgets(all []subject) {
	admin, n := m.person(), 100
	for _, s := range all {
		for _, f := range m.hosts {
			if m.has(s, api.VerbView, &f) && m.has(s, api.VerbEdit, &f) {
				n++
				id := m.host(admin, n, f)
				m.want(s, http.MethodDelete, "/api/v1/hosts/"+id, "", http.StatusNoContent)
				_, err := admin.Host(m.t.Context(), id)
				wantKind(m.t, err, muster.NotFound)
				break
			}
		}
	}
}
