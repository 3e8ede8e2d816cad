package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"muster"
)

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  muster version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fact := map[string]string{"version": Version, "platform": muster.ThisPlatform().String(), "go": runtime.Version()}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						fact["commit"] = s.Value
					}
				}
			}
			return a.answer(fact, func() error {
				a.print("muster %s %s", Version, muster.ThisPlatform())
				return nil
			})
		},
	}
}
