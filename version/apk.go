package version

import (
	"cmp"
	"slices"
	"strings"
)

// APK is the order of apk-tools 3 on
//
//	number{.number}[letter]{_suffix[number]}[~hash][-rnumber]
//
// The letter is one of a-z; the suffixes alpha, beta, pre and rc sort before a
// version without suffix, cvs, svn, git, hg and p after it. A number other than
// the first is compared as text when either begins with 0: 1.010 < 1.02 < 1.1.
//
// What only apk-tools 2 accepts, numbers after the letter (1.0b2), is ordered
// as it does. Where the two disagree, on numbers with leading zeros, version 3
// decides: version 2 has 8.2.001 < 8.2.0 and 1.02 < 1.010.
//
// Strings outside the grammar are compared up to where they leave it. Leaving
// it sorts before ending there, as in apk.
func APK(a, b string) int {
	ra, rb := apkReader{rest: a}, apkReader{rest: b}
	for {
		ta, tb := ra.next(), rb.next()
		if ta.kind != tb.kind {
			return cmp.Compare(ta.place(), tb.place())
		}
		if ta.kind >= apkEnd {
			return 0
		}
		if c := ta.compare(tb); c != 0 {
			return c
		}
	}
}

// apkKind is the kind of a token. Of two versions that begin alike, the one
// that goes on with the smaller kind is the newer; see [apkToken.place].
type apkKind int

const (
	apkFirst apkKind = iota
	apkNumber
	apkLetter
	apkSuffix
	apkSuffixNumber
	apkHash
	apkRevision
	apkEnd
	apkInvalid
)

type apkToken struct {
	kind    apkKind
	text    string
	natural bool // an apkNumber of apk-tools 2, compared without regard to leading zeros
}

// apkSuffixes is in ascending order; "" stands for no suffix.
var apkSuffixes = []string{"alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"}

var apkNoSuffix = slices.Index(apkSuffixes, "")

// place ranks t among what may follow an equal beginning: pre-release
// suffixes, then nothing, then all else.
func (t apkToken) place() int {
	if t.kind == apkSuffix && slices.Index(apkSuffixes, t.text) < apkNoSuffix {
		return -1
	}
	return int(apkInvalid - t.kind)
}

// compare compares two tokens of one kind.
func (t apkToken) compare(u apkToken) int {
	switch t.kind {
	case apkSuffix:
		return cmp.Compare(slices.Index(apkSuffixes, t.text), slices.Index(apkSuffixes, u.text))
	case apkLetter, apkHash:
		return strings.Compare(t.text, u.text)
	case apkNumber:
		if !t.natural && (t.text[0] == '0' || u.text[0] == '0') {
			return strings.Compare(t.text, u.text)
		}
	}
	return compareDigits(t.text, u.text)
}

// apkReader cuts a version into tokens. The kind of the last token decides
// which may follow.
type apkReader struct {
	rest    string
	last    apkKind
	started bool
}

func (r *apkReader) next() apkToken {
	var t apkToken
	switch {
	case !r.started:
		r.started = true
		t = r.digits(apkFirst, r.rest)
	case r.rest == "":
		t.kind = apkEnd
	default:
		t = r.following()
	}
	r.last = t.kind
	return t
}

func (r *apkReader) following() apkToken {
	switch c := r.rest[0]; {
	case 'a' <= c && c <= 'z' && r.last <= apkNumber:
		return r.cut(apkLetter, r.rest[:1], r.rest[1:])
	case c == '.' && r.last <= apkNumber:
		return r.digits(apkNumber, r.rest[1:])
	case isDigit(c) && r.last == apkLetter:
		t := r.digits(apkNumber, r.rest)
		t.natural = true
		return t
	case isDigit(c) && r.last == apkSuffix:
		return r.digits(apkSuffixNumber, r.rest)
	case c == '_' && r.last <= apkSuffixNumber:
		return r.suffix(r.rest[1:])
	case c == '~' && r.last < apkHash:
		return r.hash(r.rest[1:])
	case strings.HasPrefix(r.rest, "-r") && r.last < apkRevision:
		return r.digits(apkRevision, r.rest[2:])
	}
	return apkToken{kind: apkInvalid}
}

func (r *apkReader) cut(kind apkKind, text, rest string) apkToken {
	if text == "" {
		return apkToken{kind: apkInvalid}
	}
	r.rest = rest
	return apkToken{kind: kind, text: text}
}

func (r *apkReader) digits(kind apkKind, s string) apkToken {
	digits, rest := cutDigits(s)
	return r.cut(kind, digits, rest)
}

func (r *apkReader) suffix(s string) apkToken {
	rest := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz")
	word := s[:len(s)-len(rest)]
	if !slices.Contains(apkSuffixes, word) {
		word = ""
	}
	return r.cut(apkSuffix, word, rest)
}

func (r *apkReader) hash(s string) apkToken {
	rest := strings.TrimLeft(s, "0123456789abcdef")
	return r.cut(apkHash, s[:len(s)-len(rest)], rest)
}
