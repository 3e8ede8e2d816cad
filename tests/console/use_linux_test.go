package console

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"muster/api"
)

// names are the hosts of the list, as they are shown.
const names = `[...document.querySelectorAll("#list tbody .name a")].map(a => a.textContent)`

func (b *tab) names() string {
	b.Helper()
	return strings.Join(value[[]string](b, names), " ")
}

// TestLogIn: who has no session gets to the page that they asked for by the login, and
// nowhere any more after they have left.
func TestLogIn(t *testing.T) {
	w := inWorld(t)
	b := w.tab(t)
	b.refuse("401")
	b.refuse("403")
	b.open("/hosts?q=os:debian")
	b.at("/login?to=")
	b.fill("input[name=name]", "bob")
	b.fill("input[name=password]", "it is not this one")
	b.press("Log in")
	b.until(`document.querySelector(".problem") && document.querySelector("input[name=name]").value === "bob" && document.querySelector("input[name=password]").value === ""`)
	b.fill("input[name=password]", password)
	b.press("Log in")
	b.at("/hosts?q=os")
	if n := value[string](b, "document.cookie"); n != "" {
		t.Errorf("a script can read the cookies %q", n)
	}
	b.press("Log out")
	b.at("/login")
	b.open("/hosts")
	b.at("/login?to=")
}

// TestHosts finds hosts, orders them, turns pages, chooses columns; and whoever is sent
// the address of that sees the same.
func TestHosts(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/hosts")
	first := b.names()
	b.press("Next page")
	b.at("/hosts?cursor=")
	b.until(names + `.join(" ") !== ` + quoted(first))
	if both := strings.Fields(first + " " + b.names()); len(both) != simulated+waiting+2 {
		t.Errorf("two pages list %d hosts", len(both))
	}
	b.press("First page")
	b.until(names + `.join(" ") === ` + quoted(first))

	b.fill("[data-search]", "os:debian")
	b.at("/hosts?q=os%3Adebian")
	b.until(names + `.every(n => n.startsWith("ws-") || n.startsWith("pc-") || n.startsWith("new-")) && document.querySelector("#total").textContent < 60`)
	b.press("Host")
	b.until(`document.querySelector("th[aria-sort=descending]")`)
	b.press("Columns")
	b.click(`input[name=c][value=memory]`)
	b.press("Show")
	b.until(`location.search.includes("c=memory")`)
	b.until(`[...document.querySelectorAll("td[data-label=memory]")].filter(e => e.textContent === "16G").length > 5`)
	if value[string](b, `document.querySelector("[data-search]").value`) != "os:debian" || b.there("th[aria-sort=descending]") != 1 {
		t.Error("the columns have changed the search, or its order")
	}

	other := w.as(t, "vera")
	other.open(b.location())
	if mine, theirs := b.names(), other.names(); mine != theirs || mine == "" {
		t.Errorf("another person sees %s\nnot %s", theirs, mine)
	}
	if other.there("td[data-label=memory]") != b.there("td[data-label=memory]") {
		t.Error("another person sees other columns")
	}
	b.do(chromedp.NavigateBack())
	b.until(`!location.search.includes("c=memory") && !document.querySelector("td[data-label=memory]")`)
}

// TestHost looks at one host: what it has, had, and did.
func TestHost(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open(w.places(t).Replace("/hosts/{busy}"))
	b.press("Inventory")
	b.fill("input[name=filter]", "fire")
	b.press("Show")
	b.at("/hosts/")
	b.until(`location.search.includes("filter=fire")`)
	b.press("Events")
	b.sees("exit code 1603")
	b.press("History")
	b.sees("Compare")
	today := value[string](b, `new Date().toISOString().slice(0, 10)`)
	value[bool](b, `(() => { for (const n of ["from", "to"]) document.querySelector("input[name=" + n + "]").value = `+quoted(today)+`; return true; })()`)
	b.press("Show")
	b.until(`location.search.includes("from=` + today + `") && document.querySelector("main").innerText.includes("All changes")`)
}

// TestLook: language and colours are as one chose, on every page from then on.
func TestLook(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.prefers("light")
	b.open("/hosts?q=os:debian")
	light := value[string](b, "getComputedStyle(document.body).backgroundColor")
	b.press("Français")
	b.until(`document.documentElement.lang === "fr" && location.search === "?q=os:debian"`)
	b.press("sombre")
	b.until(`document.documentElement.dataset.theme === "dark"`)
	b.open("/")
	if dark := value[string](b, "getComputedStyle(document.body).backgroundColor"); dark == light || b.there("html[lang=fr]") != 1 {
		t.Errorf("the next page is %s as before, or speaks no French", dark)
	}
	b.press("English")
	b.until(`document.documentElement.lang === "en"`)
}

// TestKeys has somebody without a mouse.
func TestKeys(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/hosts")
	b.key("/")
	b.until(`document.activeElement.matches("[data-search]")`)
	b.key(kb.Escape)
	b.key("jjjk")
	b.until(`[...document.querySelectorAll("tbody tr")].indexOf(document.querySelector("tr.at")) === 1`)
	b.key("x")
	b.until(`document.querySelectorAll("input[name=host]:checked").length === 1 && document.querySelector("[data-count]").textContent === "1"`)
	name := value[string](b, `document.querySelector("tr.at .name a").textContent`)
	b.key(kb.Enter)
	b.at("/hosts/")
	b.until(`document.querySelector("h1").textContent.startsWith(` + quoted(name) + `)`)

	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(kb.ModifierCtrl)))
	b.until(`document.querySelector("dialog[open] input") === document.activeElement`)
	b.key("pc-1")
	b.until(`document.querySelector("dialog .hits a.at")?.textContent === "pc-1"`)
	b.key(kb.Enter)
	b.until(`document.querySelector("h1")?.textContent.startsWith("pc-1 ") && document.readyState === "complete"`) // the script is there

	b.key("?")
	b.until(`document.querySelector("dialog[open] #keys")`)
	b.key(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.key("gh")
	b.at("/hosts")
}

// TestRights: who may only look is offered nothing else, and refused it; who may see some
// hosts sees no others.
func TestRights(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "vera")
	b.refuse("status of 403")
	b.refuse("status of 404")
	b.open("/hosts")
	if n := b.there("#list input[type=checkbox][name=host], #list .bulk"); n != 0 {
		t.Errorf("%d things to choose hosts with", n)
	}
	places := w.places(t)
	b.open(places.Replace("/hosts/{pending}"))
	if n := b.there("main form[method=post]"); n != 0 {
		t.Errorf("%d forms that change a host", n)
	}
	status := value[int](b, `(() => { const x = new XMLHttpRequest(); x.open("POST", location.href, false);
		x.setRequestHeader("Content-Type", "application/x-www-form-urlencoded"); x.send("do=approve"); return x.status; })()`)
	if status != 403 && status != 404 {
		t.Errorf("to approve was answered with %d", status)
	}
	if h := must(w.person.Host(t.Context(), places.Replace("{pending}")))(t); h.State != api.Pending {
		t.Errorf("the host is %s", h.State)
	}

	n := w.as(t, "nina")
	n.refuse("status of 404")
	n.open("/hosts")
	if all := strings.Fields(n.names()); len(all) == 0 || len(all) > 10 {
		t.Errorf("who sees the lab sees %d hosts: %v", len(all), all)
	}
	n.open(places.Replace("/hosts/{pending}"))
	n.sees("Not found")
}

// TestWithoutScript: links and forms do all that is needed.
func TestWithoutScript(t *testing.T) {
	w := inWorld(t)
	b := w.tab(t)
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.logIn("bob")
	b.open("/hosts")
	b.press("Next page")
	b.at("/hosts?cursor=")
	b.fill("[data-search]", "name:pc-1 or name:pc-2")
	b.press("Search")
	b.until(names + `.join(" ") === "pc-1 pc-2"`)
	b.press("Columns")
	b.click("input[name=c][value=cores]")
	b.press("Show")
	b.until(`document.querySelectorAll("td[data-label=cores]").length === 2`)
	for range 2 {
		b.click("tbody tr:not(:has(:checked)) input[name=host]")
	}
	b.do(chromedp.SetValue(chromedp.CSS("select[name=op]"), "wake"))
	b.press("Show what changes")
	b.at("/hosts/change?")
	b.sees("pc-1", "pc-2")
	b.press("Français")
	b.until(`document.documentElement.lang === "fr"`)
	b.press("English")
	b.until(`document.documentElement.lang === "en"`)
	b.open("/find?q=pc-2")
	b.press("pc-2")
	b.sees("Heard of", "pc-2")
}

// TestSlow is a machine that takes six times as long, and a person who does not wait. What
// the browser waits for it works for: every day the machine takes twice as long.
func TestSlow(t *testing.T) {
	w := inWorld(t)
	rate := 2.0
	if os.Getenv("MUSTER_TEST_FULL") == "1" {
		rate = 6
	}
	b := w.as(t, "bob")
	b.open("/hosts")
	command(b, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: rate})
	b.do(chromedp.SendKeys(chromedp.CSS("[data-search]"), "name:pc-1"), chromedp.KeyEvent(kb.Enter))
	b.until(names + `.join(" ") === "pc-1"`)
	b.do(chromedp.SendKeys(chromedp.CSS("[data-search]"), " or name:pc-2"))
	b.until(names + `.join(" ") === "pc-1 pc-2"`)
	b.at("/hosts?q=name%3Apc-1+or+name%3Apc-2")
	b.press("pc-2")
	b.until(`document.querySelector("h1")?.textContent.startsWith("pc-2 ")`)
}

// TestZBulk approves those that wait, once the other tests have seen them wait.
func TestZBulk(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/hosts?q=state:pending")
	b.until(names + `.join(" ") === "new-1 new-2"`)
	b.click("input[name=host]")
	b.do(chromedp.SetValue(chromedp.CSS("select[name=op]"), "approve"))
	b.press("Show what changes")
	b.sees("1 host changes", "new-1")
	b.click("main form[method=post] button.main")
	b.until(`document.querySelector(".flash")`)
	b.until(names + `.join(" ") === "new-2"`)
	page := must(w.person.Hosts(t.Context(), api.HostQuery{Query: "name:new-1"}))(t)
	if len(page.Hosts) != 1 || page.Hosts[0].State != api.Accepted {
		t.Errorf("%+v", page.Hosts)
	}
}
