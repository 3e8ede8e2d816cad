package python

import (
	"fmt"
	"slices"
	"strings"
)

// A note is what a person should look at.
type note struct {
	line int
	text string
}

func (c *converter) note(line int, format string, args ...any) {
	n := note{line, fmt.Sprintf(format, args...)}
	if !slices.Contains(c.notes, n) {
		c.notes = append(c.notes, n)
	}
}

// keyword is the name of an argument given by name, or "".
func keyword(arg []node) string {
	if len(arg) > 1 && arg[0].isName() && arg[1].leaf("=") {
		return arg[0].text
	}
	return ""
}

// arguments converts the arguments of a call and holds them to the parameters of
// the helper: what a host would refuse is better refused here.
func (c *converter) arguments(n *node, helper, word string) (node, error) {
	parts := split(n.kids)
	var kept [][]node
	for _, p := range parts {
		if k := keyword(p); k != "" && (droppable[helper][k] || droppable[word][k]) {
			c.note(n.line, "%s(%s=...): the parameter is left out", word, k)
			continue
		}
		kept = append(kept, p)
	}
	if s := helpers()[helper]; s != nil {
		if err := s.check(kept, n.line, word); err != nil {
			return node{}, err
		}
	}
	out := *n
	if len(kept) < len(parts) {
		out.kids = join(kept, n.line)
	}
	switch helper {
	case "makepath":
		out.kids = callFolders(split(out.kids), n.line)
	case "run", "run_notfatal":
		out.kids = withShell(out.kids, kept, n.line)
	}
	all, err := c.brackets(&out, true)
	if err != nil {
		return node{}, err
	}
	return all[0], nil
}

// check holds arguments to a signature.
func (s *signature) check(args [][]node, line int, word string) error {
	positional, starred := 0, false
	for _, a := range args {
		switch k := keyword(a); {
		case k != "" && !s.names[k]:
			return problem(line, "%s has no parameter %q here", word, k)
		case k != "":
		case len(a) > 0 && (a[0].leaf("*") || a[0].leaf("**")):
			starred = true
		case len(a) > 0:
			positional++
		}
	}
	if !s.any && positional > s.count {
		return problem(line, "%s has only %d parameters here", word, s.count)
	}
	if !starred && len(args) < s.required {
		return problem(line, "%s has %d parameters that must be given", word, s.required)
	}
	return nil
}

// callFolders calls functions that makepath of WAPT calls itself: makepath(programfiles, "Tool").
func callFolders(parts [][]node, line int) []node {
	for i, p := range parts {
		if len(p) != 1 || !p[0].isName() {
			continue
		}
		s := helpers()[p[0].text]
		if t, ok := bare[p[0].text]; s != nil && s.required == 0 && !s.any || ok && t.call != nil {
			parts[i] = []node{p[0], in("(", nil, line)}
		}
	}
	return join(parts, line)
}

// withShell asks for a shell where the line needs one: WAPT always uses one.
func withShell(kids []node, args [][]node, line int) []node {
	if len(args) == 0 {
		return kids
	}
	needed := false
	for i := range args[0] {
		needed = needed || args[0][i].kind == text && strings.ContainsAny(args[0][i].text, "|&;<>$`")
	}
	for _, a := range args {
		needed = needed && keyword(a) != "shell"
	}
	if !needed {
		return kids
	}
	return append(trimTail(kids), made(op, ",", line), spaced(made(name, "shell", line), " "), made(op, "=", line), made(name, "True", line))
}

// trimTail is nodes without a comma at the end.
func trimTail(nodes []node) []node {
	out := append([]node(nil), nodes...)
	for len(out) > 0 && out[len(out)-1].leaf(",") {
		out = out[:len(out)-1]
	}
	return out
}

// called is the call of a function of Starlark with converted arguments.
func called(at *node, function string, args ...[]node) []node {
	return []node{spaced(made(name, function, at.line), at.space), in("(", join(args, at.line), at.line)}
}

// one converts the only argument of a call.
func (c *converter) one(at *node, args [][]node) ([]node, error) {
	if len(args) != 1 || keyword(args[0]) != "" {
		return nil, problem(at.line, "%s with other than one argument", at.text)
	}
	out, err := c.expression(args[0])
	return trimmed(out), err
}

func callWorkingFolder(_ *converter, at *node, _ [][]node) ([]node, error) {
	return []node{spaced(made(name, "basedir", at.line), at.space)}, nil
}

func callPlatform(_ *converter, at *node, _ [][]node) ([]node, error) {
	return []node{spaced(made(name, "platform.os.title()", at.line), at.space)}, nil
}

func callBits(bits string) func(*converter, *node, [][]node) ([]node, error) {
	return func(_ *converter, at *node, _ [][]node) ([]node, error) {
		return called(at, "programfiles", []node{made(number, bits, at.line)}), nil
	}
}

func callSystem(c *converter, at *node, args [][]node) ([]node, error) {
	arg, err := c.one(at, args)
	if err != nil {
		return nil, err
	}
	c.note(at.line, "os.system is run_notfatal, which returns output, not the code")
	return called(at, "run_notfatal", arg, option("shell", "True", at.line)), nil
}

// option is name = value.
func option(key, value string, line int) []node {
	return []node{made(name, key, line), made(op, "=", line), made(name, value, line)}
}

// callLog converts logging.info("%s", x) to print("%s" % (x)).
func callLog(c *converter, at *node, args [][]node) ([]node, error) {
	var plain [][]node
	for _, a := range args {
		if keyword(a) == "" {
			plain = append(plain, a)
		}
	}
	if len(plain) == 0 {
		return called(at, "print"), nil
	}
	whole := plain[0]
	if len(plain) > 1 {
		values := in("(", append(join(plain[1:], at.line), made(op, ",", at.line)), at.line)
		whole = append(append([]node(nil), plain[0]...), spaced(made(op, "%", at.line), " "), spaced(values, " "))
	}
	out, err := c.expression(whole)
	return called(at, "print", trimmed(out)), err
}

// callDumps converts json.dumps(x) and json.dumps(x, indent=4). Keys are sorted here.
func callDumps(c *converter, at *node, args [][]node) ([]node, error) {
	indented := false
	for len(args) > 1 {
		switch keyword(args[len(args)-1]) {
		case "indent":
			indented = true
		case "sort_keys", "ensure_ascii":
		default:
			return nil, problem(at.line, "json.dumps with more than indent and sort_keys")
		}
		args = args[:len(args)-1]
	}
	value, err := c.one(at, args)
	if err != nil {
		return nil, err
	}
	if !indented {
		return called(at, "json.encode", value), nil
	}
	inner := called(&node{token: token{line: at.line}}, "json.encode", value)
	indent := []node{made(name, "indent", at.line), made(op, "=", at.line), made(text, `"    "`, at.line)}
	return called(at, "json.indent", inner, indent), nil
}

// callLoad converts json.load(open(path)).
func callLoad(c *converter, at *node, args [][]node) ([]node, error) {
	if len(args) != 1 || len(args[0]) != 2 || !args[0][0].leaf("open") || !args[0][1].bracket("(") {
		return nil, problem(at.line, "json.load of other than open(path)")
	}
	f, err := parseOpen(split(args[0][1].kids), at.line)
	if err != nil || f.mode != 'r' {
		return nil, problem(at.line, "json.load of other than open(path)")
	}
	path, err := c.expression(f.path)
	return called(at, "json.decode", called(&node{token: token{line: at.line}}, "read_file", trimmed(path))), err
}

// types are the names of types as type() returns them here.
var types = map[string]string{
	"str": "string", "unicode": "string", "basestring": "string", "int": "int", "long": "int", "float": "float",
	"list": "list", "dict": "dict", "tuple": "tuple", "bool": "bool",
}

func callInstance(c *converter, at *node, args [][]node) ([]node, error) {
	if len(args) != 2 || len(args[1]) != 1 || types[args[1][0].text] == "" {
		return nil, problem(at.line, "isinstance with other than one of the simple types")
	}
	value, err := c.expression(args[0])
	if err != nil {
		return nil, err
	}
	test := called(&node{token: token{line: at.line}}, "type", trimmed(value))
	test = append(test, spaced(made(op, "==", at.line), " "), spaced(made(text, `"`+types[args[1][0].text]+`"`, at.line), " "))
	return []node{spaced(in("(", test, at.line), at.space)}, nil
}

func callType(_ *converter, at *node, _ [][]node) ([]node, error) {
	return nil, problem(at.line, "type(): types are text here, such as \"string\"")
}

func callOutput(c *converter, at *node, args [][]node) ([]node, error) {
	return c.process(at, "run", args)
}

func callChecked(c *converter, at *node, args [][]node) ([]node, error) {
	return c.process(at, "run", args)
}

func callUnchecked(c *converter, at *node, args [][]node) ([]node, error) {
	for _, a := range args {
		if keyword(a) == "check" && len(a) == 3 && a[2].leaf("True") {
			return c.process(at, "run", args)
		}
	}
	c.note(at.line, "the program's return code is not looked at; the value is its output")
	return c.process(at, "run_notfatal", args)
}

// process converts the start of a program. What says how output comes is left out:
// it is returned as text, errors included.
func (c *converter) process(at *node, function string, args [][]node) ([]node, error) {
	var kept [][]node
	for _, a := range args {
		switch keyword(a) {
		case "", "cwd", "env", "timeout", "shell":
			out, err := c.expression(a)
			if err != nil {
				return nil, err
			}
			kept = append(kept, trimmed(out))
		case "stdout", "stderr", "universal_newlines", "text", "encoding", "check", "capture_output", "creationflags":
		default:
			return nil, problem(at.line, "subprocess with the parameter %q", keyword(a))
		}
	}
	return called(at, function, kept...), nil
}
