//go:build darwin || freebsd

package agent

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// bootID names the time since the machine was started last; "" is not known. Where
// the clock is set, the system moves its start with it: then a reboot is taken for
// one, and so may be what was none.
func bootID() string {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return strconv.FormatInt(t.Sec, 10)
}

// rebootCommands start the machine anew, the first that is there.
var rebootCommands = [][]string{{"shutdown", "-r", "now"}}
