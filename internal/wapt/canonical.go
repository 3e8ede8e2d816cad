package wapt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// signedText is what the signature of a control covers: the signed attributes as
// JSON in the one form that signers and verifiers agree on. Names are sorted, there
// is no white space, everything outside of printable ASCII is \uXXXX in lower case
// with surrogate pairs, what is missing is "", and installed_size is a number where
// it is one.
func (c *Control) signedText(attributes []string) string {
	names := slices.Clone(attributes)
	slices.Sort(names)
	var b strings.Builder
	for i, name := range slices.Compact(names) {
		if i > 0 {
			b.WriteByte(',')
		}
		appendJSON(&b, name)
		b.WriteByte(':')
		value := c.Get(name)
		if n, err := strconv.ParseInt(value, 10, 64); name == "installed_size" && err == nil {
			b.WriteString(strconv.FormatInt(n, 10))
			continue
		}
		appendJSON(&b, value)
	}
	return "{" + b.String() + "}"
}

var shortEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`,
}

func appendJSON(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		short, escaped := shortEscapes[r]
		switch {
		case escaped:
			b.WriteString(short)
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}
