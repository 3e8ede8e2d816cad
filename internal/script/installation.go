package script

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"
)

// A winSystem is what installing needs of Windows.
type winSystem interface {
	listed() ([]software, error) // software in the registry
	launch(t *task) error
	killNamed(names []string) error
}

func (s *session) listed() ([]software, error) { return listSoftware() }

func (s *session) launch(t *task) error {
	_, err := s.execute(t)
	return err
}

func (s *session) killNamed(names []string) error {
	_, err := killTasks(names)
	return err
}

// An installation is one installer with what is expected of it.
type installation struct {
	file       string
	key        string // "" is unknown
	minVersion string // "" is any
	guessed    bool   // minVersion is the installer's own, which the registry need not repeat
	kill       []string
	force      bool
	task       *task
}

// perform installs unless it is there, and checks that it is there after.
// It returns whether the installer ran.
func (i *installation) perform(w winSystem, logf func(string, ...any)) (bool, error) {
	if !i.force && i.key != "" {
		need, err := needed(w, i.key, i.minVersion)
		if err != nil {
			return false, err
		}
		if !need {
			logf("%s %s or newer is there", i.key, i.minVersion)
			return false, nil
		}
	}
	if len(i.kill) > 0 {
		if err := w.killNamed(i.kill); err != nil {
			return false, err
		}
	}
	if err := w.launch(i.task); err != nil {
		return true, err
	}
	if i.key == "" {
		return true, nil
	}
	if i.guessed {
		i.minVersion = ""
	}
	need, err := needed(w, i.key, i.minVersion)
	if err == nil && need {
		err = fmt.Errorf("%q ended well, but %s %s is not in the list of software", filepath.Base(i.file), i.key, i.minVersion)
	}
	return true, err
}

// needed reports whether key is missing, or older than minVersion.
func needed(w winSystem, key, minVersion string) (bool, error) {
	all, err := w.listed()
	if err != nil {
		return false, err
	}
	found := withKey(all, key)
	if found == nil {
		return true, nil
	}
	if minVersion == "" {
		return false, nil
	}
	return newVersion(found.Version, 0).less(newVersion(minVersion, 0)), nil
}

// withKey returns the software under key, the newest if there are several
// (a key may stand in the 32-bit and the 64-bit list, and in the account's).
func withKey(all []software, key string) *software {
	var best *software
	for i := range all {
		if !strings.EqualFold(all[i].Key, key) {
			continue
		}
		if best == nil || newVersion(best.Version, 0).less(newVersion(all[i].Version, 0)) {
			best = &all[i]
		}
	}
	return best
}

// uninstallCommand is a list of words or a line, for run.
func uninstallCommand(w *software) (starlark.Value, error) {
	line := w.UninstallString
	lower := strings.ToLower(line)
	switch {
	case w.QuietUninstallString != "":
		return starlark.String(w.QuietUninstallString), nil
	case strings.Contains(lower, "msiexec") && isProductCode(w.Key):
		return textValues([]string{"msiexec", "/norestart", "/q", "/x", w.Key}), nil
	case line == "":
		return nil, fmt.Errorf("the registry names no way to uninstall %s", w.Key)
	case strings.HasSuffix(w.Key, "_is1"): // Inno Setup
		return starlark.String(quoteProgram(line) + " /VERYSILENT /SUPPRESSMSGBOXES /NORESTART"), nil
	case strings.Contains(lower, "uninst"): // NSIS names it so
		return starlark.String(quoteProgram(line) + " /S"), nil
	}
	return starlark.String(quoteProgram(line)), nil
}

// quoteProgram quotes a path with blanks that the registry has without quotes.
func quoteProgram(line string) string {
	end := strings.Index(strings.ToLower(line), ".exe")
	if strings.HasPrefix(line, `"`) || end < 0 || !strings.Contains(line[:end], " ") {
		return line
	}
	return `"` + line[:end+4] + `"` + line[end+4:]
}

// isProductCode tells {8-4-4-4-12} in hexadecimal.
func isProductCode(key string) bool {
	if len(key) != 38 || key[0] != '{' || key[37] != '}' {
		return false
	}
	for i, c := range key[1:37] {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// msiLine is the command line of an installation with properties, in the
// quotes that msiexec wants: inside of the word, doubled within the value.
func msiLine(file string, properties map[string]string) (string, error) {
	line := `msiexec /norestart /q /i "` + file + `"`
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		value := properties[name]
		if name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.") != "" {
			return "", fmt.Errorf("%q is no property", name)
		}
		if strings.ContainsAny(value, "\n\r\x00") || strings.HasSuffix(value, `\`) && strings.Contains(value, " ") {
			return "", fmt.Errorf("property %s cannot have the value %q", name, value)
		}
		line += " " + name + `="` + strings.ReplaceAll(value, `"`, `""`) + `"`
	}
	return line, nil
}
