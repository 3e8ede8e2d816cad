package advisory

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"muster"
)

// Bounds on XML. The descriptions of VuXML and OVAL are the longest texts, some
// 100 kB; the criteria of Red Hat's OVAL are the deepest, 12 elements.
const (
	maxXMLDepth = 64
	maxXMLToken = 1 << 20
	maxXMLText  = 64 << 10 // of what is kept
)

// An xmlReader reads a document element by element. Entities are those of XML
// and of XHTML; what a document defines itself is not expanded but an error.
type xmlReader struct {
	d     *xml.Decoder
	name  string
	depth int
	mark  int64 // where the token that is read begins
}

func newXMLReader(name string, text io.Reader) *xmlReader {
	x := &xmlReader{name: name}
	bound := &tokenBound{r: text, name: name, most: maxXMLToken, offset: func() int64 { return x.mark }}
	x.d = xml.NewDecoder(bound)
	x.d.Entity = xml.HTMLEntity
	// Documents that are not UTF-8 are those of decades ago. Names and versions
	// are ASCII, and so is what Latin-1 and UTF-8 have in common.
	x.d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "utf8":
			return in, nil
		case "iso-8859-1", "latin1":
			return &latin1Reader{r: in}, nil
		}
		return nil, muster.Errorf(muster.Invalid, "the encoding %q is not read", charset)
	}
	return x
}

// token returns the next start or end of an element, or text; io.EOF at the end
// of the document.
func (x *xmlReader) token() (xml.Token, error) {
	for {
		x.mark = x.d.InputOffset()
		t, err := x.d.Token()
		if err == io.EOF && x.depth == 0 {
			return nil, err
		}
		if err != nil {
			return nil, x.fail(err)
		}
		switch t.(type) {
		case xml.StartElement:
			if x.depth++; x.depth > maxXMLDepth {
				return nil, x.fail(errors.New("elements are nested too deep"))
			}
			return t, nil
		case xml.EndElement:
			x.depth--
			return t, nil
		case xml.CharData:
			return t, nil
		}
	}
}

// fail says where in the document err was met.
func (x *xmlReader) fail(err error) error {
	line, column := x.d.InputPos()
	return muster.Errorf(muster.Invalid, "cannot read %q, line %d, column %d: %w", x.name, line, column, err)
}

// each visits the elements inside the element that was entered last, up to its
// end, or those of the document. visit may read an element up to its end; what
// it leaves is skipped.
func (x *xmlReader) each(visit func(e xml.StartElement) error) error {
	for outside := x.depth - 1; ; {
		t, err := x.token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if x.depth == outside {
				return nil
			}
		case xml.StartElement:
			inside := x.depth
			if err := visit(t); err != nil {
				return err
			}
			if err := x.leave(inside); err != nil {
				return err
			}
		}
	}
}

// leave skips what is left of the element at a depth, and its end.
func (x *xmlReader) leave(depth int) error {
	for x.depth >= depth {
		if _, err := x.token(); err != nil {
			return err
		}
	}
	return nil
}

// text returns the text of the element that was entered last, up to its end,
// without the space around it. Elements in it are passed over.
func (x *xmlReader) text() (string, error) {
	var b strings.Builder
	for inside := x.depth; x.depth >= inside; {
		t, err := x.token()
		if err != nil {
			return "", err
		}
		data, ok := t.(xml.CharData)
		if !ok || x.depth != inside {
			continue
		}
		if b.Len()+len(data) > maxXMLText {
			return "", x.fail(errors.New("text too long"))
		}
		b.Write(data)
	}
	return strings.TrimSpace(b.String()), nil
}

// into reads the text of an element into s.
func (x *xmlReader) into(s *string) (err error) {
	*s, err = x.text()
	return err
}

// attr returns the value of an attribute, whatever its name space, or "".
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// latin1Reader turns ISO 8859-1 into UTF-8.
type latin1Reader struct {
	r    io.Reader
	rest byte // second byte of a character whose first is delivered
}

func (l *latin1Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if l.rest != 0 {
		p[0], l.rest = l.rest, 0
		return 1, nil
	}
	var b [1]byte
	if _, err := io.ReadFull(l.r, b[:]); err != nil {
		return 0, err
	}
	if b[0] < 0x80 {
		p[0] = b[0]
		return 1, nil
	}
	p[0], l.rest = 0xc0|b[0]>>6, 0x80|b[0]&0x3f
	return 1, nil
}
