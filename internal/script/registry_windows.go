package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"go.starlark.net/starlark"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// registryRoot takes the names that packagers know, long or short.
func registryRoot(name string) (registry.Key, error) {
	switch strings.ToUpper(name) {
	case "HKEY_LOCAL_MACHINE", "HKLM":
		return registry.LOCAL_MACHINE, nil
	case "HKEY_CURRENT_USER", "HKCU":
		return registry.CURRENT_USER, nil
	case "HKEY_CLASSES_ROOT", "HKCR":
		return registry.CLASSES_ROOT, nil
	case "HKEY_USERS", "HKU":
		return registry.USERS, nil
	}
	return 0, fmt.Errorf("%q is no root of the registry", name)
}

// withKeyOpen opens root\path for the time of do. A key that is not there is
// registry.ErrNotExist.
func withKeyOpen(root, path string, access uint32, do func(registry.Key) error) error {
	r, err := registryRoot(root)
	if err != nil {
		return err
	}
	k, err := registry.OpenKey(r, path, access)
	if err != nil {
		return fmt.Errorf("cannot open %s\\%s: %w", root, path, err)
	}
	defer k.Close()
	return do(k)
}

func absent(err error) bool { return errors.Is(err, registry.ErrNotExist) }

func registryRead(c *invocation) (starlark.Value, error) {
	var root, path, name, other string
	if err := c.unpack(&root, &path, &name, &other); err != nil {
		return nil, err
	}
	text := other
	err := withKeyOpen(root, path, registry.QUERY_VALUE, func(k registry.Key) (err error) {
		text, err = readRegistryText(k, name)
		return err
	})
	if absent(err) {
		return starlark.String(other), nil
	}
	return starlark.String(text), err
}

func readRegistryText(k registry.Key, name string) (string, error) {
	_, kind, err := k.GetValue(name, nil)
	if err != nil {
		return "", err
	}
	switch kind {
	case registry.DWORD, registry.QWORD:
		n, _, err := k.GetIntegerValue(name)
		return strconv.FormatUint(n, 10), err
	case registry.MULTI_SZ:
		lines, _, err := k.GetStringsValue(name)
		return strings.Join(lines, "\n"), err
	case registry.SZ, registry.EXPAND_SZ:
		text, _, err := k.GetStringValue(name)
		return text, err
	}
	return "", fmt.Errorf("value %q is of type %d, no text", name, kind)
}

func registrySet(c *invocation) (starlark.Value, error) {
	var root, path, name string
	var value, kind starlark.Value
	if err := c.unpack(&root, &path, &name, &value, &kind); err != nil {
		return nil, err
	}
	r, err := registryRoot(root)
	if err != nil {
		return nil, err
	}
	want, err := optionalText(kind)
	if err != nil {
		return nil, err
	}
	k, _, err := registry.CreateKey(r, path, registry.SET_VALUE)
	if err != nil {
		return nil, fmt.Errorf("cannot make %s\\%s: %w", root, path, err)
	}
	defer k.Close()
	return nil, writeRegistry(k, name, value, want)
}

func writeRegistry(k registry.Key, name string, value starlark.Value, kind string) error {
	switch v := value.(type) {
	case starlark.Bool:
		if v {
			return writeRegistry(k, name, starlark.MakeInt(1), kind)
		}
		return writeRegistry(k, name, starlark.MakeInt(0), kind)
	case starlark.Int:
		n, ok := v.Uint64()
		switch {
		case ok && n < 1<<32 && (kind == "" || kind == "REG_DWORD"):
			return k.SetDWordValue(name, uint32(n))
		case ok && (kind == "" || kind == "REG_QWORD"):
			return k.SetQWordValue(name, n)
		case kind == "REG_SZ" || kind == "REG_EXPAND_SZ":
			return writeRegistry(k, name, starlark.String(v.String()), kind)
		}
	case starlark.String:
		switch kind {
		case "", "REG_SZ":
			return k.SetStringValue(name, string(v))
		case "REG_EXPAND_SZ":
			return k.SetExpandStringValue(name, string(v))
		case "REG_MULTI_SZ":
			return k.SetStringsValue(name, strings.Split(string(v), "\n"))
		}
	case starlark.Iterable:
		lines, err := textList(v)
		if err == nil && (kind == "" || kind == "REG_MULTI_SZ") {
			return k.SetStringsValue(name, lines)
		}
	}
	return fmt.Errorf("%s cannot be written as %s", shorten(value.String(), 80), kind)
}

func registryDelete(c *invocation) (starlark.Value, error) {
	var root, path, name string
	if err := c.unpack(&root, &path, &name); err != nil {
		return nil, err
	}
	err := withKeyOpen(root, path, registry.SET_VALUE, func(k registry.Key) error { return k.DeleteValue(name) })
	if absent(err) {
		return starlark.False, nil
	}
	return starlark.Bool(err == nil), err
}

func registryDeleteKey(c *invocation) (starlark.Value, error) {
	var root, path, name string
	if err := c.unpack(&root, &path, &name); err != nil {
		return nil, err
	}
	if strings.Trim(path, `\`) == "" || strings.Trim(name, `\`) == "" {
		return nil, fmt.Errorf("registry_deletekey: %q below %q is too much to remove", name, path)
	}
	err := withKeyOpen(root, path, registry.ALL_ACCESS, func(k registry.Key) error { return deleteTree(k, name) })
	if absent(err) {
		return starlark.False, nil
	}
	return starlark.Bool(err == nil), err
}

// deleteTree removes a key from the leaves up: the system call removes only
// what has no keys below.
func deleteTree(above registry.Key, name string) error {
	k, err := registry.OpenKey(above, name, registry.ENUMERATE_SUB_KEYS|registry.QUERY_VALUE|registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	below, err := k.ReadSubKeyNames(-1)
	if err != nil {
		return err
	}
	for _, b := range below {
		if err := deleteTree(k, b); err != nil {
			return err
		}
	}
	return registry.DeleteKey(above, name)
}

func regKeyExists(c *invocation) (starlark.Value, error) {
	var root, path string
	if err := c.unpack(&root, &path); err != nil {
		return nil, err
	}
	err := withKeyOpen(root, path, registry.QUERY_VALUE, func(registry.Key) error { return nil })
	if absent(err) {
		return starlark.False, nil
	}
	return starlark.Bool(err == nil), err
}

func regValueExists(c *invocation) (starlark.Value, error) {
	var root, path, name string
	if err := c.unpack(&root, &path, &name); err != nil {
		return nil, err
	}
	err := withKeyOpen(root, path, registry.QUERY_VALUE, func(k registry.Key) error {
		_, _, err := k.GetValue(name, nil)
		return err
	})
	if absent(err) {
		return starlark.False, nil
	}
	return starlark.Bool(err == nil), err
}

const systemEnvironment = `SYSTEM\CurrentControlSet\Control\Session Manager\Environment`

// onSystemPath edits PATH, whose type REG_EXPAND_SZ is kept: other entries
// have variables in them.
func onSystemPath(edit func(list, dir string) (string, bool)) nativeFunc {
	return func(c *invocation) (starlark.Value, error) {
		var dir string
		if err := c.unpack(&dir); err != nil {
			return nil, err
		}
		if err := checkFolder(dir); err != nil {
			return nil, err
		}
		changed := false
		err := withKeyOpen("HKLM", systemEnvironment, registry.QUERY_VALUE|registry.SET_VALUE, func(k registry.Key) error {
			list, _, err := k.GetStringValue("Path")
			if err != nil && !absent(err) {
				return err
			}
			if list, changed = edit(list, dir); !changed {
				return nil
			}
			return k.SetExpandStringValue("Path", list)
		})
		if err == nil && changed {
			announceEnvironment()
		}
		return starlark.Bool(changed), err
	}
}

// announceEnvironment tells running programs, Explorer above all, that the
// environment has changed. Nobody has to answer.
func announceEnvironment() {
	const (
		broadcast     = 0xffff
		settingChange = 0x1a
		abortIfHung   = 0x2
		milliseconds  = 1000
	)
	what, err := windows.UTF16PtrFromString("Environment")
	if err != nil {
		return
	}
	send := windows.NewLazySystemDLL("user32.dll").NewProc("SendMessageTimeoutW")
	if send.Find() == nil {
		_, _, _ = send.Call(broadcast, settingChange, 0, uintptr(unsafe.Pointer(what)), abortIfHung, milliseconds, 0)
	}
}

func registerExt(c *invocation) (starlark.Value, error) {
	var app, ext, open, icon string
	if err := c.unpack(&app, &ext, &open, &icon); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(ext, ".") {
		ext = "." + ext
	}
	if len(ext) < 2 || app == "" || strings.ContainsAny(app+ext, `\/`) {
		return nil, fmt.Errorf("register_ext: %q or %q is no name", app, ext)
	}
	values := map[string]string{ext: app, app + `\shell\open\command`: open}
	if icon != "" {
		values[app+`\DefaultIcon`] = icon
	}
	for path, value := range values {
		k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, `SOFTWARE\Classes\`+path, registry.SET_VALUE)
		if err != nil {
			return nil, err
		}
		err = k.SetStringValue("", value)
		k.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
