package testneed

import "golang.org/x/sys/windows"

// OnWine reports whether this is Wine, in which all programs are one person, and whose
// files have the access lists that modes of the system below amount to.
func OnWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
