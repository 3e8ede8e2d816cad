package search

import (
	"slices"
	"strings"

	"muster"
)

// A Kind says what values a field takes and how they are compared.
type Kind int

// The kinds of field.
const (
	Word     Kind = iota // the whole value, with * and ?
	Text                 // a part of the value, or with = the whole
	Version              // a version, ordered as Debian does
	Count                // a number
	Size                 // bytes
	Time                 // a moment, or how long ago it is
	Address              // an address, a network, or the first and last of some
	Package              // software of a package manager
	Muster               // a package of muster
	Audit                // what an audit said
	Presence             // the name of a field
)

// A Field is something to search for.
type Field struct {
	Name   string
	Kind   Kind
	Doc    string   // a sentence for people
	Values []string // of a Word that has no others
}

// Fields lists the fields as the reference shows them.
func Fields() []Field { return slices.Clone(fields) }

// Free are the fields that a word without a field is looked for in.
var Free = []string{"name", "fqdn", "ip", "from", "serial", "user", "osname"}

var fields = []Field{
	{Name: "name", Doc: "Name of the host: that of the system, unless a person gave it another."},
	{Name: "id", Doc: "Id of the host, a UUID."},
	{Name: "fqdn", Doc: "Full name in DNS."},
	{Name: "domain", Doc: "Domain of DNS or Active Directory."},
	{Name: "os", Doc: "Operating system, as in `linux`, `windows`, `darwin`, or a distribution, as in `debian`."},
	{Name: "osname", Kind: Text, Doc: "Name of the operating system for people, as in \"Debian GNU/Linux 12 (bookworm)\"."},
	{Name: "osversion", Kind: Version, Doc: "Version of the operating system, as in `12` or `10.0.22631`."},
	{Name: "arch", Doc: "Architecture, as in `amd64`, `arm64`."},
	{Name: "kernel", Kind: Version, Doc: "Release of the kernel."},
	{Name: "status", Values: statuses(), Doc: "How the packages of the host stand: the worst of them."},
	{Name: "problem", Kind: Text, Doc: "What keeps the host from being as it should be."},
	{Name: "reboot", Kind: Count, Doc: "1 where the host waits to be started again; see `has:reboot`."},
	{Name: "state", Values: []string{"accepted", "pending", "refused", "cloned"}, Doc: "How far the host is with the server."},
	{Name: "group", Doc: "A group of the server in which the host is."},
	{Name: "unit", Doc: "A unit in which the host is, from the outermost: `unit:paris`, `unit:paris/lab`, which is `unit:paris.lab`. Hosts in units inside of it are in it."},
	{Name: "directory", Doc: "A group of the directory (LDAP, Active Directory) in which the host is."},
	{Name: "site", Doc: "The site of a host that reports without an agent. Hosts under agents have none: in rules it says of which sites somebody may see the reports."},
	{Name: "seen", Kind: Time, Doc: "When the host was heard of last."},
	{Name: "enrolled", Kind: Time, Doc: "When the host joined."},
	{Name: "agent", Kind: Version, Doc: "Version of the agent."},
	{Name: "ip", Kind: Address, Doc: "An address of the host's interfaces."},
	{Name: "from", Kind: Address, Doc: "The address from which the host was heard of last."},
	{Name: "mac", Doc: "Hardware address of an interface."},
	{Name: "serial", Doc: "Serial number of the machine."},
	{Name: "vendor", Kind: Text, Doc: "Who made the machine."},
	{Name: "product", Kind: Text, Doc: "What the machine is sold as."},
	{Name: "uuid", Doc: "UUID of the main board."},
	{Name: "machine", Doc: "Id that the operating system gave itself when it was installed."},
	{Name: "cpu", Kind: Text, Doc: "Model of the first processor."},
	{Name: "cores", Kind: Count, Doc: "Cores of all processors."},
	{Name: "memory", Kind: Size, Doc: "Memory that the system can use: some less than was bought."},
	{Name: "disk", Kind: Size, Doc: "Size of all disks that stay."},
	{Name: "free", Kind: Size, Doc: "Free space where least is."},
	{Name: "user", Doc: "A local account that may sign in, or somebody who is signed in."},
	{Name: "session", Doc: "Somebody who is signed in."},
	{Name: "package", Kind: Package, Doc: "Software of any package manager."},
	{Name: "muster", Kind: Muster, Doc: "A package of muster: installed, or with a status, also one that is missing."},
	{Name: "audit", Kind: Audit, Doc: "What the last audit of a package said."},
	{Name: "has", Kind: Presence, Doc: "A field of which the host has a value, or `audit-error`, `audit-warning`."},
}

func statuses() []string {
	return []string{string(muster.OK), string(muster.NeedInstall), string(muster.NeedUpgrade), string(muster.NeedDowngrade),
		string(muster.NeedRemove), string(muster.Running), string(muster.Warning), string(muster.Error), string(muster.Postponed), string(muster.Revoked)}
}

var audits = []string{string(muster.OK), string(muster.Warning), string(muster.Error)}

var byName = func() map[string]*Field {
	all := map[string]*Field{}
	for i := range fields {
		all[fields[i].Name] = &fields[i]
	}
	return all
}()

func fieldNames() []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Name)
	}
	return all
}

// findField returns the field of a name.
func findField(name string, at int) (*Field, error) {
	if f := byName[strings.ToLower(name)]; f != nil {
		return f, nil
	}
	err := errorAt(at, "there is no field %q", name)
	if n := nearest(name, fieldNames()); n != "" {
		return nil, muster.WithHint(err, "did you mean %q? What is no field stands in quotes", n)
	}
	return nil, muster.WithHint(err, "see 'muster help queries'; what is no field stands in quotes")
}

// oneOf returns the value that s names, whatever the case of its letters.
func oneOf(s string, values []string, what string, at int) (string, error) {
	for _, v := range values {
		if strings.EqualFold(v, s) {
			return v, nil
		}
	}
	err := errorAt(at, "there is no %s %q", what, s)
	if n := nearest(s, values); n != "" {
		return "", muster.WithHint(err, "did you mean %q?", n)
	}
	return "", muster.WithHint(err, "write one of %s", strings.Join(values, ", "))
}

// nearest returns the value that is at most a third of its letters away.
func nearest(s string, values []string) string {
	best, found := len(s)+1, ""
	for _, v := range values {
		d := distance(strings.ToLower(s), strings.ToLower(v))
		if d <= max(1, len(v)/3) && d < best {
			best, found = d, v
		}
	}
	return found
}

// distance counts the letters to add, take away, change or swap with the next to
// make b of a. What is long is far.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
