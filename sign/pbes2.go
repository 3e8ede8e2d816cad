package sign

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"

	"muster"
)

// Rounds of PBKDF2: what is written, and the most that is read, some ten
// seconds of work, so that a damaged file does not look like a hang.
const (
	keyRounds    = 600_000
	maxKeyRounds = 20_000_000
)

// RFC 8018, appendix A.
var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidHMACSHA384 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}
	oidHMACSHA512 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	oidAES128CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2Params struct {
	KDF    pkix.AlgorithmIdentifier
	Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt   []byte
	Rounds int
	Length int                      `asn1:"optional"`
	PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
}

// encryptKey puts a PKCS#8 key into an EncryptedPrivateKeyInfo (RFC 5958).
func encryptKey(pkcs8, password []byte, rounds int) ([]byte, error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	rand.Read(salt)
	rand.Read(iv)
	key, err := pbkdf2.Key(sha256.New, string(password), salt, rounds, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	data := padCBC(pkcs8)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)

	kdf, err := algorithm(oidPBKDF2, pbkdf2Params{Salt: salt, Rounds: rounds,
		PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256, Parameters: null}})
	if err != nil {
		return nil, err
	}
	enc, err := algorithm(oidAES256CBC, iv)
	if err != nil {
		return nil, err
	}
	alg, err := algorithm(oidPBES2, pbes2Params{KDF: kdf, Cipher: enc})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(encryptedKey{Algorithm: alg, Data: data})
}

func algorithm(oid asn1.ObjectIdentifier, params any) (pkix.AlgorithmIdentifier, error) {
	der, err := asn1.Marshal(params)
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: der}}, err
}

var errWrongPassword = muster.Errorf(muster.Denied, "wrong password for the private key")

// decryptKey takes a PKCS#8 key out of an EncryptedPrivateKeyInfo. Bad padding
// and a plaintext that is no key both mean a wrong password.
func decryptKey(der, password []byte) ([]byte, error) {
	box, err := parseEncryptedKey(der)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read encrypted private key: %w", err)
	}
	key, err := pbkdf2.Key(box.prf, string(password), box.kdf.Salt, box.kdf.Rounds, box.keySize)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read encrypted private key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	cipher.NewCBCDecrypter(block, box.iv).CryptBlocks(box.data, box.data)
	plain, ok := unpadCBC(box.data)
	if !ok {
		return nil, errWrongPassword
	}
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, errWrongPassword
	}
	return plain, nil
}

// keyBox is a checked EncryptedPrivateKeyInfo.
type keyBox struct {
	kdf     pbkdf2Params
	prf     func() hash.Hash
	keySize int
	iv      []byte
	data    []byte
}

func parseEncryptedKey(der []byte) (*keyBox, error) {
	var outer encryptedKey
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, err
	}
	if !outer.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errors.New("not encrypted with PBES2")
	}
	var params pbes2Params
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, err
	}
	box := &keyBox{data: outer.Data}
	if len(box.data) == 0 || len(box.data)%aes.BlockSize != 0 {
		return nil, errors.New("truncated")
	}
	if err := box.readKDF(params.KDF); err != nil {
		return nil, err
	}
	return box, box.readCipher(params.Cipher)
}

func (b *keyBox) readKDF(alg pkix.AlgorithmIdentifier) error {
	if !alg.Algorithm.Equal(oidPBKDF2) {
		return errors.New("key derivation is not PBKDF2")
	}
	if _, err := asn1.Unmarshal(alg.Parameters.FullBytes, &b.kdf); err != nil {
		return err
	}
	if b.kdf.Rounds < 1 || b.kdf.Rounds > maxKeyRounds {
		return errors.New("number of PBKDF2 rounds is out of range")
	}
	b.prf = prfOf(b.kdf.PRF.Algorithm)
	if b.prf == nil {
		return errors.New("unknown PBKDF2 function")
	}
	return nil
}

func prfOf(oid asn1.ObjectIdentifier) func() hash.Hash {
	switch {
	case len(oid) == 0 || oid.Equal(oidHMACSHA1): // the default of RFC 8018
		return sha1.New
	case oid.Equal(oidHMACSHA256):
		return sha256.New
	case oid.Equal(oidHMACSHA384):
		return sha512.New384
	case oid.Equal(oidHMACSHA512):
		return sha512.New
	}
	return nil
}

func (b *keyBox) readCipher(alg pkix.AlgorithmIdentifier) error {
	switch {
	case alg.Algorithm.Equal(oidAES128CBC):
		b.keySize = 16
	case alg.Algorithm.Equal(oidAES192CBC):
		b.keySize = 24
	case alg.Algorithm.Equal(oidAES256CBC):
		b.keySize = 32
	default:
		return errors.New("cipher is not AES-CBC")
	}
	if _, err := asn1.Unmarshal(alg.Parameters.FullBytes, &b.iv); err != nil {
		return err
	}
	if len(b.iv) != aes.BlockSize {
		return errors.New("initialisation vector of the wrong length")
	}
	return nil
}

// padCBC copies data and pads it to whole blocks (RFC 5652 section 6.3).
func padCBC(data []byte) []byte {
	n := aes.BlockSize - len(data)%aes.BlockSize
	padded := make([]byte, len(data), len(data)+n)
	copy(padded, data)
	for range n {
		padded = append(padded, byte(n))
	}
	return padded
}

// unpadCBC takes the padding of whole blocks away. Its time does not depend on
// where the padding is wrong.
func unpadCBC(data []byte) ([]byte, bool) {
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, false
	}
	n := int(data[len(data)-1])
	good := n >= 1 && n <= aes.BlockSize
	for i := 1; i <= aes.BlockSize; i++ {
		if i <= n && data[len(data)-i] != byte(n) {
			good = false
		}
	}
	if !good {
		return nil, false
	}
	return data[:len(data)-n], true
}
