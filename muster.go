// Package muster is the vocabulary of the system: the kinds of package, the
// statuses of packages and hosts, platforms, and the kinds of error. Every
// other package of the module may import it; it imports only the standard
// library and does no work of its own.
//
// Words are those of ARCHITECTURE.md. What stands here is stable on the wire
// and on disk: a name may be added, never changed.
package muster

import (
	"runtime"
	"slices"
)

// Kind says what a package is for and therefore what its signer must be
// allowed to do: see [Kind.NeedsCode].
type Kind string

// The kinds of package.
const (
	Base        Kind = "base"         // software: files, actions, or both
	Group       Kind = "group"        // a named set of dependencies
	Host        Kind = "host"         // what one host should have
	Unit        Kind = "unit"         // what the hosts of an organisational unit should have
	Profile     Kind = "profile"      // what the members of a directory group should have
	WSUS        Kind = "wsus"         // rules for Windows updates
	SelfService Kind = "self-service" // who may install what themselves
	Config      Kind = "config"       // settings of the agent
	Rollout     Kind = "rollout"      // how a version of a package reaches hosts; nobody installs it
)

// Kinds lists every kind in the order in which they are shown.
var Kinds = []Kind{Base, Group, Host, Unit, Profile, WSUS, SelfService, Config, Rollout}

// Valid reports whether k is one of [Kinds].
func (k Kind) Valid() bool { return slices.Contains(Kinds, k) }

// NeedsCode reports whether a package of kind k may only be signed by a
// certificate with the code-signing right, whatever it contains. A package of
// another kind needs that right too as soon as it carries files or actions.
func (k Kind) NeedsCode() bool { return k == Base || k == Config }

// Status is the state of one package on one root.
type Status string

// Package statuses. WAPT administrators know these names.
const (
	OK            Status = "OK"
	NeedInstall   Status = "NEED-INSTALL"
	NeedUpgrade   Status = "NEED-UPGRADE"
	NeedDowngrade Status = "NEED-DOWNGRADE"
	NeedRemove    Status = "NEED-REMOVE"
	Running       Status = "RUNNING"
	Warning       Status = "WARNING" // installed, but the last audit or session setup warned
	Error         Status = "ERROR"   // the last change of it failed; tried again at every upgrade
	Postponed     Status = "POSTPONED"
	Revoked       Status = "REVOKED" // installed, but it or who signed it has been revoked since
)

// Platform is what a package can be built for and what a root is.
// OS and Arch have the names of GOOS and GOARCH ("linux", "amd64").
type Platform struct {
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Version string `json:"version,omitempty"` // of the operating system, compared by package version's order; "" is unknown
}

// ThisPlatform is the platform of the running program.
func ThisPlatform() Platform { return Platform{OS: runtime.GOOS, Arch: runtime.GOARCH} }

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// OSes and Arches are the names that packages may use, besides "all" for any.
var (
	OSes   = []string{"linux", "windows", "darwin", "freebsd"}
	Arches = []string{"amd64", "arm64", "386", "arm", "riscv64", "ppc64le", "s390x", "loong64"}
)
