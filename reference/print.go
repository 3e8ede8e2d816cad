package reference

import (
	"strconv"
	"strings"
)

// Print writes l as YAML, in the only form that it has: what [ParseYAML] makes of it
// prints the same.
func (l *List) Print() []byte {
	p := &printer{buf: make([]byte, 0, 256+80*len(l.Wanted))}
	p.text("", "name", l.Name)
	p.text("", "note", l.Note)
	if len(l.For.Tags)+len(l.For.Systems)+len(l.For.Sites) > 0 {
		p.line("for:")
		p.words("tags", l.For.Tags)
		p.words("systems", l.For.Systems)
		p.words("sites", l.For.Sites)
	}
	p.until("", l.Until)
	p.yes("", "complete", l.Complete)
	p.yes("", "optional", l.Optional)
	p.text("", "newest-of", l.NewestOf)
	if len(l.Wanted) == 0 {
		p.line("packages: []")
		return p.buf
	}
	p.line("packages:")
	for i := range l.Wanted {
		p.wanted(&l.Wanted[i])
	}
	return p.buf
}

type printer struct{ buf []byte }

func (p *printer) wanted(w *Wanted) {
	p.text("  - ", "name", w.Name)
	if w.Want.Mode != There || len(w.Want.Bounds) > 0 {
		p.text("    ", "want", w.Want.String())
	}
	p.text("    ", "manager", w.Manager)
	p.text("    ", "arch", w.Arch)
	p.until("    ", w.Until)
	p.yes("    ", "optional", w.Optional)
	p.text("    ", "note", w.Note)
}

func (p *printer) line(s string) { p.buf = append(append(p.buf, s...), '\n') }

func (p *printer) text(indent, name, value string) {
	if value == "" {
		return
	}
	p.buf = append(append(append(p.buf, indent...), name...), ": "...)
	p.value(value)
	p.buf = append(p.buf, '\n')
}

// value writes a text so that no reader of YAML takes it for anything else: Go's
// quotes are YAML's, for text that is valid.
func (p *printer) value(s string) {
	if isPlain(s) {
		p.buf = append(p.buf, s...)
		return
	}
	p.buf = strconv.AppendQuote(p.buf, s)
}

// notText are the words that YAML, in one version or another, takes for something
// else than text.
const notText = " null true false yes no on off y n "

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '+') {
			continue
		}
		return false
	}
	return s != "" && !strings.Contains(notText, " "+s+" ")
}

func (p *printer) words(name string, words []string) {
	if len(words) == 0 {
		return
	}
	p.buf = append(append(append(p.buf, "  "...), name...), ": ["...)
	for i, w := range words {
		if i > 0 {
			p.buf = append(p.buf, ", "...)
		}
		p.value(w)
	}
	p.buf = append(p.buf, "]\n"...)
}

func (p *printer) until(indent string, t int64) {
	if t != 0 {
		p.line(indent + "until: " + printUntil(t))
	}
}

func (p *printer) yes(indent, name string, yes bool) {
	if yes {
		p.line(indent + name + ": true")
	}
}
