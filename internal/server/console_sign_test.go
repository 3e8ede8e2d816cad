package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster/action"
	"muster/api"
	"muster/internal/console"
	"muster/internal/steer"
	"muster/sign"
)

// A liar is a server that answers people with what it likes, and a console of one who
// signs, which asks it.
type liar struct {
	signer
	pages http.Handler
	ask   func(path string) string   // what is asked for in place of it
	tell  func(answer string) string // what is answered in place of it
}

func (w *world) liar(p *api.PersonClient, trust *sign.Trust) *liar {
	l := &liar{ask: func(s string) string { return s }, tell: func(s string) string { return s }}
	front := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		req := must(http.NewRequestWithContext(r.Context(), r.Method, w.url+l.ask(r.URL.RequestURI()), r.Body))(w.t)
		req.Header = r.Header.Clone()
		req.Header.Del("Accept-Encoding")
		resp, err := w.raw().Do(req)
		if err != nil {
			out.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		out.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		out.WriteHeader(resp.StatusCode)
		io.WriteString(out, l.tell(string(must(io.ReadAll(resp.Body))(w.t)))) //nolint:errcheck // the client says so
	}))
	w.t.Cleanup(front.Close)
	c := must(api.New(front.URL, api.Options{}))(w.t)
	c.Server.ID = w.self.ID
	l.shelf = &steer.Shelf{Client: c}
	l.pages = must(console.New(console.Options{Client: c, Session: p.Token, Signer: l, Trust: trust}))(w.t)
	return l
}

func (l *liar) visit(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	out := httptest.NewRecorder()
	l.pages.ServeHTTP(out, r)
	return out
}

// TestConsoleApprove: a page shows what the message says, whatever the server says of
// it, and has that message signed and no other.
func TestConsoleApprove(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	all := w.joined(p, 3)
	post, act := w.order(action.Reboot, []string{all[0].ID, all[1].ID, all[2].ID}, nil)
	must(p.SendAction(t.Context(), post))(t)
	other, second := w.order(action.Update, []string{all[0].ID}, nil)
	must(p.SendAction(t.Context(), other))(t)

	held := func(s string) string {
		return strings.Replace(strings.ReplaceAll(s, `"hosts":3`, `"hosts":1`), `"state":"open"`, `"state":"held"`, 1)
	}
	l := w.liar(p, w.believes())
	l.tell = held
	at := "/actions/" + act.ID
	page := l.visit(http.MethodGet, at, nil).Body.String()
	for _, want := range []string{"3 hosts", `name="of" value="` + action.Sum(post.Message) + `"`, `value="approve"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	for what, form := range map[string]url.Values{"nothing shown": {"do": {"approve"}}, "another message": {"do": {"approve"}, "of": {action.Sum(other.Message)}}} {
		if got := l.visit(http.MethodPost, at, form); got.Code != http.StatusConflict || len(l.ran) > 0 {
			t.Errorf("%s: %d, %q", what, got.Code, l.ran)
		}
	}
	l.visit(http.MethodPost, at, url.Values{"do": {"approve"}, "of": {action.Sum(post.Message)}})
	if want := []string{"action", "approve", "--of", action.Sum(post.Message), "--yes", "--", act.ID}; len(l.ran) != 1 || !slices.Equal(l.ran[0], want) {
		t.Errorf("signed: %q, not %q", l.ran, want)
	}

	l.ask = func(path string) string { return strings.ReplaceAll(path, act.ID, second.ID) }
	if got := l.visit(http.MethodGet, at, nil); got.Code != http.StatusForbidden {
		t.Errorf("the page of another action: %d", got.Code)
	}
	foreign, _ := w.order(action.Reboot, []string{all[0].ID}, func(a *action.Action) { a.ID, a.Server = act.ID, "0123456789abcdef0123456789abcdef" })
	l.ask = func(path string) string { return path }
	l.tell = func(s string) string {
		return strings.ReplaceAll(held(s), quote(t, post.Message), quote(t, foreign.Message))
	}
	if got := l.visit(http.MethodGet, at, nil); got.Code != http.StatusForbidden {
		t.Errorf("the message for another server: %d", got.Code)
	}

	doubt := w.liar(p, new(sign.Trust))
	doubt.tell = held
	if page := doubt.visit(http.MethodGet, at, nil).Body.String(); !strings.Contains(page, "not verified") || strings.Contains(page, `value="approve"`) {
		t.Errorf("who signed could be anybody:\n%s", page)
	}
}

// quote is a value as an answer has it.
func quote(t *testing.T, v any) string {
	t.Helper()
	return string(must(json.Marshal(v))(t))
}

// TestConsoleOtherHost: what is signed is about the host of the page's address.
func TestConsoleOtherHost(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	must(publish(t, p, pack(t, "age", "1", 10, w.admin)))(t)
	all := w.joined(p, 2)
	l := w.liar(p, w.believes())
	at, form := "/hosts/"+all[0].ID+"/edit", url.Values{"name": {""}, "unit": {""}, "forbid": {"telnet"}}
	form.Set("plan", planOf(l.visit(http.MethodGet, at+"?"+form.Encode(), nil).Body.String()))
	if got := l.visit(http.MethodPost, at, form); got.Code != http.StatusSeeOther || len(l.ran) != 1 {
		t.Fatalf("%d %q", got.Code, l.ran)
	}
	l.ask = func(path string) string { return strings.ReplaceAll(path, all[0].ID, all[1].ID) }
	if got := l.visit(http.MethodPost, at, form); got.Code != http.StatusForbidden || len(l.ran) != 1 {
		t.Errorf("another host: %d, %q", got.Code, l.ran)
	}
	name := must(p.Host(t.Context(), all[1].ID))(t).Name
	if got := l.visit(http.MethodPost, "/hosts/"+url.PathEscape(name)+"/edit", form); got.Code < 400 || len(l.ran) != 1 {
		t.Errorf("a name: %d, %q", got.Code, l.ran)
	}
}

// TestConsoleUnreadableRollout: nothing is signed of a rollout whose document nobody
// could read, or that is of another version than the page says.
func TestConsoleUnreadableRollout(t *testing.T) {
	d := newDrill(t, 1, nil)
	l := d.liar(d.person, d.believes())
	const at, finish = "/rollouts/rollout-age-2", `value="finish"`
	if page := l.visit(http.MethodGet, at, nil).Body.String(); !strings.Contains(page, finish) {
		t.Fatalf("no %s in\n%s", finish, page)
	}
	for what, lie := range map[string][2]string{"unreadable": {`"document":"`, `"document":"nonsense `}, "another version": {`"of":"2"`, `"of":"3"`}} {
		l.tell = func(s string) string { return strings.ReplaceAll(s, lie[0], lie[1]) }
		if page := l.visit(http.MethodGet, at, nil).Body.String(); !strings.Contains(page, "rollout-age-2") || strings.Contains(page, finish) {
			t.Errorf("%s: it is offered\n%s", what, page)
		}
		for _, do := range []string{"finish", "return"} {
			if got := l.visit(http.MethodPost, at, url.Values{"do": {do}}); got.Code < 400 || len(l.ran) > 0 {
				t.Errorf("%s, %s: %d, %q", what, do, got.Code, l.ran)
			}
		}
	}
}

// TestConsoleSend: all that is signed is shown, and the hosts that were shown are signed
// for, not as many others. They are listed once, by the command that signs.
func TestConsoleSend(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	all := w.joined(p, 2)
	lab := func(m *machine) { must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{m.ID}}))(t) }
	lab(all[0])
	l := w.liar(p, w.believes())
	form := url.Values{"kind": {"run"}, "q": {"group:lab"}, "script": {"def main():\n    print('wreck it')\n"}, "set": {"level=<3>"}, "reason": {"ticket 4711"}, "in": {"2h"}}
	page := l.visit(http.MethodGet, "/actions/send?"+form.Encode(), nil).Body.String()
	box, _, _ := strings.Cut(page, `<form method="post"`)
	for _, want := range []string{"wreck it", "level=&lt;3&gt;", "ticket 4711", "<dd>2h</dd>", "an hour later", all[0].ID} {
		if !strings.Contains(box, want) {
			t.Errorf("no %s in\n%s", want, box)
		}
	}
	targets := regexp.MustCompile(`name="targets" value="([0-9a-f]{64})"`).FindStringSubmatch(page)
	if targets == nil {
		t.Fatal(page)
	}
	for what, shown := range map[string][2]string{"as many others": {"", "1"}, "more than there are": {targets[1], "2"}} {
		form.Set("targets", shown[0])
		form.Set("count", shown[1])
		if got := l.visit(http.MethodPost, "/actions/send", form); got.Code != http.StatusConflict || len(l.ran) > 0 {
			t.Errorf("%s: %d, %q", what, got.Code, l.ran)
		}
	}
	form.Set("targets", targets[1])
	form.Set("count", "1")
	lab(all[1]) // the command is told whom the page has shown, and refuses others
	listed := 0
	l.ask = func(path string) string {
		if strings.Contains(path, "limit=1000") {
			listed++
		}
		return path
	}
	l.visit(http.MethodPost, "/actions/send", form)
	if len(l.ran) != 1 || !strings.HasSuffix(strings.Join(l.ran[0], " "), "--targets "+targets[1]+" --yes -- run") || listed > 0 {
		t.Errorf("signed: %q, after %d lists of hosts", l.ran, listed)
	}
}
