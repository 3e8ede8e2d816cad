package python

import (
	"strings"
)

// A converter turns the statements of one file into Starlark.
type converter struct {
	imports map[string]string // name in the file -> full name in Python
	defined map[string]bool   // functions of the file itself
	notes   []note
}

// expression converts what may stand in a statement or in brackets.
func (c *converter) expression(nodes []node) ([]node, error) {
	nodes, err := joinStrings(iterated(nodes))
	if err != nil {
		return nil, err
	}
	var out []node
	for i := 0; i < len(nodes); {
		used, now, err := c.next(nodes[i:], out)
		if err != nil {
			return nil, err
		}
		out = append(out, now...)
		i += used
	}
	return out, nil
}

// next converts the beginning of nodes, which follows before. It returns how many
// nodes it used.
func (c *converter) next(nodes, before []node) (int, []node, error) {
	n := nodes[0]
	switch {
	case n.shut.kind != 0:
		out, err := c.brackets(&n, len(before) > 0 && endsValue(&before[len(before)-1]))
		return 1, out, err
	case n.kind == number:
		err := fixNumber(&n.token)
		return 1, []node{n}, err
	case n.leaf("."):
		return c.attribute(nodes)
	case n.isName() && len(nodes) > 1 && nodes[1].leaf("="): // of an assignment or a parameter
		return 1, []node{n}, nil
	case n.isName():
		return c.primary(nodes)
	case n.leaf("is"):
		if len(nodes) > 1 && nodes[1].leaf("not") {
			return 2, []node{spaced(made(op, "!=", n.line), n.space)}, nil
		}
		return 1, []node{spaced(made(op, "==", n.line), n.space)}, nil
	case n.leaf("<>"):
		return 1, []node{spaced(made(op, "!=", n.line), n.space)}, nil
	case n.kind != text:
		return 1, []node{n}, checkWord(&n, before)
	}
	return 1, []node{n}, nil
}

// refused are words and operators without a counterpart.
var refused = map[string]string{
	"yield": "yield: build a list and return it", "await": "await", "async": "async", "class": "class: write struct(name = value)",
	":=": "the operator :=", "@": "a decorator, or the operator @", "...": "...", "->": "an annotation", "**=": "the operator **=",
	"nonlocal": "nonlocal", "@=": "the operator @=",
}

func checkWord(n *node, before []node) error {
	if why := refused[n.text]; why != "" {
		return problem(n.line, "%s", why)
	}
	if n.leaf("**") && len(before) > 0 && !before[len(before)-1].leaf(",") && !before[len(before)-1].leaf("lambda") {
		return problem(n.line, "the operator **")
	}
	return nil
}

// endsValue reports whether a bracket behind n is a call or an index.
func endsValue(n *node) bool {
	return n.shut.kind != 0 || n.kind == text || n.isName() || n.leaf("None") || n.leaf("True") || n.leaf("False")
}

// brackets converts a call, an index or a display.
func (c *converter) brackets(n *node, call bool) ([]node, error) {
	kids := n.kids
	if n.text == "{" {
		kids = c.uniqueKeys(kids, n.line)
	}
	kids, err := c.expression(kids)
	if err != nil {
		return nil, err
	}
	out := *n
	out.kids = kids
	loop, colon := false, false
	for i := range kids {
		loop = loop || kids[i].leaf("for")
		colon = colon || kids[i].leaf(":")
	}
	switch {
	case n.text == "(" && loop && call: // only a list can be built so
		out.kids = []node{in("[", kids, n.line)}
	case n.text == "(" && loop:
		out.text, out.shut.text = "[", "]"
	case n.text == "{" && !colon && len(kids) > 0 && !kids[0].leaf("**"):
		set := in("(", []node{in("[", kids, n.line)}, n.line)
		return []node{spaced(made(name, "set", n.line), n.space), set}, nil
	}
	return []node{out}, nil
}

// uniqueKeys leaves out entries of a dict whose key comes again: in Python the
// last counts, here it is an error.
func (c *converter) uniqueKeys(kids []node, line int) []node {
	parts := split(kids)
	last := map[string]int{}
	for i, p := range parts {
		if len(p) > 1 && p[0].kind == text && p[1].leaf(":") {
			last[p[0].text] = i
		}
	}
	var kept [][]node
	for i, p := range parts {
		if len(p) > 1 && p[0].kind == text && p[1].leaf(":") && last[p[0].text] != i {
			c.note(line, "the key %s stands more than once; the last one is kept", p[0].text)
			continue
		}
		kept = append(kept, p)
	}
	if len(kept) == len(parts) {
		return kids
	}
	return join(kept, line)
}

// attribute checks a method of a value whose type is not known.
func (c *converter) attribute(nodes []node) (int, []node, error) {
	if len(nodes) < 2 || nodes[1].kind != name {
		return 0, nil, problem(nodes[0].line, "a dot without a name")
	}
	m := nodes[1]
	if !methods[m.text] {
		return 0, nil, problem(m.line, "values have no %q here", "."+m.text)
	}
	return 2, []node{nodes[0], m}, nil
}

// primary converts a name with what is reached from it by dots, and its call.
func (c *converter) primary(nodes []node) (int, []node, error) {
	parts := []string{nodes[0].text}
	for i := 1; i+1 < len(nodes) && nodes[i].leaf(".") && nodes[i+1].kind == name; i += 2 {
		parts = append(parts, nodes[i+1].text)
	}
	if full, ok := c.imports[parts[0]]; ok {
		return c.member(nodes, full, parts)
	}
	switch {
	case parts[0] == "control" && len(parts) > 1:
		return c.control(nodes, parts)
	case parts[0] == "control" && !c.defined["control"]:
		return controlIndex(nodes)
	case parts[0] == "WAPT":
		if len(parts) < 2 || !agent[parts[1]] {
			return 0, nil, problem(nodes[0].line, "%s: there is no agent to ask here", strings.Join(parts, "."))
		}
		return c.apply(nodes, 3, target{to: parts[1], helper: parts[1]}, parts[1])
	}
	return c.plain(nodes, 1, parts[0])
}

// plain converts a name that stands for itself, used nodes long.
func (c *converter) plain(nodes []node, used int, word string) (int, []node, error) {
	if c.defined[word] {
		return c.apply(nodes, used, target{to: word}, word)
	}
	if builderOnly[word] {
		return 0, nil, problem(nodes[0].line, "%s: hosts fetch nothing; put the file into payload/, or fetch it in build()", word)
	}
	if t, ok := bare[word]; ok {
		return c.apply(nodes, used, t, word)
	}
	t := target{to: word}
	if helpers()[word] != nil {
		t.helper = word
	}
	return c.apply(nodes, used, t, word)
}

// member converts a part of a module. parts[0] is the module's name in the file,
// full what it is in Python.
func (c *converter) member(nodes []node, full string, parts []string) (int, []node, error) {
	rest := parts[1:]
	path := full
	if module, _, _ := strings.Cut(full, "."); helperModules[module] {
		path = strings.TrimPrefix(strings.TrimPrefix(full, module), ".")
	}
	if path == "" && len(rest) == 0 {
		return 0, nil, problem(nodes[0].line, "the module %s as a value", full)
	}
	for n := len(rest); n >= 0; n-- {
		whole := strings.TrimPrefix(strings.Join(append([]string{path}, rest[:n]...), "."), ".")
		used := 1 + 2*n
		if t, ok := members[whole]; ok {
			return c.apply(nodes, used, t, whole)
		}
		if whole != "" && !strings.Contains(whole, ".") && helperModules[strings.Split(full, ".")[0]] {
			return c.plain(nodes, used, whole)
		}
	}
	if full == "glob" && len(rest) == 0 {
		return c.plain(nodes, 1, "glob")
	}
	return 0, nil, problem(nodes[0].line, "%s has no counterpart here", strings.Join(append([]string{full}, rest...), "."))
}

// apply writes t for the first used nodes, with the call behind them.
func (c *converter) apply(nodes []node, used int, t target, word string) (int, []node, error) {
	at := &nodes[0]
	called := used < len(nodes) && nodes[used].bracket("(")
	if t.call != nil {
		if !called {
			return 0, nil, problem(at.line, "%s is used without calling it", word)
		}
		out, err := t.call(c, at, split(nodes[used].kids))
		if err != nil || len(out) == 0 {
			return 0, nil, err
		}
		return c.opened(nodes, used+1, out)
	}
	out := []node{spaced(made(name, t.to, at.line), at.space)}
	if !called {
		return used, out, nil
	}
	args, err := c.arguments(&nodes[used], t.helper, word)
	return used + 1, append(out, args), err
}

// opened takes what belongs to the call of a file that was opened, or a decoding
// that has nothing to decode here, into the used nodes.
func (c *converter) opened(nodes []node, used int, out []node) (int, []node, error) {
	if out[0].text == "run" && used+2 < len(nodes) && nodes[used].leaf(".") && nodes[used+1].leaf("decode") {
		return used + 3, out, nil
	}
	if out[0].kind != op || out[0].text != openMark {
		return used, out, nil
	}
	return c.openedInline(nodes, used, &out[0])
}

// control converts control.x.
func (c *converter) control(nodes []node, parts []string) (int, []node, error) {
	line := nodes[0].line
	if parts[1] == "asrequirement" && len(nodes) > 3 && nodes[3].bracket("(") {
		expr := made(name, `(control.name + " (= " + control.version + ")")`, line)
		return 4, []node{spaced(expr, nodes[0].space)}, nil
	}
	if !controlFields[parts[1]] {
		return 0, nil, problem(line, "control.%s: control has no such field here", parts[1])
	}
	out := nodes[:3]
	if parts[1] != "architecture" && parts[1] != "target_os" {
		return 3, out, nil
	}
	if parts[1] == "architecture" && len(nodes) > 4 && (nodes[3].leaf("==") || nodes[3].leaf("!=")) && nodes[4].kind == text {
		l := parseLiteral(&nodes[4].token)
		if to := Architectures[l.body]; to != "" {
			value := spaced(made(text, `"`+to+`"`, line), nodes[4].space)
			return 5, []node{nodes[0], nodes[1], nodes[2], nodes[3], value}, nil
		}
	}
	c.note(line, "control.%s has other values here, such as amd64 or darwin", parts[1])
	return 3, out, nil
}

// controlIndex converts control["x"] to control.x.
func controlIndex(nodes []node) (int, []node, error) {
	line := nodes[0].line
	if len(nodes) < 2 || !nodes[1].bracket("[") || len(nodes[1].kids) != 1 || nodes[1].kids[0].kind != text {
		return 0, nil, problem(line, "control as a whole: only its fields can be used")
	}
	l := parseLiteral(&nodes[1].kids[0].token)
	if !controlFields[l.body] {
		return 0, nil, problem(line, "control[%q]: control has no such field here", l.body)
	}
	return 2, []node{nodes[0], made(op, ".", line), made(name, l.body, line)}, nil
}

// Architectures are the names of processors in WAPT and what they are called here.
var Architectures = map[string]string{
	"all": "all", "x86": "386", "x64": "amd64", "arm": "arm", "arm64": "arm64", "armhf": "arm",
}
