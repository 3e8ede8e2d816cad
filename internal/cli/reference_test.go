package cli

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write reference documents anew")

const referenceFile = "../../docs/reference/cli.md"

func TestReference(t *testing.T) {
	text := commandReference()
	if *update {
		if err := os.WriteFile(referenceFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil || string(have) != text {
		t.Errorf("docs/reference/cli.md is stale (%v): go test ./internal/cli -update", err)
	}
}

// TestHelp holds what every verb owes its users: a summary, an example that
// begins with the program's name, a check of its arguments.
func TestHelp(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Name() == "help" || sub.Name() == "completion" {
				continue
			}
			if sub.Short == "" || strings.HasSuffix(sub.Short, ".") {
				t.Errorf("%s: summary %q", sub.CommandPath(), sub.Short)
			}
			if sub.Runnable() && !strings.Contains(sub.Example, "muster ") {
				t.Errorf("%s has no example", sub.CommandPath())
			}
			walk(sub)
		}
	}
	walk(new(app).command())
}

func TestExitCodes(t *testing.T) {
	run := func(args ...string) int {
		var out, talk strings.Builder
		return Main(args, strings.NewReader(""), &out, &talk)
	}
	for _, c := range []struct {
		want int
		args []string
	}{
		{0, []string{"--help"}},
		{0, []string{"help", "helpers"}},
		{0, []string{"version", "--json"}},
		{exitUsage, []string{"nonsense"}},
		{exitUsage, []string{"install"}},
		{exitUsage, []string{"install", "--nonsense"}},
		{exitUsage, []string{"plan", "nonsense"}},
		{exitUsage, []string{"key", "new"}},
		{exitFailed, []string{"list", "--root", "/nonexistent"}},
	} {
		if got := run(c.args...); got != c.want {
			t.Errorf("muster %s: exit code %d, want %d", strings.Join(c.args, " "), got, c.want)
		}
	}
}
