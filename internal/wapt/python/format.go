package python

import (
	"regexp"
	"strings"
)

// fields takes the expressions out of an f-string.
func fields(l *literal) (body string, args [][]node, err error) {
	var b strings.Builder
	s := l.body
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			b.WriteString(s[i : i+2])
			i += 2
		case s[i] == '}':
			return "", nil, problem(l.line, "a single } in an f-string")
		case s[i] == '{':
			end, conv, err := field(s[i+1:], l.line)
			if err != nil {
				return "", nil, err
			}
			arg, err := argument(s[i+1:i+1+end], l.line)
			if err != nil {
				return "", nil, err
			}
			args = append(args, arg)
			b.WriteString("{" + conv + "}")
			i += 1 + end
			i += strings.IndexByte(s[i:], '}') + 1
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String(), args, nil
}

// field finds the end of the expression at the start of s and its conversion,
// "!r" or "".
func field(s string, line int) (end int, conv string, err error) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case strings.IndexByte("([{", ch) >= 0:
			depth++
		case depth > 0 && strings.IndexByte(")]}", ch) >= 0:
			depth--
		case depth > 0 || strings.HasPrefix(s[i:], "!="):
		case ch == '}' || ch == ':' || ch == '!':
			conv, err = conversion(s[i:], line)
			return i, conv, err
		}
	}
	return 0, "", problem(line, "an f-string with a { that is never closed")
}

// conversion reads what stands between an expression and its brace.
func conversion(s string, line int) (string, error) {
	spec, _, ok := strings.Cut(s, "}")
	switch {
	case !ok:
		return "", problem(line, "an f-string with a { that is never closed")
	case spec == "" || spec == ":" || spec == ":s" || spec == ":d" || spec == "!s":
		return "", nil
	case spec == "!r":
		return "!r", nil
	}
	return "", problem(line, "the format %q in an f-string: only plain values can be put into text", spec)
}

// argument reads the expression of a field, which is converted with the call of
// format that it becomes an argument of.
func argument(src string, line int) ([]node, error) {
	if strings.TrimSpace(src) == "" || strings.HasSuffix(strings.TrimSpace(src), "=") && !strings.HasSuffix(src, "==") {
		return nil, problem(line, "the field {%s} in an f-string", src)
	}
	l := &lexer{src: "(" + src + ")", number: line}
	lines, _, err := l.lines()
	if err != nil {
		return nil, err
	}
	if len(lines) != 1 || len(lines[0].tokens) < 3 {
		return nil, problem(line, "the field {%s} in an f-string", src)
	}
	nodes, _ := group(lines[0].tokens)
	if len(nodes) != 1 || !nodes[0].bracket("(") {
		return nil, problem(line, "the field {%s} in an f-string", src)
	}
	return trimmed(nodes[0].kids), nil
}

var (
	// percent matches the conversions of the operator % that Starlark has.
	percent = regexp.MustCompile(`%(\([^)]*\))?[srdioxXeEfFgGc%]`)
	// replacement matches the fields of format that Starlark has.
	replacement = regexp.MustCompile(`\{\{|\}\}|\{[A-Za-z0-9_]*(![rs])?\}`)
)

// checkFormats refuses width, precision and the like, which would fail on a host
// only.
func checkFormats(run, after []node) error {
	for i := range run {
		l := parseLiteral(&run[i].token)
		if len(after) > 0 && after[0].leaf("%") && strings.Contains(percent.ReplaceAllString(l.body, ""), "%") {
			return problem(l.line, "a format with width or precision: %% has none here; write what makes the text")
		}
		if len(after) > 1 && after[0].leaf(".") && after[1].leaf("format") && strings.ContainsAny(replacement.ReplaceAllString(l.body, ""), "{}") {
			return problem(l.line, "a format with more than a name or number in its braces")
		}
	}
	return nil
}
