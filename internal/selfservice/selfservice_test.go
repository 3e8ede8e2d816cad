package selfservice

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/internal/agent"
	"muster/internal/fetch"
	"muster/internal/install"
)

// has holds that a page has the texts, and not those after an exclamation mark.
func has(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if words, not := strings.CutPrefix(s, "!"); strings.Contains(body, words) == not {
			t.Errorf("%q in:\n%s", s, body)
		}
	}
}

// TestDoor: nobody comes in but the browser that had the address first.
func TestDoor(t *testing.T) {
	o := newOffice(t)
	eve := o.browser()
	for _, to := range []string{"", "updates", "live", "static/page.css", "http://" + o.site.host + "/", "http://" + o.site.host + "/enter/guess"} {
		if status, body := eve.get(to); status != 403 && status != 404 || strings.Contains(body, o.site.folder) {
			t.Errorf("%q without a session: %d %s", to, status, body)
		}
	}
	if status, _ := eve.post("do", "op", "install", "name", "game"); status != 403 {
		t.Errorf("a form without a session: %d", status)
	}
	alice := o.browser().enter()
	if status, body := alice.get(""); status != 200 || !strings.Contains(body, "The &lt;Editor&gt;") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := eve.get(o.entry); status != 403 {
		t.Errorf("the address a second time: %d", status)
	}
	resp, err := http.Get(o.entry)
	if err != nil || len(resp.Cookies()) > 0 {
		t.Errorf("%v, %v", err, resp.Cookies())
	}
	resp.Body.Close()
}

// TestAttacks: what a foreign page has the browser of the person do.
func TestAttacks(t *testing.T) {
	o := newOffice(t)
	alice := o.browser().enter()
	send := func(method, to, host string, headers ...string) int {
		r, err := http.NewRequest(method, alice.at(to), strings.NewReader("op=install&name=game"))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := alice.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, host := range []string{"evil.example:80", "localhost" + strings.TrimPrefix(o.site.host, "127.0.0.1"), "127.0.0.1", ""} {
		if host != "" && send("GET", "", host) != 403 {
			t.Errorf("host %q is served", host)
		}
	}
	for _, h := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://127.0.0.1:1"}, {"Origin", "null"}} {
		if status := send("POST", "do", o.site.host, h...); status != 403 {
			t.Errorf("a form with %v: %d", h, status)
		}
	}
	if len(o.wishes) > 0 {
		t.Errorf("the agent was asked for %+v", o.wishes)
	}
	r, _ := http.NewRequest("GET", alice.at(""), nil)
	resp, err := alice.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'") || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%v", resp.Header)
	}
	jar := alice.http.Jar.Cookies(resp.Request.URL)
	for _, c := range jar {
		resp.Request.URL.Path = "/"
		if c.Name == cookieName && len(alice.http.Jar.Cookies(resp.Request.URL)) > 0 {
			t.Error("a server on another port, which knows no folder, is sent the cookie")
		}
	}
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "../x", "\r\nX: y"} {
		alice.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := alice.http.PostForm(alice.at("language"), map[string][]string{"lang": {"en"}, "back": {to}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if l := resp.Header.Get("Location"); l != o.site.folder {
			t.Errorf("back to %q leads to %q", to, l)
		}
	}
}

// TestCatalogue: search, categories, what is installed, one package, in two languages;
// what a package says of itself is text and nothing else.
func TestCatalogue(t *testing.T) {
	o := newOffice(t)
	alice := o.browser().enter()
	_, body := alice.get("")
	has(t, body, "The &lt;Editor&gt;", "Writes letters", "Update to 2.0-1", "Update The &lt;Editor&gt;", "Remove The &lt;Editor&gt;", "Install game", "tile/game", "icon/aaaa", `href="`+o.site.folder+`?category=office"`, "!<Editor>", "!refresh")
	o.hold = make(chan struct{})
	alice.post("do", "op", "update", "name", "editor")
	close(o.hold)
	alice.until("", "There was nothing to do.")
	if w := o.wishes[0]; !w.Upgrade || !slices.Equal(w.Only, []string{"editor"}) {
		t.Errorf("%+v", w)
	}
	_, body = alice.get("?q=wRiTes")
	has(t, body, "Editor", "!Install game")
	_, body = alice.get("?category=office")
	has(t, body, "Editor", "paint", "!Install game", `aria-current="true"`)
	_, body = alice.get("?show=installed")
	has(t, body, "Editor", "!paint", "!Install game")
	_, body = alice.get("?q=zzz")
	has(t, body, "Nothing matches.")
	_, body = alice.get("package/editor")
	has(t, body, "And more &amp; more", `href="https://example.org/editor"`, "1.5 MB")
	_, body = alice.get("package/game")
	has(t, body, "!javascript:", "Install game")
	if status, _ := alice.get("package/other"); status != 404 {
		t.Errorf("a package that is not for alice: %d", status)
	}
	_, body = alice.post("language", "lang", "fr", "back", "?q=lettres")
	has(t, body, `lang="fr"`, "Écrit des lettres", "Mise à jour vers 2.0-1", `value="lettres"`)
	o.mu.Lock()
	o.cat.Offers = nil
	o.mu.Unlock()
	_, body = alice.get("")
	has(t, body, "Il n’y a rien que vous puissiez installer ici")
}

// TestInstall: a browser without a script presses a button, is shown progress, and then
// what came of it, once.
func TestInstall(t *testing.T) {
	o := newOffice(t)
	o.hold = make(chan struct{})
	alice := o.browser().enter()
	status, body := alice.post("do", "op", "install", "name", "game", "back", "package/game")
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	has(t, body, "Installing game", `http-equiv="refresh"`, "disabled", "<h1>game</h1>")
	o.events <- agent.Event{News: agent.News{Progress: &fetch.Progress{File: "pool/g/game", Done: 30, Total: 120}}}
	alice.until("", `value="25"`)
	_, body = alice.post("do", "op", "remove", "name", "editor")
	has(t, body, "Something else is going on just now")
	over := make(chan bool)
	go func() {
		alice.lives(func(event, data string) bool {
			if event == "now" && strings.Contains(data, "Installing game") {
				select {
				case over <- false:
				default:
				}
			}
			if event == "over" {
				over <- true
			}
			return event != "over"
		})
	}()
	if <-over {
		t.Error("over before the end")
	}
	close(o.hold)
	for !<-over {
	}
	_, body = alice.get("")
	has(t, body, "game 1 installed", "!Installing game")
	if _, body = alice.get(""); strings.Contains(body, "game 1 installed") {
		t.Error("told twice")
	}
	if want := []string{"game"}; len(o.wishes) != 1 || !slices.Equal(o.wishes[0].Install, want) {
		t.Errorf("%+v", o.wishes)
	}
}

// TestRefused: an error is told in plain words, with those of the program below.
func TestRefused(t *testing.T) {
	o := newOffice(t)
	o.refuse = muster.Errorf(muster.Denied, "alice may not install <game> here")
	o.hold = make(chan struct{})
	alice := o.browser().enter()
	alice.post("do", "op", "install", "name", "game")
	close(o.hold)
	body := alice.until("", "You may not do this here.")
	has(t, body, "alice may not install &lt;game&gt; here")
	for _, f := range [][]string{{"op", "explode"}, {"op", ""}, {"op", strings.Repeat("x", 10000)}} {
		if status, _ := alice.post("do", f...); status != 400 {
			t.Errorf("%.20v: %d", f, status)
		}
	}
}

// TestUpdates: what waits and until when; later, but not later than the deadline.
func TestUpdates(t *testing.T) {
	o := newOffice(t)
	alice := o.browser().enter()
	_, body := alice.get("updates")
	has(t, body, "Everything is up to date.")
	o.mu.Lock()
	o.state = agent.State{Upgrade: &agent.Upgradable{Steps: []string{"upgrade editor 1.0-1 to 2.0-1"}, Processes: []string{"editor"}}, Postponed: "editor to be closed",
		Deadline: time.Now().Add(30 * time.Hour), Reboot: true}
	o.mu.Unlock()
	_, body = alice.get("updates")
	has(t, body, "editor: 1.0-1 to 2.0-1", "Waiting for editor to be closed.", "Installed at the latest", "for four hours", "!for two days", "has to be restarted", "Install the updates now")
	_, body = alice.post("postpone", "seconds", "3600", "back", "updates")
	has(t, body, "Put off until")
	for _, s := range []string{"-1", "x", "", "99999999999"} {
		if status, _ := alice.post("postpone", "seconds", s); status != 400 {
			t.Errorf("put off by %q: %d", s, status)
		}
	}
	o.mu.Lock()
	o.refuse, o.cat.Postpone, o.cat.Upgrade = muster.Errorf(muster.Denied, "past"), false, false
	o.mu.Unlock()
	_, body = alice.post("postpone", "seconds", "3600", "back", "updates")
	has(t, body, "You may not do this here.", "!for four hours", "!Install the updates now")
	if !slices.Equal(o.delays, []int64{3600, 3600}) {
		t.Errorf("%v", o.delays)
	}
}

// TestHistory: who did what, as far as the agent tells.
func TestHistory(t *testing.T) {
	o := newOffice(t)
	o.past = []agent.Past{{ID: 3, Time: time.Now(), By: "alice", State: "failed", Error: "disk is full", Steps: []install.Summary{{Name: "game", To: "1"}}},
		{ID: 2, Time: time.Now().AddDate(0, 0, -1), By: "schedule", State: "done", Steps: []install.Summary{{Name: "editor", From: "0.9", To: "1.0-1"}}},
		{ID: 1, Time: time.Date(2024, 5, 1, 9, 0, 0, 0, time.Local), State: "done", Steps: []install.Summary{{Name: "old", From: "1"}}, More: 7}}
	alice := o.browser().enter()
	_, body := alice.get("history")
	has(t, body, "today at", "by you", "Did not work; everything is as it was before.", "disk is full", "automatically", "editor: 0.9 to 1.0-1", "1 May at 09:00", "old removed", "and 7 more")
}

// TestPictures: an icon is a picture and nothing else, whatever is in it.
func TestPictures(t *testing.T) {
	o := newOffice(t)
	sum := strings.Repeat("a", 64)
	alice := o.browser().enter()
	for data, want := range map[string]string{"\x89PNG\r\n\x1a\n...": "image/png", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>": "image/svg+xml", "<html>": "image/svg+xml"} {
		o.mu.Lock()
		o.icons[sum] = []byte(data)
		o.mu.Unlock()
		resp, err := alice.http.Get(alice.at("icon/" + sum))
		if err != nil {
			t.Fatal(err)
		}
		_, body := alice.read(resp)
		if h := resp.Header; h.Get("Content-Type") != want || body != data || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%q: %v", body, h)
		}
	}
	if _, body := alice.get("tile/game"); !strings.HasPrefix(body, "<svg ") || !strings.Contains(body, ">G</text>") {
		t.Error(body)
	}
}

// TestIdle: a page that nobody uses ends; one with something under way does not.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Site{agent: agent.DialLocal("/nowhere")}
		s.use()
		began, ended := time.Now(), make(chan struct{})
		s.job = &job{}
		go s.expire(t.Context(), func() { close(ended) })
		time.Sleep(25 * time.Minute)
		select {
		case <-ended:
			t.Fatal("ended while something is under way")
		default:
		}
		s.end(s.job, agent.Done{}, nil)
		<-ended
		if d := time.Since(began); d < 35*time.Minute || d > 46*time.Minute {
			t.Errorf("ended after %s", d)
		}
	})
}

// TestOpen: the address is in a file of this user alone, and on no command line.
func TestOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the browser of this test is a shell script")
	}
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("PATH", dir)
	if _, err := Open(t.Context(), "http://127.0.0.1:1/enter/secret"); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("without a browser: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\necho \"$@\" > "+dir+"/said\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := Open(t.Context(), "http://127.0.0.1:1/enter/secret")
	if err != nil {
		t.Fatal(err)
	}
	said, _ := os.ReadFile(filepath.Join(dir, "said"))
	data, _ := os.ReadFile(file)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || strings.TrimSpace(string(said)) != file || !strings.Contains(string(data), "enter/secret") {
		t.Errorf("%v %q %q", err, said, data)
	}
}

// TestLanguages: every text of the page is there in French.
func TestLanguages(t *testing.T) {
	for accept, want := range map[string]string{"": "en", "fr": "fr", "fr-CH, en;q=0.9": "fr", "de, en;q=0.8, fr;q=0.3": "en", "en;q=0.1,fr;q=0.2": "fr", "x;q=z,,;": "en"} {
		if got := preferred(accept); got != want {
			t.Errorf("%q: %s", accept, got)
		}
	}
	used := map[string]bool{}
	names, _ := filepath.Glob("*.go")
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(data), `"`) {
			used[part] = true
		}
		for _, part := range strings.Split(string(data), `v.t("`)[1:] {
			if s := part[:strings.Index(part, `"`)]; words["fr"][s] == "" {
				t.Errorf("%s: %q is not there in French", name, s)
			}
		}
	}
	for kind := range map[muster.ErrorKind]bool{muster.Denied: true, muster.Busy: true, muster.Unavailable: true, muster.Stale: true, muster.NotFound: true, muster.Conflict: true, muster.Invalid: true, muster.Internal: true} {
		if s := plain(muster.Errorf(kind, "x")); words["fr"][s] == "" {
			t.Errorf("%q is not there in French", s)
		}
	}
	for _, o := range laters(time.Now()) {
		if words["fr"][o.label] == "" {
			t.Errorf("%q is not there in French", o.label)
		}
	}
	for month := range 12 {
		used[time.Month(month+1).String()] = true
	}
	schedule, err := os.ReadFile(filepath.Join("..", "agent", "schedule.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(schedule), `return "`)[1:] { // what an upgrade waits for
		used[part[:strings.Index(part, `"`)]] = true
	}
	for s, fr := range words["fr"] {
		if !used[s] {
			t.Errorf("%q is used nowhere", s)
		}
		if strings.Count(s, "%") != strings.Count(fr, "%") {
			t.Errorf("%q and %q want different things", s, fr)
		}
	}
}

// FuzzMarkup holds that what a package says of itself, and what a person looks for,
// never becomes markup.
func FuzzMarkup(f *testing.F) {
	f.Add("<script>", `" onload="x`, "https://example.org")
	f.Add("a&b", "'", "javascript:x")
	f.Fuzz(func(t *testing.T, name, words, homepage string) {
		r, _ := http.NewRequest("GET", "/x/", nil)
		v := &visit{site: &Site{folder: "/x/"}, request: r, lang: "en"}
		o := &agent.Offer{Name: name, Title: words, Homepage: homepage, Descriptions: map[string]string{"": words}, May: all, Installed: name}
		page := render(nodes{v.card(o), v.facts(o), v.finder(filter{text: words}), raw(tileOf(name))})
		plain := render(nodes{v.card(&agent.Offer{Name: "x", Title: "x", May: all, Installed: "x"}), v.facts(&agent.Offer{Installed: "x"}), v.finder(filter{text: "x"}), raw(tileOf("x"))})
		links := strings.Count(page, "rel=\"noreferrer noopener\"")
		if got, want := strings.Count(page, "<"), strings.Count(plain, "<"); got > want+4*links+8 {
			t.Errorf("%d tags, not %d:\n%s", got, want, page)
		}
		if strings.Contains(page, `href="javascript:`) || links > 1 {
			t.Errorf("a link to %q", homepage)
		}
		if strings.Count(page, `"`)%2 != 0 {
			t.Errorf("quotes do not match:\n%s", page)
		}
	})
}
