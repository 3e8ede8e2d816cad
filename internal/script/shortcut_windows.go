package script

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.starlark.net/starlark"
	"golang.org/x/sys/windows"
)

func createShortcut(place *windows.KNOWNFOLDERID) nativeFunc {
	return func(c *invocation) (starlark.Value, error) {
		var label, folder string
		var l shellLink
		if err := c.unpack(&label, &l.target, &l.arguments, &l.folder, &l.icon, &folder); err != nil {
			return nil, err
		}
		path, err := shortcutPath(place, label, folder)
		if err != nil {
			return nil, err
		}
		text, err := l.encode()
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		return starlark.String(path), writeAtomic(path, 0o644, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
}

func removeShortcut(place *windows.KNOWNFOLDERID) nativeFunc {
	return func(c *invocation) (starlark.Value, error) {
		var label, folder string
		if err := c.unpack(&label, &folder); err != nil {
			return nil, err
		}
		path, err := shortcutPath(place, label, folder)
		if err != nil {
			return nil, err
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		if folder != "" {
			_ = os.Remove(filepath.Dir(path)) // if nothing else is in it
		}
		return nil, nil
	}
}

func shortcutPath(place *windows.KNOWNFOLDERID, label, folder string) (string, error) {
	name, err := shortcutName(label, folder)
	if err != nil {
		return "", err
	}
	dir, err := windows.KnownFolderPath(place, 0)
	return filepath.Join(dir, name), err
}

// Scheduled tasks are schtasks.exe's.

func taskExists(c *invocation) (starlark.Value, error) {
	var name string
	if err := c.unpack(&name); err != nil {
		return nil, err
	}
	yes, err := c.succeeds("schtasks", "/Query", "/TN", name)
	return starlark.Bool(yes), err
}

func deleteTask(c *invocation) (starlark.Value, error) {
	var name string
	if err := c.unpack(&name); err != nil {
		return nil, err
	}
	_, err := c.call("schtasks", "/Delete", "/F", "/TN", name)
	return nil, err
}

func createDailyTask(c *invocation) (starlark.Value, error) {
	var name, command, parameters string
	var hour, minute int
	if err := c.unpack(&name, &command, &parameters, &hour, &minute); err != nil {
		return nil, err
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return nil, fmt.Errorf("%d:%d is no time of the day", hour, minute)
	}
	run := `"` + command + `"`
	if parameters != "" {
		run += " " + parameters
	}
	_, err := c.call("schtasks", "/Create", "/F", "/SC", "DAILY", "/RU", "SYSTEM",
		"/TN", name, "/TR", run, "/ST", fmt.Sprintf("%02d:%02d", hour, minute))
	return nil, err
}
