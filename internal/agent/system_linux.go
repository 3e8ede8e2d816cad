package agent

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since the machine started, with that in which it slept.
func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Since(started)
	}
	return time.Duration(t.Nano())
}

var started = time.Now()

func onBattery() bool { return batteryOf(os.DirFS("/sys/class/power_supply")) }

// batteryOf reports whether no mains is online where a battery of the machine
// itself is discharging (Documentation/ABI/testing/sysfs-class-power).
func batteryOf(sys fs.FS) bool {
	names, err := fs.Glob(sys, "*/type")
	if err != nil {
		return false
	}
	discharging := false
	for _, name := range names {
		dir := path.Dir(name)
		switch word(sys, name) {
		case "Mains", "USB":
			if word(sys, dir+"/online") == "1" {
				return false
			}
		case "Battery":
			// "Device" is that of a mouse or a pen.
			if word(sys, dir+"/scope") != "Device" && word(sys, dir+"/status") == "Discharging" {
				discharging = true
			}
		}
	}
	return discharging
}

func word(sys fs.FS, name string) string {
	data, err := fs.ReadFile(sys, name)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(data))
}

func onMetered() bool { return meteredOf(os.DirFS("/")) }

// meteredOf reports whether a connection of NetworkManager that is up was said by
// a person to cost money. What NetworkManager only guesses, of a telephone, it
// tells over D-Bus alone, which is not asked.
func meteredOf(root fs.FS) bool {
	up := map[string]bool{}
	devices, _ := fs.Glob(root, "run/NetworkManager/devices/*")
	for _, name := range devices {
		if uuid := keyfile(root, name)["device.connection-uuid"]; uuid != "" {
			up[uuid] = true
		}
	}
	if len(up) == 0 {
		return false
	}
	for _, dir := range []string{"etc/NetworkManager/system-connections", "run/NetworkManager/system-connections"} {
		files, _ := fs.Glob(root, dir+"/*.nmconnection")
		for _, name := range files {
			k := keyfile(root, name)
			// NMMetered: 1 yes, 3 guessed yes
			if up[k["connection.uuid"]] && (k["connection.metered"] == "1" || k["connection.metered"] == "3") {
				return true
			}
		}
	}
	return false
}

// keyfile reads a file of sections and keys, each as "section.key".
func keyfile(root fs.FS, name string) map[string]string {
	all := map[string]string{}
	data, err := fs.ReadFile(root, name)
	if err != nil || len(data) > maxState {
		return all
	}
	section := ""
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if rest, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(rest, "]")
		} else if key, value, ok := strings.Cut(line, "="); ok {
			all[section+"."+strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return all
}

// stopping asks systemd whether the machine is about to stop.
func stopping() bool {
	// It exits with 1 in every state but "running".
	out, _ := exec.Command("systemctl", "is-system-running").Output()
	return strings.TrimSpace(string(out)) == "stopping"
}
