package python

import (
	"slices"
	"strings"
)

// Files are opened in Python, and read or written as a whole here:
//
//	with open(p) as f:              text = read_file(p)
//	    text = f.read()
//
//	with open(p, "w") as f:         f = []
//	    f.write(a)                  f.append(a)
//	    f.write(b)                  f.append(b)
//	                                write_file(p, "".join(f))

// An opening is a call of open.
type opening struct {
	path []node
	mode byte // 'r', 'w' or 'a'
}

func parseOpen(args [][]node, line int) (*opening, error) {
	o := &opening{mode: 'r'}
	for i, a := range args {
		switch key := keyword(a); {
		case i == 0 && key == "" && len(a) > 0:
			o.path = trimmed(a)
		case i == 1 && key == "" || key == "mode":
			mode := a[len(a)-1]
			if key == "" && len(a) != 1 || key != "" && len(a) != 3 || mode.kind != text {
				return nil, problem(line, "open with a mode that is computed")
			}
			l := parseLiteral(&mode.token)
			switch l.body {
			case "r", "rt", "w", "wt", "a", "at":
				o.mode = l.body[0]
			default:
				return nil, problem(line, "open with mode %q: files are read and written as text, as a whole", l.body)
			}
		case key == "encoding" && len(a) == 3 && a[2].kind == text && isUTF8(&a[2]), key == "newline":
		default:
			return nil, problem(line, "open with more than path, mode and encoding \"utf-8\"")
		}
	}
	if o.path == nil {
		return nil, problem(line, "open without a path")
	}
	return o, nil
}

func isUTF8(n *node) bool {
	l := parseLiteral(&n.token)
	name := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(l.body))
	return name == "utf8" || name == "ascii"
}

// openMark is the operator of a node that stands for a file that was opened until
// what is done with it was seen.
const openMark = "<open>"

func callOpen(_ *converter, at *node, args [][]node) ([]node, error) {
	o, err := parseOpen(args, at.line)
	if err != nil {
		return nil, err
	}
	mark := spaced(made(op, openMark, at.line), at.space)
	mark.kids, mark.shut = o.path, token{kind: op, text: string(o.mode)}
	return []node{mark}, nil
}

// openedInline converts open(p).read() and the like, from the dot on.
func (c *converter) openedInline(nodes []node, used int, mark *node) (int, []node, error) {
	path, err := c.expression(mark.kids)
	if err != nil {
		return 0, nil, err
	}
	method := ""
	if used+2 < len(nodes) && nodes[used].leaf(".") && nodes[used+2].bracket("(") {
		method = mark.shut.text + nodes[used+1].text
	}
	read := called(mark, "read_file", trimmed(path))
	switch args := split(bracketed(nodes, used+2)); {
	case method == "rread" && len(args) == 0:
		return used + 3, read, nil
	case method == "rreadlines" && len(args) == 0:
		return used + 3, append(read, linesOf(mark.line)...), nil
	case method == "wwrite" && len(args) == 1:
		value, err := c.expression(args[0])
		return used + 3, called(mark, "write_file", trimmed(path), trimmed(value)), err
	}
	return 0, nil, problem(mark.line, "a file that is opened: write read_file(path) or write_file(path, text)")
}

// bracketed is what stands in the brackets at i.
func bracketed(nodes []node, i int) []node {
	if i < len(nodes) {
		return nodes[i].kids
	}
	return nil
}

// linesOf is .splitlines(True), the lines with their ends.
func linesOf(line int) []node {
	return []node{made(op, ".", line), made(name, "splitlines", line), in("(", []node{made(name, "True", line)}, line)}
}

// with converts "with open(...) as f" into statements of the block around it.
func (c *converter) with(s *stmt) ([]*stmt, error) {
	h := s.head
	if len(h) != 5 || !h[1].leaf("open") || !h[2].bracket("(") || !h[3].leaf("as") || !h[4].isName() {
		return nil, problem(s.line, "with, of other than one file that is opened")
	}
	return c.file(h[4].text, h[2].kids, s)
}

// file converts what is done in the body of s with the file f.
func (c *converter) file(f string, args []node, s *stmt) ([]*stmt, error) {
	o, err := parseOpen(split(args), s.line)
	if err != nil {
		return nil, err
	}
	u := &use{file: f, mode: o.mode}
	body, err := u.block(s.body)
	if err != nil {
		return nil, err
	}
	if o.mode == 'r' {
		first := &stmt{line: s.line, before: s.before, head: assign(f, called(&node{token: token{line: s.line}}, "read_file", o.path), s.line)}
		return append([]*stmt{first}, body...), nil
	}
	if name := changed(o.path, s.body); name != "" || u.leaves {
		return nil, problem(s.line, "a file is written in a block that returns, breaks or changes its path")
	}
	whole := []node{made(text, `""`, s.line), made(op, ".", s.line), made(name, "join", s.line), in("(", []node{made(name, f, s.line)}, s.line)}
	last := &stmt{line: s.line, head: called(&node{token: token{line: s.line}}, "write_file", o.path, whole)}
	if value := onlyWrite(f, body); value != nil && o.mode == 'w' {
		one := &stmt{line: s.line, before: s.before, head: called(&node{token: token{line: s.line}}, "write_file", o.path, value), comment: body[0].comment}
		return []*stmt{one}, nil
	}
	start := []node{in("[", nil, s.line)}
	if o.mode == 'a' {
		start = []node{in("[", existing(o.path, s.line), s.line)}
	}
	first := &stmt{line: s.line, before: s.before, head: assign(f, start, s.line)}
	return append(append([]*stmt{first}, body...), last), nil
}

// onlyWrite is what is written, where a block does nothing but f.write(...) once.
func onlyWrite(f string, body []*stmt) []node {
	if len(body) != 1 || body[0].block || len(body[0].before) > 0 {
		return nil
	}
	h := body[0].head
	if len(h) != 4 || !h[0].leaf(f) || !h[1].leaf(".") || !h[2].leaf("append") || len(split(h[3].kids)) != 1 {
		return nil
	}
	return trimTail(trimmed(h[3].kids))
}

// existing is: read_file(path) if isfile(path) else ""
func existing(path []node, line int) []node {
	at := &node{token: token{line: line}}
	out := called(at, "read_file", path)
	out = append(out, spaced(made(name, "if", line), " "))
	out = append(out, called(&node{token: token{line: line, space: " "}}, "isfile", path)...)
	return append(out, spaced(made(name, "else", line), " "), spaced(made(text, `""`, line), " "))
}

func assign(to string, value []node, line int) []node {
	value = trimmed(value)
	value[0].space = " "
	return append([]node{made(name, to, line), spaced(made(op, "=", line), " ")}, value...)
}

// changed is a name of path that the body binds, or "".
func changed(path []node, body []*stmt) string {
	bound := map[string]bool{}
	for _, s := range body {
		s.binds(bound)
	}
	for n := range namesIn(path) {
		if bound[n] {
			return n
		}
	}
	return ""
}

// A use rewrites what is done with an open file.
type use struct {
	file   string
	mode   byte
	leaves bool // the block may end early
}

func (u *use) block(body []*stmt) ([]*stmt, error) {
	var out []*stmt
	for _, s := range body {
		head, drop, err := u.head(s)
		if err != nil {
			return nil, err
		}
		if drop {
			continue
		}
		u.leaves = u.leaves || s.starts("return") || s.starts("break") || s.starts("continue")
		now := *s
		now.head = head
		if now.body, err = u.block(s.body); err != nil {
			return nil, err
		}
		if s.block && len(now.body) == 0 {
			now.body = []*stmt{{line: s.line, head: []node{made(name, "pass", s.line)}}}
		}
		out = append(out, &now)
	}
	return out, nil
}

// head rewrites the head of s. f.close() and f.flush() need nothing.
func (u *use) head(s *stmt) (head []node, drop bool, err error) {
	h := s.head
	if len(h) == 4 && h[0].leaf(u.file) && h[1].leaf(".") && (h[2].text == "close" || h[2].text == "flush") && h[3].bracket("(") {
		return nil, true, nil
	}
	head, err = u.nodes(h)
	return head, false, err
}

func (u *use) nodes(nodes []node) ([]node, error) {
	var out []node
	for i := 0; i < len(nodes); {
		used, now, err := u.at(nodes, i)
		if err != nil {
			return nil, err
		}
		out = append(out, now...)
		i += used
	}
	return out, nil
}

// at rewrites what stands at i.
func (u *use) at(nodes []node, i int) (int, []node, error) {
	n := nodes[i]
	rest := nodes[i:]
	after := i > 0 && nodes[i-1].leaf(".")
	switch {
	case n.leaf("json") && len(rest) > 3 && rest[1].leaf(".") && rest[3].bracket("("):
		if used, out := u.json(rest); used > 0 {
			return used, out, nil
		}
	case n.shut.kind != 0:
		kids, err := u.nodes(n.kids)
		n.kids = kids
		return 1, []node{n}, err
	case !n.leaf(u.file) || after:
	case len(rest) > 3 && rest[1].leaf(".") && rest[3].bracket("("):
		return u.method(rest)
	case u.mode == 'r' && i > 0 && nodes[i-1].leaf("in"):
		return 1, append([]node{n}, linesOf(n.line)...), nil
	default:
		return 0, nil, problem(n.line, "what is done with the open file %s", u.file)
	}
	return 1, []node{n}, nil
}

// method rewrites f.method(...).
func (u *use) method(rest []node) (int, []node, error) {
	n, args := rest[0], rest[3].kids
	inside, err := u.nodes(args)
	if err != nil {
		return 0, nil, err
	}
	call := func(method string) []node {
		return []node{n, rest[1], made(name, method, n.line), in("(", inside, n.line)}
	}
	switch which := string(u.mode) + rest[2].text; {
	case which == "rread" && len(args) == 0:
		return 4, []node{n}, nil
	case which == "rreadlines" && len(args) == 0:
		return 4, append([]node{n}, linesOf(n.line)...), nil
	case u.mode != 'r' && rest[2].text == "write":
		return 4, call("append"), nil
	case u.mode != 'r' && rest[2].text == "writelines":
		return 4, call("extend"), nil
	}
	return 0, nil, problem(n.line, "%s.%s of an open file", u.file, rest[2].text)
}

// json rewrites json.load(f) and json.dump(x, f).
func (u *use) json(rest []node) (int, []node) {
	n, args := rest[0], split(rest[3].kids)
	at := &node{token: token{line: n.line, space: n.space}}
	switch {
	case u.mode == 'r' && rest[2].text == "load" && len(args) == 1 && isOnly(args[0], u.file):
		return 4, append(dotted(at, "json", "loads"), in("(", args[0], n.line))
	case u.mode != 'r' && rest[2].text == "dump" && len(args) > 1 && isOnly(args[1], u.file):
		left := slices.Delete(slices.Clone(args), 1, 2)
		dumps := append(dotted(&node{token: token{line: n.line}}, "json", "dumps"), in("(", join(left, n.line), n.line))
		return 4, append(dotted(at, u.file, "append"), in("(", dumps, n.line))
	}
	return 0, nil
}

// dotted is a.b at the place of at.
func dotted(at *node, a, b string) []node {
	return []node{spaced(made(name, a, at.line), at.space), made(op, ".", at.line), made(name, b, at.line)}
}

// iterated lets "for line in open(path)" read lines.
func iterated(nodes []node) []node {
	var out []node
	for i := 0; i < len(nodes); i++ {
		out = append(out, nodes[i])
		if i < 2 || !nodes[i-2].leaf("in") || !nodes[i-1].leaf("open") || !nodes[i].bracket("(") || i+1 < len(nodes) && nodes[i+1].leaf(".") {
			continue
		}
		line := nodes[i].line
		out = append(out, made(op, ".", line), made(name, "readlines", line), in("(", nil, line))
	}
	return out
}

func isOnly(nodes []node, word string) bool { return len(nodes) == 1 && nodes[0].leaf(word) }
