package console

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/api"
	"muster/internal/simulate"
	"muster/internal/testneed"
)

// A world is a site with a fleet: hosts that are simulated, of which some fail, two with
// the real agent, and some that wait to be let in.
type world struct {
	*site
	client *api.Client
	person *api.PersonClient // the administrator
	leave  context.CancelFunc
	left   chan error // of the simulated hosts

	sessions map[string]string // of people, by name: see as
}

const (
	simulated = 106 // with the others more than a page of the list has
	waiting   = 2
	password  = "correct horse battery staple"
)

// theWorld is made once, by the first test that needs it.
var theWorld = sync.OnceValues(func() (*world, error) {
	w, err := newWorld()
	if err == nil {
		err = w.populate()
	}
	made = w
	return w, err
})

// made is what has to be ended when all tests are over.
var made *world

func TestMain(m *testing.M) {
	code := m.Run()
	endBrowser()
	if made != nil {
		made.close()
	}
	os.Exit(code)
}

func inWorld(t *testing.T) *world {
	t.Helper()
	testneed.Program(t, "chromium")
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) close() {
	if w.leave != nil {
		w.leave()
		<-w.left
	}
	if w.client != nil {
		w.client.Close()
	}
	w.site.close()
}

// newWorld is a server with its people and nothing else.
func newWorld() (*world, error) {
	s, err := newSite()
	w := &world{site: s, sessions: map[string]string{}}
	if err != nil {
		return w, err
	}
	if err := s.run(
		[]string{"ca", "init", "--name", "Example Authority", "--out", "ca", "--no-password"},
		[]string{"ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice Martin", "--out", "alice", "--no-password"},
		[]string{"musterd", "init", "--data", s.path("server")},
		[]string{"musterd", "trust", "add", "--data", s.path("server"), "ca.crt", "alice.crt"},
	); err != nil {
		return w, err
	}
	if err := s.start("server", s.musterd, "serve", "--data", s.path("server")); err != nil {
		return w, err
	}
	if err := s.until("the server answers", s.answers); err != nil {
		return w, err
	}
	for _, do := range []func() error{w.believe, w.logIn, w.people} {
		if err := do(); err != nil {
			return w, err
		}
	}
	return w, nil
}

// logIn opens a session of the administrator: for this program, and for commands.
func (w *world) logIn() (err error) {
	if w.client, err = w.site.client(); err != nil {
		return err
	}
	id, err := w.alice()
	if err != nil {
		return err
	}
	session, err := w.client.Login(context.Background(), id, time.Now())
	w.person = &api.PersonClient{Client: w.client, Token: session.Token}
	return errors.Join(err, w.run([]string{"login", w.url(), "--ca", "server/tls/cert.pem"}))
}

// people are those who look: bob may do everything, vera may only look, and nina sees
// the hosts of one group.
func (w *world) people() error {
	for name, rule := range map[string]api.Rule{
		"bob":  {Verbs: api.Verbs()},
		"vera": {Verbs: []api.Verb{api.VerbView}},
		"nina": {Verbs: []api.Verb{api.VerbView, api.VerbEdit}, Hosts: "group:lab"},
	} {
		if _, err := w.person.AddPerson(context.Background(), api.PersonNew{Name: name, Password: password}); err != nil {
			return err
		}
		rule.Who = "person:" + name
		if _, err := w.person.AddRule(context.Background(), rule); err != nil {
			return err
		}
	}
	return nil
}

// populate brings packages and hosts.
func (w *world) populate() error {
	if err := w.run([]string{"repo", "init", w.url(), "--key", "ca.key", "--cert", "ca.crt"}); err != nil {
		return err
	}
	for _, of := range [][3]string{{"tool", "1.0-1"}, {"tool", "1.1-1"}, {"notes", "2.0-1"}, {"welcome", "0-1"}, {"welcome", "1-1", "def install():\n    fail('the text is too long')\n"}} {
		if err := w.recipe(of[0], of[1], of[2]); err != nil {
			return err
		}
	}
	err := w.run(
		[]string{"repo", "publish", w.url(), "tool_1.0-1_all_all.mpk", "notes_2.0-1_all_all.mpk", "welcome_0-1_all_all.mpk"},
		[]string{"groups", "edit", "lab", "--install", "tool"},
		[]string{"groups", "edit", "office", "--install", "welcome"},
		[]string{"groups", "edit", "bookworm", "--query", "os:debian"},
	)
	if err == nil {
		err = w.agents()
	}
	if err == nil {
		err = w.simulate(simulated)
	}
	if err == nil {
		err = w.reports()
	}
	if err == nil {
		err = w.arrange()
	}
	if err == nil {
		err = w.past()
	}
	return err
}

// agents are two hosts with the real one, and some that came without a token.
func (w *world) agents() error {
	token, err := w.person.CreateToken(context.Background(), api.TokenRequest{Uses: 2, Groups: []string{"lab"}})
	if err != nil {
		return err
	}
	join := func(name string, more ...string) error {
		return w.run(append([]string{"join", w.url(), "--root", name, "--area", "--name", name, "--trust", "ca.crt", "--ca", "server/tls/cert.pem"}, more...))
	}
	for _, name := range []string{"pc-1", "pc-2"} {
		if err := join(name, "--token", token.Secret); err != nil {
			return err
		}
		if err := w.start(name, w.muster, "agent", "run", "--now", "--root", name); err != nil {
			return err
		}
	}
	for i := range waiting {
		if err := join(fmt.Sprintf("new-%d", i+1)); err != nil {
			return err
		}
	}
	return nil
}

// simulate brings n hosts that stay connected, and tell of what succeeded and failed.
func (w *world) simulate(n int) error {
	token, err := w.person.CreateToken(context.Background(), api.TokenRequest{Uses: -1, Unit: "paris/lab", Note: "simulated hosts"})
	if err != nil {
		return err
	}
	roots, err := w.roots()
	if err != nil {
		return err
	}
	working := make(chan struct{})
	f := &simulate.Fleet{URL: w.url(), TLS: &tls.Config{RootCAs: roots}, Token: token.Secret, Hosts: n, Connected: true, Every: 30 * time.Second,
		Changes: .2, Failing: .3, Takes: time.Second, Jitter: .5, Seed: 7, FailingVersions: map[string]float64{"welcome=1-1": .5},
		Working: func() { close(working) }}
	ctx, cancel := context.WithCancel(context.Background())
	w.leave, w.left = cancel, make(chan error, 1)
	go func() {
		_, err := f.Run(ctx)
		w.left <- err
	}()
	select {
	case <-working:
		return nil
	case err := <-w.left:
		w.leave = nil
		return fmt.Errorf("the hosts do not come: %w", err)
	}
}

// arrange puts some hosts into a group, and begins what is under way in a fleet.
func (w *world) arrange() error {
	page, err := w.person.Hosts(context.Background(), api.HostQuery{Query: "name:ws-00* or name:ws-3* or name:pc-2", Limit: 8})
	if err != nil {
		return err
	}
	if len(page.Hosts) < 3 {
		return errors.New("the simulated hosts have not come")
	}
	for _, h := range page.Hosts {
		groups := []string{"lab"}
		if h.Name == "pc-2" { // alone: the first that fails halts what is brought to the office
			groups = append(groups, "office")
		}
		if _, err := w.person.EditHost(context.Background(), h.ID, api.HostEdit{AddGroups: groups}); err != nil {
			return err
		}
	}
	if err := w.until("both agents have told of their package", func() bool {
		page, err := w.person.Hosts(context.Background(), api.HostQuery{Query: "muster:tool name:pc-*", Limit: 3})
		return err == nil && len(page.Hosts) == 2
	}); err != nil {
		return err
	}
	return w.underWay()
}

// rings bring a version to a group first, and halt at the first failure. Who is in the
// office fails; pc-1, which is not, goes on as it should.
const rings = `ring: first
group: %s
soak: 1h
max-errors: 0

ring: all
percent: 100
`

// underWay begins a rollout that goes well, one that halts, and an action.
func (w *world) underWay() error {
	for _, group := range []string{"lab", "office"} {
		if err := os.WriteFile(w.path(group+".rings"), fmt.Appendf(nil, rings, group), 0o644); err != nil {
			return err
		}
	}
	if err := w.run(
		[]string{"rollout", "start", "tool=1.1-1", "tool_1.1-1_all_all.mpk", "--rings", "lab.rings", "--from", "1.0-1"},
		[]string{"rollout", "start", "welcome=1-1", "welcome_1-1_all_all.mpk", "--rings", "office.rings", "--from", "0-1"},
		[]string{"send", "check", "--to", "group:lab", "--reason", "after the holidays", "--yes"},
	); err != nil {
		return err
	}
	return w.until("a rollout has halted", func() bool {
		page, err := w.person.Rollouts(context.Background())
		return err == nil && slices.ContainsFunc(page.Rollouts, func(r api.Rollout) bool { return r.State == "halted" })
	})
}
