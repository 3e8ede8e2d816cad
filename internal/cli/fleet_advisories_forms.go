package cli

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"muster"
	"muster/advisory"
)

// serverForms are the forms that a server reads.
var serverForms = []string{"arch", "csaf", "debian", "dsa", "epss", "kev", "osv", "oval", "pkgsrc", "releases", "secdb", "support", "updateinfo", "vuxml"}

// importers read a document of a form that is a stream; osv may be an archive. kev and epss
// mark what others say, and releases speak of no package.
var importers = map[string]advisory.Importer{
	"arch": advisory.Arch, "csaf": advisory.CSAF, "debian": advisory.Debian, "dsa": advisory.DSA, "osv": advisory.OSV, "oval": advisory.OVAL, "pkgsrc": advisory.Pkgvuln,
	"secdb": advisory.Secdb, "support": advisory.SecuritySupport, "updateinfo": advisory.Updateinfo, "vuxml": advisory.VuXML,
}

// localForms are those that can be read here.
func localForms() []string {
	return slices.Sorted(func(yield func(string) bool) {
		maps.Keys(importers)(yield)
		_ = yield("kev") && yield("epss") && yield("releases")
	})
}

// headSize is how much of a document is looked at to see its form: publishers write
// summaries of some kilobytes before the first telling word.
const headSize = 64 << 10

// guessFile sees the form of a file, and leaves it at its beginning.
func guessFile(f *os.File, name string) (string, error) {
	head, err := headOf(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return "", muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	form := guessForm(filepath.Base(name), head)
	if form == "" {
		return "", muster.WithHint(usagef("cannot see which form of advisories %q has", name), "say it with --form: %s", strings.Join(localForms(), ", "))
	}
	return form, nil
}

// headOf is the beginning of a document that may be compressed. A file that breaks off
// is no error here: whoever reads it says so.
func headOf(r io.Reader) ([]byte, error) {
	in := bufio.NewReader(r)
	magic, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var plain io.Reader = in
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(in)
	case bytes.HasPrefix(magic, []byte("BZh")):
		plain, err = bzip2.NewReader(in), nil
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		plain, err = xz.NewReader(in, 64<<20)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, bad := zstd.NewReader(in, zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if bad != nil {
			return nil, bad
		}
		defer d.Close()
		plain, err = d, nil
	default:
		err = nil
	}
	if err != nil {
		return nil, err
	}
	head, _ := io.ReadAll(io.LimitReader(plain, headSize)) //nolint:errcheck // see above
	return head, nil
}

var dsaLine = regexp.MustCompile(`(?m)^\[\d\d \w{3} \d{4}\] D[LS]A-\d`)

// guessForm sees the form of a document by its first bytes, and by the name where these
// do not tell; "" where it cannot.
func guessForm(name string, head []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "osv"
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return "csaf"
	case strings.HasPrefix(name, "security-support-"):
		return "support"
	case len(text) == 0:
		return ""
	case bytes.Contains(text, []byte("cve,epss,percentile")):
		return "epss"
	case bytes.HasPrefix(text, []byte("version,codename,series,")), bytes.Contains(text, []byte("ecosystem,release,system,name,released,ends")):
		return "releases"
	case dsaLine.Match(text):
		return "dsa"
	case text[0] == '{' || text[0] == '[':
		return guessJSON(text)
	case text[0] == '<':
		return guessXML(text)
	case bytes.HasPrefix(text, []byte("#FORMAT 1.")), bytes.Contains(text, []byte("\n#FORMAT 1.")), strings.HasPrefix(name, "pkg-vulnerabilities"):
		return "pkgsrc"
	}
	return ""
}

// guessXML goes by the element that only one of the forms has.
func guessXML(text []byte) string {
	for _, f := range []struct{ form, element string }{{"oval", "oval_definitions"}, {"vuxml", "<vuxml"}, {"vuxml", "<vuln "}, {"updateinfo", "<updates"}, {"updateinfo", "<update "}} {
		if bytes.Contains(text, []byte(f.element)) {
			return f.form
		}
	}
	return ""
}

// guessJSON goes by the names of members: of the document, or of the first in an array.
func guessJSON(text []byte) string {
	names, below := memberNames(text)
	switch {
	case names["document"] && (below["category"] || below["csaf_version"] || below["tracking"] || below["publisher"]):
		return "csaf"
	case names["catalogVersion"], names["vulnerabilities"] && names["dateReleased"]:
		return "kev"
	case names["packages"] && (names["status"] || names["ticket"]):
		return "arch"
	case names["packages"] && (names["reponame"] || names["apkurl"] || names["urlprefix"] || names["distroversion"]), names["apkurl"]:
		return "secdb"
	case names["id"] && (names["modified"] || names["affected"] || names["schema_version"]), names["schema_version"]:
		return "osv"
	}
	for name := range below {
		if strings.HasPrefix(name, "CVE-") || strings.HasPrefix(name, "TEMP-") {
			return "debian"
		}
	}
	return ""
}

// memberNames are the names in the outermost object of a text that may break off, and in the
// objects right below it.
func memberNames(text []byte) (names, below map[string]bool) {
	names, below = map[string]bool{}, map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(text))
	depth, first := 0, 1
	if text[0] == '[' {
		first = 2
	}
	var object, key []bool // of each that is open: whether it is an object, and whether a name comes next
	for {
		t, err := dec.Token()
		if err != nil {
			return names, below
		}
		if d, is := t.(json.Delim); is && (d == '{' || d == '[') {
			depth++
			object, key = append(object, d == '{'), append(key, d == '{')
			continue
		}
		if d, is := t.(json.Delim); is {
			if depth--; d == '}' && depth+1 == first {
				return names, below // of an array the first document tells
			}
			object, key = object[:depth], key[:depth]
		} else if depth > 0 && object[depth-1] && key[depth-1] {
			if name, is := t.(string); is && depth == first {
				names[name] = true
			} else if is && depth == first+1 {
				below[name] = true
			}
			key[depth-1] = false
			continue
		}
		if depth > 0 && object[depth-1] {
			key[depth-1] = true // a value has ended
		}
	}
}
