package python

import (
	"strings"
)

// block converts statements of one block. What is dropped leaves its comments to
// the next.
func (c *converter) block(all []*stmt) ([]*stmt, error) {
	var out []*stmt
	var comments []string
	for i := 0; i < len(all); i++ {
		s := *all[i]
		s.before = append(comments, s.before...)
		comments = nil
		if s.starts("else") && i > 0 && (all[i-1].starts("for") || all[i-1].starts("while")) {
			return nil, problem(s.line, "else behind a loop")
		}
		now, used, err := c.opening(&s, all[i:])
		if err != nil {
			return nil, err
		}
		if used == 0 {
			used = 1
			if now, err = c.statement(&s); err != nil {
				return nil, err
			}
		}
		if i += used - 1; len(now) == 0 {
			comments = s.before
		}
		out = append(out, now...)
	}
	return out, nil
}

// body is block, with something in it.
func (c *converter) body(all []*stmt, line int) ([]*stmt, error) {
	out, err := c.block(all)
	if err == nil && len(out) == 0 {
		out = []*stmt{{line: line, head: []node{made(name, "pass", line)}}}
	}
	return out, err
}

// opening converts f = open(...) with what follows up to f.close(). It returns how
// many statements that are, 0 where s is something else.
func (c *converter) opening(s *stmt, following []*stmt) ([]*stmt, int, error) {
	h := s.head
	if len(h) != 4 || !h[0].isName() || !h[1].leaf("=") || !h[2].leaf("open") || !h[3].bracket("(") {
		return nil, 0, nil
	}
	for n, other := range following {
		o := other.head
		if len(o) != 4 || !o[0].leaf(h[0].text) || !o[1].leaf(".") || o[2].text != "close" || !o[3].bracket("(") {
			continue
		}
		block := &stmt{line: s.line, before: s.before, body: following[1 : n+1]}
		raw, err := c.file(h[0].text, h[3].kids, block)
		if err != nil {
			return nil, 0, err
		}
		out, err := c.block(raw)
		return out, n + 1, err
	}
	return nil, 0, problem(s.line, "a file is opened and not closed in the same block: write read_file or write_file")
}

// statement converts s into none, one or more statements.
func (c *converter) statement(s *stmt) ([]*stmt, error) {
	if len(s.head) == 0 {
		return nil, problem(s.line, "an empty statement")
	}
	first := &s.head[0]
	if first.kind == name && first.shut.kind == 0 {
		if convert, ok := statements[first.text]; ok {
			return convert(c, s)
		}
	}
	if first.leaf("control") && len(s.head) > 3 && s.head[1].leaf(".") && s.head[3].leaf("=") {
		return nil, problem(s.line, "control cannot be changed by a hook")
	}
	return c.general(s)
}

// statements are those that need more than their expressions converted.
var statements map[string]func(*converter, *stmt) ([]*stmt, error)

func init() {
	statements = map[string]func(*converter, *stmt) ([]*stmt, error){
		"import": (*converter).imported, "from": (*converter).imported,
		"raise": (*converter).raise, "assert": (*converter).assert, "del": (*converter).del, "global": nothing,
		"print": (*converter).print, "with": (*converter).opens, "def": (*converter).function,
		"try":     no("try: call catch(fn, ...), which returns a value and an error"),
		"except":  no("except"),
		"finally": no("finally"),
		"class":   no("class: write struct(name = value)"),
		"async":   no("async"), "nonlocal": no("nonlocal"), "exec": no("exec"),
	}
}

func no(why string) func(*converter, *stmt) ([]*stmt, error) {
	return func(_ *converter, s *stmt) ([]*stmt, error) { return nil, problem(s.line, "%s", why) }
}

func nothing(*converter, *stmt) ([]*stmt, error) { return nil, nil }

// general converts the expressions of s and its body.
func (c *converter) general(s *stmt) (_ []*stmt, err error) {
	now := *s
	if now.head, err = c.expression(s.head); err != nil {
		return nil, err
	}
	if s.block {
		if now.body, err = c.body(s.body, s.line); err != nil {
			return nil, err
		}
	}
	return []*stmt{&now}, nil
}

func (c *converter) opens(s *stmt) ([]*stmt, error) {
	raw, err := c.with(s)
	if err != nil {
		return nil, err
	}
	return c.block(raw)
}

// function converts a definition. A global that is assigned would become a local
// name.
func (c *converter) function(s *stmt) ([]*stmt, error) {
	bound, globals := map[string]bool{}, map[string]int{}
	for _, b := range s.body {
		b.binds(bound)
		b.globals(globals)
	}
	for name, line := range globals {
		if bound[name] {
			return nil, problem(line, "global %s: a function cannot assign it; keep it in a list or dict", name)
		}
	}
	return c.general(s)
}

// raise converts raise X("text") to fail("text").
func (c *converter) raise(s *stmt) ([]*stmt, error) {
	h := s.head[1:]
	for i := range h {
		if h[i].leaf("from") {
			h = h[:i]
			break
		}
	}
	if len(h) == 0 {
		return nil, problem(s.line, "raise alone")
	}
	parts := split(h)
	exception := parts[0]
	message := []node{made(text, `"`+strings.ReplaceAll(source(trimmed(exception)), `"`, `'`)+`"`, s.line)}
	if last := &exception[len(exception)-1]; len(exception) > 1 && last.bracket("(") {
		message = []node{made(text, `"`+strings.ReplaceAll(source(trimmed(exception[:len(exception)-1])), `"`, `'`)+`"`, s.line)}
		if len(last.kids) > 0 {
			message = last.kids
		}
	}
	if len(parts) > 1 { // raise X, "text" of Python 2
		message = parts[1]
	}
	now := *s
	now.head = []node{made(name, "fail", s.line), in("(", message, s.line)}
	return c.general(&now)
}

// assert converts assert x, "text" to a condition that fails.
func (c *converter) assert(s *stmt) ([]*stmt, error) {
	parts := split(s.head[1:])
	if len(parts) == 0 || len(parts) > 2 {
		return nil, problem(s.line, "assert without a condition")
	}
	message := []node{made(text, `"assertion failed"`, s.line)}
	if len(parts) == 2 {
		message = parts[1]
	}
	failing := &stmt{line: s.line, head: []node{made(name, "fail", s.line), in("(", message, s.line)}}
	now := *s
	now.head = []node{made(name, "if", s.line), spaced(made(name, "not", s.line), " "), spaced(in("(", parts[0], s.line), " ")}
	now.block, now.body = true, []*stmt{failing}
	return c.general(&now)
}

// del converts del d[key] to d.pop(key).
func (c *converter) del(s *stmt) ([]*stmt, error) {
	h := s.head[1:]
	last := len(h) - 1
	if len(split(h)) != 1 || last < 1 || !h[last].bracket("[") || colonOf(h[last].kids) >= 0 {
		return nil, problem(s.line, "del of other than one entry of a dict")
	}
	now := *s
	now.head = append(append([]node(nil), trimmed(h[:last])...), made(op, ".", s.line), made(name, "pop", s.line), in("(", h[last].kids, s.line))
	return c.general(&now)
}

// print converts the statement of Python 2 to a call.
func (c *converter) print(s *stmt) ([]*stmt, error) {
	h := s.head
	switch {
	case len(h) == 1:
		h = nil
	case len(h) == 2 && h[1].bracket("("), h[1].leaf("."), h[1].leaf("="):
		return c.general(s)
	case h[1].leaf(">>"):
		return nil, problem(s.line, "print into a file")
	default:
		h = trimTail(h[1:])
	}
	now := *s
	now.head = []node{s.head[0], in("(", h, s.line)}
	return c.general(&now)
}
