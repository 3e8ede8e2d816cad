package install

import (
	"muster/pkgfile"
)

// A Step brings one package to one version, or removes it.
type Step struct {
	Name   string
	Op     string // "install", "upgrade", "downgrade", "reinstall", "remove": for people
	Reason string
	// Package is what to install, open and verified; nil removes. The caller
	// closes it after [Apply].
	Package *pkgfile.Package
	Repo    string            // where it came from
	File    string            // sha256 of the package file, its name in the cache
	Signers []string          // who signed it
	Params  map[string]string // for its actions
	kept    *keptPackage      // of an undo: the version that comes back; Package has its manifest only
}

// A Summary is what history keeps of a step.
type Summary struct {
	Name   string `json:"name"`
	Op     string `json:"op"`
	From   string `json:"from,omitempty"` // version
	To     string `json:"to,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// side is one installed package before or after the change.
type side struct {
	name     string
	manifest *pkgfile.Manifest
	aside    []string         // files beside edited configuration
	pkg      *pkgfile.Package // source of the content; nil for what is installed already
}
