package cli

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/collect"
	"muster/sitereport"
)

// A reportSource is where a report comes from that is judged without a server: this
// machine, another root, or a file.
type reportSource struct{ file, root string }

func (s *reportSource) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.file, "report", "", "judge the report in `FILE` (- for standard input), not this machine")
	f.StringVar(&s.root, "tree", "", "judge the system whose root is `DIR`: an image, a container, a mounted disk")
	cmd.MarkFlagDirname("tree")    //nolint:errcheck // the flag is there
	cmd.MarkFlagFilename("report") //nolint:errcheck // the flag is there
	cmd.MarkFlagsMutuallyExclusive("report", "tree")
}

// siteReport reads it.
func (a *app) siteReport(ctx context.Context, s *reportSource) (*sitereport.Report, error) {
	if s.file == "" {
		return a.ownReport(ctx, cmp.Or(s.root, systemRoot()))
	}
	var in io.Reader = a.in
	if s.file != "-" {
		f, err := os.Open(filepath.Clean(s.file))
		if err != nil {
			return nil, muster.WithKind(muster.NotFound, err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, sitereport.MaxReport+1))
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read report %q: %w", s.file, err)
	}
	if len(data) > sitereport.MaxReport {
		return nil, muster.Errorf(muster.Invalid, "report %q is longer than %s", s.file, size(sitereport.MaxReport))
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
