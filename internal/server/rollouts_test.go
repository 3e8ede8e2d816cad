package server

import (
	"crypto"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/api"
	"muster/internal/fetch"
	"muster/internal/repo"
	"muster/inventory"
	"muster/pkgfile"
	"muster/rollout"
	"muster/sign"
)

// A drill is a server with hosts that do what the rollout of age 2 lets them.
type drill struct {
	*world
	person *api.PersonClient
	client *repo.Client // what every host sees of the repository
	doc    *rollout.Document
	hosts  []*drilled
}

// A drilled host is one whose package age is of this version.
type drilled struct {
	*machine
	version string
	groups  []string
	told    []api.Result
}

// newDrill has hosts with age 1, of which the first tenth are in group pilot, and
// rolls age 2 out: pilot, half, all.
func newDrill(t *testing.T, hosts int, edit func(*rollout.Document)) *drill {
	t.Helper()
	w := newWorld(t)
	d := &drill{world: w, person: w.person()}
	w.found(d.person)
	must(publish(t, d.person, pack(t, "age", "1", 10, w.admin)))(t)
	pilot := must(d.person.CreateToken(t.Context(), api.TokenRequest{Uses: -1, Groups: []string{"pilot"}}))(t)
	others := must(d.person.CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	client := w.dial() // one for all: handshakes take longer than what is said
	for n := range hosts {
		h := &drilled{machine: &machine{t: t}, version: "1"}
		h.HostClient = &api.HostClient{Client: client, ID: fmt.Sprintf("00000000-0000-4000-8000-%012x", n+1), Key: must(sign.NewKey(""))(t).(crypto.Signer),
			Next: func() (uint64, error) { return h.counter.Add(1), nil }}
		token := others.Secret
		if n < hosts/10 {
			token = pilot.Secret
		}
		h.join(token)
		d.hosts = append(d.hosts, h)
	}
	d.each(t, (*drilled).tell)
	dir := t.TempDir()
	d.client = &repo.Client{Bases: []string{w.url + api.RouteRepo}, State: dir, Trust: &sign.Trust{Anchors: w.admin.Chain},
		Fetch: &fetch.Client{Cache: filepath.Join(dir, "cache"), Roots: w.roots}}
	d.doc = staged(edit)
	must(publish(t, d.person, d.rolledOut("1")))(t) // before the package: nobody sees that without
	must(publish(t, d.person, pack(t, "age", "2", 10, w.admin)))(t)
	return d
}

func staged(edit func(*rollout.Document)) *rollout.Document {
	d := &rollout.Document{ID: "rollout-age-2", Package: "age", Version: "2", From: "1", State: rollout.Running, Start: time.Now().Add(-time.Minute).UTC().Truncate(time.Second)}
	for i, percent := range []rollout.Share{0, 50_00, rollout.Whole} {
		r := rollout.NewRing()
		r.Name, r.Percent, r.AtLeast = fmt.Sprint("ring", i+1), percent, rollout.Whole
		if percent == 0 {
			r.Group = "pilot"
		}
		d.Rings = append(d.Rings, r)
	}
	if edit != nil {
		edit(d)
	}
	return d
}

// rolledOut is the package of the rollout, signed.
func (d *drill) rolledOut(version string) string {
	d.t.Helper()
	c := d.doc.Control(version)
	draft := must(pkgfile.Build(pkgfile.Spec{Control: c, Date: time.Now().Add(-time.Minute), Policy: d.doc.Policy()}, d.t.TempDir()))(d.t)
	defer draft.Close()
	signature := must(sign.Sign(draft.Encoded, true, time.Now().Add(-time.Minute), d.admin))(d.t)
	f := must(os.Create(filepath.Join(d.t.TempDir(), c.FileName())))(d.t)
	defer f.Close()
	check(d.t, draft.Write(f, signature))
	return f.Name()
}

func (d *drill) each(t *testing.T, do func(*drilled) error) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for _, h := range d.hosts {
		g.Go(func() error { return do(h) })
	}
	check(t, g.Wait())
}

// tell checks in, with results, and sends the inventory that is wanted.
func (h *drilled) tell() error {
	doc := inventory.New()
	doc.System = &inventory.System{Hostname: "pc", OS: "linux", Arch: "amd64"}
	doc.Muster = []inventory.Installed{{Name: "age", Version: h.version, Status: string(muster.OK)}}
	hashes, err := doc.Hashes()
	if err != nil {
		return err
	}
	out, err := h.CheckIn(h.t.Context(), api.CheckIn{Set: hashes.Set(), Clock: time.Now().Unix(), Results: h.told})
	if err != nil {
		return err
	}
	if h.told = nil; out.Policy != nil {
		h.groups = out.Policy.Groups
	}
	if out.Send == api.SendNothing {
		return nil
	}
	data, err := doc.Marshal()
	if err == nil {
		_, err = h.Inventory(h.t.Context(), api.TypeDocument, data)
	}
	return err
}

// turn has every host look for news and do what it may; those that bad names fail.
// It returns how many tried.
func (d *drill) turn(bad func(n int) bool) (tried int) {
	t := d.t
	t.Helper()
	must(d.client.Update(t.Context()))(t)
	gate, ok := d.client.Head().Gates[d.doc.ID]
	for n, h := range d.hosts {
		if !ok || h.version == "2" || d.doc.Decide(&gate, rollout.Host{ID: h.ID, Groups: h.groups}, time.Now()).Action != rollout.Take {
			continue
		}
		tried++
		result := api.Result{ID: fmt.Sprintf("00000000-0000-4000-9000-%06x%06x", n, time.Now().UnixNano()%(1<<24)), Kind: "upgrade", Started: time.Now().Unix(), Ended: time.Now().Unix(), By: "schedule",
			Steps: []api.Change{{Op: "upgrade", Name: "age", From: "1", To: "2", Status: muster.OK}}}
		if bad != nil && bad(n) {
			result.Error, result.Steps[0].Status = "install of age: exit status 1", muster.Error
		} else {
			h.version = "2"
		}
		h.told = append(h.told, result)
	}
	d.each(t.(*testing.T), (*drilled).tell)
	check(t, d.rollouts.Look(t.Context()))
	return tried
}

func (d *drill) expect(state rollout.State, ring int) api.RolloutDetail {
	d.t.Helper()
	out := must(d.person.Rollout(d.t.Context(), d.doc.ID))(d.t)
	if out.State != string(state) || out.Ring != ring {
		d.t.Fatalf("%s, ring %d (%s; waits: %s; %+v), want %s, ring %d", out.State, out.Ring, out.Why, out.Waits, out.Rings, state, ring)
	}
	return out
}

// with counts the hosts that have a version.
func (d *drill) with(version string) (n int) {
	for _, h := range d.hosts {
		if h.version == version {
			n++
		}
	}
	return n
}

// A version that serves goes to all of 200 hosts, ring by ring.
func TestRolloutCompletes(t *testing.T) {
	d := newDrill(t, 200, nil)
	check(t, d.rollouts.Look(t.Context()))
	if out := d.expect(rollout.Running, 1); out.Rings[0].Hosts != 20 || out.Rings[1].Hosts+out.Rings[2].Hosts != 180 || !strings.Contains(out.Document, "version: 2") {
		t.Errorf("%+v", out)
	}
	for ring := 1; ring <= 3; ring++ {
		if d.turn(nil) == 0 {
			t.Errorf("nobody takes the version in ring %d", ring)
		}
		if ring < 3 {
			d.expect(rollout.Running, ring+1)
		}
	}
	out := d.expect(rollout.Completed, 3)
	if d.with("2") != 200 || len(out.Steps) != 5 || len(out.Failures) > 0 {
		t.Errorf("%d hosts have it: %+v", d.with("2"), out)
	}
	page := must(d.person.Rollouts(t.Context()))(t)
	if len(page.Rollouts) != 1 || page.Rollouts[0].State != "completed" {
		t.Errorf("%+v", page)
	}
}

// A version that fails on one host in ten is halted by itself before the last ring,
// in which nobody ever tries; and hosts hold from the next head on.
func TestRolloutHalts(t *testing.T) {
	d := newDrill(t, 200, func(doc *rollout.Document) {
		for i := range doc.Rings {
			doc.Rings[i].Success, doc.Rings[i].MaxErrorRate, doc.Rings[i].After = 80_00, 5_00, 30
		}
	})
	check(t, d.rollouts.Look(t.Context()))
	tenth := func(n int) bool { return n%10 == 3 }
	d.turn(tenth) // two of twenty: less than thirty have reported
	d.expect(rollout.Running, 2)
	d.turn(tenth)
	out := d.expect(rollout.Halted, 2)
	if !strings.Contains(out.Why, "failed, more than 5 %") || len(out.Failures) == 0 || !strings.Contains(out.Failures[0].Error, "exit status 1") {
		t.Errorf("%+v", out)
	}
	had := d.with("2")
	if d.turn(tenth) != 0 || d.with("2") != had || had > 140 {
		t.Errorf("%d hosts had it, %d have it", had, d.with("2"))
	}
	for n, h := range d.hosts {
		if h.version == "2" && d.doc.Place(rollout.Host{ID: h.ID, Groups: h.groups}) == 3 {
			t.Errorf("host %d of the last ring has it", n)
		}
	}
	entries := must(d.person.Audit(t.Context(), api.AuditQuery{What: "rollout"}))(t)
	if len(entries.Entries) != 4 || !slices.ContainsFunc(entries.Entries, func(e api.AuditEntry) bool {
		return e.Target == d.doc.ID && strings.Contains(e.Content, "halted")
	}) {
		t.Errorf("audit log: %+v", entries.Entries)
	}
}

// People pause and abort; who wants hosts to go back signs it.
func TestRolloutPeople(t *testing.T) {
	d := newDrill(t, 20, nil)
	check(t, d.rollouts.Look(t.Context()))
	do := func(what string) error {
		_, err := d.person.ChangeRollout(t.Context(), d.doc.ID, api.RolloutChange{Do: what, Why: "coffee"})
		return err
	}
	check(t, do(api.RolloutPause))
	if d.expect(rollout.Paused, 1); d.turn(nil) != 0 {
		t.Error("hosts take a version that is paused")
	}
	check(t, do(api.RolloutResume))
	if d.expect(rollout.Running, 1); d.turn(nil) != 2 {
		t.Error("hosts do not go on")
	}
	check(t, do(api.RolloutAbort))
	d.expect(rollout.Aborted, 2)
	wantKind(t, do(api.RolloutResume), muster.Conflict)
	d.doc.State, d.doc.Return = rollout.Aborted, true
	must(publish(t, d.person, d.rolledOut("2")))(t)
	check(t, d.rollouts.Look(t.Context()))
	if out := d.expect(rollout.Aborted, 0); out.Version != "2" {
		t.Errorf("%+v", out)
	}
	must(d.client.Update(t.Context()))(t)
	gate := d.client.Head().Gates[d.doc.ID]
	if got := d.doc.Decide(&gate, rollout.Host{ID: d.hosts[0].ID}, time.Now()); got.Action != rollout.Return {
		t.Errorf("%+v", got)
	}
	wantKind(t, func() error {
		_, err := d.person.Rollout(t.Context(), "rollout-other")
		return err
	}(), muster.NotFound)
}

// A host's word about a rollout is worth what its own hosts' is: one host that tells
// of failures again and again counts once.
func TestRolloutOneHostLies(t *testing.T) {
	d := newDrill(t, 20, func(doc *rollout.Document) { doc.Rings[0].MaxErrors = 1 })
	check(t, d.rollouts.Look(t.Context()))
	for i := range 5 {
		d.hosts[0].told = append(d.hosts[0].told, api.Result{ID: fmt.Sprintf("00000000-0000-4000-9000-%012x", i), Kind: "upgrade", Error: "x",
			Steps: []api.Change{{Op: "upgrade", Name: "age", To: "2", Status: muster.Error}}})
	}
	check(t, d.hosts[0].tell())
	check(t, d.rollouts.Look(t.Context()))
	if out := d.expect(rollout.Running, 1); out.Rings[0].Failed != 1 {
		t.Errorf("%+v", out.Rings)
	}
}

// Nobody without a session sees or changes a rollout.
func TestRolloutOfStrangers(t *testing.T) {
	w := newWorld(t)
	for method, body := range map[string]io.Reader{http.MethodGet: nil, http.MethodPost: strings.NewReader(`{"do":"abort"}`)} {
		req := must(http.NewRequest(method, w.url+"/api/v1/rollouts/x", body))(t)
		if status, _ := w.status(req); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", method, status)
		}
	}
}
