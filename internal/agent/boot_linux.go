package agent

import (
	"os"
	"strings"
)

// bootID names the time since the machine was started last; "" is not known.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// rebootCommands start the machine anew, the first that is there.
var rebootCommands = [][]string{{"systemctl", "reboot"}, {"shutdown", "-r", "now"}, {"reboot"}}
