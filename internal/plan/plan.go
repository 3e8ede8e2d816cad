// Package plan decides what to change on a root: from the packages that are
// installed, those that are available, and a request, it makes an ordered list
// of steps, each with its reason, or explains why there is none.
//
// Start with [NewPool], which indexes the available packages once, and
// [Solve], which plans one request against them. [Check] proves a plan right
// without the solver. [Why] and [WhyNot] answer a person's questions.
// [ReadDebian] reads Debian's index, the largest one at hand to test against.
//
// # What holds for every plan
//
//   - Each dependency of each installed package is satisfied by one of its
//     alternatives, no two installed packages conflict, and of each name one
//     version at most is installed. What was broken before and is not
//     touched may stay so; an upgrade of everything mends it where it can.
//   - A provided name without a version satisfies only a relation without one,
//     and a package does not conflict with itself, as in Debian Policy 7.
//   - No version goes down, unless the request or an assignment names one
//     version ("P=VER") or a pin excludes the installed one.
//   - A pin bars every version outside it; a hold keeps the installed version.
//   - Nothing that a person asked for or that is assigned is removed, unless
//     the request removes it or something that it depends on, or has Force.
//   - The same facts in any order give the same plan.
//
// # What is preferred
//
//  1. The request is met.
//  2. Fewest removals of packages that a person asked for or that are assigned.
//  3. Fewest removals of implicit packages that something needs.
//  4. Fewest requested or upgraded packages that are not at their newest version.
//  5. Fewest removals of implicit packages that nothing needs after that, and
//     fewest changes to other packages.
//  6. No new package that could be left out.
//  7. The first alternative of a dependency, and the newest version of the rest.
//
// The fewest are proved within a bound on the search (see [Plan.Proved]), and 6
// holds always; 7 is the order in which choices are tried, not a proved optimum.
// docs/decisions/solver.md says more.
//
// The package is pure: no I/O, no clock, no log.
package plan

import "muster/control"

// A Problem is what [Solve] answers.
type Problem struct {
	Pool    *Pool
	State   State
	Request Request
}

// A Request says what should change.
type Request struct {
	// Install names packages that a person asks for. "P (= VER)" may go down
	// to VER. A name that only others provide is satisfied by one of them.
	Install []control.Relation
	// Remove names packages to be removed, with all that depends on them.
	// A name that is not installed is passed over; one that is unknown is an error.
	Remove []string
	// Upgrade names installed packages to be brought to their newest version.
	Upgrade []string
	// UpgradeAll brings every installed package to its newest version. Packages
	// that came by an assignment that is no longer in Wanted leave,
	// with the implicit packages that only they needed.
	UpgradeAll bool
	// Wanted is what assignments (host, unit, profile, group packages) say
	// should be there. It is enforced whatever else is asked.
	Wanted []Wanted
	// SkipUnmet leaves out a wanted package that cannot be had, in a step [Keep]
	// or in [Plan.Unmet], instead of failing as a whole.
	SkipUnmet bool
	// Autoremove removes implicit packages that nothing needs any more.
	Autoremove bool
	// Reinstall installs again what Install names and is there already.
	Reinstall bool
	// Force lets explicit, held and essential packages be removed or changed where
	// the request needs it (still as few as possible), and lets Remove
	// take what is wanted. Pins still hold.
	Force bool
}

// Wanted is one assignment: a relation and who assigns it, in words that follow
// "assigned by" ("unit paris", "host package h1 3").
type Wanted struct {
	control.Relation
	By string
	// Back calls an installed package back to one version: it goes on counting as
	// asked for, assigned or implicit as before.
	Back bool
}
