package db

import (
	"strconv"
	"strings"
)

// bind writes the placeholders of a statement as the engine has them.
func (d *DB) bind(query string) string {
	if d.dialect != Postgres || !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n := 0
	for len(query) > 0 {
		piece := token(query)
		query = query[len(piece):]
		if piece == "?" {
			n++
			piece = "$" + strconv.Itoa(n)
		}
		b.WriteString(piece)
	}
	return b.String()
}

// split cuts a schema file into its statements, without comments.
func split(text string) []string {
	var all []string
	var b strings.Builder
	end := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			all = append(all, s)
		}
		b.Reset()
	}
	for len(text) > 0 {
		piece := token(text)
		text = text[len(piece):]
		switch {
		case piece == ";":
			end()
		case strings.HasPrefix(piece, "--"), strings.HasPrefix(piece, "/*"):
			b.WriteByte(' ')
		default:
			b.WriteString(piece)
		}
	}
	end()
	return all
}

// token returns the beginning of SQL up to which it is of one kind: a quoted
// string or name, a comment, "?", ";", or other text. It is not empty unless
// the SQL is. An unfinished quote or comment goes to the end. Comments within
// comments, $$ and E-strings of PostgreSQL are not handled: do without them.
func token(s string) string {
	switch {
	case s == "":
		return ""
	case s[0] == '?', s[0] == ';':
		return s[:1]
	case s[0] == '\'', s[0] == '"':
		// A doubled quote within looks like two strings side by side, which
		// is all the same here.
		return until(s, 1, s[:1])
	case strings.HasPrefix(s, "--"):
		return until(s, 2, "\n")
	case strings.HasPrefix(s, "/*"):
		return until(s, 2, "*/")
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '?', ';', '\'', '"', '-', '/':
			return s[:i]
		}
	}
	return s
}

// until returns s up to and with the first end at or after from.
func until(s string, from int, end string) string {
	i := strings.Index(s[from:], end)
	if i < 0 {
		return s
	}
	return s[:from+i+len(end)]
}
