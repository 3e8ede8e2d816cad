package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/install"
)

type testOptions struct {
	from string
	set  []string
	keep bool
}

func testCommand(a *app) *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test FILE|DIR [DEPENDENCY...]",
		Short: "Install, audit, upgrade and remove a package in a throw-away root",
		Long: `Try a package, or what a recipe builds, in an area that is thrown away: install
it, after the dependencies given, compare its files, run its audit() and test(),
remove it, and look for what it left. With --from, an older version is installed
before, and the upgrade is taken back and done again. Where a package file is
meant, a recipe will do, too.

The package's actions run as the user who calls, with all that this user may do.

Nothing is verified: this is for packagers, before they sign.`,
		Example: `  muster test recipes/age age-examples_1.0-1_all_all.mpk
  muster test age_1.3.2-1_linux_amd64.mpk --from age_1.3.1-1_linux_amd64.mpk`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.test(cmd.Context(), args[0], args[1:], o) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "upgrade from the older version in `FILE|DIR`")
	cmd.Flags().StringArrayVar(&o.set, "set", nil, "a parameter of the recipe, or of the package's actions: `NAME=VALUE`")
	cmd.Flags().BoolVar(&o.keep, "keep", false, "leave the root behind, to look into")
	return cmd
}

// testFact is the JSON form of a trial that passed.
type testFact struct {
	Package string   `json:"package"`
	Passed  []string `json:"passed"`
}

func (a *app) test(ctx context.Context, what string, deps []string, o testOptions) error {
	set, err := params(o.set)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "muster-test-")
	if err != nil {
		return err
	}
	if o.keep {
		a.talk("the root is %s", filepath.Join(dir, "root"))
	} else {
		defer os.RemoveAll(dir)
	}
	t := &trial{app: a, ctx: ctx, dir: dir}
	defer t.close()
	if err := t.openSubject(what, set); err != nil {
		return err
	}
	c := &t.subject.Manifest.Control
	if !c.RunsOn(muster.ThisPlatform()) {
		return muster.Errorf(muster.Conflict, "%s is for %s/%s; it cannot be tried on %s",
			c, strings.Join(c.OS, "+"), strings.Join(c.Architecture, "+"), muster.ThisPlatform())
	}
	t.root, err = install.Setup(filepath.Join(dir, "root"), install.Config{Area: true, Platform: muster.ThisPlatform()}, nil)
	if err != nil {
		return err
	}
	passed, err := t.run(deps, o.from)
	if err != nil {
		return fmt.Errorf("%s failed its test: %w", c, err)
	}
	return a.answer(testFact{c.String(), passed}, func() error {
		a.print("%s passed: %s", c, strings.Join(passed, ", "))
		return nil
	})
}
