package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os/exec"
	"slices"
	"strings"
	"time"

	"muster"
)

// CommandTimeout ends an external signer. It leaves a person time to find the
// card and to type its PIN.
const CommandTimeout = 2 * time.Minute

// Bounds of what an external signer may write, in bytes.
const (
	maxSignature = 4 << 10
	maxComplaint = 1 << 10
)

// commandSigner signs with a program that holds the key: see [CommandSigner].
type commandSigner struct {
	cert    *x509.Certificate
	command []string
	timeout time.Duration
}

// CommandSigner signs with the key of cert that another program holds, such as
// one that talks to a smartcard. The program gets the digest to be signed, raw,
// on its standard input, and writes the signature, raw, to its standard output:
// for ECDSA the two numbers side by side or in DER, for RSA the PKCS#1 v1.5
// block. It has [CommandTimeout] to do so. In the arguments
//
//	{hash}        stands for sha256, sha384 or sha512
//	{mechanism}   stands for the PKCS#11 mechanism ECDSA or RSA-PKCS
//	{digestinfo}  is left out, and must be an argument of its own
//
// RSA-PKCS pads and signs but does not add the name of the hash. So with an RSA
// key, a command that says {mechanism} or {digestinfo} gets the DER of the
// DigestInfo (RFC 8017 section 9.2) in place of the digest. With a token:
//
//	pkcs11-tool --module M --sign --id 01 --mechanism {mechanism} --pin env:PIN
//
// The signature is verified before it is used.
func CommandSigner(cert *x509.Certificate, command []string) crypto.Signer {
	return &commandSigner{cert, slices.Clone(command), CommandTimeout}
}

func (s *commandSigner) Public() crypto.PublicKey { return s.cert.PublicKey }

// Sign implements [crypto.Signer]. The source of randomness is the program's.
func (s *commandSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	h := opts.HashFunc()
	name := hashNames[h]
	if _, pss := opts.(*rsa.PSSOptions); pss || name == "" || len(digest) != h.Size() {
		return nil, muster.Errorf(muster.Invalid, "external signer: cannot sign %d bytes with %v", len(digest), opts)
	}
	if len(s.command) == 0 {
		return nil, muster.Errorf(muster.Invalid, "external signer: no command")
	}
	input, err := s.input(digest, h)
	if err != nil {
		return nil, err
	}
	out, err := s.run(s.arguments(name), input)
	if err != nil {
		return nil, fmt.Errorf("external signer %q: %w", s.command[0], err)
	}
	signature, ok := s.recognise(out, digest, h)
	if !ok {
		return nil, muster.WithHint(
			muster.Errorf(muster.Denied, "external signer %q: its %d bytes are no signature by the key of %s", s.command[0], len(out), Describe(s.cert)),
			"check that the command names the key of this certificate, and for RSA that it says {mechanism} or {digestinfo}")
	}
	return signature, nil
}

var hashNames = map[crypto.Hash]string{
	crypto.SHA256: "sha256",
	crypto.SHA384: "sha384",
	crypto.SHA512: "sha512",
}

// arguments is the command with its placeholders filled in.
func (s *commandSigner) arguments(hash string) []string {
	mechanism := "ECDSA"
	if s.isRSA() {
		mechanism = "RSA-PKCS"
	}
	fill := strings.NewReplacer("{hash}", hash, "{mechanism}", mechanism)
	var args []string
	for _, a := range s.command {
		if a != "{digestinfo}" {
			args = append(args, fill.Replace(a))
		}
	}
	return args
}

func (s *commandSigner) isRSA() bool {
	_, ok := s.cert.PublicKey.(*rsa.PublicKey)
	return ok
}

// input is what the program reads.
func (s *commandSigner) input(digest []byte, h crypto.Hash) ([]byte, error) {
	wantsInfo := slices.ContainsFunc(s.command, func(a string) bool {
		return a == "{digestinfo}" || strings.Contains(a, "{mechanism}")
	})
	if !wantsInfo || !s.isRSA() {
		return digest, nil
	}
	alg := digestAlgorithm(h)
	alg.Parameters = null // RFC 8017 wants NULL here, unlike CMS
	return asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}{alg, digest})
}

func (s *commandSigner) run(args []string, input []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	out := &bounded{limit: maxSignature, strict: true}
	complaint := &bounded{limit: maxComplaint}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stdout, cmd.Stderr = out, complaint
	cmd.WaitDelay = time.Second // for a child of the program that keeps the pipes open
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, muster.Errorf(muster.Unavailable, "no signature after %v", s.timeout)
	case out.full:
		return nil, muster.Errorf(muster.Invalid, "wrote more than %d bytes", maxSignature)
	case err != nil:
		return nil, muster.Errorf(muster.Unavailable, "%w: %q", err, strings.TrimSpace(complaint.buf.String()))
	}
	return out.buf.Bytes(), nil
}

// bounded keeps the first bytes written to it. When strict it then ends the
// writer, else it takes the rest and forgets it. It does not embed its buffer,
// whose ReadFrom would take everything.
type bounded struct {
	buf    bytes.Buffer
	limit  int
	strict bool
	full   bool
}

var errFull = errors.New("output is too long")

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.buf.Len()
	if len(p) <= room {
		return b.buf.Write(p)
	}
	b.full = true
	b.buf.Write(p[:room])
	if b.strict {
		return room, errFull
	}
	return len(p), nil
}

// recognise gives the signature in the form that CMS has, when out is one in
// either form.
func (s *commandSigner) recognise(out, digest []byte, h crypto.Hash) ([]byte, bool) {
	switch k := s.cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return out, rsa.VerifyPKCS1v15(k, h, digest, out) == nil
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(k, digest, out) {
			return out, true
		}
		der, err := joinRS(out, (k.Params().BitSize+7)/8)
		return der, err == nil && ecdsa.VerifyASN1(k, digest, der)
	}
	return nil, false
}

// joinRS turns r and s side by side, each of size bytes, into DER.
func joinRS(raw []byte, size int) ([]byte, error) {
	if len(raw) != 2*size {
		return nil, errors.New("not two numbers")
	}
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(raw[:size]),
		new(big.Int).SetBytes(raw[size:]),
	})
}
