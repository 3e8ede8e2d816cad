// Package python turns the setup.py of a WAPT package into an actions.star of
// muster, as far as that can be done without understanding it.
//
// Start with [Convert]. It works on tokens, not on text: names of modules and
// helpers are replaced, f-strings become calls of format, raise becomes fail, files
// that are opened become read_file and write_file, and so on. Comments and layout
// stay. Layout is all that it may get wrong without saying so: what has no
// counterpart (try, an unknown module, a parameter that a helper does not have) is
// refused with its line.
//
// A hook that cannot be converted, because of itself or of a function that it may
// call, becomes a call of fail: half a hook on thousands of machines is worse than
// none. Functions that only build packages there are dropped.
//
// # Promise
//
// What Convert returns is accepted by package script, and every hook of the
// source is either converted or told with line and reason.
package python

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"muster/internal/script"
)

// hostHooks are the hooks of setup.py that run on hosts, in the order in which they
// are told.
var hostHooks = []string{"install", "uninstall", "session_setup", "audit"}

// dropped is the hook of setup.py that makes new packages.
const dropped = "update_package"

// A Hook is what became of a hook.
type Hook struct {
	Name   string `json:"name"`
	Line   int    `json:"line,omitempty"`   // of the reason
	Reason string `json:"reason,omitempty"` // why it must be converted by hand; "" when it was converted
}

// A Result is a converted file.
type Result struct {
	Source []byte // actions.star; nil where setup.py has no hook for hosts
	Hooks  []Hook
	Notes  []string // what a person should look at, beginning with "line N: "
}

// Options are what the source does not say.
type Options struct {
	// Original is where a person finds the source, for messages.
	Original string
	// Persistent is a folder of the payload that the first hook copies to
	// persistent_dir, or "".
	Persistent string
}

// Convert converts a setup.py.
func Convert(src []byte, o Options) *Result {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(src), "\ufeff"))
	f, err := newFile(text, o)
	if err != nil {
		return byHand(text, o, asProblem(err))
	}
	return f.convert()
}

func newFile(text string, o Options) (*file, error) {
	switch {
	case len(text) > script.MaxSource/2:
		return nil, problem(1, "%d bytes of code, more than %d", len(text), script.MaxSource/2)
	case !utf8.ValidString(text):
		return nil, problem(1, "it is not UTF-8")
	case strings.IndexByte(text, 0) >= 0:
		return nil, problem(1, "it has a zero byte")
	}
	all, tail, err := parse(text)
	if err != nil {
		return nil, err
	}
	f := &file{opts: o, tail: tail, conv: &converter{
		imports: map[string]string{"os": "os", "glob": "glob", "shutil": "shutil", "logger": "logging"},
		defined: map[string]bool{},
	}}
	for n := 0; n < len(all); {
		end := n + 1
		for end < len(all) && all[end].continues() {
			end++
		}
		i := newItem(all[n:end])
		f.items = append(f.items, i)
		if i.name != "" {
			f.conv.defined[i.name] = true
		}
		n = end
	}
	return f, nil
}

func asProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{1, err.Error()}
}

// A file is a setup.py being converted.
type file struct {
	opts  Options
	items []*item
	tail  []string // comments at the end
	conv  *converter
	lines []int // the line of the source for each line that was written
	owner []*item
}

// An item is a statement outside of any function, with the branches that belong
// to it.
type item struct {
	*stmt
	all   []*stmt
	name  string // of a function, else ""
	bound map[string]bool
	uses  map[string]bool
	out   []*stmt
	drop  bool // not needed on hosts
	why   *Problem
}

// continues reports whether s is a branch of the statement above it.
func (s *stmt) continues() bool {
	return s.starts("elif") || s.starts("else") || s.starts("except") || s.starts("finally")
}

func newItem(all []*stmt) *item {
	s := all[0]
	i := &item{stmt: s, all: all, bound: map[string]bool{}, uses: map[string]bool{}}
	for _, s := range all {
		s.binds(i.bound)
		s.uses(i.uses)
	}
	if s.starts("def") && len(s.head) > 1 {
		i.name = s.head[1].text
	}
	return i
}

// hook reports whether i defines a hook of hosts.
func (i *item) hook() bool { return slices.Contains(hostHooks, i.name) }

func (f *file) convert() *Result {
	f.convertItems()
	f.dropUnneeded()
	f.spread()
	source := f.check()
	r := &Result{Hooks: f.report(), Notes: f.notes()}
	if len(r.Hooks) > 0 || f.opts.Persistent != "" {
		r.Source = source
	}
	return r
}

// convertItems converts what can be, imports first: they may stand below their use
// in a function.
func (f *file) convertItems() {
	for _, i := range f.items {
		if i.starts("import") || i.starts("from") {
			f.imports(i)
		}
	}
	for _, i := range f.items {
		switch {
		case i.starts("import") || i.starts("from"):
		case i.name == dropped || isMain(i.stmt):
			i.drop = true
		default:
			notes := f.conv.notes
			out, err := f.conv.block(i.all)
			if i.out = out; err != nil {
				i.why, f.conv.notes = asProblem(err), notes
			}
		}
	}
}

// imports learns the names of an import, and marks those of modules that are not
// here as such that cannot be used.
func (f *file) imports(i *item) {
	for _, name := range parseImport(i.stmt) {
		if name.known() {
			delete(i.bound, name.local)
			f.conv.learn(name)
			continue
		}
		i.why = &Problem{i.line, fmt.Sprintf("the module %s does not exist here", name.full)}
	}
	i.drop = i.why == nil
}

// isMain reports whether s is: if __name__ == "__main__"
func isMain(s *stmt) bool { return s.starts("if") && len(s.head) > 1 && s.head[1].leaf("__name__") }

// dropUnneeded drops functions that no hook of hosts can reach.
func (f *file) dropUnneeded() {
	needed := map[*item]bool{}
	var reach func(i *item)
	reach = func(i *item) {
		if needed[i] {
			return
		}
		needed[i] = true
		for _, other := range f.items {
			for name := range other.bound {
				if i.uses[name] && !other.drop {
					reach(other)
				}
			}
		}
	}
	for _, i := range f.items {
		if i.hook() || i.name == "" && !i.drop && i.why == nil {
			reach(i)
		}
	}
	for _, i := range f.items {
		if i.drop || needed[i] {
			continue
		}
		switch {
		case i.name != "":
			i.drop = true
			f.conv.note(i.line, "%s() is dropped: no hook of hosts needs it", i.name)
		case i.why != nil && len(i.bound) > 0:
			i.drop = true
			f.conv.note(i.line, "dropped: %s", i.why.Text)
		}
	}
	for _, i := range f.items {
		if i.name == dropped {
			f.conv.note(i.line, "%s() is dropped: it makes packages; write build() instead", dropped)
		}
	}
}

// spread lets what cannot be converted keep everything that needs it from being
// converted.
func (f *file) spread() {
	for again := true; again; {
		again = false
		for _, bad := range f.items {
			if bad.why == nil || bad.drop {
				continue
			}
			for _, i := range f.items {
				if i.why == nil && !i.drop && bad.affects(i) {
					i.why = &Problem{bad.why.Line, bad.why.Text}
					again = true
				}
			}
		}
	}
}

// affects reports whether i cannot do without the item: it uses a name that the
// item binds. A statement that binds nothing did something that all rely on.
func (bad *item) affects(i *item) bool {
	if len(bad.bound) == 0 {
		return i.name != ""
	}
	for name := range bad.bound {
		if i.uses[name] {
			return true
		}
	}
	return false
}

// check writes the file until package script accepts it. Each round gives up at
// least one more item.
func (f *file) check() []byte {
	for {
		source := f.write()
		_, err := script.Hooks("actions.star", source)
		if err == nil {
			return source
		}
		if !f.blame(err) {
			return byHand(f.whole(), f.opts, asProblem(err)).Source
		}
		f.spread()
	}
}

// blame finds the items that an error is about.
func (f *file) blame(err error) bool {
	found := false
	for _, m := range position.FindAllStringSubmatch(err.Error(), -1) {
		n, _ := strconv.Atoi(m[1])
		if n < 1 || n > len(f.lines) || f.owner[n-1] == nil || f.owner[n-1].why != nil {
			continue
		}
		f.owner[n-1].why = &Problem{f.lines[n-1], m[2]}
		found = true
	}
	return found
}

// position matches an error of package script.
var position = regexp.MustCompile(`(?m)actions\.star:(\d+)(?::\d+)?: (.*)$`)

// notes are the notes by line.
func (f *file) notes() []string {
	slices.SortStableFunc(f.conv.notes, func(a, b note) int { return cmp.Compare(a.line, b.line) })
	var all []string
	for _, n := range f.conv.notes {
		all = append(all, fmt.Sprintf("line %d: %s", n.line, n.text))
	}
	return all
}

// report tells what became of each hook.
func (f *file) report() []Hook {
	var all []Hook
	for _, name := range hostHooks {
		for _, i := range f.items {
			if i.name != name {
				continue
			}
			h := Hook{Name: name}
			if i.why != nil {
				h.Line, h.Reason = i.why.Line, i.why.Text
			}
			all = append(all, h)
		}
	}
	return all
}

// whole is the names of the hooks, for byHand.
func (f *file) whole() string {
	var b strings.Builder
	for _, h := range f.report() {
		fmt.Fprintf(&b, "def %s():\n", h.Name)
	}
	return b.String()
}
