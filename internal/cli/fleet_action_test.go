package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/sign"
)

// signedAction is a reboot that Alice signed, with her certificate.
func signedAction(t *testing.T, now time.Time) (*action.Action, []byte, *x509.Certificate) {
	t.Helper()
	key, err := sign.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sign.SelfSigned("Alice", key, now.Add(-time.Hour), now.Add(1000*time.Hour), sign.RightDeploy)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := action.NewTree([]string{"00000000-0000-4000-8000-000000000001"})
	if err != nil {
		t.Fatal(err)
	}
	act := &action.Action{Type: action.Type, ID: action.NewID(), Server: "00000000-0000-4000-8000-000000000009", Kind: action.Reboot,
		NotBefore: now.Unix() - 60, NotAfter: now.Unix() + 7*86400, Queued: true, Reason: "wreck production now"}
	if act.Targets, err = tree.Targets(); err != nil {
		t.Fatal(err)
	}
	der, err := act.Sign(now, &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	return act, der, cert
}

// TestWhatIsSignedIsShown: who approves sees the reason, times and signers of the
// message, whatever the server says of them.
func TestWhatIsSignedIsShown(t *testing.T) {
	now := time.Now()
	act, der, cert := signedAction(t, now)
	x := api.ActionDetail{Message: der}
	x.ID, x.Title, x.Reason, x.Signers = act.ID, "update", "ticket 4711, agreed with everybody", []string{"the whole board"}
	x.Begins, x.Ends = now.Unix()+30*86400, now.Unix()+31*86400
	shown := func(trust *sign.Trust) string {
		var out strings.Builder
		a := &app{out: &out, err: io.Discard, now: time.Now}
		if err := a.printAction(x, trust); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := shown(new(sign.Trust))
	for _, want := range []string{`what +reboot`, `reason +wreck production now`, `signed by +.*Alice.* \(not verified\)`,
		`begins +` + regexp.QuoteMeta(stamp(act.NotBefore)+" to "+stamp(act.NotAfter)), `queued `, `hosts +1 host`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "4711") || strings.Contains(text, "board") || strings.Contains(text, "update") || strings.Contains(text, stamp(x.Begins)) {
		t.Errorf("the server's words are taken for what was signed:\n%s", text)
	}
	if text := shown(&sign.Trust{Anchors: []*x509.Certificate{cert}}); strings.Contains(text, "not verified") {
		t.Errorf("Alice is believed:\n%s", text)
	}
	x.ID = action.NewID()
	a := &app{out: io.Discard, err: io.Discard, now: time.Now}
	if err := a.printAction(x, new(sign.Trust)); muster.KindOf(err) != muster.Denied {
		t.Errorf("the message of another action: %v", err)
	}
}

// TestFollowedCounts: whatever is not done is told by the exit code.
func TestFollowedCounts(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, now: time.Now}
	for state, good := range map[string]bool{
		string(action.Done): true, api.TargetNeedless: true,
		string(action.Failed): false, string(action.Refused): false, string(action.Interrupted): false,
		api.TargetExpired: false, api.TargetCancelled: false, api.TargetQueued: false, api.TargetDelivered: false, string(action.Started): false,
	} {
		err := a.followed(api.Action{Counts: map[string]int{"done": 3, state: 2}})
		if (err == nil) != good {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// TestShortID: a digit or two name nothing, and no server is asked.
func TestShortID(t *testing.T) {
	for _, id := range []string{"", "0", "0f3"} {
		if _, err := findAction(t.Context(), nil, id); !isUsage(err) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestInterrupted: what Ctrl-C ends says so, with one code.
func TestInterrupted(t *testing.T) {
	var errw strings.Builder
	a := &app{err: &errw}
	err := muster.WithHint(fmt.Errorf("cannot ask %q: %w", "https://example.org", context.Canceled), "muster action follow 0f3a")
	if code := a.stopped(err); code != 130 || errw.String() != "muster: interrupted\nhint: muster action follow 0f3a\n" {
		t.Errorf("%d, %q", code, errw.String())
	}
}

// TestApprovedIsShown: only the message that was shown is signed, and without a question
// none by somebody who could be anybody.
func TestApprovedIsShown(t *testing.T) {
	_, der, cert := signedAction(t, time.Now())
	believed := &sign.Trust{Anchors: []*x509.Certificate{cert}}
	for _, c := range []struct {
		name  string
		of    string
		trust *sign.Trust
		yes   bool
		good  bool
	}{
		{"shown and verified", action.Sum(der), believed, true, true},
		{"verified", "", believed, true, true},
		{"another message", strings.Repeat("0", 64), believed, false, false},
		{"not verified, without a question", action.Sum(der), new(sign.Trust), true, false},
		{"not verified, after a question", "", new(sign.Trust), false, true},
	} {
		a := &app{now: time.Now, yes: c.yes}
		err := a.checkApproved(der, c.of, c.trust)
		if (err == nil) != c.good || err != nil && muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
