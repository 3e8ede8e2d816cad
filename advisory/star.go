package advisory

import "strings"

// starred is a name in which one * stands for any text.
type starred struct {
	before, after string
	star          bool
}

func newStarred(s string) starred {
	before, after, star := strings.Cut(s, "*")
	return starred{before, after, star}
}

// match returns what stood for the *.
func (g starred) match(s string) (rest string, ok bool) {
	if !g.star {
		return "", s == g.before
	}
	if len(s) < len(g.before)+len(g.after) || !strings.HasPrefix(s, g.before) || !strings.HasSuffix(s, g.after) {
		return "", false
	}
	return s[len(g.before) : len(s)-len(g.after)], true
}
