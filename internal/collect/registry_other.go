//go:build !windows

package collect

import "io/fs"

// uninstallKeys says that there is no registry.
func uninstallKeys() ([]uninstallKey, error) { return nil, fs.ErrNotExist }
