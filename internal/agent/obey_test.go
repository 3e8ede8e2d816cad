package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/durable"
	"muster/internal/install"
	"muster/settings"
	"muster/sign"
)

// ordering makes a signed action for hosts, that may begin now.
func (f *fleet) ordering(kind action.Kind, hosts []string, change func(*action.Action), by ...*sign.Identity) api.Order {
	f.Helper()
	now := time.Now()
	a := &action.Action{Type: action.Type, ID: action.NewID(), Kind: kind, Server: serverID, NotBefore: now.Unix() - 60, NotAfter: now.Unix() + 3600,
		Targets: action.Targets{Hosts: action.Sort(hosts)}}
	if change != nil {
		change(a)
	}
	if by == nil {
		by = []*sign.Identity{f.packager}
	}
	der, err := a.Sign(now, by...)
	if err != nil {
		f.Fatal(err)
	}
	return api.Order{ID: a.ID, Message: der}
}

// act has a host take orders.
func (f *fleet) act(name string, orders ...api.Order) *Acted {
	f.Helper()
	out, err := Act(f.Context(), Orders{Job: f.job(name), All: orders})
	if err != nil {
		f.Fatal(err)
	}
	return out
}

// said are the results that the server was told, verified.
func (f *fleet) said() (all []*action.Result) {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, der := range f.reports {
		r, err := action.OpenResult(der, f.ca.Chain, time.Now())
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, r)
	}
	f.reports = nil
	return all
}

// one is the only result that the server was told since.
func (f *fleet) one(state action.State, says string) *action.Result {
	f.Helper()
	all := f.said()
	if len(all) != 1 || all[0].State != state || !strings.Contains(all[0].Text, says) {
		for _, r := range all {
			f.Logf("%+v", r)
		}
		f.Fatalf("%d results, want one %s: %q", len(all), state, says)
	}
	return all[0]
}

// TestActs: each kind of action does what it says, and the server has the result.
func TestActs(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "etc/tool=one")
	f.publish("probe 1-1", "actions.star=def audit():\n    print('looked')\n    return 'WARNING'\n", "etc/probe=x")
	id := []string{f.host("pc")}
	f.round("pc")

	first := f.ordering(action.Install, id, func(a *action.Action) { a.Packages = []string{"tool", "probe"} })
	if out := f.act("pc", first); !out.Changed || !slices.Equal(out.Handled, []string{first.ID}) {
		t.Errorf("%+v", out)
	}
	r := f.one(action.Done, "")
	if len(r.Changes) != 2 || r.Changes[1].Name != "tool" || r.Changes[1].To != "1.0-1" || r.Action != first.ID || r.SHA256 != action.Sum(first.Message) || r.Begun == 0 || r.Ended == 0 {
		t.Errorf("%+v", r)
	}
	f.publish("tool 1.1-1", "etc/tool=two")
	f.act("pc", f.ordering(action.Update, id, nil))
	f.one(action.Done, "upgrade tool")
	up := f.ordering(action.Upgrade, id, nil)
	f.act("pc", up)
	if r = f.one(action.Done, ""); len(r.Changes) != 1 || r.Changes[0].To != "1.1-1" {
		t.Errorf("%+v", r)
	}
	f.act("pc", f.ordering(action.Undo, id, func(a *action.Action) { a.Arguments = map[string]string{"action": up.ID} }))
	if r = f.one(action.Done, ""); len(r.Changes) != 1 || r.Changes[0].To != "1.0-1" {
		t.Errorf("%+v", r)
	}
	f.act("pc", f.ordering(action.Check, id, nil))
	if r = f.one(action.Done, "0 differences"); r.Status != muster.OK {
		t.Errorf("%+v", r)
	}
	if err := os.WriteFile(f.path("pc", "etc/probe"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.act("pc", f.ordering(action.Check, id, func(a *action.Action) { a.Packages = []string{"probe"} }))
	if r = f.one(action.Done, "etc/probe"); r.Status != muster.Error {
		t.Errorf("%+v", r)
	}
	f.act("pc", f.ordering(action.Audit, id, nil))
	if r = f.one(action.Done, "looked"); r.Status != muster.Warning {
		t.Errorf("%+v", r)
	}
	f.act("pc", f.ordering(action.Run, id, func(a *action.Action) {
		a.Script, a.Arguments = "def main():\n    print('hello ' + params['whom'])\n    return 7\n", map[string]string{"whom": "world"}
	}))
	f.one(action.Done, "hello world\n7")
	f.act("pc", f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    fail('no luck')\n" }))
	f.one(action.Failed, "no luck")
	f.act("pc", f.ordering(action.Remove, id, func(a *action.Action) { a.Packages = []string{"probe"} }))
	if r = f.one(action.Done, ""); len(r.Changes) != 1 || r.Changes[0].Op != "remove" {
		t.Errorf("%+v", r)
	}
	f.act("pc", f.ordering(action.Install, id, func(a *action.Action) { a.Packages = []string{"nothing"} }))
	f.one(action.Failed, "nothing")
	f.act("pc", f.ordering(action.Inventory, id, nil))
	f.one(action.Done, "")
	f.act("pc", f.ordering(action.Reboot, id, nil))
	f.one(action.Failed, "not the machine's own root") // an area
	f.round("pc")
	if by := f.results[0].By; !strings.HasPrefix(by, "action "+first.ID[:8]+" of Alice Martin") {
		t.Errorf("the change is said to be by %q", by)
	}
}

// TestCase35Refused: a host refuses what is not right, whoever relays it, and the
// server has its signed refusal. Nothing of it keeps a right one from being begun.
func TestCase35Refused(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "etc/tool=one")
	id := []string{f.host("pc")}
	f.round("pc")
	f.said()
	viewer := f.identity(f.authority, "Victor")
	install := func(a *action.Action) { a.Packages = []string{"tool"} }
	good := f.ordering(action.Install, id, install)
	altered := good
	altered.Message = []byte(strings.Replace(string(good.Message), `"tool"`, `"tocl"`, 1))
	for name, c := range map[string]struct {
		order api.Order
		state action.State
		says  string
	}{
		"altered":     {altered, action.Refused, "was changed after"},
		"unsigned":    {api.Order{ID: good.ID, Message: []byte("{}")}, action.Refused, "cannot read signature"},
		"other host":  {f.ordering(action.Install, []string{newUUID()}, install), action.Refused, "not for host"},
		"other fleet": {f.ordering(action.Install, id, func(a *action.Action) { install(a); a.Server = "other" }), action.Refused, "hosts of server"},
		"viewer":      {f.ordering(action.Install, id, install, viewer), action.Refused, "may not deploy"},
		"the server":  {f.ordering(action.Install, id, install, f.ca), action.Refused, "may not deploy"},
		"expired":     {f.ordering(action.Install, id, func(a *action.Action) { install(a); a.NotBefore -= 7200; a.NotAfter -= 7200 }), action.Expired, "its time is over"},
		"another's proof": {f.ordering(action.Install, id, func(a *action.Action) {
			install(a)
			a.Targets = action.Targets{Count: 65, Root: strings.Repeat("00", 32)}
		}), action.Refused, "not for host"},
	} {
		f.act("pc", c.order)
		all := f.said()
		if len(all) != 1 || all[0].State != c.state || !strings.Contains(all[0].Text, c.says) || all[0].SHA256 != action.Sum(c.order.Message) {
			t.Errorf("%s: %+v", name, all)
		}
		if _, err := os.Stat(f.path("pc", "etc/tool")); err == nil {
			t.Fatalf("%s: it was installed", name)
		}
	}
	f.act("pc", good)
	f.one(action.Done, "")
	// Replayed, by the server or by whoever has seen it.
	for range 3 {
		f.act("pc", good)
	}
	f.act("pc", altered)
	if all := f.said(); len(all) != 1 || all[0].State != action.Refused {
		t.Errorf("%+v", all)
	}
	if n := len(changesOf(t, f.path("pc"))); n != 1 {
		t.Errorf("%d changes", n)
	}
}

// changesOf are the numbers of the changes of a root.
func changesOf(t *testing.T, dir string) []int {
	t.Helper()
	r, err := install.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := r.Journal().IDs()
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestCase35Settings: what the fleet's own signed settings do not accept is refused.
func TestCase35Settings(t *testing.T) {
	f := newFleet(t)
	f.policies["office"] = settings.Document{{"action-kinds": "update, install", "action-approvals": "install 2"}}
	f.publish("office 1\nkind: config\n")
	f.publish("tool 1.0-1", "etc/tool=one")
	id := []string{f.host("pc")}
	f.round("pc")
	f.install("pc", "office")
	f.round("pc")
	f.said()
	bob := f.identity(f.authority, "Bob", sign.RightDeploy)
	install := func(a *action.Action) { a.Packages = []string{"tool"} }
	f.act("pc", f.ordering(action.Remove, id, install))
	f.one(action.Refused, "action-kinds")
	f.act("pc", f.ordering(action.Install, id, install))
	f.one(action.Refused, "2 persons")
	f.act("pc", f.ordering(action.Install, id, install, f.packager, bob))
	f.one(action.Done, "")
	f.act("pc", f.ordering(action.Update, id, nil, bob))
	f.one(action.Done, "")
}

// TestCancelled: what waits is not begun when it is cancelled, what has not come is
// not when it does, and for what was begun it is too late.
func TestCancelled(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "etc/tool=one")
	id := []string{f.host("pc")}
	f.round("pc")
	stop := func(of string) api.Order {
		return f.ordering(action.Cancel, id, func(a *action.Action) { a.Arguments = map[string]string{"id": of} })
	}
	install := func(a *action.Action) { a.Packages = []string{"tool"} }
	later := f.ordering(action.Install, id, func(a *action.Action) { install(a); a.NotBefore += 600 })
	if out := f.act("pc", later); out.Due == 0 || len(f.said()) != 0 {
		t.Fatalf("%+v", out)
	}
	f.act("pc", stop(later.ID))
	if all := f.said(); len(all) != 2 || all[0].State != action.Done && all[1].State != action.Done || all[0].State != action.Cancelled && all[1].State != action.Cancelled {
		t.Errorf("%+v", all)
	}
	never := f.ordering(action.Install, id, install)
	f.act("pc", stop(never.ID))
	f.one(action.Done, "had not come")
	f.act("pc", never)
	f.one(action.Cancelled, "before it came")
	f.act("pc", never)
	if all := f.said(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	// Both at once: the cancel goes first.
	both := f.ordering(action.Install, id, install)
	f.act("pc", both, stop(both.ID))
	f.said()
	if n := len(changesOf(t, f.path("pc"))); n != 0 {
		t.Errorf("%d changes", n)
	}
	now := f.ordering(action.Install, id, install)
	f.act("pc", now)
	f.one(action.Done, "")
	f.act("pc", stop(now.ID))
	f.one(action.Failed, "too late")
}

// TestCase35AtMostOnce: wherever a crash comes, at any write of the disk, an action
// is begun at most once, and what became of it is told in the end.
func TestCase35AtMostOnce(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	crash := errors.New("crash")
	for n := 0; ; n++ {
		marks := f.path("marks")
		os.RemoveAll(marks)
		order := f.ordering(action.Run, id, func(a *action.Action) {
			a.Arguments = map[string]string{"file": marks}
			a.Script = "def main():\n    if isfile(params['file']):\n        fail('twice')\n    write_file(params['file'], 'once')\n"
		})
		calls := 0
		disk := &durable.Disk{Fault: func(c durable.Call) error {
			if !strings.Contains(c.Name, string(filepath.Separator)+"actions") {
				return nil
			}
			if calls++; calls > n {
				return crash // and everything after it, as when the power is off
			}
			return nil
		}}
		_, err := Act(f.Context(), Orders{Job: f.job("pc"), All: []api.Order{order}, Disk: disk})
		if err == nil && calls <= n {
			t.Logf("%d calls", n)
			break
		}
		// The next start, and the server sends it again.
		f.act("pc")
		f.act("pc", order)
		f.act("pc", order)
		var states []action.State
		for _, r := range f.said() {
			if r.Action == order.ID && r.State.Final() && !slices.Contains(states, r.State) {
				states = append(states, r.State)
			}
		}
		if len(states) != 1 || states[0] != action.Done && states[0] != action.Interrupted {
			t.Errorf("after a crash at call %d the server has %v", n+1, states)
		}
		if n > 100 {
			t.Fatal("it never ends")
		}
	}
}

// TestRestarted: an order to start the machine anew is over when the machine has.
func TestRestarted(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	order := f.ordering(action.Reboot, id, nil)
	after := f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    print('hello')\n" })
	times := 0
	restart := func() error { times++; return nil }
	// What came after it is not begun by a machine that is about to stop, neither in
	// the same breath nor when the server wakes the host once more.
	for _, all := range [][]api.Order{{order, after}, {after}, nil} {
		out, err := Act(t.Context(), Orders{Job: f.job("pc"), All: all, Restart: restart})
		if err != nil {
			t.Fatal(err)
		}
		if said := f.said(); len(said) != 0 || times != 1 || out.Due == 0 {
			t.Fatalf("%+v, %d times, next at %d", said, times, out.Due)
		}
	}
	root, err := install.Open(f.path("pc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{home: HomeOf(root.State, nil), now: time.Now}
	d, err := l.get(order.ID)
	if err != nil || d.Stage != begun {
		t.Fatalf("%+v, %v", d, err)
	}
	d.Boot = "another"
	if err := l.put(d); err != nil {
		t.Fatal(err)
	}
	f.act("pc", order)
	all := f.said()
	if len(all) != 2 || all[0].Action != order.ID || !strings.Contains(all[0].Text, "started again") || !strings.Contains(all[1].Text, "hello") {
		t.Errorf("%+v", all)
	}
	if times != 1 {
		t.Errorf("restarted %d times", times)
	}
}

// TestNotRestarted: a machine that does not start anew in time goes on.
func TestNotRestarted(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	orders := []api.Order{f.ordering(action.Reboot, id, nil), f.ordering(action.Check, id, nil)}
	if _, err := Act(t.Context(), Orders{Job: f.job("pc"), All: orders, Restart: func() error { return nil }}); err != nil {
		t.Fatal(err)
	}
	j := f.job("pc")
	j.Now = func() time.Time { return time.Now().Add(11 * time.Minute) }
	if _, err := Act(t.Context(), Orders{Job: j}); err != nil {
		t.Fatal(err)
	}
	all := f.said()
	if len(all) != 2 || all[0].State != action.Interrupted || all[1].State != action.Done {
		t.Errorf("%+v", all)
	}
}

// TestInTurn: actions of one second are begun in the order in which they came.
func TestInTurn(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	var orders []api.Order
	for range 8 {
		orders = append(orders, f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    pass\n" }))
	}
	f.act("pc", orders[:5]...)
	f.act("pc", orders[5:]...)
	for i, r := range f.said() {
		if r.Action != orders[i].ID {
			t.Errorf("%d is another", i)
		}
	}
}

// TestRefusalsBounded: whoever sends what nobody signed does not fill the disk.
func TestRefusalsBounded(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	root, err := install.Open(f.path("pc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	home := HomeOf(root.State, nil)
	l := &ledger{home: home, now: time.Now}
	if err := l.make(); err != nil {
		t.Fatal(err)
	}
	h := action.Host{ID: id[0], Server: serverID, Trust: &sign.Trust{}, Now: time.Now()}
	unsigned := func(*action.Result) ([]byte, error) { return []byte("refused"), nil }
	for i := range maxRefusals + 20 {
		if err := l.admit(api.Order{Message: fmt.Append(nil, i)}, h, unsigned); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := l.names(".p7m"); err != nil || len(names) != maxRefusals {
		t.Errorf("%d refusals, %v", len(names), err)
	}
}

// TestForgotten: actions are forgotten when no host begins them any more; a clock
// that goes back then brings none of them back.
func TestForgotten(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	order := f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    print('hello')\n" })
	f.act("pc", order)
	f.one(action.Done, "hello")
	j := f.job("pc")
	j.Now = func() time.Time { return time.Now().Add(26 * time.Hour) }
	if _, err := Act(t.Context(), Orders{Job: j}); err != nil {
		t.Fatal(err)
	}
	root, err := install.Open(f.path("pc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{home: HomeOf(root.State, nil), now: time.Now}
	if all, err := l.deeds(); err != nil || len(all) != 0 {
		t.Fatalf("%d are left, %v", len(all), err)
	}
	f.act("pc", order)
	f.one(action.Refused, "may have been done already")
}

// TestDamagedDeed: what cannot be read was begun, as far as anybody knows.
func TestDamagedDeed(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	order := f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    print('hello')\n" })
	f.act("pc", order)
	f.one(action.Done, "hello")
	root, err := install.Open(f.path("pc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(HomeOf(root.State, nil).file("actions"), order.ID+".json")
	for _, content := range []string{"", "{", "{}", strings.Repeat("x", maxState+1)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f.act("pc", order)
		if all := f.said(); len(all) != 0 {
			t.Errorf("with %.10q: %+v", content, all[0])
		}
	}
}

// TestOffline: what could not be told is told by the next round.
func TestOfflineResult(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	down := muster.Unavailable
	f.down = &down
	out := f.act("pc", f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    print('hello')\n" }))
	if !out.Untold {
		t.Errorf("%+v", out)
	}
	f.down = nil
	f.round("pc")
	f.one(action.Done, "hello")
	f.round("pc")
	if all := f.said(); len(all) != 0 {
		t.Errorf("told again: %+v", all)
	}
}

// TestTelling: of what takes long the server hears that it has begun, and what it
// says.
func TestTelling(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	f.act("pc", f.ordering(action.Run, id, func(a *action.Action) {
		a.Script = "def main():\n    print('begin')\n    run(['sh', '-c', 'sleep 4; echo end'])\n"
	}))
	all := f.said()
	if len(all) != 2 || all[0].State != action.Started || all[1].State != action.Done || !strings.Contains(all[1].Text, "begin\n") {
		t.Errorf("%+v", all)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.Contains(f.logged, "begin\n") {
		t.Errorf("the server heard %q", f.logged)
	}
}

// TestAnswer: where many hosts were given the same, one begins at once, and the server
// hears of it at the host's moment, with one message.
func TestAnswer(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	o := f.ordering(action.Run, id, func(a *action.Action) {
		a.Script = "def main():\n    run(['sh', '-c', 'sleep 2.2'])\n"
	})
	answer := time.Now().Add(4 * time.Second)
	if _, err := Act(f.Context(), Orders{Job: f.job("pc"), All: []api.Order{o}, Answer: answer}); err != nil {
		t.Fatal(err)
	}
	if time.Now().Before(answer) {
		t.Errorf("told %s early", time.Until(answer))
	}
	if r := f.one(action.Done, ""); r.Begun > answer.Unix()-3 {
		t.Errorf("begun at %d, to be told at %d", r.Begun, answer.Unix())
	}
}

// TestAnswerCutShort: an agent that is stopped before its moment keeps the result.
func TestAnswerCutShort(t *testing.T) {
	f := newFleet(t)
	id := []string{f.host("pc")}
	f.round("pc")
	o := f.ordering(action.Audit, id, nil)
	ctx, stop := context.WithCancel(f.Context())
	job := f.job("pc")
	job.Log = func(format string, args ...any) {
		if strings.Contains(fmt.Sprintf(format, args...), string(action.Done)) {
			stop()
		}
	}
	if out, err := Act(ctx, Orders{Job: job, All: []api.Order{o}, Answer: time.Now().Add(time.Hour)}); err == nil && !out.Untold {
		t.Errorf("%+v", out)
	}
	if all := f.said(); len(all) > 0 {
		t.Errorf("told %+v", all[0])
	}
	f.act("pc")
	f.one(action.Done, "")
}

// TestOrdered: the loop takes what the server sends to a host that waits, and goes
// on waiting.
func TestOrdered(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "etc/tool=one")
	id := []string{f.host("pc")}
	f.policy.Wake = true
	a := &Agent{Root: f.path("pc"), Version: "1.0", Prompt: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for i, order := range []api.Order{
		f.ordering(action.Install, id, func(a *action.Action) { a.Packages = []string{"tool"} }),
		f.ordering(action.Run, id, func(a *action.Action) { a.Script = "def main():\n    print('hello')\n" }),
	} {
		f.give(order)
		deadline := time.After(30 * time.Second)
		for {
			if all := f.said(); len(all) > 0 {
				if all[0].State != action.Done || all[0].Action != order.ID {
					t.Errorf("order %d: %+v", i, all[0])
				}
				break
			}
			select {
			case <-deadline:
				t.Fatal("nothing came of it")
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// TestActsInTime: the loop begins an action when its time comes, and tries again
// what could not be taken.
func TestActsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		inner, due := s.Do, time.Now().Add(47*time.Minute)
		s.Do = func(ctx context.Context, w *Work, tell func(News)) *Done {
			done := inner(ctx, w, tell)
			if w.Action == Acting {
				done.Acted = &Acted{Changed: true}
				if time.Now().Before(due) {
					done.Acted = &Acted{Due: due.Unix()}
				}
			}
			if w.Action == Look && time.Now().Before(due) && len(s.log) == 1 {
				done.Outcome.Orders = []api.Order{{ID: "1"}}
			}
			return done
		}
		expect(t, s.run(t, time.Hour), "0s look+collect, 0s act, 47m0s act, 47m0s look")
	})
}

// TestReportsFit: what goes into one check-in is no more than a server reads.
func TestReportsFit(t *testing.T) {
	one, big := saidReport{der: make([]byte, 10)}, saidReport{der: make([]byte, maxSaid)}
	for _, c := range []struct {
		all  []saidReport
		want int
	}{{nil, 0}, {[]saidReport{big, one}, 1}, {[]saidReport{one, big}, 1}, {[]saidReport{one, one, one}, 2}, {[]saidReport{big}, 1}} {
		if got := fitting(c.all, 2); got != c.want {
			t.Errorf("%d of %d fit, want %d", got, len(c.all), c.want)
		}
	}
}
