package directory

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster/control"
)

// canonical is the form in which names of directories are compared: lower case,
// NFC, runs of spaces as one (caseIgnoreMatch, RFC 4518, as far as it matters).
func canonical(s string) string {
	return norm.NFC.String(strings.ToLower(strings.Join(strings.Fields(s), " ")))
}

// groupName is the name of the profile package of a group; "" for what is no name.
func groupName(s string) string {
	return join(tokens(s, true))
}

// unitName is the name of the package of a unit, given the names from the
// outermost unit on. A dot separates; one inside a name is escaped.
func unitName(path []string) string {
	var all []string
	for i, segment := range path {
		t := tokens(segment, false)
		if t == nil {
			return ""
		}
		if i > 0 {
			all = append(all, ".")
		}
		all = append(all, t...)
	}
	return join(all)
}

// tokens are the pieces of a package name that may not be cut; nil for what is
// no name. The grammar is in the documentation of the package.
func tokens(s string, dot bool) []string {
	if !utf8.ValidString(s) {
		return nil
	}
	var all []string
	escaped := false // the last token is an escape, to which others may be added
	for _, r := range canonical(s) {
		open := escaped
		escaped = false
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '.' && dot:
			all = append(all, string(r))
		case r == ' ':
			all = append(all, "~")
		case r == '_':
			all = append(all, "+-")
		case open:
			last := &all[len(all)-1]
			*last = fmt.Sprintf("%s-%x+", strings.TrimSuffix(*last, "+"), r)
			escaped = true
		default:
			all = append(all, fmt.Sprintf("+%x+", r))
			escaped = true
		}
	}
	return all
}

// join makes one package name of tokens. What is too long is cut, and ends with a
// hash of the whole behind a "+", an escape that is never closed: no other name
// looks like that.
func join(tokens []string) string {
	if len(tokens) == 0 {
		return ""
	}
	if c := tokens[0][0]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
		tokens = append([]string{"0++"}, tokens...) // a package name begins with a letter or digit
	}
	name := strings.Join(tokens, "")
	if len(name) <= control.MaxName {
		return name
	}
	tail := fmt.Sprintf("+%.16x", sha256.Sum256([]byte(name)))
	head := ""
	for _, t := range tokens {
		if len(head)+len(t)+len(tail) > control.MaxName {
			break
		}
		head += t
	}
	return head + tail
}
