package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/recipe"
)

func newCommand(a *app) *cobra.Command {
	var from, kind, maintainer string
	cmd := &cobra.Command{
		Use:   "new NAME|DIR [--from FILE|URL]",
		Short: "Make a recipe folder from a template or an installer",
		Long: `Make a recipe folder that builds at once. With --from it is made for what is
given: an archive (tar, zip), a package (deb, rpm), an installer (msi, exe), an
AppImage, or a source such as go:module@version; name, version, platform and
silent switches are read from it. Without, an empty recipe.`,
		Example: "  muster new hello --from hello-2.12.tar.gz\n  muster new office --kind group\n  muster new age --from go:filippo.io/age@v1.3.2",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.newRecipe(cmd.Context(), args[0], from, recipe.NewOptions{
				Kind: muster.Kind(kind), Maintainer: cmp.Or(maintainer, os.Getenv("MUSTER_MAINTAINER")), Log: a.logging()})
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "make it for `FILE|URL|SOURCE`")
	f.StringVar(&kind, "kind", "", "`KIND` of package (default base)")
	f.StringVar(&maintainer, "maintainer", "", "`\"NAME <ADDRESS>\"` ($MUSTER_MAINTAINER)")
	return cmd
}

func (a *app) newRecipe(ctx context.Context, dir, from string, o recipe.NewOptions) error {
	if o.Kind != "" && !o.Kind.Valid() {
		return usagef("--kind %q is none of %v", o.Kind, muster.Kinds)
	}
	_, err := os.Lstat(dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := recipe.New(ctx, dir, filepath.Base(dir), from, o); err != nil {
		if fresh {
			os.Remove(dir) // unless something is in it
		}
		return err
	}
	return a.answer(map[string]string{"recipe": dir}, func() error {
		a.print("%s: a recipe; look at %s, then: muster build %s", dir, filepath.Join(dir, "control"), dir)
		return nil
	})
}

// logging is where the output of scripts goes while it comes.
func (a *app) logging() io.Writer {
	if a.quiet {
		return io.Discard
	}
	return &prefixed{a: a}
}
