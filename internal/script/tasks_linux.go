package script

import (
	"bytes"
	"os"
	"path/filepath"
)

// listTasks reads proc(5). A program is known by its command name, which the
// kernel cuts to 15 bytes, by its file, and by the first word it was called
// with, which for a script of an interpreter differs.
func listTasks() ([]running, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []running
	for _, file := range files {
		s, ok := readStat(file)
		if !ok || s.zombie {
			continue
		}
		dir := filepath.Dir(file)
		r := running{pid: s.pid, parent: s.parent}
		if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil {
			r.names = append(r.names, string(bytes.TrimSpace(comm)))
		}
		if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
			r.names = append(r.names, filepath.Base(exe))
		}
		if line, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil {
			first, _, _ := bytes.Cut(line, []byte{0})
			r.names = append(r.names, filepath.Base(string(first)))
		}
		all = append(all, r)
	}
	return all, nil
}
