package pkgfile

import "io/fs"

// inodeOf knows no hard links on Windows: each name is packed as a file, and
// equal contents are stored once all the same.
func inodeOf(fs.FileInfo) (inode, bool) { return inode{}, false }
