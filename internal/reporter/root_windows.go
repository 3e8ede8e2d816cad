package reporter

import (
	"io/fs"
	"os"
	"path/filepath"
)

// rootOfSystem is the drive that Windows is on.
func rootOfSystem() string {
	drive := os.Getenv("SystemDrive")
	if drive == "" {
		drive = "C:"
	}
	return drive + `\`
}

// stateFolder is where what waits is kept unless --spool says otherwise; "" where
// there is no place.
func stateFolder() string {
	dir, err := os.UserCacheDir() // %LocalAppData%
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "muster-report")
}

// checkOwner leaves it to Windows: folders below %LocalAppData% are the user's own.
func checkOwner(string, fs.FileInfo) error { return nil }
