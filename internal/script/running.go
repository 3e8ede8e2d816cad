package script

import (
	"runtime"
	"slices"
	"time"
)

// Running returns those of the names under which a program runs. Capitals and a
// final .exe do not matter.
func Running(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	found, err := tasksNamed(names)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range names {
		if slices.ContainsFunc(found, func(r running) bool { return r.named(name) }) {
			all = append(all, name)
		}
	}
	return all, nil
}

// Close asks the programs of these names to end, on Unix with TERM, and waits for
// them as long as patience. None is killed: those that still run are returned. On
// Windows a service cannot ask, and Close only looks.
func Close(names []string, patience time.Duration) ([]string, error) {
	found, err := tasksNamed(names)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		if runtime.GOOS != "windows" {
			endTask(r.pid, false)
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		left, err := Running(names)
		if err != nil || len(left) == 0 || time.Now().After(end) {
			return left, err
		}
	}
}
