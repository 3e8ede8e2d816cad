package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"muster"
	"muster/recipes"
)

// A Stage is what every demonstration has: a folder, and steps that are shown there.
type Stage struct {
	Ctx  context.Context
	Dir  string // absolute
	Out  io.Writer
	Step int
}

// mark is a file that says that a folder is a demonstration and may be replaced
// by another one.
const mark = ".muster-demo"

// Open makes the folder of a stage with the recipes in it, in place of an earlier
// demonstration only. program is the command that shows it.
func Open(ctx context.Context, dir, program string, out io.Writer) (*Stage, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "the demonstration builds tools from source and needs Go: %w", err),
			"install Go from https://go.dev/dl, or your system's package golang")
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithHint(muster.WithKind(muster.Conflict, err), "%s demo --dir ANOTHER", program)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, mark)); err != nil {
			return nil, muster.WithHint(muster.Errorf(muster.Conflict, "%q is not empty, and no earlier demonstration", dir), "%s demo --dir ANOTHER", program)
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, mark), nil, 0o644); err != nil {
		return nil, err
	}
	return &Stage{Ctx: ctx, Dir: dir, Out: out}, os.CopyFS(filepath.Join(dir, "recipes"), recipes.Demo)
}

// Print shows a line.
func (s *Stage) Print(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

// Say is a step that only talks.
func (s *Stage) Say(text string) func() error {
	return func() error {
		s.Print("\n# %s", text)
		return nil
	}
}

// Play takes one step after the other, until one fails.
func (s *Stage) Play(steps []func() error) error {
	for _, do := range steps {
		err := s.Ctx.Err()
		if err == nil {
			err = do()
		}
		if err != nil {
			return fmt.Errorf("step %d of the demonstration: %w", s.Step, err)
		}
	}
	return nil
}

// Shown is a command as a person types it in the folder.
func (s *Stage) Shown(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = strings.ReplaceAll(arg, s.Dir+string(filepath.Separator), ""); arg == "" || strings.ContainsAny(arg, " <>*'\"$&|;()") {
			words[i] = "'" + words[i] + "'"
		}
	}
	return strings.Join(words, " ")
}

// Packages are the files of out whose names match one of the patterns, as they are typed.
func (s *Stage) Packages(patterns ...string) (names []string, err error) {
	for _, p := range patterns {
		files, err := filepath.Glob(filepath.Join(s.Dir, "out", p))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("no package %q was built", p)
		}
		for _, f := range files {
			names = append(names, filepath.ToSlash(filepath.Join("out", filepath.Base(f))))
		}
	}
	return names, nil
}

// Age runs the tool that was installed below a root: its version, and a text there and
// back.
func (s *Stage) Age(root, version string) func() error {
	const text = "attack at dawn"
	return func() error {
		out, err := s.tool(root, "age", "", "--version")
		if err != nil {
			return err
		}
		if strings.TrimSpace(out) != "v"+version {
			return fmt.Errorf("the installed age says it is %q, not v%s", out, version)
		}
		key := filepath.Join(s.Dir, fmt.Sprintf("key-%d.txt", s.Step))
		if _, err := s.tool(root, "age-keygen", "", "-o", key); err != nil {
			return err
		}
		recipient, err := s.tool(root, "age-keygen", "", "-y", key)
		if err != nil {
			return err
		}
		secret, err := s.tool(root, "age", text, "-r", strings.TrimSpace(recipient))
		if err != nil {
			return err
		}
		plain, err := s.tool(root, "age", secret, "-d", "-i", key)
		if err != nil {
			return err
		}
		s.Print("(%d encrypted bytes are %q again)", len(secret), plain)
		if plain != text {
			return fmt.Errorf("the installed age gave back %q", plain)
		}
		return nil
	}
}

// tool runs an installed program.
func (s *Stage) tool(root, name, stdin string, args ...string) (string, error) {
	path := filepath.Join(root, "usr", "bin", name)
	s.Step++
	s.Print("$ %s", s.Shown(append([]string{path}, args...)))
	cmd := exec.CommandContext(s.Ctx, filepath.Join(s.Dir, path), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", path, err, talk.String())
	}
	if stdin == "" {
		fmt.Fprint(s.Out, string(out))
	}
	return string(out), nil
}
