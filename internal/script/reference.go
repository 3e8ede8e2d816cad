package script

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the documentation of all helpers in Markdown, as it stands in
// docs/reference/helpers.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Helpers\n\n" +
		"What the functions of an actions.star can call. This page is made from the program: `muster help helpers` shows the same.\n\n" +
		"Paths are relative to the unpacked payload, in build() to the build folder. " +
		"A parameter with a default may be left out, and may be given by name. What fails ends the hook, with file and line; catch() goes on.\n\n" +
		"Besides, a script sees:\n\n" +
		"| name | what it is |\n| --- | --- |\n")
	for _, v := range values {
		fmt.Fprintf(&b, "| `%s` | %s |\n", v.name, v.what)
	}
	topic := ""
	for _, h := range Helpers() {
		if h.topic != topic {
			topic = h.topic
			fmt.Fprintf(&b, "\n## %s\n", topic)
		}
		h.document(&b)
	}
	return b.String()
}

// document prints one helper.
func (h *Helper) document(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n```python\n%s\n```\n\n", h.Name, h.Signature())
	fmt.Fprintf(b, "%s.", strings.ToUpper(h.Summary[:1])+h.Summary[1:])
	if h.Text != "" {
		fmt.Fprintf(b, " %s", h.Text)
	}
	if len(h.Platforms) > 0 {
		names := slices.Clone(h.Platforms)
		for i := range names {
			names[i] = systemNames[names[i]]
		}
		fmt.Fprintf(b, " On %s only.", strings.Join(names, " and "))
	}
	if h.system {
		b.WriteString(" Not in an area without privileges.")
	}
	if h.WAPT != "" {
		fmt.Fprintf(b, " In WAPT: %s.", h.WAPT)
	}
	fmt.Fprintf(b, "\n\n```python\n%s\n```\n", h.Example)
}

var systemNames = map[string]string{
	"linux": "Linux", "windows": "Windows", "darwin": "macOS", "freebsd": "FreeBSD",
}

// values are the names in scope that are no helpers.
var values = []struct{ name, what string }{
	{"control", "the package: name, version, software_version, kind, architecture, os, maturity, locale, title, description, maintainer, licence, homepage, impacted_process, keywords; get_software_version()"},
	{"params", "the parameters given at installation, a dict"},
	{"root", "the folder into which muster installs; `/` for a whole system"},
	{"basedir", "the working folder, to which relative paths belong"},
	{"persistent_dir", "a folder that stays with the package as long as it is installed"},
	{"platform", "the system: os, arch, version"},
	{"force", "whether the person asked to install in any case"},
	{"attempt", "1, or more when the hook was cut short before"},
	{"old_version", "the version that is being replaced, or `\"\"`"},
	{"language", "the language of the system, two letters"},
	{"user", "the account that runs the script"},
	{"uninstallkey", "a list of registry keys by which the software is uninstalled; append to it, or assign it"},
	{"os, os.path, shutil, glob", "helpers under the names of Python's modules"},
	{"json, math, struct", "modules of Starlark: json.decode, json.encode, math.floor, struct(name = value)"},
	{"HKEY_LOCAL_MACHINE, ...", "HKEY_CURRENT_USER, HKEY_CLASSES_ROOT, HKEY_USERS, REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_DWORD, REG_QWORD"},
}
