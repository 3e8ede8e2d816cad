package script

import "golang.org/x/sys/windows/registry"

// uninstallLists are where installers register: for 64 bits, for 32 bits, and
// for the account.
var uninstallLists = []struct {
	root registry.Key
	view uint32
}{
	{registry.LOCAL_MACHINE, registry.WOW64_64KEY},
	{registry.LOCAL_MACHINE, registry.WOW64_32KEY},
	{registry.CURRENT_USER, 0},
}

const uninstallPath = `SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall`

func listSoftware() ([]software, error) {
	var all []software
	for _, list := range uninstallLists {
		k, err := registry.OpenKey(list.root, uninstallPath, registry.ENUMERATE_SUB_KEYS|list.view)
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names, err := k.ReadSubKeyNames(-1)
		k.Close()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if w, ok := readSoftware(list.root, name, list.view); ok {
				all = append(all, w)
			}
		}
	}
	return all, nil
}

// readSoftware leaves out entries without a name, which are parts of others.
func readSoftware(root registry.Key, name string, view uint32) (w software, ok bool) {
	k, err := registry.OpenKey(root, uninstallPath+`\`+name, registry.QUERY_VALUE|view)
	if err != nil {
		return w, false
	}
	defer k.Close()
	text := func(value string) string {
		s, _, err := k.GetStringValue(value)
		if err != nil {
			return ""
		}
		return s
	}
	w = software{
		Key: name, Name: text("DisplayName"), Version: text("DisplayVersion"), Publisher: text("Publisher"),
		InstallLocation: text("InstallLocation"), InstallDate: text("InstallDate"),
		UninstallString: text("UninstallString"), QuietUninstallString: text("QuietUninstallString"),
	}
	return w, w.Name != ""
}
