package advisory

import "strings"

// Glob reports whether s as a whole matches a pattern as fnmatch(3) reads it
// in the C locale: * any bytes, ? any one byte, [a-z] one of these bytes,
// [!a-z] or [^a-z] one of no others, \\x the byte x. A bracket that is not
// closed stands for itself.
//
// The work is bounded by the product of the lengths, whatever the pattern.
func Glob(pattern, s string) bool {
	star, retry := -1, 0 // where to go on when what follows the last * does not fit
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, retry = p, i
			p++
			continue
		}
		if p < len(pattern) {
			if n, ok := globByte(pattern[p:], s[i]); ok {
				p, i = p+n, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		retry++
		p, i = star+1, retry
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// IsGlob reports whether a pattern matches more than one text.
func IsGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// globByte reports whether the element at the start of a pattern, which is no
// star, matches c, and the bytes that it takes.
func globByte(pattern string, c byte) (n int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		if n, ok, closed := globSet(pattern, c); closed {
			return n, ok
		}
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	}
	return 1, pattern[0] == c
}

// globSet reads the bracket at the start of a pattern. Its first byte may be a
// closing bracket, and the last a hyphen.
func globSet(pattern string, c byte) (n int, ok, closed bool) {
	n = 1
	negated := n < len(pattern) && (pattern[n] == '!' || pattern[n] == '^')
	if negated {
		n++
	}
	for first := true; n < len(pattern); first = false {
		if pattern[n] == ']' && !first {
			return n + 1, ok != negated, true
		}
		low := pattern[n]
		high := low
		n++
		if n+1 < len(pattern) && pattern[n] == '-' && pattern[n+1] != ']' {
			high = pattern[n+1]
			n += 2
		}
		ok = ok || low <= c && c <= high
	}
	return 0, false, false
}
