package recipe

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster"
	"muster/pkgfile"
)

// maxPixels bounds the sides of an icon: a small file may hold a picture of gigabytes.
const maxPixels = 1024

// placeIcon puts the icon of the recipe, icon.svg or icon.png, where packages have it.
func (b *builder) placeIcon() error {
	for _, to := range pkgfile.IconPaths {
		name := filepath.Base(to)
		data, err := readBounded(filepath.Join(b.recipe.Dir, name), pkgfile.MaxIcon)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = checkIcon(name, data)
		}
		if err != nil {
			return muster.Errorf(muster.Invalid, "cannot take %s for an icon: %w", name, err)
		}
		return os.WriteFile(filepath.Join(b.base, filepath.FromSlash(to)), data, 0o644)
	}
	return nil
}

// checkIcon holds an icon to what every program that shows one can read.
func checkIcon(name string, data []byte) error {
	if strings.HasSuffix(name, ".svg") {
		return checkSVG(data)
	}
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err == nil && (c.Width > maxPixels || c.Height > maxPixels) {
		err = fmt.Errorf("%d by %d pixels, more than %d", c.Width, c.Height, maxPixels)
	}
	return err
}

// foreign are the elements that an icon has no use for. What shows icons lets none of
// them do anything; here they are refused so that their author learns of it.
var foreign = []string{"script", "foreignObject", "iframe", "image", "use", "animate", "set"}

func checkSVG(data []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(data))
	for depth, roots := 0, 0; ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) && roots == 1 {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if err := checkElement(t, depth); err != nil {
				return err
			}
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive:
			return fmt.Errorf("it has a document type, which an icon needs none of")
		}
	}
}

func checkElement(t xml.StartElement, depth int) error {
	if depth == 0 && (t.Name.Local != "svg" || t.Name.Space != "http://www.w3.org/2000/svg") {
		return fmt.Errorf("its root is <%s>, not <svg xmlns=\"http://www.w3.org/2000/svg\">", t.Name.Local)
	}
	for _, name := range foreign {
		if strings.EqualFold(t.Name.Local, name) && !(name == "use" && isLocal(t)) {
			return fmt.Errorf("<%s> has no place in an icon", t.Name.Local)
		}
	}
	for _, a := range t.Attr {
		if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") {
			return fmt.Errorf("%s= has no place in an icon", a.Name.Local)
		}
	}
	return nil
}

// isLocal reports whether an element refers to nothing but its own document.
func isLocal(t xml.StartElement) bool {
	for _, a := range t.Attr {
		if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") {
			return false
		}
	}
	return true
}
