package tui

import "golang.org/x/sys/windows"

// SystemLanguages are those of the desktop, what the person likes best first.
func SystemLanguages() []string {
	const byName = 0x8 // MUI_LANGUAGE_NAME
	all, err := windows.GetUserPreferredUILanguages(byName)
	if err != nil {
		return nil
	}
	return all
}
