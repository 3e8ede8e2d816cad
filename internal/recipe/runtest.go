package recipe

import (
	"context"
	"io"
	"os"
	"slices"

	"muster/control"
	"muster/internal/script"
)

// RunTest runs test() of a package's actions in an empty folder, against a root
// into which the package was installed. Nothing is wrong with a package that
// has no test(): ran is false then.
func RunTest(ctx context.Context, c *control.Control, actions []byte, root string, log io.Writer) (ran bool, err error) {
	hooks, err := script.Hooks(c.String()+": actions.star", actions)
	if err != nil || !slices.Contains(hooks, "test") {
		return false, err
	}
	dir, err := os.MkdirTemp("", "muster-test-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	_, err = script.Run(ctx, script.Request{
		File: c.String() + ": actions.star", Source: actions, Hook: "test",
		Control: c, Root: root, BaseDir: dir, Area: true, Log: log,
	})
	return true, err
}
