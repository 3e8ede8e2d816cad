package server

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster/action"
	"muster/api"
	"muster/internal/console"
)

// TestConsoleCancel: an action is cancelled by the command that signs that, with the
// reason that was typed, and by nothing else.
func TestConsoleCancel(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	all := w.joined(p, 1)
	post, act := w.order(action.Reboot, []string{all[0].ID}, nil)
	must(p.SendAction(t.Context(), post))(t)
	s, ask := w.ofForms(p)
	at := "/actions/" + act.ID
	if page := ask(http.MethodGet, at, nil).Body.String(); !strings.Contains(page, `value="cancel"`) {
		t.Fatalf("it cannot be cancelled:\n%s", page)
	}
	for what, form := range map[string]url.Values{"nothing": {}, "something else": {"do": {"forget"}}} {
		if r := ask(http.MethodPost, at, form); r.Code != http.StatusBadRequest || len(s.ran) > 0 {
			t.Errorf("%s: %d, signed %q", what, r.Code, s.ran)
		}
	}
	if r := ask(http.MethodPost, at, url.Values{"do": {"cancel"}, "why": {" wrong hosts "}}); r.Code != http.StatusSeeOther || r.Header().Get("Location") != at {
		t.Errorf("%d to %q:\n%s", r.Code, r.Header().Get("Location"), r.Body)
	}
	if want := []string{"action", "cancel", "--reason", "wrong hosts", "--yes", "--", act.ID}; len(s.ran) != 1 || !slices.Equal(s.ran[0], want) {
		t.Errorf("signed %q, not %q", s.ran, want)
	}
	// Without a key nothing is signed, and the page says what to type.
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	if _, page := b.post(at, "do", "cancel"); !strings.Contains(page, "no key is here") || !strings.Contains(page, "muster action cancel "+act.ID) {
		t.Errorf("without a key:\n%s", page)
	}
}

// TestConsoleRollout: a rollout is paused, goes on, and ends, each with why.
func TestConsoleRollout(t *testing.T) {
	d := newDrill(t, 1, nil)
	s, ask := d.ofForms(d.person)
	const at = "/rollouts/rollout-age-2"
	state := func() api.RolloutDetail { return must(d.person.Rollout(t.Context(), "rollout-age-2"))(t) }
	for _, c := range []struct{ do, want, offered string }{{api.RolloutPause, "paused", "resume"}, {api.RolloutResume, "running", "pause"}} {
		if r := ask(http.MethodPost, at, url.Values{"do": {c.do}, "why": {"ticket 4711"}}); r.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", c.do, r.Code, r.Body)
		}
		if got := state(); got.State != c.want || !strings.Contains(got.Steps[0].Why+got.Steps[len(got.Steps)-1].Why, "ticket 4711") {
			t.Errorf("%s: %s, %+v", c.do, got.State, got.Steps)
		}
		if page := ask(http.MethodGet, at, nil).Body.String(); !strings.Contains(page, `value="`+c.offered+`"`) {
			t.Errorf("%s is not offered:\n%s", c.offered, page)
		}
	}
	if r := ask(http.MethodPost, at, url.Values{"do": {"forget"}}); r.Code != http.StatusBadRequest || state().State != "running" {
		t.Errorf("something else: %d, %s", r.Code, state().State)
	}
	for do, want := range map[string][]string{"return": {"rollout", "abort", "--return", "--reason", "it breaks", "--yes", "--", "rollout-age-2"}, "finish": {"rollout", "finish", "--yes", "--", "rollout-age-2"}} {
		s.ran = nil
		if r := ask(http.MethodPost, at, url.Values{"do": {do}, "why": {"it breaks"}}); r.Code != http.StatusSeeOther || len(s.ran) != 1 || !slices.Equal(s.ran[0], want) {
			t.Errorf("%s: %d, signed %q, not %q", do, r.Code, s.ran, want)
		}
	}
	if r := ask(http.MethodPost, at, url.Values{"do": {api.RolloutAbort}, "why": {"it breaks"}}); r.Code != http.StatusSeeOther || state().State != "aborted" {
		t.Errorf("%d, %s", r.Code, state().State)
	}
	if page := ask(http.MethodGet, at, nil).Body.String(); strings.Contains(page, `value="abort"`) || strings.Contains(page, `value="pause"`) {
		t.Errorf("it can be changed when it is over:\n%s", page)
	}
}

// broken answers no question after a change.
type broken struct {
	http.RoundTripper
	changed bool
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if r.Method == http.MethodPost {
		b.changed = true
	} else if b.changed && r.URL.Path == api.RouteTokens {
		resp.StatusCode = http.StatusInternalServerError
	}
	return resp, err
}

// A secret is shown though the page that has it in cannot be: nobody could read it again.
func TestConsoleSecretAlone(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	c := must(api.New(w.url, api.Options{Transport: &broken{RoundTripper: w.raw().Transport}}))(t)
	l := &liar{pages: must(console.New(console.Options{Client: c, Session: p.Token}))(t)}
	r := l.visit(http.MethodPost, "/tokens", url.Values{"do": {"create"}, "note": {"lab"}})
	secret := regexp.MustCompile(`data-copy="([^" ]{16,})"`).FindStringSubmatch(r.Body.String())
	if r.Code != http.StatusOK || secret == nil || !strings.Contains(r.Body.String(), `role="alert"`) || r.Header().Get("Content-Encoding") != "" {
		t.Fatalf("%d:\n%s", r.Code, r.Body)
	}
	w.machine(1).join(secret[1]) // it is one
}
