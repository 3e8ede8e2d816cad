package simulate

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// The lists are of what there is: names, versions and sizes. Which hosts have what is
// drawn by their seeds.
//
//	debian.txt   packages of Debian 12: "s" of a system with a few services, "t"
//	             what tools to build add, "d" what a GNOME desktop with office and
//	             media adds; name, version, architecture, KiB
//	windows.txt  percent of computers that have it, name as in the list of
//	             programs, version, publisher, MB

//go:embed lists/debian.txt
var debianText string

//go:embed lists/windows.txt
var windowsText string

// An entry is a line of a list.
type entry struct {
	part          string // "s", "t" or "d"
	share         int    // percent
	name, version string
	arch, vendor  string
	size          int64 // bytes
}

var debianList = sync.OnceValue(func() (all []entry) {
	for line := range strings.Lines(debianText) {
		if f := strings.Fields(line); len(f) == 5 {
			all = append(all, entry{part: f[0], name: f[1], version: f[2], arch: f[3], size: number(f[4]) << 10})
		}
	}
	return all
})

var windowsList = sync.OnceValue(func() (all []entry) {
	for line := range strings.Lines(windowsText) {
		if f := strings.Split(strings.TrimSpace(line), "|"); len(f) == 5 {
			all = append(all, entry{share: int(number(f[0])), name: f[1], version: f[2], vendor: f[3], size: number(f[4]) << 20})
		}
	}
	return all
})

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// moved is a version whose last number is another: so many releases later, or
// earlier as far as there are any.
func moved(version string, by int) string {
	end := strings.LastIndexAny(version, "0123456789") + 1
	begin := end
	for begin > 0 && version[begin-1] >= '0' && version[begin-1] <= '9' && end-begin < 9 {
		begin--
	}
	if begin == end {
		return version + strings.Repeat("+", max(by, 0))
	}
	n := max(number(version[begin:end])+int64(by), 0)
	return version[:begin] + strconv.FormatInt(n, 10) + version[end:]
}
