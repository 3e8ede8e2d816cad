//go:build unix

package script

// playInstaller has a part on Windows only.
func playInstaller() {}
