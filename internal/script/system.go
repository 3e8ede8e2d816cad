package script

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

var systemHelpers = []Helper{
	{
		Name: "iswin64", Params: "", Summary: "whether this is Windows for 64 bits", fn: isWin64,
		Example: "installer = \"x64.msi\" if iswin64() else \"x86.msi\"",
	},
	{
		Name: "windows_version", Params: "members=3", Summary: "the version of Windows, such as 10.0.22631", Platforms: onlyWindows,
		Example: "def new():\n    return windows_version() >= Version(\"10.0.22000\")",
	},
	{
		Name: "type_debian", Params: "", Summary: "whether this is Debian or made from it", fn: distribution("debian", "ubuntu"),
		Example: "if type_debian():\n    print(\"apt\")",
	},
	{
		Name: "type_redhat", Params: "", Summary: "whether this is Red Hat's or made from it", fn: distribution("rhel", "fedora", "centos"),
		Example: "if type_redhat():\n    print(\"dnf\")",
	},
	{
		Name: "os_release", Params: "", Summary: "the fields of os-release(5), as a dict; empty elsewhere", fn: osReleaseHelper,
		Example: "print(os_release().get(\"ID\", platform.os))",
	},
	{
		Name: "get_language", Params: "", Summary: "the language of the system, two letters", fn: getLanguage,
		Example: "print(get_language())",
	},
	{
		Name: "get_hostname", Params: "", Summary: "the name of the machine", fn: getHostname,
		Example: "print(get_hostname())", WAPT: "get_computername",
	},
	{
		Name: "user_home_directory", Params: "", Summary: "the home folder of the account that runs the script", fn: userHome,
		Text:    "The variable HOME is a folder for the run only, except in session_setup.",
		Example: "print(user_home_directory())",
	},
	{
		Name: "user_local_appdata", Params: "", Summary: "where the account keeps data of programs on this machine", fn: userLocalAppData,
		Text:    "AppData\\Local on Windows, Library/Application Support on macOS, .local/share elsewhere.",
		Example: "print(user_local_appdata())",
	},
	{
		Name: "programfiles", Params: "bits=0", Summary: "the folder of programs; bits 32 or 64 to choose", Platforms: onlyWindows,
		Example: "def where():\n    return makepath(programfiles(32), \"Tool\")", WAPT: "programfiles, programfiles32, programfiles64",
	},
	{
		Name: "isadmin", Params: "", Summary: "whether the script may change the whole system", fn: isAdmin,
		Example: "print(isadmin())",
	},
	{
		Name: "getenv", Params: "name, default=\"\"", Summary: "a variable of the environment, which is not the caller's", fn: getEnv,
		Example: "print(getenv(\"PATH\"))",
	},
	{
		Name: "expandvars", Params: "text", Summary: "text with $NAME, ${NAME} and %NAME% replaced from the environment", fn: expandVars,
		Text:    "Unknown names stay as they are.",
		Example: "print(expandvars(\"${TMPDIR}/x\"))",
	},
	{
		Name: "get_proxies", Params: "", Summary: "the proxies of the environment, as a dict by scheme", fn: getProxies,
		Example: "print(get_proxies().get(\"https\"))",
	},
	{
		Name: "currentdate", Params: "", Summary: "the date here, as 20261121", fn: now("20060102"),
		Example: "print(currentdate())",
	},
	{
		Name: "currentdatetime", Params: "", Summary: "date and time here, as 20261121-061500", fn: now("20060102-150405"),
		Example: "print(currentdatetime())",
	},
	{
		Name: "dmi_info", Params: "", Summary: "maker, model, serial numbers and firmware of the machine, as a dict", Platforms: onlyLinux, fn: dmiInfo,
		Text:    "The names are those of /sys/class/dmi/id, such as product_name. What the account may not read is missing; a machine without such a table fails.",
		Example: "info, err = catch(dmi_info)\nif not err:\n    print(info.get(\"product_name\"))",
	},
}

func isWin64(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	return starlark.Bool(runtime.GOOS == "windows" && systemBits() == 64), nil
}

func distribution(ids ...string) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		if err := c.unpack(); err != nil {
			return nil, err
		}
		release := readOSRelease()
		for _, have := range append(strings.Fields(release["ID_LIKE"]), release["ID"]) {
			for _, id := range ids {
				if have == id {
					return starlark.True, nil
				}
			}
		}
		return starlark.False, nil
	}
}

// readOSRelease reads os-release(5): NAME=value with shell quotes.
func readOSRelease() map[string]string {
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text, err := readBounded(file, 64<<10); err == nil {
			return parseOSRelease(string(text))
		}
	}
	return map[string]string{}
}

func parseOSRelease(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		fields[name] = unquoteRelease(value)
	}
	return fields
}

func unquoteRelease(value string) string {
	if len(value) < 2 || value[0] != value[len(value)-1] || value[0] != '"' && value[0] != '\'' {
		return value
	}
	inner := value[1 : len(value)-1]
	if value[0] == '\'' {
		return inner
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`").Replace(inner)
}

func osReleaseHelper(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	return stringDict(readOSRelease()), nil
}

func getLanguage(c *invocation) (starlark.Value, error) {
	return starlark.String(c.req.Language), c.unpack()
}

func getHostname(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	return starlark.String(name), err
}

// accountHome asks the system, not the environment.
func accountHome() (string, error) {
	u, err := user.Current()
	if err != nil {
		return "", err
	}
	if u.HomeDir == "" {
		return "", errors.New("this account has no home folder")
	}
	return u.HomeDir, nil
}

func userHome(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	home, err := accountHome()
	return starlark.String(home), err
}

func userLocalAppData(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	home, err := accountHome()
	if err != nil {
		return nil, err
	}
	below := filepath.Join(".local", "share")
	switch runtime.GOOS {
	case "windows":
		below = filepath.Join("AppData", "Local")
	case "darwin":
		below = filepath.Join("Library", "Application Support")
	}
	return starlark.String(filepath.Join(home, below)), nil
}

func isAdmin(c *invocation) (starlark.Value, error) {
	return starlark.Bool(runsAsAdmin()), c.unpack()
}

func getEnv(c *invocation) (starlark.Value, error) {
	var name, other string
	if err := c.unpack(&name, &other); err != nil {
		return nil, err
	}
	if value, ok := os.LookupEnv(name); ok {
		return starlark.String(value), nil
	}
	return starlark.String(other), nil
}

func expandVars(c *invocation) (starlark.Value, error) {
	var text string
	if err := c.unpack(&text); err != nil {
		return nil, err
	}
	return starlark.String(expand(text, os.LookupEnv)), nil
}

var variable = regexp.MustCompile(`\$(\w+)|\$\{(\w+)\}|%(\w+(?:\(\w+\))?)%`)

// expand replaces $NAME, ${NAME} and %NAME%. Names of Windows may end in
// parentheses, as ProgramFiles(x86).
func expand(text string, lookup func(string) (string, bool)) string {
	return variable.ReplaceAllStringFunc(text, func(whole string) string {
		m := variable.FindStringSubmatch(whole)
		if value, ok := lookup(m[1] + m[2] + m[3]); ok {
			return value
		}
		return whole
	})
}

func getProxies(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, scheme := range []string{"http", "https", "ftp", "no"} {
		for _, name := range []string{strings.ToUpper(scheme) + "_PROXY", scheme + "_proxy"} {
			if value := os.Getenv(name); value != "" {
				found[scheme] = value
			}
		}
	}
	return stringDict(found), nil
}

func now(layout string) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		return starlark.String(time.Now().Format(layout)), c.unpack()
	}
}

func dmiInfo(c *invocation) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	const dir = "/sys/class/dmi/id"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.New("this machine has no DMI table")
	}
	fields := map[string]string{}
	for _, e := range entries {
		if e.Name() == "modalias" || e.Name() == "uevent" || !e.Type().IsRegular() {
			continue
		}
		if text, err := readBounded(filepath.Join(dir, e.Name()), 4096); err == nil {
			fields[e.Name()] = strings.TrimSpace(string(text))
		}
	}
	return stringDict(fields), nil
}
