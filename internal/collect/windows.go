package collect

import (
	"strings"
	"time"

	"muster/inventory"
)

// An uninstallKey is a key below Software\Microsoft\Windows\CurrentVersion\Uninstall.
type uninstallKey struct {
	view    string // "amd64" or "386" for the machine, "user" for the account
	name    string
	texts   map[string]string // REG_SZ and REG_EXPAND_SZ
	numbers map[string]uint64 // REG_DWORD
}

// Values of a key that are read.
var (
	uninstallTexts   = []string{"DisplayName", "DisplayVersion", "InstallDate", "ParentKeyName", "Publisher", "ReleaseType"}
	uninstallNumbers = []string{"EstimatedSize", "SystemComponent"}
)

// readWindows reads what the registry says is installed.
func readWindows(h *host, r *Report) error {
	if !h.live {
		return nil // the registry of a tree is a hive, which only Windows opens
	}
	keys, err := uninstallKeys()
	if err != nil {
		return err
	}
	return r.addPackages("windows", windowsPackages(keys))
}

// windowsPackages leaves out what Windows itself does not list: parts of the
// system, updates, and keys without a name.
func windowsPackages(keys []uninstallKey) []inventory.Package {
	var rows []inventory.Package
	for _, k := range keys {
		t := k.texts
		if t["DisplayName"] == "" || k.numbers["SystemComponent"] == 1 || t["ParentKeyName"] != "" || isUpdate(t["ReleaseType"]) {
			continue
		}
		rows = append(rows, inventory.Package{
			Architecture: k.view, ID: k.name, Name: t["DisplayName"], Version: t["DisplayVersion"], Vendor: t["Publisher"],
			Size: int64(min(k.numbers["EstimatedSize"], 1<<40)) << 10, Installed: windowsDate(t["InstallDate"]),
		})
	}
	return rows
}

func isUpdate(release string) bool {
	return strings.Contains(release, "Update") || release == "Hotfix"
}

// windowsDate reads a day: 20240131, or as the locale of an installer wrote it.
// The day begins in UTC: no zone is recorded.
func windowsDate(s string) int64 {
	for _, layout := range []string{"20060102", "2006-01-02", "1/2/2006"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.Unix()
		}
	}
	return 0
}
