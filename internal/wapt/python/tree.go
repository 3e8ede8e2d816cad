package python

import "strings"

// A node is a token, or brackets with what is in them.
type node struct {
	token
	kids []node
	shut token // the closing bracket; no kind for a plain token
}

// bracket reports whether n is a pair of brackets that opens with s.
func (n *node) bracket(s string) bool { return n.shut.kind != 0 && n.text == s }

// leaf reports whether n is the plain token s.
func (n *node) leaf(s string) bool { return n.shut.kind == 0 && n.is(s) }

// isName reports whether n is a name that is no keyword.
func (n *node) isName() bool { return n.kind == name && !keywords[n.text] }

var keywords = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`and as assert async await break class continue def del elif else except
		finally for from global if import in is lambda nonlocal not or pass raise return try while with yield
		None True False`) {
		keywords[w] = true
	}
}

// A stmt is a statement. One with a body has in head what stands before the colon.
type stmt struct {
	line    int
	before  []string
	head    []node
	comment string
	body    []*stmt
	block   bool // it has a body
}

// starts reports whether the first token of s is the keyword or operator w.
func (s *stmt) starts(w string) bool { return len(s.head) > 0 && s.head[0].leaf(w) }

var compound = map[string]bool{
	"if": true, "elif": true, "else": true, "for": true, "while": true, "def": true, "class": true,
	"with": true, "try": true, "except": true, "finally": true, "async": true,
}

// maxBlocks bounds the nesting of blocks.
const maxBlocks = 30

// A parser makes statements of lines.
type parser struct {
	lines []line
	next  int
}

// parse makes the statements of a file. tail is comments at its end.
func parse(src string) (all []*stmt, tail []string, err error) {
	l := &lexer{src: src, number: 1}
	lines, tail, err := l.lines()
	if err != nil || len(lines) == 0 {
		return nil, tail, err
	}
	p := &parser{lines: lines}
	if lines[0].indent > 0 {
		return nil, nil, problem(lines[0].tokens[0].line, "indented, but there is nothing above")
	}
	all, err = p.block(0, 0)
	return all, tail, err
}

// block reads the statements that are indented alike.
func (p *parser) block(indent, depth int) ([]*stmt, error) {
	var all []*stmt
	for p.next < len(p.lines) {
		ln := &p.lines[p.next]
		if ln.indent < indent {
			break
		}
		if at := ln.tokens[0].line; ln.indent > indent || depth > maxBlocks {
			return nil, problem(at, "indented more than the lines around it")
		}
		p.next++
		list, err := p.statement(ln, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// statement makes the statements of one line, with the block below it.
func (p *parser) statement(ln *line, depth int) ([]*stmt, error) {
	nodes, _ := group(ln.tokens)
	first := ln.tokens[0]
	if first.kind != name || !compound[first.text] {
		all := simple(nodes)
		all[0].before = ln.before
		all[len(all)-1].comment = ln.comment
		return all, nil
	}
	colon := colonOf(nodes)
	if colon < 0 {
		return nil, problem(first.line, "there is no colon")
	}
	s := &stmt{line: first.line, before: ln.before, head: nodes[:colon], comment: ln.comment, block: true}
	if rest := nodes[colon+1:]; len(rest) > 0 {
		s.body = simple(rest)
		return []*stmt{s}, nil
	}
	if p.next == len(p.lines) || p.lines[p.next].indent <= ln.indent {
		return nil, problem(first.line, "there is no indented block below it")
	}
	var err error
	s.body, err = p.block(p.lines[p.next].indent, depth+1)
	return []*stmt{s}, err
}

// simple splits at semicolons. There is at least one statement.
func simple(nodes []node) []*stmt {
	var all []*stmt
	start := 0
	for i := 0; i <= len(nodes); i++ {
		if i < len(nodes) && !nodes[i].leaf(";") {
			continue
		}
		if i > start {
			all = append(all, &stmt{line: nodes[start].line, head: nodes[start:i]})
		}
		start = i + 1
	}
	if all == nil {
		all = []*stmt{{line: nodes[0].line, head: []node{made(name, "pass", nodes[0].line)}}}
	}
	return all
}

// colonOf is the index of the colon that ends a header: not that of a lambda.
func colonOf(nodes []node) int {
	lambdas := 0
	for i := range nodes {
		switch {
		case nodes[i].leaf("lambda"):
			lambdas++
		case nodes[i].leaf(":") && lambdas > 0:
			lambdas--
		case nodes[i].leaf(":"):
			return i
		}
	}
	return -1
}

// group puts what stands in brackets into nodes. The lexer saw to it that they
// close.
func group(tokens []token) (nodes []node, used int) {
	for used < len(tokens) {
		t := tokens[used]
		used++
		if t.kind == op && len(t.text) == 1 && strings.Contains(")]}", t.text) {
			return nodes, used
		}
		n := node{token: t}
		if t.kind == op && len(t.text) == 1 && strings.Contains("([{", t.text) {
			var inside int
			n.kids, inside = group(tokens[used:])
			used += inside
			n.shut = tokens[used-1]
		}
		nodes = append(nodes, n)
	}
	return nodes, used
}

// made is a node that was not in the source.
func made(k kind, s string, line int) node { return node{token: token{kind: k, text: s, line: line}} }

// spaced is n with other blanks before it.
func spaced(n node, space string) node {
	n.space = space
	return n
}

// in puts nodes in brackets.
func in(open string, kids []node, line int) node {
	shut := map[string]string{"(": ")", "[": "]", "{": "}"}[open]
	n := made(op, open, line)
	n.kids, n.shut = trimmed(kids), token{kind: op, text: shut, line: line}
	return n
}

// trimmed is nodes without blanks before the first.
func trimmed(nodes []node) []node {
	if len(nodes) == 0 {
		return nil
	}
	out := append([]node(nil), nodes...)
	out[0].space = ""
	return out
}

// split cuts nodes at commas.
func split(nodes []node) [][]node {
	var parts [][]node
	start := 0
	for i := range nodes {
		if nodes[i].leaf(",") {
			parts = append(parts, nodes[start:i])
			start = i + 1
		}
	}
	if start < len(nodes) {
		parts = append(parts, nodes[start:])
	}
	return parts
}

// join puts commas between parts.
func join(parts [][]node, line int) []node {
	var out []node
	for i, p := range parts {
		if i > 0 {
			out = append(out, made(op, ",", line))
			if len(p) > 0 && p[0].space == "" {
				p = append([]node{spaced(p[0], " ")}, p[1:]...)
			}
		}
		out = append(out, p...)
	}
	return out
}
