package script

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.starlark.net/starlark"
)

const exeParams = "file, silentflags=None, key=None, min_version=None, killbefore=[], accept_returncodes=[0, 3010, 1641], timeout=300, force=None"

const msiParams = "file, min_version=None, killbefore=[], accept_returncodes=[0, 3010, 1641], timeout=300, properties={}, key=None, force=None"

var installerHelpers = []Helper{
	{
		Name: "install_msi_if_needed", Params: msiParams, Platforms: onlyWindows, fn: installMsi,
		Summary: "install an .msi file, unless its version or a newer one is there",
		Text: "Key and version come from the file unless given. Before, the programs of killbefore are ended; after, the key must be there with the version. " +
			"The key is declared, so that removing the package can uninstall it. force defaults to the name force in scope.",
		Example: "def msi():\n    install_msi_if_needed(\"tool.msi\", properties = {\"ALLUSERS\": \"1\"}, killbefore = [\"tool.exe\"])",
	},
	{
		Name: "install_exe_if_needed", Params: exeParams, Platforms: onlyWindows, fn: installExe,
		Summary: "run an .exe installer, unless its version or a newer one is there",
		Text: "Without key the installer always runs. Without min_version, it is what the file says of itself. " +
			"silentflags is the rest of the command line, such as \"/S\".",
		Example: "def exe():\n    install_exe_if_needed(\"setup.exe\", silentflags = \"/VERYSILENT\", key = \"Tool_is1\", min_version = control.get_software_version())",
	},
	{
		Name: "need_install", Params: "key, min_version=None, force=False", Platforms: onlyWindows, fn: needInstall,
		Summary: "whether key is not in the registry, or with a lower version",
		Example: "def need():\n    return need_install(\"Tool_is1\", min_version = \"2.0\")",
	},
	{
		Name: "uninstall_key_exists", Params: "key", Platforms: onlyWindows, fn: uninstallKeyExists,
		Summary: "whether software is registered under key", Example: "def there():\n    return uninstall_key_exists(\"Tool_is1\")",
	},
	{
		Name: "uninstall_cmd", Params: "key", Platforms: onlyWindows, fn: uninstallCmd,
		Summary: "the silent command that uninstalls key: a list or a line for run",
		Text:    "From QuietUninstallString, or made for Windows Installer, Inno Setup and NSIS.",
		Example: "def away():\n    run(uninstall_cmd(\"Tool_is1\"))",
	},
	{
		Name: "install_location", Params: "key", Platforms: onlyWindows, fn: installLocation,
		Summary: "the folder that the registry names for key, or \"\"", Example: "def where():\n    return install_location(\"Tool_is1\")",
	},
	{
		Name: "wait_uninstallkey_absent", Params: "key, timeout=60", Platforms: onlyWindows, fn: waitKeyAbsent,
		Summary: "wait until key has gone; returns whether it has",
		Text:    "Uninstallers often start another program and end before it does.",
		Example: "def gone():\n    run(uninstall_cmd(\"Tool_is1\"))\n    wait_uninstallkey_absent(\"Tool_is1\")",
	},
}

func installMsi(c *invocation) (starlark.Value, error) {
	var file string
	var minVersion, kill, codes, timeout, key, force starlark.Value
	var properties *starlark.Dict
	if err := c.unpack(&file, &minVersion, &kill, &codes, &timeout, &properties, &key, &force); err != nil {
		return nil, err
	}
	i, err := c.newInstallation(file, minVersion, kill, codes, timeout, key, force)
	if err != nil {
		return nil, err
	}
	said, err := readMsi(i.file)
	if err != nil {
		return nil, err
	}
	if i.key == "" {
		i.key = said["ProductCode"]
	}
	if i.minVersion == "" {
		i.minVersion = said["ProductVersion"]
	}
	named, err := textDict(properties)
	if err != nil {
		return nil, err
	}
	line, err := msiLine(i.file, named)
	if err != nil {
		return nil, err
	}
	i.task.command = starlark.String(line)
	return c.install(i)
}

func installExe(c *invocation) (starlark.Value, error) {
	var file string
	var flags, key, minVersion, kill, codes, timeout, force starlark.Value
	if err := c.unpack(&file, &flags, &key, &minVersion, &kill, &codes, &timeout, &force); err != nil {
		return nil, err
	}
	i, err := c.newInstallation(file, minVersion, kill, codes, timeout, key, force)
	if err != nil {
		return nil, err
	}
	if i.minVersion == "" {
		said, err := peFile(i.file)
		if err != nil && !errors.Is(err, errNoVersion) {
			return nil, err
		}
		i.minVersion, i.guessed = said["ProductVersion"], true
	}
	line := `"` + i.file + `"`
	if rest, _ := optionalText(flags); rest != "" {
		line += " " + rest
	}
	i.task.command = starlark.String(line)
	return c.install(i)
}

func (c *invocation) newInstallation(file string, minVersion, kill, codes, timeout, key, force starlark.Value) (*installation, error) {
	full, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	i := &installation{file: full, force: c.req.Force, task: &task{accept: []int{0, rebootRequired, rebootInitiated}, timeout: 5 * time.Minute}}
	if i.minVersion, err = optionalText(minVersion); err != nil {
		return nil, err
	}
	if i.key, err = optionalText(key); err != nil {
		return nil, err
	}
	if kill != nil {
		if i.kill, err = textList(kill); err != nil {
			return nil, err
		}
	}
	if list, ok := codes.(starlark.Iterable); ok {
		if i.task.accept, err = ints(list); err != nil {
			return nil, err
		}
	}
	if timeout != nil {
		if i.task.timeout, err = duration(timeout); err != nil {
			return nil, err
		}
	}
	if b, ok := force.(starlark.Bool); ok {
		i.force = bool(b)
	}
	return i, nil
}

// optionalText takes text, a Version, or nothing.
func optionalText(v starlark.Value) (string, error) {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return "", nil
	case starlark.String:
		return string(v), nil
	case *Version:
		return v.text, nil
	}
	return "", fmt.Errorf("got %s, want text", v.Type())
}

func (c *invocation) install(i *installation) (starlark.Value, error) {
	ran, err := i.perform(c.session, c.logf)
	if err != nil {
		return nil, err
	}
	c.declare(i.key)
	return starlark.Bool(ran), nil
}

func needInstall(c *invocation) (starlark.Value, error) {
	var key string
	var minVersion starlark.Value
	force := false
	if err := c.unpack(&key, &minVersion, &force); err != nil {
		return nil, err
	}
	lowest, err := optionalText(minVersion)
	if err != nil {
		return nil, err
	}
	need, err := needed(c.session, key, lowest)
	return starlark.Bool(need || force), err
}

// registered returns the software under the one argument, a key.
func (c *invocation) registered() (*software, error) {
	var key string
	if err := c.unpack(&key); err != nil {
		return nil, err
	}
	all, err := c.listed()
	return withKey(all, key), err
}

func uninstallKeyExists(c *invocation) (starlark.Value, error) {
	w, err := c.registered()
	return starlark.Bool(w != nil), err
}

func uninstallCmd(c *invocation) (starlark.Value, error) {
	w, err := c.registered()
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, errors.New("uninstall_cmd: no such key in the list of software")
	}
	return uninstallCommand(w)
}

func installLocation(c *invocation) (starlark.Value, error) {
	w, err := c.registered()
	if err != nil || w == nil {
		return starlark.String(""), err
	}
	return starlark.String(w.InstallLocation), nil
}

func waitKeyAbsent(c *invocation) (starlark.Value, error) {
	var key string
	timeout := starlark.Value(starlark.MakeInt(60))
	if err := c.unpack(&key, &timeout); err != nil {
		return nil, err
	}
	limit, err := duration(timeout)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(limit); ; {
		all, err := c.listed()
		if err != nil {
			return nil, err
		}
		if withKey(all, key) == nil {
			return starlark.True, nil
		}
		if time.Now().After(end) {
			return starlark.False, nil
		}
		select {
		case <-time.After(time.Second):
		case <-c.stopped:
			return nil, errors.New("stopped")
		}
	}
}
