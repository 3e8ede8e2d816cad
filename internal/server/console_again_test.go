package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"muster/api"
	"muster/internal/console"
)

// numberOf is that of the first form of a page that is sent to an address.
func numberOf(t *testing.T, page, action string) string {
	t.Helper()
	m := regexp.MustCompile(`<form method="post"[^>]* action="` + regexp.QuoteMeta(action) + `"[^>]*><input type="hidden" name="once" value="(\w{20,})"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no form for %s in\n%s", action, page)
	}
	return m[1]
}

// TestConsoleTwice: a form that is sent twice acts once, and both are told the same. What
// is another form, or was refused, acts.
func TestConsoleTwice(t *testing.T) {
	w := newWorld(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	tokens := func() int { return len(must(w.person().Tokens(t.Context()))(t).Tokens) }
	_, page := b.get("/tokens")
	number, before := numberOf(t, page, "/tokens"), tokens()
	secret := regexp.MustCompile(`data-copy="([^" ]{16,})"`)
	form := []string{"once", number, "do", "create", "note", "lab", "uses", "none"}
	if _, page = b.post("/tokens", form...); !strings.Contains(page, `aria-describedby="wrong"`) || !strings.Contains(page, `value="lab"`) {
		t.Errorf("refused, and not beside its field:\n%s", page)
	}
	form[len(form)-1] = "3"
	_, first := b.post("/tokens", form...)
	_, second := b.post("/tokens", form...)
	one, two := secret.FindStringSubmatch(first), secret.FindStringSubmatch(second)
	if one == nil || two == nil || one[1] != two[1] || tokens() != before+1 {
		t.Errorf("%d tokens, %q and %q:\n%s", tokens()-before, one, two, second)
	}
	if form[5] = "another"; tokens() != before+1 {
		t.Fatal()
	}
	if b.post("/tokens", form...); tokens() != before+2 {
		t.Errorf("another form of that number: %d tokens", tokens()-before)
	}
	// Somebody else's form is another one, whatever its number.
	carol := w.browser("carol", "", api.Verbs()...)
	carol.logIn("carol")
	if carol.post("/tokens", form...); tokens() != before+3 {
		t.Errorf("carol's form: %d tokens", tokens()-before)
	}
}

// TestConsoleTwoServers: of two servers behind one address one acts on a form, and the
// other says that it was sent; a form that was refused may be sent to either.
func TestConsoleTwoServers(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	tokens := func() int { return len(must(p.Tokens(t.Context()))(t).Tokens) }
	before := tokens()
	var servers [2]http.Handler
	for i := range servers {
		servers[i] = must(console.New(console.Options{Client: w.dial(), Session: p.Token, Forms: w.access}))(t)
	}
	send := func(to int, uses string) int {
		form := url.Values{"once": {strings.Repeat("B", 26)}, "do": {"create"}, "note": {"lab"}, "uses": {uses}}
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/tokens", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		out := httptest.NewRecorder()
		servers[to].ServeHTTP(out, r)
		return out.Code
	}
	for _, step := range []struct {
		to     int
		uses   string
		status int
		made   int
	}{{0, "none", http.StatusBadRequest, 0}, {1, "none", http.StatusBadRequest, 0}, {1, "3", http.StatusOK, 1}, {0, "3", http.StatusConflict, 1}, {1, "3", http.StatusOK, 1}, {0, "4", http.StatusOK, 2}} {
		if status := send(step.to, step.uses); status != step.status || tokens() != before+step.made {
			t.Errorf("%+v: %d, and %d tokens", step, status, tokens()-before)
		}
	}
}

// A slow server does what it is asked for when it is let.
type slow struct {
	http.RoundTripper
	came chan struct{}
	let  chan struct{}
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.Path == api.RouteTokens {
		s.came <- struct{}{}
		<-s.let
	}
	return s.RoundTripper.RoundTrip(r)
}

// TestConsoleTwiceAtOnce: of two clicks the browser drops the first request, and asks
// again while the server still works on it.
func TestConsoleTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	before := len(must(p.Tokens(t.Context()))(t).Tokens)
	s := &slow{w.raw().Transport, make(chan struct{}, 3), make(chan struct{})}
	c := must(api.New(w.url, api.Options{Transport: s}))(t)
	pages := must(console.New(console.Options{Client: c, Session: p.Token}))(t)
	front := httptest.NewServer(pages)
	t.Cleanup(front.Close)
	form := url.Values{"once": {strings.Repeat("A", 26)}, "do": {"create"}, "note": {"lab"}}
	answers := make([]string, 3)
	var all sync.WaitGroup
	send := func(ctx context.Context, i int) {
		req := must(http.NewRequestWithContext(ctx, http.MethodPost, front.URL+"/tokens", strings.NewReader(form.Encode())))(t)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		all.Go(func() {
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				answers[i] = err.Error()
				return
			}
			defer resp.Body.Close()
			data, _ := io.ReadAll(resp.Body)
			answers[i] = regexp.MustCompile(`data-copy="[^" ]{16,}"`).FindString(string(data))
		})
	}
	first, drop := context.WithCancel(t.Context())
	send(first, 0)
	<-s.came
	drop()
	send(t.Context(), 1)
	send(t.Context(), 2)
	close(s.let)
	all.Wait()
	if n := len(must(p.Tokens(t.Context()))(t).Tokens) - before; n != 1 || answers[1] == "" || answers[2] != answers[1] {
		t.Errorf("%d tokens: %q", n, answers)
	}
}

// TestConsoleSessionEnds: what somebody typed while their session ended is there again
// when they are back, but for secrets; nothing was sent, and nobody else sees it.
func TestConsoleSessionEnds(t *testing.T) {
	w := newWorld(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	carol := w.browser("carol", "", api.Verbs()...)
	b.get("/people")
	end := func() {
		for _, s := range must(w.person().SessionsOf(t.Context(), "root"))(t).Sessions {
			if err := w.person().EndSession(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	end()
	at, _ := b.post("/people", "name", "dora", "password", "no word of this in a page", "again", "no word of this in a page")
	to := must(url.Parse(at))(t).Query().Get("to")
	if !strings.HasPrefix(at, "/login?") || !strings.HasPrefix(to, "/people?kept=") {
		t.Fatalf("at %q", at)
	}
	carol.logIn("carol")
	if _, page := carol.get(to); strings.Contains(page, "dora") {
		t.Errorf("carol sees what root typed:\n%s", page)
	}
	at, page := b.post("/login", "name", "root", "password", consolePassword, "to", to)
	b.want(page, `value="dora"`, "nothing was sent", `role="alert"`)
	if at != to || strings.Contains(page, "no word of this") {
		t.Errorf("at %q:\n%s", at, page)
	}
	for _, one := range must(w.person().People(t.Context()))(t).People {
		if one.Name == "dora" {
			t.Error("the form was sent by itself")
		}
	}
	// A form that nobody's session sent is not kept.
	stranger := &browser{Client: w.raw(), w: w}
	req := must(http.NewRequest(http.MethodPost, w.url+"/people", strings.NewReader("name=dora")))(t)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: api.Cookie, Value: "made up"})
	resp := must(stranger.Do(req))(t)
	resp.Body.Close()
	if at := resp.Request.URL.RequestURI(); at != "/login" {
		t.Errorf("a stranger's form is kept: at %q", at)
	}
}
