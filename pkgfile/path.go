package pkgfile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A nameRule says which file names a package may have. It depends on what the
// package declares, never on the system that checks it.
type nameRule int

const (
	portable nameRule = iota // names that every system can hold and tell apart
	posix                    // names for systems that tell capitals and forms apart
)

// checkPath holds path to the rule: relative, of clean components, UTF-8 in
// form NFC, no control characters, no backslash. A portable path has nothing
// that Windows takes for something else.
func checkPath(path string, rule nameRule) error {
	switch {
	case path == "":
		return fmt.Errorf("empty path")
	case len(path) > MaxPath:
		return fmt.Errorf("path %.40q... of %d bytes is longer than %d", path, len(path), MaxPath)
	case !utf8.ValidString(path):
		return fmt.Errorf("path %q is not UTF-8", path)
	case path[0] == '/':
		return fmt.Errorf("path %q is absolute", path)
	case !norm.NFC.IsNormalString(path):
		return fmt.Errorf("path %q is not in Unicode normal form C", path)
	}
	for name := range strings.SplitSeq(path, "/") {
		if err := checkComponent(name, rule); err != nil {
			return fmt.Errorf("path %q: %w", path, err)
		}
	}
	return nil
}

func checkComponent(name string, rule nameRule) error {
	switch {
	case name == "":
		return fmt.Errorf("empty component")
	case name == "." || name == "..":
		return fmt.Errorf("component %q", name)
	case len(name) > 255:
		return fmt.Errorf("component of %d bytes is longer than 255", len(name))
	case len(name) >= 2 && name[1] == ':' && isLetter(name[0]) && (len(name) == 2 || rule == portable):
		return fmt.Errorf("drive letter in %q", name)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == '\\' || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("character %q is not allowed", r)
		}
	}
	if rule == posix {
		return nil
	}
	if i := strings.IndexAny(name, `<>:"|?*`); i >= 0 {
		return fmt.Errorf("character %q is not portable", name[i])
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return fmt.Errorf("%q ends with a dot or space", name)
	}
	if reservedName(name) {
		return fmt.Errorf("%q is reserved on Windows", name)
	}
	return nil
}

// reservedName reports whether Windows takes name for a device, with any
// extension and trailing spaces (Microsoft, "Naming Files, Paths, and Namespaces").
func reservedName(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	rest, ok := strings.CutPrefix(base, "COM")
	if !ok {
		rest, ok = strings.CutPrefix(base, "LPT")
	}
	if !ok {
		return false
	}
	switch rest {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// foldCase maps names to the same string when a case-insensitive file system
// could take them for the same.
func foldCase(path string) string {
	ascii := true
	for i := 0; i < len(path) && ascii; i++ {
		ascii = path[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToLower(path)
	}
	return norm.NFC.String(cases.Fold().String(path))
}
