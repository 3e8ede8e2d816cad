package cli

import (
	"context"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"muster/internal/agent"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/internal/task"
)

// rootFlags gives a verb the flags of all that work on a root.
func (a *app) rootFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.rootDir, "root", defaultRoot(), "the root or area to work on ($MUSTER_ROOT)")
	cmd.MarkFlagDirname("root")
}

// changeFlags gives a verb the flags of all that change a root.
func (a *app) changeFlags(cmd *cobra.Command) {
	a.rootFlags(cmd)
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	cmd.Flags().DurationVar(&a.wait, "wait", 0, "wait so long for another muster to finish with the root")
	cmd.Flags().StringVar(&a.rate, "rate", "", "fetch at most so many bytes a second: 500K, 20M")
	cmd.Flags().DurationVar(&a.timeout, "timeout", 0, "give a server up that sends nothing for so long (default 15s)")
}

func defaultRoot() string {
	if dir := os.Getenv("MUSTER_ROOT"); dir != "" {
		return dir
	}
	return systemRoot()
}

// systemRoot is the root of the running system.
func systemRoot() string {
	if runtime.GOOS == "windows" {
		return `C:\`
	}
	return "/"
}

// open opens the root that the command works on.
func (a *app) open() (*engine.Engine, error) {
	e, err := engine.Open(a.rootDir, engine.Options{Credentials: credentials(), Now: a.now})
	if err != nil {
		return nil, err
	}
	e.Fetch.Roots, err = agent.HomeOf(e.Root.State, e.Root.Disk).Roots()
	return e, err
}

// credentials are those for repositories, from the environment.
func credentials() []fetch.Credential {
	base := os.Getenv("MUSTER_REPO_URL")
	if base == "" {
		return nil
	}
	return []fetch.Credential{{Base: base, User: os.Getenv("MUSTER_REPO_USER"),
		Password: os.Getenv("MUSTER_REPO_PASSWORD"), Bearer: os.Getenv("MUSTER_REPO_TOKEN")}}
}

// change opens the root, takes its lock, finishes what was interrupted, and
// calls do.
func (a *app) change(ctx context.Context, do func(*engine.Engine) error) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	if e.Fetch.Limit, err = limiter(a.rate); err != nil {
		return err
	}
	e.Fetch.Stall = a.timeout
	recovered, end, err := e.Begin(ctx, a.wait, a.installOptions())
	if recovered != nil && err == nil {
		a.talk("change %d had been interrupted; it is %s now", recovered.Change.ID, outcome(recovered.Change))
	}
	if err != nil {
		return err
	}
	defer end()
	return do(e)
}

// limiter reads a number of bytes a second with the ending K, M or G, of 1024.
// Nothing is no limit.
func limiter(s string) (*rate.Limiter, error) {
	if s == "" {
		return nil, nil
	}
	digits := strings.TrimRight(s, "kKmMgG")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 1 || len(s)-len(digits) > 1 {
		return nil, usagef("--rate %q is not a number of bytes a second, such as 500K or 20M", s)
	}
	if unit := strings.ToUpper(s[len(digits):]); unit != "" {
		n <<= 10 * (1 + strings.Index("KMG", unit))
	}
	return rate.NewLimiter(rate.Limit(n), 64<<10), nil
}

func outcome(c *task.Change) string {
	if c.State == task.Done {
		return "finished"
	}
	return "taken back"
}

// installOptions show the progress of a change.
func (a *app) installOptions() install.Options {
	return install.Options{
		User: whoami(),
		Notify: func(t *task.Task) {
			if t.Kind == "hook" {
				a.talk("%s", t.Summary)
			}
		},
		Log: &prefixed{a: a},
	}
}

func whoami() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// prefixed prints the output of actions, moved to the right, as it comes.
type prefixed struct {
	a    *app
	line []byte
}

func (p *prefixed) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' {
			if len(p.line) < 4096 {
				p.line = append(p.line, c)
			}
			continue
		}
		p.a.talk("  | %s", p.line)
		p.line = p.line[:0]
	}
	return len(b), nil
}

// when prints a time for people.
func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
