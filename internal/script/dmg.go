package script

import (
	"fmt"
	"os"
	"path/filepath"

	"go.starlark.net/starlark"
)

// Installers of macOS. hdiutil and installer are its own programs.

func installPkg(c *invocation) (starlark.Value, error) {
	file, err := c.onlyFile()
	if err != nil {
		return nil, err
	}
	return nil, c.manage([]string{"installer", "-pkg", file, "-target", "/"}, nil)
}

func installDmg(c *invocation) (starlark.Value, error) {
	file, err := c.onlyFile()
	if err != nil {
		return nil, err
	}
	mount, err := os.MkdirTemp("", "dmg")
	if err != nil {
		return nil, err
	}
	defer os.Remove(mount)
	err = c.manage([]string{"hdiutil", "attach", "-nobrowse", "-readonly", "-noautoopen", "-mountpoint", mount, file}, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.manage([]string{"hdiutil", "detach", "-force", mount}, nil) }()
	return nil, c.installMounted(mount, file)
}

func (s *session) installMounted(mount, file string) error {
	pkgs, _ := filepath.Glob(filepath.Join(mount, "*.pkg"))
	for _, p := range pkgs {
		if err := s.manage([]string{"installer", "-pkg", p, "-target", "/"}, nil); err != nil {
			return err
		}
	}
	apps, _ := filepath.Glob(filepath.Join(mount, "*.app"))
	for _, app := range apps {
		target := filepath.Join("/Applications", filepath.Base(app))
		if err := os.RemoveAll(target); err != nil {
			return err
		}
		// ditto keeps resource forks and signatures, which a plain copy would not.
		if err := s.manage([]string{"ditto", app, target}, nil); err != nil {
			return err
		}
	}
	if len(pkgs)+len(apps) == 0 {
		return fmt.Errorf("%q holds neither .pkg nor .app", file)
	}
	return nil
}

// onlyFile takes one argument, the path of a file that is there. The full path
// cannot be taken for an option or the name of a package.
func (c *invocation) onlyFile() (string, error) {
	var file string
	if err := c.unpack(&file); err != nil {
		return "", err
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(full); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%q is no file", file)
	}
	return full, nil
}
