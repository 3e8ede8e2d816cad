package sign

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
)

// Bounds of the DER walk. A chain of certificates with all its extensions
// nests about 12 deep and has some hundred elements a certificate.
const (
	maxDepth    = 32
	maxElements = 1 << 16
)

var errTruncated = errors.New("truncated")

// decode reads the one DER value that data is into v, and refuses data that
// encoding v again does not give back: elements that encoding/asn1 tolerates
// at the end of a SEQUENCE, sets out of order, spelled-out defaults.
func decode(data []byte, v any, params string) error {
	rest, err := asn1.UnmarshalWithParams(data, v, params)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the value", len(rest))
	}
	again, err := asn1.MarshalWithParams(elem(v), params)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return errors.New("not in the one DER encoding of its content")
	}
	return nil
}

// checkDER walks over data, which must be one element in DER (X.690 section
// 10) whatever it means: definite and shortest lengths, shortest tags and
// integers, no strings in pieces. What lies inside primitive elements is not
// looked at.
func checkDER(data []byte) error {
	w := walk{budget: maxElements}
	rest, err := w.element(data, maxDepth)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the message", len(rest))
	}
	return nil
}

type walk struct{ budget int }

// element checks the first element of data and returns what follows it.
func (w *walk) element(data []byte, depth int) (rest []byte, err error) {
	if w.budget--; w.budget < 0 || depth == 0 {
		return nil, errors.New("too many or too deeply nested elements")
	}
	h, body, rest, err := cutElement(data)
	if err != nil {
		return nil, err
	}
	if !h.constructed {
		return rest, checkPrimitive(h, body)
	}
	if h.class == asn1.ClassUniversal && h.tag != asn1.TagSequence && h.tag != asn1.TagSet {
		return nil, errors.New("string in pieces is not DER")
	}
	for len(body) > 0 {
		if body, err = w.element(body, depth-1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

type header struct {
	class, tag  int
	constructed bool
}

func cutElement(data []byte) (h header, body, rest []byte, err error) {
	h, data, err = cutTag(data)
	if err != nil {
		return h, nil, nil, err
	}
	n, data, err := cutLength(data)
	if err != nil {
		return h, nil, nil, err
	}
	if n > len(data) {
		return h, nil, nil, errTruncated
	}
	return h, data[:n], data[n:], nil
}

// cutTag reads an identifier octet (X.690 section 8.1.2). Nothing that is
// read here has a tag above 30.
func cutTag(data []byte) (header, []byte, error) {
	if len(data) == 0 {
		return header{}, nil, errTruncated
	}
	b := data[0]
	h := header{class: int(b >> 6), tag: int(b & 0x1f), constructed: b&0x20 != 0}
	if h.tag == 0x1f {
		return h, nil, errors.New("tag above 30")
	}
	if h.class == asn1.ClassUniversal && h.tag == 0 {
		return h, nil, errors.New("end-of-contents is not DER")
	}
	return h, data[1:], nil
}

func cutLength(data []byte) (int, []byte, error) {
	if len(data) == 0 {
		return 0, nil, errTruncated
	}
	first, data := data[0], data[1:]
	switch {
	case first < 0x80:
		return int(first), data, nil
	case first == 0x80:
		return 0, nil, errors.New("indefinite length is not DER")
	case first > 0x84:
		return 0, nil, errors.New("length of more than four bytes")
	}
	width := int(first & 0x7f)
	if len(data) < width {
		return 0, nil, errTruncated
	}
	n := int64(0)
	for _, b := range data[:width] {
		n = n<<8 | int64(b)
	}
	if n < 0x80 || data[0] == 0 {
		return 0, nil, errors.New("length is not in its shortest form")
	}
	if n > MaxContent+MaxMessage {
		return 0, nil, errors.New("length is beyond every limit")
	}
	return int(n), data[width:], nil
}

func checkPrimitive(h header, body []byte) error {
	if h.class != asn1.ClassUniversal {
		return nil
	}
	switch h.tag {
	case asn1.TagSequence, asn1.TagSet:
		return errors.New("primitive sequence or set")
	case asn1.TagBoolean:
		if len(body) != 1 || body[0] != 0 && body[0] != 0xff {
			return errors.New("boolean is not DER")
		}
	case asn1.TagNull:
		if len(body) != 0 {
			return errors.New("null with content")
		}
	case asn1.TagInteger, asn1.TagEnum:
		return checkInteger(body)
	}
	return nil
}

func checkInteger(body []byte) error {
	if len(body) == 0 {
		return errors.New("empty integer")
	}
	if len(body) == 1 {
		return nil
	}
	if body[0] == 0 && body[1] < 0x80 || body[0] == 0xff && body[1] >= 0x80 {
		return errors.New("integer is not in its shortest form")
	}
	return nil
}
