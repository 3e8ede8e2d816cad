package cli

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/sign"
)

type setupOptions struct {
	repos    []string
	mirrors  []string
	trust    []string
	area     bool
	umask    string
	platform string
}

func setupCommand(a *app) *cobra.Command {
	var o setupOptions
	cmd := &cobra.Command{
		Use:   "setup --repo URL --trust FILE|DIR [--root DIR]",
		Short: "Prepare a root: its repositories and whom it trusts",
		Long: `Prepare a machine, or with --root a tree or an area, for muster.

An area is a root without privileges: a folder that an ordinary user owns and
from which programs are used in place. It is what setup makes when the user is
not root, or with --area. With --umask 0002 its files are writable for the group
that shares it.

Setup may be repeated: repositories and certificates are added to those that
are there.`,
		Example: `  muster setup --repo https://packages.example.org --trust packagers.crt
  muster setup --root $HOME/sw --repo /srv/repo --trust ca.crt --umask 0002`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.setup(cmd.Context(), o) },
	}
	a.rootFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.repos, "repo", nil, "URL or folder of a repository; the first is preferred")
	f.StringArrayVar(&o.mirrors, "mirror", nil, "another URL of the repository before it on the line")
	f.StringArrayVar(&o.trust, "trust", nil, "certificates whose signatures count: a PEM file or a folder")
	f.BoolVar(&o.area, "area", os.Geteuid() != 0 && runtime.GOOS != "windows", "make an area, without privileges")
	f.StringVar(&o.umask, "umask", "", "octal, for an area: taken off the modes of files (default 0022)")
	f.StringVar(&o.platform, "platform", "", "os/arch that packages must be made for (default: this machine's)")
	return cmd
}

func (a *app) setup(_ context.Context, o setupOptions) error {
	cfg, err := a.setupConfig(o)
	if err != nil {
		return err
	}
	certs, err := loadTrust(o.trust...)
	if err != nil {
		return err
	}
	r, err := install.Setup(a.rootDir, cfg, nil)
	if err != nil {
		return err
	}
	for _, c := range certs.Anchors {
		name := filepath.Join(r.TrustDir(), sign.Fingerprint(c)[:16]+".pem")
		if err := r.Disk.WriteFile(name, sign.EncodeCerts(c), 0o644); err != nil {
			return err
		}
		a.talk("trusts %s", sign.Describe(c))
	}
	what := "root"
	if cfg.Area {
		what = "area"
	}
	a.talk("%s %s is ready for packages of %s; its state lies in %s", what, r.Dir, cfg.Platform, r.State)
	if len(cfg.Repositories) > 0 {
		a.talk("next: muster update%s", a.rootArg())
	}
	return nil
}

// setupConfig adds what is asked for to the configuration that is there.
func (a *app) setupConfig(o setupOptions) (install.Config, error) {
	cfg := install.Config{Area: o.area, Umask: o.umask, Platform: muster.ThisPlatform()}
	if old, err := install.Open(a.rootDir, nil); err == nil {
		cfg = old.Config
		if o.umask != "" {
			cfg.Umask = o.umask
		}
	}
	if o.platform != "" {
		osName, arch, ok := strings.Cut(o.platform, "/")
		if !ok || !slices.Contains(muster.OSes, osName) || !slices.Contains(muster.Arches, arch) {
			return cfg, usagef("--platform %q is not os/arch, such as linux/amd64", o.platform)
		}
		cfg.Platform = muster.Platform{OS: osName, Arch: arch}
	}
	for i, url := range o.repos {
		if err := checkBase(url); err != nil {
			return cfg, err
		}
		urls := []string{absolute(url)}
		if i == len(o.repos)-1 {
			urls = append(urls, o.mirrors...)
		}
		known := func(r install.Repository) bool { return slices.Contains(r.URLs, urls[0]) }
		if !slices.ContainsFunc(cfg.Repositories, known) {
			cfg.Repositories = append(cfg.Repositories, install.Repository{URLs: urls})
		}
	}
	return cfg, nil
}

func checkBase(url string) error {
	if err := fetch.CheckBase(url); err != nil {
		return usageError{err}
	}
	return nil
}

// absolute makes the path of a folder independent of where the next command is
// typed.
func absolute(base string) string {
	if strings.Contains(base, "://") {
		return base
	}
	if abs, err := filepath.Abs(base); err == nil {
		return abs
	}
	return base
}

// rootArg repeats --root for the next command to type.
func (a *app) rootArg() string {
	if a.rootDir == "/" || a.rootDir == os.Getenv("MUSTER_ROOT") {
		return ""
	}
	return " --root " + a.rootDir
}
