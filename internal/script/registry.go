package script

import (
	"fmt"
	"strings"
)

var registryHelpers = []Helper{
	{
		Name: "registry_readstring", Params: "root, path, name, default=\"\"", Platforms: onlyWindows,
		Summary: "a value of the registry as text; root is HKEY_LOCAL_MACHINE and the like",
		Text:    "Numbers become decimal text, lists lines. name \"\" is the default value of the key.",
		Example: "def product():\n    return registry_readstring(HKEY_LOCAL_MACHINE, r\"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\", \"ProductName\")",
	},
	{
		Name: "registry_set", Params: "root, path, name, value, type=None", Platforms: onlyWindows,
		Summary: "set a value of the registry; keys above it are made",
		Text:    "type is REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_DWORD or REG_QWORD; without it text is REG_SZ, a number REG_DWORD or REG_QWORD, a list REG_MULTI_SZ.",
		Example: "def policy():\n    registry_set(HKEY_LOCAL_MACHINE, r\"SOFTWARE\\Policies\\Tool\", \"Update\", 0, REG_DWORD)",
	},
	{
		Name: "registry_delete", Params: "root, path, name", Platforms: onlyWindows,
		Summary: "remove a value; returns whether it was there",
		Example: "def policy():\n    registry_delete(HKEY_LOCAL_MACHINE, r\"SOFTWARE\\Policies\\Tool\", \"Update\")",
	},
	{
		Name: "registry_deletekey", Params: "root, path, name", Platforms: onlyWindows,
		Summary: "remove the key name below path with all in it; returns whether it was there",
		Example: "def policies():\n    registry_deletekey(HKEY_LOCAL_MACHINE, r\"SOFTWARE\\Policies\", \"Tool\")",
	},
	{
		Name: "reg_key_exists", Params: "root, path", Platforms: onlyWindows,
		Summary: "whether there is a key", Example: "def there():\n    return reg_key_exists(HKEY_LOCAL_MACHINE, r\"SOFTWARE\\Tool\")",
	},
	{
		Name: "reg_value_exists", Params: "root, path, name", Platforms: onlyWindows,
		Summary: "whether there is a value", Example: "def there():\n    return reg_value_exists(HKEY_LOCAL_MACHINE, r\"SOFTWARE\\Tool\", \"Path\")",
	},
	{
		Name: "add_to_system_path", Params: "path", Platforms: onlyWindows, system: true,
		Summary: "add a folder to the PATH of the system; returns whether it was new", Example: "def path():\n    add_to_system_path(r\"C:\\Tool\\bin\")",
	},
	{
		Name: "remove_from_system_path", Params: "path", Platforms: onlyWindows, system: true,
		Summary: "take a folder out of the PATH of the system; returns whether it was in it", Example: "def path():\n    remove_from_system_path(r\"C:\\Tool\\bin\")",
	},
	{
		Name: "register_ext", Params: "appname, fileext, shellopen, icon=\"\"", Platforms: onlyWindows, system: true,
		Summary: "have files with an extension opened by a program, for all accounts",
		Example: "def ext():\n    register_ext(\"Tool\", \".tool\", r'\"C:\\Tool\\tool.exe\" \"%1\"')",
	},
}

// Names of roots and types, which packagers know as constants.
var registryNames = []string{
	"HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER", "HKEY_CLASSES_ROOT", "HKEY_USERS",
	"REG_SZ", "REG_EXPAND_SZ", "REG_MULTI_SZ", "REG_DWORD", "REG_QWORD",
}

// addFolder adds dir to a list of folders as PATH is, at its end, unless it is
// in it: capitals and a final backslash make no difference.
func addFolder(list, dir string) (string, bool) {
	if indexFolder(strings.Split(list, ";"), dir) >= 0 {
		return list, false
	}
	if list != "" && !strings.HasSuffix(list, ";") {
		list += ";"
	}
	return list + dir, true
}

func removeFolder(list, dir string) (string, bool) {
	folders := strings.Split(list, ";")
	removed := false
	for {
		i := indexFolder(folders, dir)
		if i < 0 {
			return strings.Join(folders, ";"), removed
		}
		folders, removed = append(folders[:i], folders[i+1:]...), true
	}
}

func indexFolder(folders []string, dir string) int {
	plain := func(s string) string { return strings.TrimRight(strings.Trim(strings.TrimSpace(s), `"`), `\`) }
	for i, f := range folders {
		if f != "" && strings.EqualFold(plain(f), plain(dir)) {
			return i
		}
	}
	return -1
}

// checkFolder refuses what would be several folders, or a relative one: every
// account would look for programs where it happens to stand.
func checkFolder(dir string) error {
	if len(dir) < 3 || dir[1] != ':' || dir[2] != '\\' || strings.ContainsAny(dir, ";\"\x00") {
		return fmt.Errorf("%q is no full path of a folder", dir)
	}
	return nil
}
