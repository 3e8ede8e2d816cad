package index

import (
	"strings"

	"muster/deb822"
)

// The fields that most stanzas have, in the order in which they are printed. A
// stanza with any other field is left to the reader of deb822, which is slower.
const (
	fieldPackage = iota
	fieldVersion
	fieldKind
	fieldOS
	fieldArchitecture
	fieldMinOSVersion
	fieldMaxOSVersion
	fieldMaturity
	fieldLocale
	fieldDepends
	fieldConflicts
	fieldProvides
	fieldTitle
	fieldDescription
	fieldMaintainer
	fieldLicence
	fieldHomepage
	fieldKeywords
	fieldValidFrom
	fieldValidUntil
	fieldRollout
	fieldFilename
	fieldSize
	fieldSHA256
	fieldManifestSHA256
	fieldInstalledSize
	fieldNeedsCode
	fieldSigners
	fieldIcon
	fieldCount
)

var fieldPrefixes = [fieldCount]string{
	"package: ", "version: ", "kind: ", "os: ", "architecture: ", "min-os-version: ", "max-os-version: ",
	"maturity: ", "locale: ", "depends: ", "conflicts: ", "provides: ", "title: ", "description: ",
	"maintainer: ", "licence: ", "homepage: ", "keywords: ", "valid-from: ", "valid-until: ", "rollout: ",
	"filename: ", "size: ", "sha256: ", "manifest-sha256: ", "installed-size: ", "needs-code: ", "signers: ", "icon: ",
}

// fields are the values of one stanza, "" where it has no such field.
type fields [fieldCount]string

// cut takes the first stanza and the empty line behind it off text. It is not
// ok where the stanza has other fields, another order, an empty value, or a line
// that continues anything but the description.
func (f *fields) cut(text string) (stanza, rest string, ok bool) {
	*f = fields{}
	at := 0
	for i := range f {
		prefix := fieldPrefixes[i]
		if !strings.HasPrefix(text[at:], prefix) {
			continue
		}
		at += len(prefix)
		n := valueLen(text[at:], i == fieldDescription)
		if n <= 0 || n > deb822.MaxValue {
			return "", "", false
		}
		f[i] = text[at : at+n]
		at += n + 1
	}
	if at == 0 || at == len(text) || text[at] != '\n' {
		return "", "", false
	}
	return text[:at+1], text[at+1:], true
}

// valueLen is the bytes before the line feed that ends the value, or -1 without one.
func valueLen(text string, continued bool) int {
	n := strings.IndexByte(text, '\n')
	for continued && n >= 0 && n+1 < len(text) && text[n+1] == ' ' {
		more := strings.IndexByte(text[n+1:], '\n')
		if more < 0 {
			return -1
		}
		n += 1 + more
	}
	return n
}

// cutStanza takes the first stanza off text, whatever its fields.
func cutStanza(text string) (stanza, rest string) {
	if i := strings.Index(text, "\n\n"); i >= 0 {
		return text[:i+2], text[i+2:]
	}
	return text, ""
}
