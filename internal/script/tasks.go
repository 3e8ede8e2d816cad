package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

var taskHelpers = []Helper{
	{
		Name: "isrunning", Params: "name", Summary: "whether a program of this name runs", fn: isRunning,
		Text:    "Capitals and a final .exe do not matter.",
		Example: "if isrunning(\"firefox\"):\n    print(\"close it first\")",
	},
	{
		Name: "killalltasks", Params: "names", Summary: "end all programs of these names; returns how many", fn: killAllTasks,
		Text:    "They are asked to end (on Unix, with TERM), and killed after three seconds. This script and muster are spared.",
		Example: "killalltasks(\"tool.exe\")\nkilltasks = killalltasks(ensure_list(\"tool, tool-tray\"))",
	},
	{
		Name: "which", Params: "name", Summary: "the path of a program, or \"\"", fn: which,
		Example: "if not which(\"curl\"):\n    print(\"no curl\")",
	},
}

// A process that runs, as far as helpers care.
type running struct {
	pid, parent int
	names       []string // under which it is known
}

func (r *running) named(name string) bool {
	return slices.ContainsFunc(r.names, func(n string) bool { return plainName(n) == plainName(name) })
}

func plainName(name string) string {
	return strings.TrimSuffix(strings.ToLower(filepath.Base(name)), ".exe")
}

// tasksNamed lists the programs of these names, without this one and those
// that it descends from.
func tasksNamed(names []string) ([]running, error) {
	all, err := listTasks()
	if err != nil {
		return nil, fmt.Errorf("cannot list programs: %w", err)
	}
	byPid := make(map[int]running, len(all))
	for _, r := range all {
		byPid[r.pid] = r
	}
	spared := map[int]bool{}
	for pid := os.Getpid(); pid > 0 && !spared[pid]; pid = byPid[pid].parent {
		spared[pid] = true
	}
	return slices.DeleteFunc(all, func(r running) bool {
		return spared[r.pid] || !slices.ContainsFunc(names, r.named)
	}), nil
}

func isRunning(c *invocation) (starlark.Value, error) {
	var name string
	if err := c.unpack(&name); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("isrunning: empty name")
	}
	found, err := tasksNamed([]string{name})
	return starlark.Bool(len(found) > 0), err
}

func killAllTasks(c *invocation) (starlark.Value, error) {
	var v starlark.Value
	if err := c.unpack(&v); err != nil {
		return nil, err
	}
	names, err := textList(v)
	if err != nil {
		return nil, err
	}
	n, err := killTasks(names)
	if n > 0 {
		c.logf("ended %d of %s", n, strings.Join(names, ", "))
	}
	return starlark.MakeInt(n), err
}

// killTasks returns when none of the programs is left, or after ten seconds.
func killTasks(names []string) (int, error) {
	ended := map[int]bool{}
	start := time.Now()
	for {
		found, err := tasksNamed(names)
		if err != nil || len(found) == 0 {
			return len(ended), err
		}
		waited := time.Since(start)
		if waited > 10*time.Second {
			return len(ended), fmt.Errorf("cannot end process %d of %s", found[0].pid, strings.Join(names, ", "))
		}
		for _, r := range found {
			if !ended[r.pid] || waited > 3*time.Second {
				endTask(r.pid, waited > 3*time.Second)
				ended[r.pid] = true
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func which(c *invocation) (starlark.Value, error) {
	var name string
	if err := c.unpack(&name); err != nil {
		return nil, err
	}
	return starlark.String(lookPath(name)), nil
}
