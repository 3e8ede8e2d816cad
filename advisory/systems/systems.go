// Package systems says which platform a host is: whose advisories speak of it,
// of which release, and in which order its versions stand. It also reads the
// names by which publishers of advisories call the same platforms.
//
// Nothing is guessed. Every known system is a row of systems.csv and every
// known name of a publisher one of names.csv; a configuration may put rows
// before them. What no row covers is not Known, and callers list it.
//
// Start with [Builtin], [Table.Of] and [Table.Named].
package systems

import "muster/version"

// A Platform is what advisories are published for.
type Platform struct {
	Ecosystem string        // as ecosystems.csv names it: "debian", "redhat", "freebsd"
	Release   string        // "12", "22.04"; "" where the ecosystem has none
	Manager   string        // the source of inventory.Sources whose packages are meant: "dpkg"
	Order     version.Order // of its versions
	Known     bool          // false: no row speaks of the system; all else is empty
}
