package server

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"muster/api"
)

// A browser is one that looks at the console.
type browser struct {
	*http.Client
	w *world
}

const consolePassword = "correct horse battery staple"

// browser makes one, of somebody who logs in by a password and has verbs over hosts.
func (w *world) browser(name, hosts string, verbs ...api.Verb) *browser {
	w.t.Helper()
	p := w.person()
	must(p.AddPerson(w.t.Context(), api.PersonNew{Name: name, Password: consolePassword}))(w.t)
	if len(verbs) > 0 {
		must(p.AddRule(w.t.Context(), api.Rule{Who: "person:" + name, Verbs: verbs, Hosts: hosts}))(w.t)
	}
	b := &browser{Client: w.raw(), w: w}
	b.Jar = must(cookiejar.New(nil))(w.t)
	return b
}

func (b *browser) logIn(name string) {
	b.w.t.Helper()
	if at, page := b.post("/login", "name", name, "password", consolePassword); at != "/" {
		b.w.t.Fatalf("after the login at %q: %s", at, page)
	}
}

// get returns the status and the text of a page.
func (b *browser) get(path string) (int, string) {
	b.w.t.Helper()
	resp := must(b.Get(b.w.url + path))(b.w.t)
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body))(b.w.t))
}

// post sends a form, and returns where that led and the text of the page there.
func (b *browser) post(path string, pairs ...string) (at, page string) {
	b.w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	resp := must(b.PostForm(b.w.url+path, form))(b.w.t)
	defer resp.Body.Close()
	return resp.Request.URL.RequestURI(), string(must(io.ReadAll(resp.Body))(b.w.t))
}

func (b *browser) want(page string, all ...string) {
	b.w.t.Helper()
	for _, text := range all {
		if !strings.Contains(page, text) {
			b.w.t.Errorf("the page has no %q:\n%s", text, page)
		}
	}
}

// Somebody logs in, looks at hosts, approves one, and logs out.
func TestConsole(t *testing.T) {
	w := newWorld(t)
	token := must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	m := w.machine(1)
	m.join(token.Secret)
	m.report(desktop(30))
	waiting := w.machine(2)
	waiting.join("")
	b := w.browser("root", "", api.Verbs()...)
	if at, page := b.post("/login", "name", "root", "password", "wrong"); at != "/login" || !strings.Contains(page, `role="alert"`) || !strings.Contains(page, `value="root"`) || strings.Contains(page, "wrong\"") {
		t.Errorf("a wrong password: at %q\n%s", at, page)
	}
	b.logIn("root")
	_, page := b.get("/")
	b.want(page, "1 host waits for approval", "/hosts?q=state%3Apending")
	_, page = b.get("/hosts")
	b.want(page, `href="/hosts/`+m.ID+`"`, "waits for approval")
	status, page := b.get("/hosts?q=name:(")
	if status != http.StatusOK {
		t.Errorf("a search that is none: %d", status)
	}
	b.want(page, `role="alert"`, `aria-invalid="true"`)
	for tab, want := range map[string]string{"packages": "No packages", "history": "Compare", "events": "enrolled", "inventory": "lib003"} {
		_, page = b.get("/hosts/" + m.ID + "?tab=" + tab)
		b.want(page, want, `aria-current="page"`)
		if len(page) > 200<<10 {
			t.Errorf("the tab %s has %d bytes", tab, len(page))
		}
	}
	_, page = b.get("/find?q=lib003")
	b.want(page, "lib003 1.0-1")
	_, page = b.get("/hosts/change?op=approve&host=" + m.ID + "&host=" + waiting.ID)
	b.want(page, "1 host changes", "1 is so already", `name="host" value="`+waiting.ID+`"`)
	at, page := b.post("/hosts/change", "op", "approve", "host", waiting.ID, "q", "name:*")
	if at != "/hosts?q=name%3A%2A" {
		t.Errorf("after the change at %q", at)
	}
	b.want(page, "1 host changed", `role="status"`)
	if d := must(w.person().Host(t.Context(), waiting.ID))(t); d.State != api.Accepted {
		t.Errorf("the host is %s", d.State)
	}
	if at, page = b.post("/hosts/"+m.ID+"/edit", "name", "new name", "unit", "paris"); !strings.Contains(page, "new name") || at != "/hosts/"+m.ID {
		t.Errorf("after a new name at %q", at)
	}
	if at, _ = b.post("/logout"); at != "/login" {
		t.Errorf("after the logout at %q", at)
	}
	if resp := must(b.Get(w.url + "/hosts"))(t); resp.Request.URL.Path != "/login" {
		t.Errorf("without a session at %q", resp.Request.URL)
	}
}

// A console shows what its person may see: what they may not is as if it were not there.
func TestConsoleRights(t *testing.T) {
	w := newWorld(t)
	token := must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	ones := []*machine{w.machine(1), w.machine(2)}
	for _, m := range ones {
		m.join(token.Secret)
	}
	b := w.browser("carol", "id:"+ones[0].ID, api.VerbView)
	b.logIn("carol")
	_, page := b.get("/hosts")
	if strings.Contains(page, ones[1].ID) || !strings.Contains(page, ones[0].ID) || strings.Contains(page, "CSV") || strings.Contains(page, `name="op"`) {
		t.Errorf("carol sees\n%s", page)
	}
	for path, want := range map[string]int{"/hosts/" + ones[1].ID: 404, "/hosts/00000000-0000-4000-8000-00000000abcd": 404, "/hosts.csv": 404, "/nothing": 404} {
		if status, page := b.get(path); status != want || strings.Contains(page, ones[1].ID) && path != "/hosts/"+ones[1].ID {
			t.Errorf("%s: %d", path, status)
		}
	}
	if _, page := b.post("/hosts/"+ones[0].ID, "do", "edit", "name", "mine"); !strings.Contains(page, `role="alert"`) {
		t.Errorf("carol changed a host:\n%s", page)
	}
	bob := w.browser("bob", "")
	at, page := bob.post("/login", "name", "bob", "password", consolePassword)
	if at != "/" || !strings.Contains(page, "there is no such page") || strings.Contains(page, `href="/hosts"`) {
		t.Errorf("bob, who may nothing, is at %q and sees\n%s", at, page)
	}
}

// The list as a whole comes as it is read, and what happens is told at once.
func TestConsoleStreams(t *testing.T) {
	w := newWorld(t)
	token := must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	live := must(b.Get(w.url + "/live"))(t)
	defer live.Body.Close()
	if kind := live.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("live is %q", kind)
	}
	events := bufio.NewScanner(live.Body)
	events.Scan() // there it is
	w.machine(7).join(token.Secret)
	for events.Scan() && events.Text() != "event: news" {
	}
	if events.Text() != "event: news" {
		t.Errorf("no news came: %v", events.Err())
	}
	_, csv := b.get("/hosts.csv?c=memory")
	if !regexp.MustCompile(`(?m)^id,name,.*memory\r?$`).MatchString(csv) || strings.Count(csv, "\n") != 2 {
		t.Errorf("CSV:\n%s", csv)
	}
	// The file has the order of the list that its link stands under.
	w.machine(8).join(token.Secret)
	status, down := b.get("/hosts.csv?sort=-name")
	_, up := b.get("/hosts.csv?sort=name")
	if last, first := strings.Split(down, "\r\n"), strings.Split(up, "\r\n"); status != 200 || len(last) != 4 || last[1] != first[2] || last[1] == first[1] {
		t.Errorf("sorted the other way round: %d %.300q, and %.300q", status, down, up)
	}
}

// Without the console its addresses are those of nobody, and the API answers as ever.
func TestConsoleOff(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Console = "off" })
	for path, want := range map[string]int{"/": 404, "/login": 404, "/healthz": 200} {
		if resp := must(w.raw().Get(w.url + path))(t); resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// Beside the console, programs get what they got before.
func TestConsoleBeside(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"/api/v1/nothing": 404, "/healthz": 200, "/api/v1/hosts": 401, "/repo/nothing": 404} {
		resp := must(w.raw().Get(w.url + path))(t)
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != want || strings.Contains(kind, "html") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, kind)
		}
	}
	req := must(http.NewRequest(http.MethodDelete, w.url+"/healthz", nil))(t)
	if status, _ := w.status(req); status != http.StatusMethodNotAllowed {
		t.Errorf("a method that is not there: %d", status)
	}
}
