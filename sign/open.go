package sign

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/asn1"
	"errors"
	"fmt"

	"muster"
)

// errCannotOpen is the one answer to whatever goes wrong once the private key
// is in use. Different answers would let whoever sends messages and watches
// find out a key or a content step by step (Bleichenbacher 1998, Vaudenay 2002).
var errCannotOpen = muster.Errorf(muster.Denied, "cannot open sealed message: it was not sealed to this key, or was changed")

// Open decrypts what [Seal] made. It also opens EnvelopedData with AES-256-CBC,
// which "openssl smime -encrypt -aes-256-cbc" makes, but only when the content
// is a signed message whose signatures are right, because CBC alone does not
// protect against changes. Who signed is for the caller to verify.
func Open(der []byte, id *Identity) ([]byte, error) {
	content, authenticated, err := OpenAny(der, id)
	if err != nil {
		return nil, err
	}
	if authenticated {
		return content, nil
	}
	if _, _, err := Inspect(content); err != nil {
		return nil, errCannotOpen
	}
	return content, nil
}

// OpenAny is [Open] for callers that protect the content by other means: when
// authenticated is false, anyone on the way may have changed the content, and
// the caller must answer alike whatever it finds wrong in it.
func OpenAny(der []byte, id *Identity) (content []byte, authenticated bool, err error) {
	if err := id.check(); err != nil {
		return nil, false, err
	}
	e, err := parseEnvelope(der)
	if err != nil {
		return nil, false, muster.Errorf(muster.Invalid, "cannot read sealed message: %w", err)
	}
	key, err := e.contentKey(id)
	if err != nil {
		return nil, false, err
	}
	content, ok := e.decrypt(key)
	if !ok {
		return nil, false, errCannotOpen
	}
	return content, e.tag != nil, nil
}

// envelope is a sealed message that is well formed.
type envelope struct {
	recipients []asn1.RawValue
	data       []byte
	iv         []byte
	tag        []byte // nil: CBC
}

// CheckSealed finds, without a key, whether der is a sealed message that [OpenAny] reads.
func CheckSealed(der []byte) error {
	if _, err := parseEnvelope(der); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read sealed message: %w", err)
	}
	return nil
}

func parseEnvelope(der []byte) (*envelope, error) {
	if len(der) > MaxMessage+MaxContent {
		return nil, fmt.Errorf("message of %d bytes is too long", len(der))
	}
	if err := checkDER(der); err != nil {
		return nil, err
	}
	var outer contentInfo
	if err := decode(der, &outer, ""); err != nil {
		return nil, err
	}
	e := new(envelope)
	var err error
	switch {
	case outer.Type.Equal(oidAuthEnveloped):
		err = e.readGCM(outer.Content.Bytes)
	case outer.Type.Equal(oidEnvelopedData):
		err = e.readCBC(outer.Content.Bytes)
	default:
		err = fmt.Errorf("message is of type %v, not sealed", outer.Type)
	}
	if err != nil {
		return nil, err
	}
	if n := len(e.recipients); n == 0 || n > MaxRecipients {
		return nil, fmt.Errorf("%d recipients", n)
	}
	return e, nil
}

func (e *envelope) readGCM(der []byte) error {
	var d authEnvelopedData
	if err := decode(der, &d, ""); err != nil {
		return err
	}
	var params gcmParams
	alg := d.Content.Algorithm
	if d.Version != 0 || !d.Content.Type.Equal(oidData) || !alg.Algorithm.Equal(oidAES256GCM) {
		return errors.New("not AES-256-GCM over data")
	}
	if err := decode(alg.Parameters.FullBytes, &params, ""); err != nil {
		return err
	}
	if len(params.Nonce) != nonceSize || params.TagSize != tagSize || len(d.Tag) != tagSize {
		return errors.New("nonce or tag of the wrong length")
	}
	*e = envelope{d.Recipients, d.Content.Data, params.Nonce, d.Tag}
	return nil
}

func (e *envelope) readCBC(der []byte) error {
	var d envelopedData
	if err := decode(der, &d, ""); err != nil {
		return err
	}
	alg := d.Content.Algorithm
	if (d.Version != 0 && d.Version != 2) || !d.Content.Type.Equal(oidData) || !alg.Algorithm.Equal(oidAES256CBC) {
		return errors.New("not AES-256-CBC over data")
	}
	var iv []byte
	if err := decode(alg.Parameters.FullBytes, &iv, ""); err != nil {
		return err
	}
	if len(iv) != aes.BlockSize || len(d.Content.Data) == 0 || len(d.Content.Data)%aes.BlockSize != 0 {
		return errors.New("initialisation vector or content of the wrong length")
	}
	*e = envelope{recipients: d.Recipients, data: d.Content.Data, iv: iv}
	return nil
}

func (e *envelope) decrypt(key []byte) ([]byte, bool) {
	if e.tag != nil {
		gcm, err := newGCM(key)
		if err != nil {
			return nil, false
		}
		content, err := gcm.Open(nil, e.iv, append(bytes.Clone(e.data), e.tag...), nil)
		return content, err == nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	plain := make([]byte, len(e.data))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(plain, e.data)
	return unpadCBC(plain)
}

// contentKey finds the recipient that id is and takes the key out. Where the
// private key fails, a random key is returned in place of an error, which fails
// later like any other wrong key.
func (e *envelope) contentKey(id *Identity) ([]byte, error) {
	for _, r := range e.recipients {
		key, err := takeKey(r, id)
		if errors.Is(err, errNotMine) {
			continue
		}
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read sealed message: %w", err)
		}
		return key, nil
	}
	return nil, errCannotOpen
}
