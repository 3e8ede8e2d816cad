//go:build unix

package script

import (
	"os"
	"unsafe"
)

// systemLanguage is the language of the system where the environment names none.
func systemLanguage() string { return "en" }

func runsAsAdmin() bool { return os.Geteuid() == 0 }

func systemBits() int { return 8 * int(unsafe.Sizeof(uintptr(0))) }

// natives are the helpers that exist on this system only, by name.
var natives = map[string]nativeFunc{}
