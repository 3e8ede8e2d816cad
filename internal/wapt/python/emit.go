package python

import "strings"

const step = "    "

// A printer writes statements as Starlark, and keeps from which line of setup.py
// each of its lines comes.
type printer struct {
	b     strings.Builder
	lines []int
}

func (p *printer) text() string { return p.b.String() }

// write appends text that comes from line and what follows it.
func (p *printer) write(s string, line int) {
	for l := range strings.SplitSeq(s, "\n") {
		p.lines = append(p.lines, line)
		line++
		p.b.WriteString(strings.TrimRight(l, "\r") + "\n")
	}
}

func (p *printer) block(all []*stmt, depth int) {
	for _, s := range all {
		p.stmt(s, depth)
	}
}

func (p *printer) stmt(s *stmt, depth int) {
	pad := strings.Repeat(step, depth)
	for _, c := range s.before {
		if c != "" {
			c = pad + c
		}
		p.write(c, s.line)
	}
	line := pad + source(trimmed(s.head))
	if s.block {
		line += ":"
	}
	if s.comment != "" {
		line += "  " + s.comment
	}
	p.write(line, s.line)
	if s.block {
		p.block(s.body, depth+1)
	}
}

// source prints nodes.
func source(nodes []node) string {
	var b strings.Builder
	print(&b, nodes)
	return b.String()
}

func print(b *strings.Builder, nodes []node) {
	for i := range nodes {
		n := &nodes[i]
		b.WriteString(n.space)
		b.WriteString(n.text)
		if n.shut.kind != 0 {
			print(b, n.kids)
			b.WriteString(n.shut.space)
			b.WriteString(n.shut.text)
		}
	}
}
