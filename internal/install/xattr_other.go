//go:build !linux

package install

import "muster/pkgfile"

// fastSyncTree: SyncTree syncs file by file here.
const fastSyncTree = false

// canLinkSymlinks: a link to a symlink may follow it here.
const canLinkSymlinks = false

// Extended attributes are set on Linux only.
func (r *Root) setXattrs(string, *pkgfile.File) error { return nil }
func (r *Root) hasXattrs(string, *pkgfile.File) bool  { return true }
func copyXattrs(from, to string) error                { return nil }
