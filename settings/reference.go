package settings

import (
	"fmt"
	"strings"

	"muster"
)

// Reference is docs/reference/settings.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, s := range table {
		def := s.Default
		if def == "" {
			def = nothing
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", s.Name, s.Doc, s.Values, def)
	}
	for _, kind := range []muster.Kind{muster.SelfService, muster.WSUS} {
		b.WriteString(texts[kind])
	}
	return b.String()
}

const referenceHead = `# What packages of kind config, self-service and wsus say

In a recipe these are fields of the file ` + "`policy`" + `, beside ` + "`control`" + `: stanzas in the same grammar.
'muster build' refuses what is wrong, with the line. The package's manifest carries them, so whoever
signs the package signs them. 'muster settings' shows what is in force on a host, and from where.

## config: how the agent behaves
One stanza. Of several packages, those of higher precedence count, setting by setting: what the host's own
package brings, then its units from the innermost, profiles, groups, what a person installed, the
file of the machine's administrator (` + "`/etc/muster/agent.conf`" + `; on Windows, in areas and in trees ` + "`agent.conf`" + ` in the
state folder), and the defaults. One that came by its own ` + "`applies-to`" + ` counts as that of a group. Lists are replaced
as a whole. Two of the same precedence: the last by name counts. What an agent does not know or cannot read it skips, and says so.

A config can change whom a host believes, so that its signer needs the right code.

| setting | what | values | default |
| --- | --- | --- | --- |
`

var texts = map[muster.Kind]string{
	muster.SelfService: `
## self-service: who may install what themselves
A stanza is a rule. Rules of all packages add up; a rule only ever gives.

| field | what |
| --- | --- |
| ` + "`who`" + ` | accounts of the machine, ` + "`@group`" + `, or ` + "`*`" + ` for everybody. The operating system says who asks; what Windows calls them is [here](../agent.md#on-windows) |
| ` + "`packages`" + ` | names with ` + "`*`" + ` and ` + "`?`" + `; with ` + "`!`" + ` before it, what is not meant. The last that matches decides |
| ` + "`kinds`" + ` | base, group; both where the field is missing |
| ` + "`may`" + ` | install, remove, upgrade; all where the field is missing |
| ` + "`comment`" + ` | for people |
`,
	muster.WSUS: `
## wsus: which updates of Windows are wanted
A stanza is a rule. Rules are asked in the order of precedence of their packages, then in that of their
stanzas; the first that says something of an update decides. What no rule names is not wanted.

| field | what |
| --- | --- |
| ` + "`forbid`, `allow`" + ` | numbers such as KB5031356 |
| ` + "`forbid-classifications`, `classifications`" + ` | security, critical, definition, update-rollup, update, service-pack, feature-pack, tool, driver, upgrade |
| ` + "`severities`" + ` | critical, important, moderate, low: allowed |
| ` + "`default`" + ` | allow or forbid what the fields above do not name; where it is missing other rules are asked |
| ` + "`delay`" + ` | how long after its publication an update is wanted at the earliest: 7d |
| ` + "`deadline`" + ` | how long after its publication at the latest |
| ` + "`comment`" + ` | for people |

Looking for the updates that a Windows lacks, and installing them, is not part of muster yet.
`,
}

// Template is a policy to start from, for muster new.
func Template(kind muster.Kind) string {
	switch kind {
	case muster.Config:
		return `# How the agent behaves where this package is installed. docs/reference/settings.md
# lists the settings.
maintenance-windows: mon-fri 20:00-06:00, sat-sun 00:00-24:00
deadline: 7d
`
	case muster.SelfService:
		return `# Who may install what themselves: a stanza for each rule.
who: *
packages: *, !*-admin
may: install, upgrade
`
	case muster.WSUS:
		return `# Which updates of Windows are wanted: a stanza for each rule.
classifications: security, critical, definition
delay: 3d
deadline: 14d
`
	}
	return ""
}
