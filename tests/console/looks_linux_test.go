package console

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/api"
)

// A view is a page as somebody sees it. In its path {host} is the id of a host with the
// real agent, {busy} of one that has failed at something, {pending} of one that waits; {weeks}
// is a day some weeks ago.
type view struct {
	name, path string
	says       string   // a text that is there
	nobody     bool     // without a session
	refused    []string // what the browser complains of, and should
	picture    bool     // has one in docs/console
}

// views are all pages, and what they are in when they are of interest. The test fails for
// an entry of the navigation that is missing.
var views = []view{
	{name: "login", path: "/login", says: "Log in", nobody: true, picture: true},
	{name: "overview", path: "/", says: "What needs you now", picture: true},
	{name: "hosts", path: "/hosts", says: "Next page", picture: true},
	{name: "hosts-columns", path: "/hosts?q=os:debian&sort=-seen&c=memory&c=ip&c=groups", says: "ws-", picture: true},
	{name: "hosts-none", path: "/hosts?q=name:nobody", says: "No host is like that."},
	{name: "hosts-wrong", path: "/hosts?q=os:(", says: "has no value"},
	{name: "hosts-change", path: "/hosts/change?op=add-group&value=lab&all=1&q=state:pending+or+name:pc-1", says: "hosts change", picture: true},
	{name: "hosts-save", path: "/hosts/save?q=os:debian", says: "Save a search"},
	{name: "host", path: "/hosts/{host}", says: "tool", picture: true},
	{name: "host-history", path: "/hosts/{host}?tab=history", says: "Compare", picture: true},
	{name: "host-events", path: "/hosts/{busy}?tab=events", says: "exit code 1603", picture: true},
	{name: "host-inventory", path: "/hosts/{busy}?tab=inventory", says: "Machine", picture: true},
	{name: "host-pending", path: "/hosts/{pending}", says: "Approve"},
	{name: "host-edit", path: "/hosts/{host}/edit", says: "pc-1"},
	{name: "packages", path: "/packages", says: "notes", picture: true},
	{name: "package", path: "/packages/tool", says: "Versions over time", picture: true},
	{name: "groups", path: "/groups", says: "lab", picture: true},
	{name: "group", path: "/groups/group/lab", says: "tool", picture: true},
	{name: "group-edit", path: "/groups/group/lab/edit", says: "lab"},
	{name: "rollouts", path: "/rollouts", says: "welcome", picture: true},
	{name: "rollout", path: "/rollouts/rollout-welcome-1-1", says: "welcome", picture: true},
	{name: "rollout-start", path: "/rollouts/start", says: "Start"},
	{name: "actions", path: "/actions", says: "check", picture: true},
	{name: "action", path: "/actions/{action}", says: "after the holidays", picture: true},
	{name: "action-send", path: "/actions/send?q=group:lab", says: "Send", picture: true},
	{name: "sites", path: "/sites", says: "NIKHEF", picture: true},
	{name: "site", path: "/sites/NIKHEF", says: "wn00.nikhef.example.org", picture: true},
	{name: "site-findings", path: "/sites/NIKHEF?tab=findings", says: "CVE-2026-1001"},
	{name: "site-packages", path: "/sites/NIKHEF?tab=packages", says: "3.0.15-1"},
	{name: "site-changes", path: "/sites/NIKHEF?tab=changes", says: "Compare"},
	{name: "site-references", path: "/sites/NIKHEF?tab=references", says: "baseline"},
	{name: "site-record", path: "/sites/NIKHEF?tab=record", says: "Make a key"},
	{name: "site-host", path: "/sites/NIKHEF/hosts/wn00.nikhef.example.org", says: "3.0.17-1", picture: true},
	{name: "site-host-states", path: "/sites/NIKHEF/hosts/wn00.nikhef.example.org?tab=states", says: "6.1.0-28-amd64"},
	{name: "software", path: "/software?name=openssl", says: "3.0.15-1", picture: true},
	{name: "software-hosts", path: "/software?name=openssl&tab=hosts&version=3.0.15-1", says: "wn05.nikhef.example.org"},
	{name: "software-findings", path: "/software?name=openssl&tab=findings", says: "CVE-2026-1001"},
	{name: "software-patched", path: "/software?name=openssl&tab=patched&want=%3E%3D+3.0.15-1&site=NIKHEF&from={weeks}", says: "are left", picture: true},
	{name: "software-none", path: "/software", says: "Which versions of it"},
	{name: "advisories", path: "/advisories", says: "CVE-2026-1001", picture: true},
	{name: "advisory", path: "/advisories/CVE-2026-1001", says: "Vulnerable packages", picture: true},
	{name: "advisory-support", path: "/advisories/support", says: "debian 12", picture: true},
	{name: "advisory-support-hosts", path: "/advisories/support/hosts?platform=debian+12", says: "wn00.nikhef.example.org"},
	{name: "advisory-ignored", path: "/advisories/ignored", says: "not reachable from outside"},
	{name: "advisory-sources", path: "/advisories/sources", says: "brought by hand"},
	{name: "references", path: "/references", says: "baseline", picture: true},
	{name: "reference", path: "/references/baseline", says: "1 of 6", picture: true},
	{name: "reference-packages", path: "/references/baseline?by=package", says: "openssl"},
	{name: "reference-behind", path: "/references/baseline?by=host&package=openssl&verdict=behind", says: "3.0.15-1"},
	{name: "reference-text", path: "/references/baseline?tab=text", says: "Take this list away"},
	{name: "reference-new", path: "/references/new", says: "New list"},
	{name: "host-findings", path: "/hosts/{busy}?tab=findings", says: "Severity"},
	{name: "reports", path: "/reports", says: "Reports"},
	{name: "report", path: "/reports?kind=fleet", says: "Reports", picture: true},
	{name: "people", path: "/people", says: "vera", picture: true},
	{name: "person", path: "/people/one?name=vera", says: "vera"},
	{name: "rights", path: "/rights", says: "nina", picture: true},
	{name: "sessions", path: "/sessions", says: "bob"},
	{name: "tokens", path: "/tokens", says: "simulated hosts", picture: true},
	{name: "apitokens", path: "/apitokens", says: "Tokens"},
	{name: "webhooks", path: "/webhooks", says: "Webhooks"},
	{name: "audit", path: "/audit", says: "Alice Martin", picture: true},
	{name: "audit-entry", path: "/audit/3", says: "3"},
	{name: "settings", path: "/settings", says: "Settings", picture: true},
	{name: "find", path: "/find?q=pc-1", says: "pc-1"},
	{name: "keys", path: "/keys", says: "this list"},
	{name: "look", path: "/look", says: "Language and colours"},
	{name: "logout", path: "/logout", says: "Log out"},
	{name: "missing", path: "/nowhere", says: "Not found", refused: []string{"404"}},
}

// screens are the windows in which pages are looked at: every day in the first, by ./test
// in the last too, and with MUSTER_TEST_LONG=1 in all of them.
var screens = []struct {
	scheme string
	width  int64
}{{"light", 1440}, {"dark", 1440}, {"light", 420}, {"dark", 420}}

// TestLooks looks at every page: it is served, nothing in it is refused by the content
// security policy, fits into the window, and axe finds nothing serious. MUSTER_SCREENSHOTS=1
// makes the pictures of docs/console anew.
func TestLooks(t *testing.T) {
	w := inWorld(t)
	script := needAxe(t)
	paths := w.places(t)
	for i, s := range screens {
		long, full := os.Getenv("MUSTER_TEST_LONG") == "1", os.Getenv("MUSTER_TEST_FULL") == "1" || os.Getenv("MUSTER_SCREENSHOTS") == "1"
		if last := i == len(screens)-1; i > 0 && !long && !(last && full) {
			continue
		}
		t.Run(fmt.Sprintf("%s-%d", s.scheme, s.width), func(t *testing.T) {
			slowest, slow := 0.0, ""
			known, nobody := w.as(t, "bob"), w.tab(t)
			for _, b := range []*tab{known, nobody} {
				b.prefers(s.scheme)
				b.width(s.width)
			}
			for _, v := range views {
				b := known
				if v.nobody {
					b = nobody
				}
				b.refused = append(b.refused, v.refused...)
				b.open(paths.Replace(v.path))
				if !b.says(v.says) {
					b.Errorf("%s at %s says no %q but\n%.1500s", v.name, b.location(), v.says, value[string](b, "document.body.innerText"))
				}
				if paint := value[float64](b, `performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0`); paint > slowest {
					slowest, slow = paint, v.name
				}
				b.usable(script, v.name)
				b.fits(v.name)
				if v.picture && os.Getenv("MUSTER_SCREENSHOTS") == "1" && (i == 0 || i == len(screens)-1) {
					b.picture(fmt.Sprintf("%s-%d.png", v.name, s.width))
				}
			}
			known.complete()
			t.Logf("something is painted after %.0f ms at the latest, on %s", slowest, slow)
		})
	}
}

// places finds the hosts of the table.
func (w *world) places(t *testing.T) *strings.Replacer {
	t.Helper()
	first := func(query string) string {
		page := must(w.person.Hosts(t.Context(), api.HostQuery{Query: query, Limit: 1}))(t)
		if len(page.Hosts) == 0 {
			t.Fatalf("no host is %q", query)
		}
		return page.Hosts[0].ID
	}
	return strings.NewReplacer("{host}", first("name:pc-1"), "{pending}", first("state:pending"), "{busy}", w.failed(t), "{action}", w.action(t), "{weeks}", time.Now().UTC().AddDate(0, 0, -20).Format(time.DateOnly))
}

// action is the one that was sent.
func (w *world) action(t *testing.T) string {
	t.Helper()
	page := must(w.person.Actions(t.Context(), api.ActionQuery{}))(t)
	if len(page.Actions) == 0 {
		t.Fatal("there is no action")
	}
	return page.Actions[0].ID
}

// failed is a host that has told of something that failed.
func (w *world) failed(t *testing.T) (host string) {
	t.Helper()
	check(t, w.until("a simulated host has failed", func() bool {
		page := must(w.person.Events(t.Context(), api.EventQuery{Failed: true, Limit: 100}))(t)
		for _, e := range page.Events {
			if e.Result != nil && strings.Contains(e.Result.Error, "1603") {
				host = e.Host
			}
		}
		return host != ""
	}))
	return host
}

// fits fails when the page is wider than the window.
func (b *tab) fits(where string) {
	b.Helper()
	if wide := value[string](b, `(() => { const room = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= room) return "";
		return [...document.querySelectorAll("main *, header *, footer *")].filter(e => e.getBoundingClientRect().right > room + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 150)).join("\n"); })()`); wide != "" {
		b.Errorf("%s is wider than the window, by %s", where, wide)
	}
}

// complete fails for pages of the navigation that are not in the table.
func (b *tab) complete() {
	b.Helper()
	for _, path := range value[[]string](b, `[...document.querySelectorAll("header nav a")].map(a => a.pathname)`) {
		if !slices.ContainsFunc(views, func(v view) bool { return v.path == path }) {
			b.Errorf("nobody looks at %s: give it a row in views", path)
		}
	}
}
