package script

import (
	"errors"
	"fmt"
	"strings"
)

// errNeedsShell refuses a line that means something else in a shell than here.
// Silently passing "|" to a program would be worse.
func errNeedsShell(sign byte) error {
	return fmt.Errorf("%q needs a shell: pass shell=True, or quote it", string(rune(sign)))
}

// splitLine splits line into words as a POSIX shell does, with quotes and
// backslashes, but expands nothing: what a shell would expand is refused.
func splitLine(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote, escaped := false, byte(0), false
	for i := range len(line) {
		c := line[i]
		switch {
		case c == 0:
			return nil, errors.New("zero byte in command")
		case escaped:
			if quote == '"' && strings.IndexByte("\"\\$`\n", c) < 0 {
				word.WriteByte('\\')
			}
			if c != '\n' { // a backslash before a line feed joins lines
				word.WriteByte(c)
			}
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case c == quote:
			quote = 0
		case quote == '\'' || quote == '"' && c != '$' && c != '`':
			word.WriteByte(c)
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case strings.IndexByte("|&;<>()$`*?[", c) >= 0:
			return nil, errNeedsShell(c)
		case strings.IndexByte(" \t\n", c) >= 0:
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("command ends inside a quotation")
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("empty command")
	}
	return words, nil
}

// quoteWords is the reverse of splitLine, for the log.
func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quoteWord(w)
	}
	return strings.Join(quoted, " ")
}

func quoteWord(w string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"
	if w != "" && strings.Trim(w, plain) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// splitWindowsLine splits line by the rules of CommandLineToArgvW, with two
// differences: the first word follows the same rules as the others, and signs
// of cmd.exe outside quotes are refused.
func splitWindowsLine(line string) ([]string, error) {
	var words []string
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		word, rest, err := windowsWord(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), rest
	}
	if len(words) == 0 {
		return nil, errors.New("empty command")
	}
	return words, nil
}

// windowsWord cuts the first word off line. Backslashes are themselves, except
// before a quote: 2n of them are n and the quote is a sign, 2n+1 are n and the
// quote is itself.
func windowsWord(line string) (word, rest string, err error) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		slashes := 0
		for i < len(line) && line[i] == '\\' {
			slashes++
			i++
		}
		if i < len(line) && line[i] == '"' {
			b.WriteString(strings.Repeat(`\`, slashes/2))
			switch {
			case slashes%2 == 1:
				b.WriteByte('"')
			case quoted && i+1 < len(line) && line[i+1] == '"': // "" inside quotes is a quote
				b.WriteByte('"')
				i++
			default:
				quoted = !quoted
			}
			continue
		}
		b.WriteString(strings.Repeat(`\`, slashes))
		if i == len(line) {
			break
		}
		c := line[i]
		switch {
		case c == 0:
			return "", "", errors.New("zero byte in command")
		case !quoted && (c == ' ' || c == '\t'):
			return b.String(), line[i:], nil
		case !quoted && strings.IndexByte("|<>&", c) >= 0:
			return "", "", errNeedsShell(c)
		}
		b.WriteByte(c)
	}
	if quoted {
		return "", "", errors.New("command ends inside a quotation")
	}
	return b.String(), "", nil
}
