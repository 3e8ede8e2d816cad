package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"muster/api"
	"muster/internal/install"
)

// talk prints a line to stderr, unless --quiet.
func (a *app) talk(format string, args ...any) {
	if !a.quiet {
		line(a.err, format, args...)
	}
}

// print prints a line of the answer.
func (a *app) print(format string, args ...any) { line(a.out, format, args...) }

// line prints a line. Only the format is ours: what is put into it was sent by
// servers, chosen by hosts, claimed by strangers, and stays within its place.
func line(w io.Writer, format string, args ...any) {
	for i, v := range args {
		if _, number := v.(int); !number { // which may be a width
			args[i] = foreign{v}
		}
	}
	fmt.Fprintf(w, format+"\n", args...)
}

// A foreign value prints as it would, legible.
type foreign struct{ v any }

// Format implements [fmt.Formatter].
func (f foreign) Format(to fmt.State, verb rune) {
	io.WriteString(to, api.Legible(fmt.Sprintf(fmt.FormatString(to, verb), f.v)))
}

// lines prints text of several lines, and nothing where there is none.
func lines(w io.Writer, text string) {
	if text = strings.TrimRight(text, "\n"); text != "" {
		fmt.Fprintln(w, api.LegibleLines(text))
	}
}

// answer prints v as JSON where that was asked for, else what text prints.
func (a *app) answer(v any, text func() error) error {
	if !a.json {
		return text()
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.IsNil() {
		v = []any{} // nothing is a list of none
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// row is one of a table, of cells that keep to their columns.
func row(cells ...string) string {
	all := make([]string, len(cells))
	for i, c := range cells {
		all[i] = api.Legible(c)
	}
	return strings.Join(all, "\t")
}

// table prints rows with aligned columns: of what others wrote, those that [row] made.
func (a *app) table(rows []string) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, row)
	}
	return w.Flush()
}

// terminal reports whether stderr is one, for progress bars.
func (a *app) terminal() bool {
	f, ok := a.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A meter shows progress in bytes: a bar with rate and time left on a
// terminal, one line at the end otherwise, nothing with --quiet.
type meter struct {
	a     *app
	what  string
	bar   *progressbar.ProgressBar
	mu    sync.Mutex // several files are written and fetched at a time
	start time.Time
	done  int64
	total int64
	ended bool
}

func (a *app) meter(what string, total int64) *meter {
	m := &meter{a: a, what: what, total: total, start: a.now()}
	if a.quiet || !a.terminal() {
		return m
	}
	m.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	return m
}

// set tells how many bytes are done.
func (m *meter) set(done int64) {
	m.done = done
	if m.bar != nil {
		m.bar.Set64(done)
	}
}

func (m *meter) add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(m.done + n)
}

// end takes the bar away and leaves one line, once. Nothing is shown of what
// never began.
func (m *meter) end() {
	if m == nil || m.ended {
		return
	}
	m.ended = true
	if m.bar != nil {
		m.bar.Finish()
	}
	if m.done > 0 {
		m.a.talk("%s: %s in %.1f s", m.what, size(m.done), m.a.now().Sub(m.start).Seconds())
	}
}

// size prints a number of bytes for people.
func size(n int64) string { return install.BytesText(n) }

// indent writes text of others with every line moved to the right.
func indent(w io.Writer, prefix, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(w, "%s%s\n", prefix, api.Legible(line))
	}
}
