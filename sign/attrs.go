package sign

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Forms of signingTime (RFC 5652 section 11.3): UTCTime for 1950 to 2049,
// GeneralizedTime for other years, always with seconds and Z.
const (
	utcForm     = "060102150405Z"
	generalForm = "20060102150405Z"
)

// readAttrs reads the signed attributes of a SignerInfo. The three that tie the
// signature to this content, its type and a time must be there once, with one
// value. Others are covered by the signature and not interpreted.
func (s *signer) readAttrs(raw asn1.RawValue) error {
	if len(raw.FullBytes) == 0 {
		return errors.New("no signed attributes")
	}
	if !raw.IsCompound { // encoding/asn1 does not look, and the tag is replaced below
		return errors.New("signed attributes are not a set")
	}
	// What is signed has the tag of a SET in place of [0] (RFC 5652 section 5.4).
	s.attrs = bytes.Clone(raw.FullBytes)
	s.attrs[0] = asn1.TagSet | 0x20
	var attrs []attribute
	if err := decode(s.attrs, &attrs, "set"); err != nil {
		return fmt.Errorf("signed attributes: %w", err)
	}
	values, err := singleValues(attrs)
	if err != nil {
		return err
	}
	if err := checkContentType(values[oidContentType.String()]); err != nil {
		return err
	}
	if s.digest, err = readDigest(values[oidMessageDigest.String()], s.hash.Size()); err != nil {
		return err
	}
	s.time, err = readTime(values[oidSigningTime.String()])
	return err
}

// singleValues maps the types of attributes to their values, and refuses a type
// that stands twice or has no value. Of an attribute that is interpreted there
// must be one value; of others the first is kept.
func singleValues(attrs []attribute) (map[string]asn1.RawValue, error) {
	if len(attrs) > maxAttrs {
		return nil, fmt.Errorf("%d signed attributes", len(attrs))
	}
	values := make(map[string]asn1.RawValue, len(attrs))
	for _, a := range attrs {
		name := a.Type.String()
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("signed attribute %s stands twice", name)
		}
		if len(a.Values) == 0 || len(a.Values) > 1 && interpreted(a.Type) {
			return nil, fmt.Errorf("signed attribute %s has %d values", name, len(a.Values))
		}
		values[name] = a.Values[0]
	}
	return values, nil
}

func interpreted(oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc([]asn1.ObjectIdentifier{oidContentType, oidMessageDigest, oidSigningTime}, oid.Equal)
}

func checkContentType(v asn1.RawValue) error {
	var oid asn1.ObjectIdentifier
	if len(v.FullBytes) == 0 {
		return errors.New("no signed content type")
	}
	if err := decode(v.FullBytes, &oid, ""); err != nil {
		return fmt.Errorf("signed content type: %w", err)
	}
	if !oid.Equal(oidData) {
		return fmt.Errorf("signed content type is %v, not data", oid)
	}
	return nil
}

func readDigest(v asn1.RawValue, size int) ([]byte, error) {
	var digest []byte
	if len(v.FullBytes) == 0 {
		return nil, errors.New("no signed digest")
	}
	if err := decode(v.FullBytes, &digest, ""); err != nil {
		return nil, fmt.Errorf("signed digest: %w", err)
	}
	if len(digest) != size {
		return nil, fmt.Errorf("signed digest of %d bytes", len(digest))
	}
	return digest, nil
}

func readTime(v asn1.RawValue) (time.Time, error) {
	if len(v.FullBytes) == 0 {
		return time.Time{}, errors.New("no signing time")
	}
	t, err := parseTime(v)
	if err != nil || !bytes.Equal(encodeTime(t).FullBytes, v.FullBytes) {
		return time.Time{}, errors.New("signing time is not in the form of RFC 5652")
	}
	return t, nil
}

func parseTime(v asn1.RawValue) (time.Time, error) {
	if v.Class != asn1.ClassUniversal {
		return time.Time{}, errors.New("not a time")
	}
	switch v.Tag {
	case asn1.TagUTCTime:
		t, err := time.Parse(utcForm, string(v.Bytes))
		if t.Year() >= 2050 { // Go reads 50 to 68 as 2050 to 2068, X.509 as 1950 to 1968
			t = t.AddDate(-100, 0, 0)
		}
		return t, err
	case asn1.TagGeneralizedTime:
		return time.Parse(generalForm, string(v.Bytes))
	}
	return time.Time{}, errors.New("not a time")
}

func encodeTime(t time.Time) asn1.RawValue {
	tag, form := asn1.TagUTCTime, utcForm
	if y := t.Year(); y < 1950 || y >= 2050 {
		tag, form = asn1.TagGeneralizedTime, generalForm
	}
	text := t.UTC().Format(form)
	return asn1.RawValue{FullBytes: append([]byte{byte(tag), byte(len(text))}, text...)}
}

// newAttrs encodes the signed attributes as the SET that is signed.
func newAttrs(digest []byte, at time.Time) ([]byte, error) {
	contentType, err := asn1.Marshal(oidData)
	if err != nil {
		return nil, err
	}
	messageDigest, err := asn1.Marshal(digest)
	if err != nil {
		return nil, err
	}
	attrs := []attribute{
		{oidContentType, []asn1.RawValue{{FullBytes: contentType}}},
		{oidSigningTime, []asn1.RawValue{encodeTime(at)}},
		{oidMessageDigest, []asn1.RawValue{{FullBytes: messageDigest}}},
	}
	return asn1.MarshalWithParams(attrs, "set")
}
