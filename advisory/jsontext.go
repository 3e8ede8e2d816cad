package advisory

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// literal reads true, false, null or a number.
func (j *jsonReader) literal() (string, error) {
	j.held = j.held[:0]
	for {
		data, err := j.buffered()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", j.fail(err)
		}
		i := 0
		for i < len(data) && isLiteral(data[i]) {
			i++
		}
		if len(j.held)+i > maxJSONToken {
			return "", j.fail(fmt.Errorf("a number has more than %d digits", maxJSONToken))
		}
		j.held = append(j.held, data[:i]...)
		j.take(i)
		if i < len(data) {
			break
		}
	}
	word := string(j.held)
	if word != "true" && word != "false" && word != "null" && !isJSONNumber(word) {
		return "", j.fail(fmt.Errorf("%.20q is no value", word))
	}
	return word, nil
}

func isLiteral(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// isJSONNumber: -? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?
func isJSONNumber(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole, rest := cutNumber(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	digits := func(s string) (rest string, ok bool) {
		d, rest := cutNumber(s)
		return rest, d != ""
	}
	ok := true
	if rest != "" && rest[0] == '.' {
		rest, ok = digits(rest[1:])
	}
	if ok && rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		rest, ok = digits(rest)
	}
	return ok && rest == ""
}

// quoted reads a string, whose first quote is next. Where keep is false it is
// passed over.
func (j *jsonReader) quoted(keep bool) (string, error) {
	j.take(1)
	j.held = j.held[:0]
	length := 0
	for {
		data, err := j.buffered()
		if err != nil {
			return "", j.fail(err)
		}
		i := 0
		for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
			i++
		}
		if length += i; length > maxJSONToken {
			return "", j.fail(fmt.Errorf("a text has more than %d bytes", maxJSONToken))
		}
		if keep {
			j.held = append(j.held, data[:i]...)
		}
		j.take(i)
		if i == len(data) {
			continue
		}
		switch data[i] {
		case '"':
			j.take(1)
			return validText(j.held), nil
		case '\\':
			length += utf8.UTFMax
			if err := j.escape(); err != nil {
				return "", err
			}
		default:
			return "", j.unexpected(data[i])
		}
	}
}

// validText puts the character for what is none in the place of each such byte.
func validText(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return string([]rune(string(data)))
}

// escapes are the characters that a letter after a backslash stands for.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads a backslash and what it makes of the letters after it. Halves of
// pairs that stand alone are the character for what is none.
func (j *jsonReader) escape() error {
	head, err := j.r.Peek(2)
	if err != nil {
		return j.fail(err)
	}
	if c, ok := escapes[head[1]]; ok {
		j.take(2)
		j.held = append(j.held, c)
		return nil
	}
	r, err := j.unit(head[1])
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		second, err := j.r.Peek(6)
		if err == nil && second[0] == '\\' && second[1] == 'u' {
			if low, err := strconv.ParseUint(string(second[2:]), 16, 16); err == nil && utf16.DecodeRune(r, rune(low)) != utf8.RuneError {
				j.take(6)
				r = utf16.DecodeRune(r, rune(low))
			}
		}
		if utf16.IsSurrogate(r) {
			r = utf8.RuneError
		}
	}
	j.held = utf8.AppendRune(j.held, r)
	return nil
}

// unit reads \uXXXX.
func (j *jsonReader) unit(letter byte) (rune, error) {
	if letter != 'u' {
		return 0, j.unexpected(letter)
	}
	text, err := j.r.Peek(6)
	if err != nil {
		return 0, j.fail(err)
	}
	n, err := strconv.ParseUint(string(text[2:]), 16, 16)
	if err != nil || text[2] == '+' || text[2] == '-' || text[2] == '_' {
		return 0, j.fail(fmt.Errorf("%q is no character", text))
	}
	j.take(6)
	return rune(n), nil
}
