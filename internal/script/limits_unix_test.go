//go:build unix

package script

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// alive reports whether pid runs: a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(text), ") Z ")
}
