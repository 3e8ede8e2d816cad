package agent

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// An account is who a program of Windows runs as, as its token says: SIDs alone, which
// need no other machine to be asked.
type account struct {
	user string
	// groups are those that count. Those that only deny do not: so it is with the
	// administrators where an administrator's program was not started as one.
	groups []string
}

// SIDs that decide over something here ([MS-DTYP], 2.4.2.4).
const (
	localSystem    = "S-1-5-18"
	administrators = "S-1-5-32-544"
)

// strong reports whether the program runs as an administrator or the system.
func (a *account) strong() bool {
	return a.user == localSystem || slices.Contains(a.groups, administrators)
}

// admin reports whether a may do anything at an agent that runs as own: as the system, as
// an administrator, or in an area as its owner. Being the same user as an agent that was
// started as administrator is not enough for a program that was not.
func (a *account) admin(own *account) bool {
	return a.strong() || a.user == own.user && !own.strong()
}

// wellKnown are accounts that every Windows has, as they are called in English: other
// languages translate them, and a rule is to mean the same everywhere.
var wellKnown = map[string]string{
	"S-1-1-0":      "Everyone",
	"S-1-5-4":      `NT AUTHORITY\INTERACTIVE`,
	"S-1-5-11":     `NT AUTHORITY\Authenticated Users`,
	localSystem:    `NT AUTHORITY\SYSTEM`,
	"S-1-5-19":     `NT AUTHORITY\LOCAL SERVICE`,
	"S-1-5-20":     `NT AUTHORITY\NETWORK SERVICE`,
	administrators: `BUILTIN\Administrators`,
	"S-1-5-32-545": `BUILTIN\Users`,
	"S-1-5-32-546": `BUILTIN\Guests`,
	"S-1-5-32-547": `BUILTIN\Power Users`,
	"S-1-5-32-551": `BUILTIN\Backup Operators`,
	"S-1-5-32-555": `BUILTIN\Remote Desktop Users`,
	"S-1-5-32-556": `BUILTIN\Network Configuration Operators`,
	"S-1-5-32-558": `BUILTIN\Performance Monitor Users`,
	"S-1-5-32-559": `BUILTIN\Performance Log Users`,
	"S-1-5-32-568": `BUILTIN\IIS_IUSRS`,
	"S-1-5-32-569": `BUILTIN\Cryptographic Operators`,
	"S-1-5-32-573": `BUILTIN\Event Log Readers`,
	"S-1-5-32-578": `BUILTIN\Hyper-V Administrators`,
	"S-1-5-32-580": `BUILTIN\Remote Management Users`,
}

// builtIn begins the SIDs of the groups that every Windows has, which are its own.
const builtIn = "S-1-5-32-"

// namesOf lists what rules may call an account: DOMAIN\name as the system says it, in its
// language; the same in English where Windows itself made the account; the name alone
// where it is the machine's own, never where it is a domain's, which may have one of the
// same name; and the SID.
func namesOf(sid, called, machine string) (all []string) {
	add := func(name string) {
		domain, short, ok := strings.Cut(name, `\`)
		all = append(all, name)
		if ok && (domain != "" && strings.EqualFold(domain, machine) || strings.HasPrefix(sid, builtIn)) {
			all = append(all, short)
		}
	}
	for _, name := range []string{called, wellKnown[sid]} {
		if name != "" && !slices.Contains(all, name) {
			add(name)
		}
	}
	return append(all, sid)
}

// peer says who a is to the agent that runs as own. called are the names that were found,
// by SID, on the machine of that name.
func (a *account) peer(own *account, called map[string]string, machine string) *Peer {
	names := namesOf(a.user, called[a.user], machine)
	p := &Peer{ID: a.user, Name: names[0], Also: names[1:], Admin: a.admin(own)}
	for _, sid := range a.groups {
		p.Groups = append(p.Groups, namesOf(sid, called[sid], machine)...)
	}
	return p
}

// pipeOf names the pipe at which the agent of a root answers on Windows. Pipes lie in no
// folder: those of areas and trees are told apart by where their state lies.
func pipeOf(dir, state string, area bool) string {
	if !area && strings.EqualFold(dir, `C:\`) {
		return `\\.\pipe\muster-agent`
	}
	sum := sha256.Sum256([]byte(strings.ToLower(state)))
	return fmt.Sprintf(`\\.\pipe\muster-agent-%x`, sum[:8])
}

// pipeRights are what everybody may do with the pipe: read, look who owns it, and write
// (FILE_GENERIC_READ, FILE_WRITE_DATA). FILE_GENERIC_WRITE has FILE_APPEND_DATA in it,
// which of a pipe is FILE_CREATE_PIPE_INSTANCE: whoever may that can be its server too,
// and be taken for the agent.
const pipeRights = 0x120089 | 0x2

// pipeSecurity is who may connect to the pipe of an agent that runs as own: everybody who
// has an account. Guests and those without a name are not among them. Other machines are
// kept out by the pipe itself (PIPE_REJECT_REMOTE_CLIENTS); NETWORK is not denied, because
// who works on this machine over ssh is of it too.
//
// It belongs to the administrators, whichever of them started the agent; that of an area to
// its owner, who makes further instances of it too. By that it is known: see [trusted].
func pipeSecurity(own *account) string {
	acl := fmt.Sprintf("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;%#x;;;AU)", pipeRights)
	if own.strong() {
		return "O:BA" + acl
	}
	return "O:" + own.user + acl + "(A;;GA;;;" + own.user + ")"
}

// trusted reports whether a pipe of that owner is the agent's: an administrator's, whom
// nothing keeps from being the agent, or of who asks themselves. Nobody else can make one
// that belongs to them.
func trusted(owner string, self *account) bool {
	return slices.Contains([]string{localSystem, administrators, self.user}, cmp.Or(owner, "?"))
}
