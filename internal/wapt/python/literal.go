package python

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A literal is a string of the source, taken apart.
type literal struct {
	raw, format, bytes bool
	quote, body        string
	line               int
}

func parseLiteral(t *token) literal {
	i := strings.IndexAny(t.text, `"'`)
	prefix := strings.ToLower(t.text[:i])
	l := literal{raw: strings.Contains(prefix, "r"), format: strings.Contains(prefix, "f"), bytes: strings.Contains(prefix, "b"), line: t.line}
	rest := t.text[i:]
	n := 1
	if len(rest) >= 6 && (strings.HasPrefix(rest, `"""`) || strings.HasPrefix(rest, `'''`)) {
		n = 3
	}
	l.quote, l.body = rest[:n], rest[n:len(rest)-n]
	return l
}

// print is the string in Starlark. There, an escape that means nothing is an
// error; in Python it stands for itself.
func (l *literal) print(body string) (string, error) {
	if strings.IndexByte(body, 0) >= 0 {
		return "", problem(l.line, "a string with a zero byte")
	}
	if l.raw {
		return "r" + l.quote + body + l.quote, nil
	}
	var b strings.Builder
	for i := 0; i < len(body); {
		if body[i] != '\\' {
			b.WriteByte(body[i])
			i++
			continue
		}
		s, n, err := escape(body[i:], l.line)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
		i += n
	}
	return l.quote + b.String() + l.quote, nil
}

// escape converts the escape at the start of s and returns how long it was.
func escape(s string, line int) (string, int, error) {
	if len(s) < 2 {
		return `\\`, 1, nil
	}
	switch c := s[1]; {
	case strings.IndexByte("\n\\'\"abfnrtv", c) >= 0:
		return s[:2], 2, nil
	case '0' <= c && c <= '7':
		n := 2
		for n < len(s) && n < 4 && '0' <= s[n] && s[n] <= '7' {
			n++
		}
		return character(s[1:n], 8, n, line)
	case c == 'x' && isHex(s, 2, 4):
		return character(s[2:4], 16, 4, line)
	case c == 'u' && isHex(s, 2, 6):
		return character(s[2:6], 16, 6, line)
	case c == 'U' && isHex(s, 2, 10):
		return character(s[2:10], 16, 10, line)
	case c == 'N' && strings.HasPrefix(s, `\N{`):
		return "", 0, problem(line, `\N{...} in a string`)
	default:
		return `\\`, 1, nil
	}
}

func isHex(s string, from, to int) bool {
	return len(s) >= to && strings.Trim(s[from:to], "0123456789abcdefABCDEF") == ""
}

// character prints the character of that number.
func character(digits string, base, n, line int) (string, int, error) {
	v, err := strconv.ParseInt(digits, base, 64)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) || v == 0 {
		return "", 0, problem(line, "a string with the escape of a character that text cannot have")
	}
	if v < 0x80 {
		return fmt.Sprintf(`\x%02x`, v), n, nil
	}
	if v <= 0xffff {
		return fmt.Sprintf(`\u%04x`, v), n, nil
	}
	return fmt.Sprintf(`\U%08x`, v), n, nil
}

// fixNumber writes a number as Starlark does.
func fixNumber(t *token) error {
	s := strings.ToLower(strings.ReplaceAll(t.text, "_", ""))
	if len(s) > 1 && strings.HasSuffix(s, "l") && !strings.HasPrefix(s, "0x") {
		s = strings.TrimSuffix(s, "l")
	}
	if strings.HasSuffix(s, "j") {
		return problem(t.line, "a complex number")
	}
	if digits := strings.TrimLeft(s, "0"); len(s) > 1 && s[0] == '0' && strings.Trim(s, "01234567") == "" {
		if s = "0o" + digits; digits == "" {
			s = "0"
		}
	}
	t.text = s
	return nil
}

// joinStrings converts each run of adjacent strings, which Python joins, to one
// value. What it made may go through it again: that changes nothing.
func joinStrings(nodes []node) ([]node, error) {
	var out []node
	for i := 0; i < len(nodes); i++ {
		if nodes[i].kind != text {
			out = append(out, nodes[i])
			continue
		}
		end := i + 1
		for end < len(nodes) && nodes[end].kind == text {
			end++
		}
		if err := checkFormats(nodes[i:end], nodes[end:]); err != nil {
			return nil, err
		}
		sum, err := joined(nodes[i:end])
		if err != nil {
			return nil, err
		}
		out = append(out, sum...)
		i = end - 1
	}
	return out, nil
}

// joined is adjacent strings as a sum in parentheses.
func joined(run []node) ([]node, error) {
	var all []node
	for i := range run {
		n, err := value(&run[i])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			all = append(all, spaced(made(op, "+", run[i].line), " "))
			if n[0].space = run[i].space; !strings.HasPrefix(n[0].space, "\n") {
				n[0].space = " " + strings.TrimLeft(n[0].space, " ")
			}
		}
		all = append(all, n...)
	}
	if len(run) == 1 {
		return all, nil
	}
	return []node{spaced(in("(", all, run[0].line), run[0].space)}, nil
}

// value is one string: itself, or the call of format of an f-string.
func value(n *node) ([]node, error) {
	l := parseLiteral(&n.token)
	if l.bytes {
		return nil, problem(l.line, "bytes: text is all that there is")
	}
	body, args := l.body, [][]node(nil)
	if l.format {
		var err error
		if body, args, err = fields(&l); err != nil {
			return nil, err
		}
	}
	s, err := l.print(body)
	if err != nil {
		return nil, err
	}
	out := []node{spaced(made(text, s, n.line), n.space)}
	if l.format && strings.ContainsAny(body, "{}") {
		out = append(out, made(op, ".", n.line), made(name, "format", n.line), in("(", join(args, n.line), n.line))
	}
	return out, nil
}
