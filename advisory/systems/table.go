package systems

// A Table says what systems and names stand for which platform. It is not
// changed once made, and may be used by several goroutines.
type Table struct{}

var builtin = Table{}

// Builtin is the table that comes with the program.
func Builtin() *Table { return &builtin }

// Of is the platform of a host, by ID and VERSION_ID of its os-release, or
// where it has no such file by the name of its system.
func (t *Table) Of(id, versionID, name string) Platform { return Platform{} }

// Named is the platform that a publisher calls name. Schemes are "osv" (an
// ecosystem: "Debian:12"), "suite" (a code name: "bookworm"), "cpe".
func (t *Table) Named(scheme, name string) Platform { return Platform{} }
