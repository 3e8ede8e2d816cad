package recipe

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/pkgfile"
)

const square = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8"/></svg>`

func pngOf(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestIcon: the icon of a recipe is a file of the package like every other.
func TestIcon(t *testing.T) {
	for name, data := range map[string]string{"icon.svg": square, "icon.png": pngOf(t, 48, 48)} {
		m, _, err := tryBuild(t, map[string]string{"control": plain, "root/usr/share/tool/x": "x", name: data}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f := m.Icon(); f == nil || f.Path != "payload/"+name || f.Size != int64(len(data)) {
			t.Errorf("%s became %v", name, f)
		}
	}
}

func TestBadIcons(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"icon.png", "no picture", "not a PNG"},
		{"icon.png", pngOf(t, maxPixels+1, 1), "pixels"},
		{"icon.png", strings.Repeat("x", pkgfile.MaxIcon+1), "more than 65536 bytes"},
		{"icon.svg", "", "EOF"},
		{"icon.svg", "text and no element", "EOF"},
		{"icon.svg", square + square, "EOF"},
		{"icon.svg", "<html></html>", "its root"},
		{"icon.svg", square[:len(square)-1], "unexpected EOF"},
		{"icon.svg", strings.Replace(square, "<rect", "<script>x</script><rect", 1), "<script>"},
		{"icon.svg", strings.Replace(square, "<rect", `<rect onload="x"`, 1), "onload="},
		{"icon.svg", `<!DOCTYPE svg [<!ENTITY a "b">]>` + square, "document type"},
		{"icon.svg", strings.Replace(square, "<rect", `<use href="https://example.org/x"/><rect`, 1), "<use>"},
	} {
		_, _, err := tryBuild(t, map[string]string{"control": plain, c.name: c.data}, Options{})
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.30q: %v, want %q", c.name, c.data, err, c.want)
		}
	}
}

// node is an element of a document, however deep.
type node struct {
	XMLName xml.Name
	Nodes   []node `xml:",any"`
}

func (n node) has(name string) bool {
	return strings.EqualFold(n.XMLName.Local, name) || slices.ContainsFunc(n.Nodes, func(c node) bool { return c.has(name) })
}

// FuzzIcon holds that what is taken for an icon is a whole document without any element
// that may do something.
func FuzzIcon(f *testing.F) {
	f.Add(square)
	f.Add(strings.Replace(square, "<rect", `<g id="a"><use href="#a"/></g><rect`, 1))
	f.Add(`<svg xmlns="http://www.w3.org/2000/svg"><a:script xmlns:a="x"/></svg>`)
	f.Fuzz(func(t *testing.T, text string) {
		if checkSVG([]byte(text)) != nil {
			return
		}
		var root node
		if err := xml.Unmarshal([]byte(text), &root); err != nil || root.XMLName.Local != "svg" || root.has("script") || root.has("foreignObject") {
			t.Errorf("%q is an icon: %v", text, err)
		}
	})
}
