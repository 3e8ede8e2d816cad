package agent

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/settings"
)

const (
	machineSID = "S-1-5-21-1-2-3"
	domainSID  = "S-1-5-21-7-8-9"
)

// TestAccount: rules name accounts of Windows by DOMAIN\name in whatever language, in
// English where Windows made them, by SID, and without a domain where they are the
// machine's own; an account of a domain is never taken for a local one of that name.
func TestAccount(t *testing.T) {
	called := map[string]string{domainSID + "-1101": `CORP\alice`, machineSID + "-1001": `PC-1\alice`, domainSID + "-1200": `CORP\Staff`,
		machineSID + "-1002": `PC-1\lab`, "S-1-5-32-545": `VORDEFINIERT\Benutzer`, "S-1-5-32-544": `VORDEFINIERT\Administratoren`}
	system := &account{user: localSystem}
	domain := (&account{user: domainSID + "-1101", groups: []string{domainSID + "-1200", machineSID + "-1002", "S-1-5-32-545", "S-1-1-0", domainSID + "-1300"}}).peer(system, called, "PC-1")
	local := (&account{user: machineSID + "-1001"}).peer(system, called, "pc-1")
	nameless := (&account{user: domainSID + "-1400"}).peer(system, called, "PC-1")
	if domain.Name != `CORP\alice` || local.Name != `PC-1\alice` || nameless.Name != domainSID+"-1400" || domain.Admin || domain.ID != domainSID+"-1101" {
		t.Errorf("%+v\n%+v\n%+v", domain, local, nameless)
	}
	for _, c := range []struct {
		who      string
		p        *Peer
		is       bool
		whatever string
	}{
		{`corp\ALICE`, domain, true, ""}, {"alice", domain, false, "a domain's alice is no local alice"}, {domainSID + "-1101", domain, true, ""},
		{`PC-1\alice`, domain, false, ""}, {"alice", local, true, ""}, {`pc-1\alice`, local, true, ""}, {`CORP\alice`, local, false, ""},
		{`@CORP\staff`, domain, true, ""}, {"@staff", domain, false, "a domain's group is no local one"}, {"@lab", domain, true, ""}, {`@PC-1\lab`, domain, true, ""},
		{`@BUILTIN\Users`, domain, true, "in English"}, {`@VORDEFINIERT\Benutzer`, domain, true, "in German"}, {"@Users", domain, true, ""}, {"@benutzer", domain, true, ""},
		{"@S-1-5-32-545", domain, true, "by SID"}, {"@" + domainSID + "-1300", domain, true, "of which no name was found"}, {"@Everyone", domain, true, ""},
		{`@BUILTIN\Administrators`, domain, false, ""}, {"S-1-5-32-545", domain, false, "a group is no account"}, {"@" + domainSID + "-1101", domain, false, "an account is no group"},
	} {
		rules := settings.Rules{{Who: []string{c.who}, Packages: []string{"*"}, Kinds: []muster.Kind{muster.Base}, May: []settings.Op{settings.Install}}}
		person := c.p.person()
		person.Fold = true
		if got := rules.Allow(person, settings.Install, "tool", muster.Base) != nil; got != c.is {
			t.Errorf("%s means %s: %v (%s)", c.who, c.p.Name, got, c.whatever)
		}
	}
}

// TestAccountAdmin: who is an administrator to an agent. A program that an administrator
// started without saying that it is to be one has the group only to be denied things, and
// so not here.
func TestAccountAdmin(t *testing.T) {
	system, elevated := &account{user: localSystem}, &account{user: domainSID + "-1", groups: []string{administrators}}
	alice, eve := &account{user: domainSID + "-1"}, &account{user: domainSID + "-2"}
	for i, c := range []struct {
		who, agent *account
		want       bool
	}{{system, system, true}, {elevated, system, true}, {alice, system, false}, {alice, elevated, false}, {alice, alice, true}, {eve, alice, false}, {elevated, eve, true}} {
		if c.who.admin(c.agent) != c.want {
			t.Errorf("%d: %+v at the agent of %+v", i, c.who, c.agent)
		}
	}
	for owner, want := range map[string]bool{localSystem: true, administrators: true, alice.user: true, eve.user: false, "": false, "S-1-5-32-545": false} {
		if trusted(owner, alice) != want {
			t.Errorf("a pipe of %q is trusted: %v", owner, !want)
		}
	}
	if trusted("", &account{}) {
		t.Error("a pipe of nobody is trusted")
	}
}

// TestPipeSecurity: nobody but administrators, and the owner of an area, may make a second
// pipe of the name, beside which clients would be shared out.
func TestPipeSecurity(t *testing.T) {
	const createInstance = 0x4
	if pipeRights&createInstance != 0 {
		t.Errorf("%#x", pipeRights)
	}
	acl := pipeSecurity(&account{user: localSystem})
	if acl != "O:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12008b;;;AU)" {
		t.Error(acl)
	}
	if got := pipeSecurity(&account{user: domainSID + "-1"}); got != "O:"+domainSID+"-1D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12008b;;;AU)(A;;GA;;;"+domainSID+"-1)" {
		t.Error(got)
	}
	names := map[string]bool{}
	for _, n := range []string{pipeOf(`C:\`, `C:\ProgramData\muster`, false), pipeOf(`C:\`, `C:\.muster`, true), pipeOf(`D:\x`, `D:\x\ProgramData\muster`, false)} {
		names[n] = true
		if !regexp.MustCompile(`^\\\\\.\\pipe\\muster-agent(-[0-9a-f]{16})?$`).MatchString(n) {
			t.Errorf("the name %q", n)
		}
	}
	if len(names) != 3 || !names[`\\.\pipe\muster-agent`] || pipeOf(`d:\X`, `d:\X\s`, true) != pipeOf(`D:\x`, `D:\x\s`, true) {
		t.Errorf("%v", names)
	}
}

// FuzzNames holds that whatever a directory calls an account, rules find it by its SID, and
// a name without a domain is never that of an account of a domain.
func FuzzNames(f *testing.F) {
	f.Add(domainSID+"-1101", `CORP\alice`, "PC-1")
	f.Add("S-1-5-32-544", `BUILTIN\Administrators`, "")
	f.Add("", `\`, "x")
	f.Fuzz(func(t *testing.T, sid, called, machine string) {
		names := namesOf(sid, called, machine)
		if names[len(names)-1] != sid || called != "" && names[0] != called {
			t.Errorf("%q", names)
		}
		domain, short, ok := strings.Cut(called, `\`)
		own := domain != "" && strings.EqualFold(domain, machine) || strings.HasPrefix(sid, builtIn)
		if ok && !own && short != sid && short != "" && !strings.Contains(wellKnown[sid], short) && slices.Contains(names, short) {
			t.Errorf("%q of %q is also %q", called, sid, names)
		}
	})
}

// TestCost: what the system says of a connection is one that costs money, or not.
func TestCost(t *testing.T) {
	for cost, want := range map[uint32]bool{0: false, 1: false, 2: true, 4: true, 0x10001: true, 0x20001: false, 0x40002: true, 0x80001: false} {
		if costsMoney(cost) != want {
			t.Errorf("%#x costs money: %v", cost, !want)
		}
	}
}
