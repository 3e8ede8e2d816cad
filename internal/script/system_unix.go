//go:build unix

package script

// systemLanguage is the language of the system where the environment names none.
func systemLanguage() string { return "en" }

func errIsUnsupported(error) bool { return false }
