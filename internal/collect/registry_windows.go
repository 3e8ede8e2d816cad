package collect

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows/registry"
)

const uninstallPath = `SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall`

var uninstallViews = []struct {
	name   string
	root   registry.Key
	access uint32
}{
	{"amd64", registry.LOCAL_MACHINE, registry.WOW64_64KEY},
	{"386", registry.LOCAL_MACHINE, registry.WOW64_32KEY},
	{"user", registry.CURRENT_USER, 0},
}

func uninstallKeys() (all []uninstallKey, err error) {
	for _, v := range uninstallViews {
		k, err := registry.OpenKey(v.root, uninstallPath, registry.ENUMERATE_SUB_KEYS|v.access)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names, err := k.ReadSubKeyNames(maxEntries)
		k.Close()
		if err != nil && len(names) == 0 {
			continue // io.EOF: there is none
		}
		for _, name := range names {
			key, err := registry.OpenKey(v.root, uninstallPath+`\`+name, registry.QUERY_VALUE|v.access)
			if err != nil {
				continue // gone meanwhile, or closed to us
			}
			all = append(all, readUninstallKey(key, v.name, name))
			key.Close()
		}
	}
	return all, nil
}

func readUninstallKey(key registry.Key, view, name string) uninstallKey {
	k := uninstallKey{view, name, map[string]string{}, map[string]uint64{}}
	for _, v := range uninstallTexts {
		if s, _, err := key.GetStringValue(v); err == nil {
			k.texts[v] = s
		}
	}
	for _, v := range uninstallNumbers {
		if n, _, err := key.GetIntegerValue(v); err == nil {
			k.numbers[v] = n
		}
	}
	return k
}
