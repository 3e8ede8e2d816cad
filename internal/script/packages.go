package script

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

var packageHelpers = []Helper{
	{
		Name: "installed_softwares", Params: "keyword=\"\"", Summary: "the software of the system whose name or key contains keyword", fn: installedSoftwares,
		Text: "A list of dicts with key, name, version, publisher, install_location, uninstall_string, install_date. " +
			"On Windows from the registry, on Linux from dpkg and rpm, on FreeBSD from pkg, on macOS from the receipts. An exact key counts too.",
		Example: "for s in installed_softwares(\"bash\"):\n    print(s[\"name\"], s[\"version\"])",
		WAPT:    "on Linux there, the name must match",
	},
	{
		Name: "install_apt", Params: "packages", Summary: "install packages of the distribution (Debian, Ubuntu)", system: true, Platforms: onlyLinux,
		Text:    "Never asks; keeps configuration files that were changed; waits up to five minutes for the lock.",
		Example: "def tools():\n    install_apt([\"curl\", \"git\"])",
		fn:      onPackages(apt("install", "--no-install-recommends")),
	},
	{
		Name: "uninstall_apt", Params: "packages", Summary: "remove packages of the distribution (Debian, Ubuntu)", system: true, Platforms: onlyLinux,
		Example: "def no_tools():\n    uninstall_apt(\"curl\")", fn: onPackages(apt("remove")),
	},
	{
		Name: "update_apt", Params: "", Summary: "read the lists of the distribution's packages again", system: true, Platforms: onlyLinux,
		Example: "def lists():\n    update_apt()", fn: plainly(apt("update")),
	},
	{
		Name: "autoremove_apt", Params: "", Summary: "remove packages that nothing needs any more", system: true, Platforms: onlyLinux,
		Example: "def tidy():\n    autoremove_apt()", fn: plainly(apt("autoremove")),
	},
	{
		Name: "install_deb", Params: "file", Summary: "install a .deb file with what it depends on", system: true, Platforms: onlyLinux,
		Example: "def tool():\n    install_deb(\"tool.deb\")", fn: onFile(apt("install", "--no-install-recommends")),
	},
	{
		Name: "install_yum", Params: "packages", Summary: "install packages of the distribution (Red Hat, Fedora, SUSE's dnf)", system: true, Platforms: onlyLinux,
		Example: "def tools():\n    install_yum([\"curl\", \"git\"])", fn: onPackages(yum("install")),
	},
	{
		Name: "uninstall_yum", Params: "packages", Summary: "remove packages of the distribution (Red Hat, Fedora)", system: true, Platforms: onlyLinux,
		Example: "def no_tools():\n    uninstall_yum(\"curl\")", fn: onPackages(yum("remove")),
	},
	{
		Name: "update_yum", Params: "", Summary: "read the lists of the distribution's packages again", system: true, Platforms: onlyLinux,
		Example: "def lists():\n    update_yum()", fn: plainly(yum("makecache")),
	},
	{
		Name: "autoremove_yum", Params: "", Summary: "remove packages that nothing needs any more", system: true, Platforms: onlyLinux,
		Example: "def tidy():\n    autoremove_yum()", fn: plainly(yum("autoremove")),
	},
	{
		Name: "install_rpm", Params: "file", Summary: "install a .rpm file with what it depends on", system: true, Platforms: onlyLinux,
		Example: "def tool():\n    install_rpm(\"tool.rpm\")", fn: onFile(yum("install")),
	},
	{
		Name: "install_freebsd_pkg", Params: "packages", Summary: "install packages of FreeBSD", system: true, Platforms: []string{"freebsd"},
		Example: "def tools():\n    install_freebsd_pkg(\"curl\")", fn: onPackages(pkg("install")),
	},
	{
		Name: "uninstall_freebsd_pkg", Params: "packages", Summary: "remove packages of FreeBSD", system: true, Platforms: []string{"freebsd"},
		Example: "def no_tools():\n    uninstall_freebsd_pkg(\"curl\")", fn: onPackages(pkg("delete")),
	},
	{
		Name: "install_pkg", Params: "file", Summary: "install a .pkg file", system: true, Platforms: onlyDarwin,
		Example: "def tool():\n    install_pkg(\"tool.pkg\")", fn: installPkg,
	},
	{
		Name: "install_dmg", Params: "file", Summary: "install what a .dmg file holds: its .pkg files, or its .app folders into /Applications",
		system: true, Platforms: onlyDarwin,
		Example: "def tool():\n    install_dmg(\"tool.dmg\")", fn: installDmg,
	},
}

// A packageTool runs a package manager.
type packageTool func(s *session, words []string) error

// apt runs apt-get without questions.
func apt(verb string, options ...string) packageTool {
	return func(s *session, words []string) error {
		line := []string{
			"apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300",
			"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
		}
		line = append(append(append(line, options...), verb), words...)
		return s.manage(line, map[string]string{"DEBIAN_FRONTEND": "noninteractive"})
	}
}

// yum runs dnf, or yum where that is older.
func yum(verb string) packageTool {
	return func(s *session, words []string) error {
		tool := "dnf"
		if lookPath(tool) == "" {
			tool = "yum"
		}
		return s.manage(append([]string{tool, "-y", verb}, words...), nil)
	}
}

func pkg(verb string) packageTool {
	return func(s *session, words []string) error {
		return s.manage(append([]string{"pkg", verb, "-y"}, words...), nil)
	}
}

// manage gives a package manager half an hour; the wall time of the hook may
// be shorter.
func (s *session) manage(words []string, env map[string]string) error {
	_, err := s.execute(&task{command: textValues(words), env: env, timeout: 30 * time.Minute, accept: []int{0}})
	return err
}

// onPackages takes a name, names separated by blanks or commas, or a list.
func onPackages(tool packageTool) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		var v starlark.Value
		if err := c.unpack(&v); err != nil {
			return nil, err
		}
		names, err := textList(v)
		if err != nil {
			return nil, err
		}
		words := strings.FieldsFunc(strings.Join(names, " "), func(r rune) bool { return r == ' ' || r == ',' })
		if len(words) == 0 {
			return nil, errors.New(c.name + ": no package named")
		}
		for _, w := range words {
			if err := checkWord(w); err != nil {
				return nil, err
			}
		}
		return nil, tool(c.session, words)
	}
}

func onFile(tool packageTool) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		file, err := c.onlyFile()
		if err != nil {
			return nil, err
		}
		return nil, tool(c.session, []string{file})
	}
}

func plainly(tool packageTool) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		if err := c.unpack(); err != nil {
			return nil, err
		}
		return nil, tool(c.session, nil)
	}
}

// A software is an entry of the system's own list.
type software struct {
	Key, Name, Version, Publisher, InstallLocation, InstallDate string

	UninstallString, QuietUninstallString string // Windows
}

func (w *software) matches(keyword string) bool {
	return keyword == "" || strings.EqualFold(w.Key, keyword) ||
		strings.Contains(strings.ToLower(w.Name), strings.ToLower(keyword))
}

func (w *software) value() starlark.Value {
	d := starlark.NewDict(7)
	for _, kv := range [][2]string{
		{"key", w.Key}, {"name", w.Name}, {"version", w.Version}, {"publisher", w.Publisher},
		{"install_location", w.InstallLocation}, {"uninstall_string", w.UninstallString}, {"install_date", w.InstallDate},
	} {
		_ = d.SetKey(starlark.String(kv[0]), starlark.String(kv[1])) // a fresh dict takes any string
	}
	return d
}

func installedSoftwares(c *invocation) (starlark.Value, error) {
	keyword := ""
	if err := c.unpack(&keyword); err != nil {
		return nil, err
	}
	all, err := listSoftware()
	if err != nil {
		return nil, fmt.Errorf("cannot list software: %w", err)
	}
	list := starlark.NewList(nil)
	for i := range all {
		if all[i].matches(keyword) {
			_ = list.Append(all[i].value())
		}
	}
	return list, nil
}

// parseSoftware reads lines of tab-separated key, version, publisher and,
// where known, location.
func parseSoftware(text string) []software {
	var all []software
	for line := range strings.Lines(text) {
		f := append(strings.Split(strings.TrimRight(line, "\r\n"), "\t"), "", "", "")
		if f[0] != "" {
			all = append(all, software{Key: f[0], Name: f[0], Version: f[1], Publisher: f[2], InstallLocation: f[3]})
		}
	}
	return all
}
