package action

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"muster"
	"muster/sign"
)

func result() *Result {
	return &Result{Action: install().ID, SHA256: strings.Repeat("ab", 32), Host: hostID(1), State: Done, Begun: now.Unix(), Ended: now.Unix() + 3, Text: "installed\n",
		Changes: []Change{{Op: "install", Name: "age", To: "1.3-1"}}}
}

// TestResult: what a host signed is what the server reads, and nobody else can
// speak for the host.
func TestResult(t *testing.T) {
	p := known(t)
	der := must(result().Sign(now, p.host))(t)
	authorities := p.hosts.Chain
	got := must(OpenResult(der, authorities, now))(t)
	if got.State != Done || got.Changes[0] != (Change{Op: "install", Name: "age", To: "1.3-1"}) || got.Text != "installed\n" {
		t.Errorf("%+v", got)
	}
	for name, bad := range map[string][]byte{
		"another host":   must(result().Sign(now, p.otherHost))(t),
		"a person":       must(result().Sign(now, p.alice))(t),
		"two hosts":      must(sign.Approve(der, nil, now, p.otherHost))(t),
		"changed":        bytes.Replace(der, []byte("1.3-1"), []byte("1.4-1"), 1),
		"an action":      signed(t, install(), p.host),
		"nothing":        nil,
		"a long message": make([]byte, MaxResult+1),
	} {
		if _, err := OpenResult(bad, authorities, now); err == nil {
			t.Errorf("the result of %s is accepted", name)
		}
	}
	// A host whose certificate has expired meanwhile had one when it signed.
	if _, err := OpenResult(der, authorities, now.AddDate(2, 0, 0)); err != nil {
		t.Error(err)
	}
}

// TestResultFits: whatever an action prints, its result can be sent.
func TestResultFits(t *testing.T) {
	p := known(t)
	for name, text := range map[string]string{
		"much":      strings.Repeat("a line of a log\n", 10_000),
		"no lines":  strings.Repeat("x", 100_000),
		"no UTF-8":  strings.Repeat("\xff", 100_000),
		"cut UTF-8": strings.Repeat("é", 50_001),
		"controls":  strings.Repeat("\x00\x1b", 9000),
	} {
		r := result()
		r.Text = text
		for range 1000 {
			r.Changes = append(r.Changes, Change{Op: "install", Name: strings.Repeat("é\xff", 300)})
		}
		der, err := r.Sign(now, p.host)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := OpenResult(der, p.hosts.Chain, now)
		if err != nil || len(got.Text) > MaxText || len(got.Text) < MaxText/2 || !utf8.ValidString(got.Text) {
			t.Errorf("%s: %d bytes, %v", name, len(got.Text), err)
		}
	}
}

// TestResultStates: what says nothing is refused.
func TestResultStates(t *testing.T) {
	p := known(t)
	for name, change := range map[string]func(*Result){
		"state":     func(r *Result) { r.State = "ok" },
		"no action": func(r *Result) { r.Action = "" },
		"hash":      func(r *Result) { r.SHA256 = "00" },
		"no host":   func(r *Result) { r.Host = "" },
		"time":      func(r *Result) { r.Begun = -1 },
	} {
		r := result()
		change(r)
		_, err := r.Sign(now, p.host)
		wantKind(t, name, err, muster.Invalid)
	}
	r := result()
	r.Action, r.State = "", Refused // of a message that could not be read
	if _, err := r.Sign(now, p.host); err != nil {
		t.Error(err)
	}
	if slices.ContainsFunc(States, func(s State) bool { return s.Final() == (s == Started) }) {
		t.Error("states are final")
	}
}

func BenchmarkVerify(b *testing.B) {
	p := known(b)
	tree := must(NewTree(hostIDs(10_000)))(b)
	targets := must(tree.Targets())(b)
	der := signed(b, install(func(a *Action) { a.Targets = targets }), p.alice)
	proof := must(tree.Prove(0))(b)
	h := p.verifier()
	h.ID = tree.Hosts[0]
	b.Run("host", func(b *testing.B) {
		for b.Loop() {
			must(Verify(der, proof, h))(b)
		}
	})
	m := must(Open(der, h.Trust, now))(b)
	b.Run("admit", func(b *testing.B) {
		for b.Loop() {
			if err := m.Admit(proof, h); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			must(tree.Prove(4321))(b)
		}
	})
	b.Run("tree of 10,000", func(b *testing.B) {
		for b.Loop() {
			must(NewTree(tree.Hosts))(b)
		}
	})
	r := must(result().Sign(now, p.host))(b)
	b.Run("result", func(b *testing.B) {
		for b.Loop() {
			must(OpenResult(r, []*x509.Certificate{p.hosts.Leaf()}, now.Add(time.Second)))(b)
		}
	})
	b.ReportMetric(float64(len(der)), "B/message")
	b.ReportMetric(float64(len(r)), "B/result")
}
