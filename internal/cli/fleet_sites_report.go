package cli

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/advisory/systems"
	"muster/internal/collect"
	"muster/sitereport"
)

// A reportSource is where a report comes from that is judged without a server: this
// machine, another root, a file, or a list of packages of a system that somebody names.
type reportSource struct{ file, root, installed, on string }

func (s *reportSource) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.file, "report", "", "judge the report in `FILE` (- for standard input), not this machine")
	f.StringVar(&s.root, "tree", "", "judge the system whose root is `DIR`: an image, a container, a mounted disk")
	cmd.MarkFlagDirname("tree")    //nolint:errcheck // the flag is there
	cmd.MarkFlagFilename("report") //nolint:errcheck // the flag is there
	cmd.MarkFlagsMutuallyExclusive("report", "tree")
}

// addInstalled has a verb take lists of packages too.
func (s *reportSource) addInstalled(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.installed, "installed", "", "judge the packages that `FILE` lists (- for standard input): NAME VERSION [ARCH] in each line, as dpkg-query -W prints")
	f.StringVar(&s.on, "on", "", "of --installed: the `SYSTEM` that has them, as debian:12")
	cmd.MarkFlagFilename("installed") //nolint:errcheck // the flag is there
	cmd.MarkFlagsRequiredTogether("installed", "on")
	cmd.MarkFlagsMutuallyExclusive("installed", "report", "tree")
}

// given reports whether it is not this machine.
func (s *reportSource) given() bool { return s.file != "" || s.root != "" || s.installed != "" }

// siteReport reads it.
func (a *app) siteReport(ctx context.Context, s *reportSource) (*sitereport.Report, error) {
	name := cmp.Or(s.file, s.installed)
	if name == "" {
		return a.ownReport(ctx, cmp.Or(s.root, systemRoot()))
	}
	var in io.Reader = a.in
	if name != "-" {
		f, err := open(name, reportHint)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, sitereport.MaxReport+1))
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read report %q: %w", name, err)
	}
	if len(data) > sitereport.MaxReport {
		return nil, muster.Errorf(muster.Invalid, "report %q is longer than %s", name, size(sitereport.MaxReport))
	}
	if s.installed != "" {
		return parseInstalled(name, data, s.on)
	}
	r, err := parseReport(data)
	if err != nil {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "cannot read report %q: %w", s.file, err), "'muster-report --print' writes one")
	}
	return r, nil
}

// ownReport looks at a system. Where a package manager cannot be read there is no
// report: what is not listed would look as if it was good.
func (a *app) ownReport(ctx context.Context, root string) (*sitereport.Report, error) {
	found, err := collect.Collect(ctx, collect.Options{Root: root, Sections: []string{"system", "packages"}, Now: a.now()})
	if err != nil {
		return nil, err
	}
	for _, f := range found.Failures {
		return nil, muster.Errorf(muster.Unavailable, "cannot read %s: %w", f.Section, f.Err)
	}
	r := sitereport.Of(found.Document)
	if len(r.Packages) == 0 {
		return nil, muster.Errorf(muster.NotFound, "found no packages of any package manager below %q", root)
	}
	if root != systemRoot() {
		r.System.Kernel = "" // of this machine, not of the tree
	}
	return r, nil
}

// parseReport reads every form in which hosts report, when it is not sealed. A proof is
// passed over: nobody is believed here who was not before.
func parseReport(data []byte) (*sitereport.Report, error) {
	data, err := sitereport.Unpack(data)
	if err != nil {
		return nil, err
	}
	switch {
	case len(data) > 0 && data[0] == 0x30:
		return nil, muster.Errorf(muster.Invalid, "it is sealed to a collector")
	case sitereport.IsPakiti5(data):
		return sitereport.ParsePakiti5(data)
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		g, err := sitereport.ParseGLPI(data)
		if err == nil && g.Report == nil {
			err = muster.Errorf(muster.Invalid, "it is a message %q of GLPI's agent, not an inventory", g.Action)
		}
		if err != nil {
			return nil, err
		}
		return g.Report, nil
	}
	_, data, err = sitereport.CutProof(data)
	if err != nil {
		return nil, err
	}
	return sitereport.Parse(data)
}

// parseInstalled reads a list of packages of a system: a line has the name, the version and
// perhaps the architecture, which dpkg-query writes behind the name and a colon. Which
// kernel runs is not known, nor which package is of which source.
func parseInstalled(name string, data []byte, system string) (*sitereport.Report, error) {
	id, version, _ := strings.Cut(platformWords(system), " ")
	r := &sitereport.Report{Host: "list", System: sitereport.System{ID: id, Version: version}}
	platform := systems.Builtin().Of(id, version, "")
	if !platform.Known {
		return nil, muster.WithHint(usagef("nothing is known of the system %q", system), "ID and VERSION_ID of its /etc/os-release: debian:12, rocky:9.5")
	}
	for n, line := range strings.Split(string(data), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) == 1 || len(f) > 3 || len(r.Packages) == sitereport.MaxPackages {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%s:%d: this is not NAME VERSION [ARCH], or there are more than %d", name, n+1, sitereport.MaxPackages),
				"dpkg-query -W, or rpm -qa --qf '%%{NAME} %%{EPOCHNUM}:%%{VERSION}-%%{RELEASE} %%{ARCH}\\n'")
		}
		p := sitereport.Package{Manager: platform.Manager, Name: f[0], Version: strings.TrimPrefix(f[1], "0:")}
		if platform.Manager == "dpkg" {
			p.Name, p.Arch, _ = strings.Cut(p.Name, ":")
		}
		if len(f) == 3 {
			p.Arch = f[2]
		}
		r.Packages = append(r.Packages, p)
	}
	r.Packages = sitereport.SortPackages(r.Packages)
	if err := r.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	return r, nil
}
