package python

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (o *Options) header() string {
	return fmt.Sprintf("# Converted from setup.py of a WAPT package, which is %s. Read it before you sign.", o.Original)
}

// write writes actions.star, and remembers whose each line is.
func (f *file) write() []byte {
	p := &printer{}
	f.owner = nil
	p.write(f.opts.header(), 1)
	f.own(p, nil)
	for _, i := range f.items {
		switch {
		case i.drop && i.why == nil && (i.starts("import") || i.starts("from")): // the author's notes stand above them
			f.comments(p, i)
		case i.drop:
		case i.why == nil:
			f.converted(p, i)
		case i.hook():
			p.write("\n\n"+refusal(i.name, i.why, f.opts), i.line)
		}
		f.own(p, i)
	}
	if !slices.ContainsFunc(f.items, func(i *item) bool { return i.name == "install" }) && f.opts.Persistent != "" {
		p.write("\n\ndef install():\n"+step+f.persist(), 1)
	}
	f.own(p, nil)
	f.lines = p.lines
	return []byte(p.text())
}

func (f *file) comments(p *printer, i *item) {
	for _, c := range withoutCoding(i.before) {
		if c != "" {
			p.write(c, i.line)
		}
	}
}

func (f *file) own(p *printer, i *item) {
	for len(f.owner) < len(p.lines) {
		f.owner = append(f.owner, i)
	}
}

// converted prints an item.
func (f *file) converted(p *printer, i *item) {
	out := i.out
	if len(out) == 0 {
		return
	}
	first := *out[0]
	first.before = withoutCoding(first.before)
	if i.name == "install" && f.opts.Persistent != "" {
		copying := &stmt{line: i.line, head: []node{made(name, f.persist(), i.line)}}
		first.body = append([]*stmt{copying}, first.body...)
	}
	p.block(append([]*stmt{&first}, out[1:]...), 0)
}

func (f *file) persist() string {
	return fmt.Sprintf("copytree2(%s, persistent_dir)", quote(f.opts.Persistent))
}

// coding matches the comment that names the encoding of a file (PEP 263), and the
// line that names its interpreter.
var coding = regexp.MustCompile(`^#(!|.*coding[:=])`)

func withoutCoding(comments []string) []string {
	return slices.DeleteFunc(slices.Clone(comments), coding.MatchString)
}

// refusal is a hook that says why it does nothing.
func refusal(hook string, why *Problem, o Options) string {
	return fmt.Sprintf("def %s():\n%s# setup.py, line %d: %s\n%sfail(%s)", hook, step, why.Line, oneLine(why.Text), step,
		quote(fmt.Sprintf("convert by hand, see %s: line %d: %s", o.Original, why.Line, oneLine(why.Text))))
}

// quote writes s as Starlark does; Go's escapes for ASCII are all known there.
func quote(s string) string { return strconv.QuoteToASCII(s) }

// oneLine is text for a comment.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "..."
	}
	return s
}

// defined finds the hooks of a file that could not be parsed.
var definition = regexp.MustCompile(`(?m)^def[ \t]+(install|uninstall|session_setup|audit)[ \t]*\(`)

// byHand is the result for a file of which nothing could be converted.
func byHand(text string, o Options, why *Problem) *Result {
	r := &Result{}
	var b strings.Builder
	b.WriteString(o.header() + "\n")
	for _, name := range hostHooks {
		if !slices.ContainsFunc(definition.FindAllStringSubmatch(text, -1), func(m []string) bool { return m[1] == name }) {
			continue
		}
		r.Hooks = append(r.Hooks, Hook{Name: name, Line: why.Line, Reason: oneLine(why.Text)})
		b.WriteString("\n\n" + refusal(name, why, o) + "\n")
	}
	if len(r.Hooks) > 0 {
		r.Source = []byte(b.String())
	}
	return r
}
