package action

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/canon"
	"muster/sign"
)

// TestCase35Verify: every action that is not for this host, now, by somebody who
// may, is refused with the reason.
func TestCase35Verify(t *testing.T) {
	p := known(t)
	many := must(NewTree(hostIDs(100)))(t)
	targets := must(many.Targets())(t)
	forMany := install(func(a *Action) { a.Targets = targets })
	for _, c := range []struct {
		name string
		der  []byte
		at   time.Time
		is   error
		says string
	}{
		{name: "expired", der: signed(t, install(), p.alice), at: now.Add(61 * time.Minute), is: ErrExpired, says: "its time is over"},
		{name: "early", der: signed(t, install(), p.alice), at: now.Add(-2 * time.Minute), is: ErrEarly, says: "may not begin yet"},
		{name: "far ahead", der: must(sign.Sign(must(farAhead().Encode())(t), false, now, p.alice))(t), says: "more than 30 days from now"},
		{name: "other host", der: signed(t, install(func(a *Action) { a.Targets.Hosts[0] = hostID(2) }), p.alice), says: "not for host"},
		{name: "other fleet", der: signed(t, install(func(a *Action) { a.Server = "other" }), p.alice), says: `hosts of server "other"`},
		{name: "altered", der: bytes.Replace(signed(t, install(), p.alice), []byte("age>=1.3"), []byte("age>=1.2"), 1), says: "was changed after"},
		{name: "unsigned", der: must(must(install().Encode())(t), nil)(t), says: "cannot read signature"},
		{name: "signed by a viewer", der: signed(t, install(), p.viewer), says: "may not deploy"},
		{name: "signed by the server", der: signed(t, install(), p.index), says: "may not deploy"},
		{name: "signed by a host", der: signed(t, install(), p.host), says: "may not deploy"},
		{name: "signed by somebody unknown", der: signed(t, install(), p.mallory), says: "unknown authority"},
		{name: "signed by somebody revoked", der: signed(t, install(), p.revoked), says: "revoked"},
		{name: "signed by somebody whose certificate has expired", der: signedThen(t, p.expired, now.Add(-2*time.Hour)), says: "has expired"},
		{name: "wrong right", der: signed(t, run(), p.alice), says: "may not sign code"},
		{name: "host added by the server", der: signed(t, forMany, p.alice), says: "not for host"},
		{name: "no message", der: []byte("action"), says: "cannot read signature"},
		{name: "huge", der: make([]byte, MaxMessage+1), says: "larger than"},
		{name: "a package's signature", der: must(sign.Sign([]byte("{}"), true, now, p.alice))(t), says: "holds no content"},
		{name: "another document", der: must(sign.Sign([]byte(`{"type":"muster-head/1"}`), false, now, p.alice))(t), says: "action: "},
	} {
		h := p.verifier()
		if !c.at.IsZero() {
			h.Now = c.at
		}
		m, err := Verify(c.der, Proof{}, h)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
		if c.is != nil && (!errors.Is(err, c.is) || m == nil) || c.is == nil && errors.Is(err, ErrExpired) {
			t.Errorf("%s: %v is not %v, or without the message", c.name, err, c.is)
		}
		if k := muster.KindOf(err); k != muster.Denied && k != muster.Invalid && !errors.Is(err, ErrEarly) {
			t.Errorf("%s: %v is of kind %q", c.name, err, k)
		}
	}
}

func TestSignFarAhead(t *testing.T) {
	if _, err := farAhead().Sign(now, known(t).alice); muster.KindOf(err) != muster.Denied {
		t.Errorf("%v", err)
	}
}

func farAhead() *Action {
	return install(func(a *Action) {
		a.NotBefore = now.Unix() + MaxAhead + 1
		a.NotAfter = a.NotBefore + 60
	})
}

// signedThen is an action signed at another time.
func signedThen(t testing.TB, by *sign.Identity, at time.Time) []byte {
	t.Helper()
	return must(install().Sign(at, by))(t)
}

func run() *Action {
	return install(func(a *Action) {
		a.Kind, a.Packages, a.Script = Run, nil, "def main():\n    print('hello')\n"
	})
}

// TestVerify: what is right is let begin, by each who may.
func TestVerify(t *testing.T) {
	p := known(t)
	for _, by := range []*sign.Identity{p.alice, p.code, p.expiredSoon} {
		der := signed(t, install(), by)
		m, err := Verify(der, Proof{}, p.verifier())
		if err != nil || m.Action.Packages[0] != "age>=1.3" || len(m.Signers) != 1 || m.SHA256 != Sum(der) {
			t.Errorf("by %s: %+v, %v", by.Leaf().Subject.CommonName, m, err)
		}
	}
	if _, err := Verify(signed(t, run(), p.code), Proof{}, p.verifier()); err != nil {
		t.Errorf("run: %v", err)
	}
	// The signature of a stranger beside it neither helps nor harms.
	if _, err := Verify(signed(t, install(), p.alice, p.mallory), Proof{}, p.verifier()); err != nil {
		t.Errorf("with a stranger: %v", err)
	}
	// A signer who could sign when the action was made cannot when it begins.
	h := p.verifier()
	h.Now = now.Add(65 * time.Minute)
	der := signed(t, install(func(a *Action) { a.NotAfter = now.Add(20 * time.Hour).Unix() }), p.expiredSoon)
	_, err := Verify(der, Proof{}, h)
	wantKind(t, "signer expired since", err, muster.Denied)
}

// TestCase35Proofs: each of the targets has a proof, which is good for it alone and
// for this action alone.
func TestCase35Proofs(t *testing.T) {
	p := known(t)
	for _, n := range []int{65, 66, 127, 128, 1000} {
		tree := must(NewTree(hostIDs(n)))(t)
		other := must(NewTree(hostIDs(n + 1)))(t)
		targets := must(tree.Targets())(t)
		if targets.Count != int64(n) || targets.Hosts != nil || targets.Len() != n {
			t.Fatalf("%d hosts: %+v", n, targets)
		}
		for _, i := range []int{0, 1, n / 2, n - 2, n - 1} {
			proof := must(tree.Prove(i))(t)
			if err := targets.Include(tree.Hosts[i], proof); err != nil {
				t.Errorf("host %d of %d: %v", i, n, err)
			}
			wantKind(t, "the proof of another", targets.Include(tree.Hosts[(i+1)%n], proof), muster.Denied)
			wantKind(t, "a host that was added", targets.Include(hostID(n+1), must(other.Prove(n))(t)), muster.Denied)
			wantKind(t, "the proof of another action", targets.Include(tree.Hosts[i], must(other.Prove(i))(t)), muster.Denied)
			wantKind(t, "without a proof", targets.Include(tree.Hosts[i], Proof{}), muster.Denied)
			wantKind(t, "at another place", targets.Include(tree.Hosts[i], Proof{(proof.Index + 1) % int64(n), proof.Hashes}), muster.Denied)
			wantKind(t, "a long one", targets.Include(tree.Hosts[i], Proof{proof.Index, make([][]byte, 1000)}), muster.Denied)
		}
	}
	// An inner node is no leaf: RFC 6962 keeps them apart.
	tree := must(NewTree(hostIDs(128)))(t)
	targets := must(tree.Targets())(t)
	proof := must(tree.Prove(0))(t)
	wantKind(t, "a node", targets.Include(hostID(1)+hostID(2), Proof{0, proof.Hashes[1:]}), muster.Denied)
	m := must(Open(signed(t, install(func(a *Action) { a.Targets = targets }), p.alice), p.trust(), now))(t)
	for i, id := range tree.Hosts {
		h := p.verifier()
		h.ID = id
		if err := m.Admit(must(tree.Prove(i))(t), h); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLimits: what a host's settings say of kinds, signers and approvals.
func TestLimits(t *testing.T) {
	p := known(t)
	reboot := func(by ...*sign.Identity) []byte {
		return signed(t, install(func(a *Action) { a.Kind, a.Packages = Reboot, nil }), by...)
	}
	two := Limits{Approvals: map[string]int{"reboot": 2}}
	for _, c := range []struct {
		name   string
		limits Limits
		der    []byte
		says   string // "" is accepted
	}{
		{"none", Limits{None: true}, reboot(p.alice), "action-kinds"},
		{"no reboots", Limits{Kinds: []string{"update", "install"}}, reboot(p.alice), "action-kinds"},
		{"reboots", Limits{Kinds: []string{"reboot"}}, reboot(p.alice), ""},
		{"bob alone", Limits{Signers: []string{"bob"}}, reboot(p.alice), "action-signers"},
		{"bob by name", Limits{Signers: []string{"bob"}}, reboot(p.bob), ""},
		{"bob by key", Limits{Signers: []string{"sha256:" + sign.KeyFingerprint(p.bob.Leaf())}}, reboot(p.bob), ""},
		{"bob by certificate", Limits{Signers: []string{sign.Fingerprint(p.bob.Leaf())}}, reboot(p.bob), ""},
		{"one of two", two, reboot(p.alice), "2 persons"},
		{"two of two", two, reboot(p.alice, p.bob), ""},
		{"one person with two keys", two, reboot(p.alice, p.aliceElsewhere), "2 persons"},
		{"a stranger as the second", two, reboot(p.alice, p.mallory), "2 persons"},
		{"a revoked one as the second", two, reboot(p.alice, p.revoked), "2 persons"},
		{"two, of whom one may", Limits{Signers: []string{"bob"}, Approvals: two.Approvals}, reboot(p.alice, p.bob), "2 persons"},
		{"nobody may cancel less", Limits{None: true}, signed(t, cancel(), p.alice), ""},
	} {
		h := p.verifier()
		h.Limits = c.limits
		_, err := Verify(c.der, Proof{}, h)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func cancel() *Action {
	return install(func(a *Action) {
		a.Kind, a.Packages, a.Arguments = Cancel, nil, map[string]string{"id": "ffeeddccbbaa99887766554433221100"}
	})
}

// TestApprove: a second person adds a signature, each once.
func TestApprove(t *testing.T) {
	p := known(t)
	der := signed(t, install(), p.alice)
	both := must(Approve(der, now, p.bob))(t)
	h := p.verifier()
	h.Limits.Approvals = map[string]int{"install": 2}
	if _, err := Verify(both, Proof{}, h); err != nil {
		t.Error(err)
	}
	_, err := Approve(both, now, p.bob)
	wantKind(t, "again", err, muster.Conflict)
	_, err = Approve(must(sign.Sign([]byte("x"), false, now, p.alice))(t), now, p.bob)
	wantKind(t, "another document", err, muster.Invalid)
}

// TestValidate: nobody signs an action that says what its kind has no use for.
func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Action){
		"type":               func(a *Action) { a.Type = "muster-head/1" },
		"short id":           func(a *Action) { a.ID = "00" },
		"upper case id":      func(a *Action) { a.ID = strings.ToUpper(a.ID) },
		"no server":          func(a *Action) { a.Server = "" },
		"unknown kind":       func(a *Action) { a.Kind = "format" },
		"backwards":          func(a *Action) { a.NotAfter = a.NotBefore },
		"a day and more":     func(a *Action) { a.NotAfter = a.NotBefore + MaxSpan + 1 },
		"a month and more":   func(a *Action) { a.Queued, a.NotAfter = true, a.NotBefore+MaxQueue+1 },
		"overflow":           func(a *Action) { a.NotBefore, a.NotAfter = -1<<63, 1<<63-1 },
		"no packages":        func(a *Action) { a.Packages = nil },
		"no package":         func(a *Action) { a.Packages = []string{"Age!"} },
		"version to remove":  func(a *Action) { a.Kind = Remove },
		"script":             func(a *Action) { a.Script = "def main(): pass" },
		"no script":          func(a *Action) { a.Kind, a.Packages = Run, nil },
		"argument":           func(a *Action) { a.Arguments = map[string]string{"force": "yes"} },
		"packages to reboot": func(a *Action) { a.Kind = Reboot },
		"cancel nothing":     func(a *Action) { *a = *cancel(); a.Arguments = nil },
		"cancel itself":      func(a *Action) { *a = *cancel(); a.Arguments["id"] = a.ID },
		"undo of two": func(a *Action) {
			a.Kind, a.Packages, a.Arguments = Undo, nil, map[string]string{"change": "3", "action": a.ID}
		},
		"undo of no number": func(a *Action) { a.Kind, a.Packages, a.Arguments = Undo, nil, map[string]string{"change": "-1"} },
		"escape in reason":  func(a *Action) { a.Reason = "\x1b[2J" },
		"long reason":       func(a *Action) { a.Reason = strings.Repeat("x", maxReason+1) },
		"no targets":        func(a *Action) { a.Targets = Targets{} },
		"unsorted targets":  func(a *Action) { a.Targets.Hosts = []string{hostID(2), hostID(1)} },
		"a target twice":    func(a *Action) { a.Targets.Hosts = []string{hostID(1), hostID(1)} },
		"65 named":          func(a *Action) { a.Targets.Hosts = hostIDs(65) },
		"root and hosts":    func(a *Action) { a.Targets.Root, a.Targets.Count = strings.Repeat("0", 64), 100 },
		"count alone":       func(a *Action) { a.Targets = Targets{Count: 100} },
		"root of few":       func(a *Action) { a.Targets = Targets{Count: 64, Root: strings.Repeat("0", 64)} },
		"short root":        func(a *Action) { a.Targets = Targets{Count: 100, Root: "00"} },
		"long script":       func(a *Action) { a.Kind, a.Packages, a.Script = Run, nil, strings.Repeat("#", MaxAction) },
	} {
		a := install(change)
		_, err := a.Encode()
		wantKind(t, name, err, muster.Invalid)
		data, err := canon.Marshal(a)
		if err == nil {
			_, err = Parse(data)
			wantKind(t, name+", read", err, muster.Invalid)
		}
	}
}

// TestSorted holds types to the order that their encoding needs.
func TestSorted(t *testing.T) {
	full := install(func(a *Action) { a.Reason, a.Queued = "because", true })
	for _, a := range []*Action{full, run(), cancel()} {
		if err := canon.Sorted(must(a.Encode())(t)); err != nil {
			t.Error(err)
		}
	}
	r := Result{Type: ResultType, Action: full.ID, Begun: 1, Ended: 2, Host: "h", SHA256: "x", State: Done, Status: muster.OK, Text: "t",
		Changes: []Change{{From: "1", Name: "n", Op: "o", To: "2"}}}
	if err := canon.Sorted(must(canon.Marshal(r))(t)); err != nil {
		t.Error(err)
	}
}
