package search

import (
	"fmt"
	"strings"
)

// intro is the reference without the table of fields.
const intro = `Which hosts: in the API, on the command line, in the console, in groups that find their members, and in what packages apply to.

` + "```" + `
os:debian package:openssl<3.0.7 -group:lab
name:pc-* seen>7d
memory>=8G (unit:paris or unit:lyon)
"free text"
` + "```" + `

Terms stand beside each other and all have to be so; **or** between terms, **-** or **not** before one, parentheses. "or" binds less than standing beside each other. Capital letters are the same as small ones.

A word without a field is looked for inside of names, addresses, serial numbers, users and the name of the operating system; with * or ? it has to be the whole of one of them. * is any text, ? one character. Quotes take blanks, parentheses, *, ? and comparisons literally: package:"Mozilla Firefox"*.

| values | written as |
| --- | --- |
| word | the whole value: ` + "`name:pc-1`, `name:pc-*`" + ` |
| text | a part of the value: ` + "`vendor:dell`" + `; the whole: ` + "`vendor=\"Dell Inc.\"`" + ` |
| number | ` + "`cores>=4`, `cores:2..8`" + ` |
| size | ` + "`memory<8G`, `disk:100G..1T`" + `; K, M, G, T, P are powers of 1,024 |
| time | how long ago: ` + "`seen>7d`" + ` is longer ago than 7 days, ` + "`seen<2h`" + ` later than 2 hours ago, ` + "`enrolled:1w..4w`" + `; or a day in UTC: ` + "`enrolled>=2026-11-01`, `seen:2026-11-01..2026-11-07`" + `. Units are s, m, h, d, w |
| version | ` + "`osversion<12`, `agent:1.4`, `kernel:6.1.*`, `osversion:10..12`" + `, in the order of Debian |
| address | ` + "`ip:192.0.2.7`, `ip:192.0.2.0/24`, `ip:2001:db8::/32`, `ip:192.0.2.10..192.0.2.99`, `ip:192.0.2.*`" + ` |
| software | ` + "`package:openssl`, `package:dpkg/openssl`, `package:openssl<3.0.7`, `package:openssl=1.1*`, `package:openssl=3.0.0..3.0.6`" + ` |
| muster | ` + "`muster:firefox`, `muster:firefox<130`, `muster:firefox:need-upgrade`, `muster:*:error`" + ` |
| audit | ` + "`audit:error`, `audit:firefox:warning`, `audit:firefox:*`" + ` |

Wherever = may stand, != is its opposite: ` + "`os!=debian`" + ` is ` + "`-os:debian`" + `, also of hosts whose system is not known. Only of software it speaks of a version: ` + "`package:openssl!=3.0.7`" + ` are hosts that have another version of it.

Versions of software are compared in the order of the package manager that has it (dpkg, rpm, apk, pkgsrc, FreeBSD, Windows; others have that of Debian). What the version in the search does not say does not count: an epoch and the part of the packager. ` + "`package:openssl<3.0.7`" + ` is not so of 3.0.7-1, and ` + "`package:openssl=3.0.7`" + ` is; ` + "`package:openssl<3.0.7-2`" + ` compares all.

What is not known of a host compares with nothing: neither ` + "`memory>1G` nor `memory<=1G`" + ` finds a host of which it is not known; ` + "`-has:memory`" + ` does. Of long values the first 190 characters count; of what a machine has many of (addresses, accounts) the first 1,000.

A search has at most 4,096 bytes, 100 terms, and 32 parentheses and negations in one another.
`

var kindNames = map[Kind]string{Word: "word", Text: "text", Version: "version", Count: "number", Size: "size", Time: "time",
	Address: "address", Package: "software", Muster: "muster", Audit: "audit", Presence: "field"}

// Reference is docs/reference/search.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Search\n\n" + intro + "\n## Fields\n| field | values | what |\n| --- | --- | --- |\n")
	for _, f := range fields {
		doc := f.Doc
		if f.Values != nil {
			doc += " One of `" + strings.ToLower(strings.Join(f.Values, "` `")) + "`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, kindNames[f.Kind], doc)
	}
	return b.String()
}

// Help lists the fields for a terminal.
func Help() string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "  %-10s %-9s %s\n", f.Name, kindNames[f.Kind], strings.ReplaceAll(f.Doc, "`", ""))
	}
	return b.String()
}
