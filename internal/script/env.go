package script

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// childMark tells the binary that it is a script child.
const childMark = "MUSTER_SCRIPT_CHILD"

// inherited are the variables that a script gets from the caller as they are.
// Everything else stays behind: passwords, tokens, sockets of agents, proxies
// with passwords in them, MUSTER_KEY_PASSWORD.
var inherited = []string{
	"TZ", "USER", "LOGNAME",
	// Windows programs fail in odd ways without these.
	"SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "OS",
	"ProgramFiles", "ProgramFiles(x86)", "ProgramW6432", "ProgramData", "ALLUSERSPROFILE",
	"CommonProgramFiles", "CommonProgramFiles(x86)", "CommonProgramW6432", "PUBLIC",
	"PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS", "COMPUTERNAME", "USERNAME", "USERDOMAIN",
}

// ofSession are inherited by session_setup besides, which sets up a person's
// account and needs their desktop.
var ofSession = []string{
	"HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "HOMEDRIVE", "HOMEPATH",
	"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS",
}

const unixPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment returns the variables of a script. dir is private to the run and
// removed after it: no configuration of the account that happens to run muster
// leaks into what a package does, and nothing of the run stays.
func (r *Request) environment(dir string) []string {
	tmp, home := filepath.Join(dir, "tmp"), filepath.Join(dir, "home")
	env := []string{
		"PATH=" + absolutePath(os.Getenv("PATH")), "LANG=C.UTF-8",
		"TMPDIR=" + tmp, "TEMP=" + tmp, "TMP=" + tmp,
		"HOME=" + home, "USERPROFILE=" + home,
		"APPDATA=" + home, "LOCALAPPDATA=" + home,
	}
	names := inherited
	if r.Hook == "session_setup" {
		names = append(names[:len(names):len(names)], ofSession...)
	}
	for _, name := range names {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	env = append(env,
		"MUSTER_PACKAGE="+r.Control.Name, "MUSTER_VERSION="+r.Control.Version,
		"MUSTER_HOOK="+r.Hook, "MUSTER_ROOT="+r.Root, "MUSTER_ATTEMPT="+strconv.Itoa(r.Attempt))
	return append(env, r.Env...)
}

// absolutePath drops relative folders, through which a file in the working
// folder could stand for a program of the system.
func absolutePath(path string) string {
	var keep []string
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) {
			keep = append(keep, dir)
		}
	}
	if len(keep) == 0 && filepath.Separator == '/' {
		return unixPath
	}
	return strings.Join(keep, string(filepath.ListSeparator))
}

// callerLanguage is the language of the caller's locale, two letters; the
// script itself runs in the C locale.
func callerLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); len(v) >= 2 && v != "POSIX" && !strings.HasPrefix(v, "C.") {
			return strings.ToLower(v[:2])
		}
	}
	return systemLanguage()
}
