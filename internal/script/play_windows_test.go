package script

import (
	"os"
	"slices"

	"golang.org/x/sys/windows/registry"
)

// playInstaller is what setup.exe of TestExeInstaller does: it registers
// itself and asks for a restart, or takes the registration away.
func playInstaller() {
	if os.Getenv(installerEnv) == "" {
		return
	}
	const path = uninstallPath + `\MusterSetup`
	if slices.Contains(os.Args, "/uninstall") {
		_ = registry.DeleteKey(registry.CURRENT_USER, path)
		os.Exit(0)
	}
	if !slices.Equal(os.Args[1:], []string{"/S"}) {
		os.Exit(87)
	}
	k, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err != nil {
		os.Exit(5)
	}
	if k.SetStringValue("DisplayName", "Muster Setup") != nil || k.SetStringValue("DisplayVersion", "3.0.1") != nil {
		os.Exit(5)
	}
	os.Exit(3010)
}
