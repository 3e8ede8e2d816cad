//go:build !windows

package tui

// SystemLanguages: elsewhere the environment says all there is.
func SystemLanguages() []string { return nil }
