//go:build unix && !linux

package script

import (
	"bufio"
	"bytes"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// listTasks asks ps, whose columns POSIX defines.
func listTasks() ([]running, error) {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=,comm=").Output()
	if err != nil {
		return nil, err
	}
	var all []running
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		pid, err1 := strconv.Atoi(fields[0])
		parent, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil {
			name := strings.Join(fields[2:], " ")
			all = append(all, running{pid, parent, []string{filepath.Base(name)}})
		}
	}
	return all, nil
}
