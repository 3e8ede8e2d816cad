package sign

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster"
)

var update = flag.Bool("update", false, "make the files of testdata anew")

// A vector is one file of testdata/vectors, for second implementations too; its
// form is in docs/formats/signature.md.
type vector struct {
	expect    string // success, denied, invalid
	operation string // verify, verify-attached, open
	now       time.Time
	right     Right
	need      int
	listed    bool
	revoked   []string
	why       string
	content   []byte
	message   []byte
	certs     []*x509.Certificate // anchors; for open, the recipient
	key       []byte              // for open: PKCS#8 in PEM
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			v, err := parseVector(data)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(v.print(), data) {
				t.Error("the file is not in the form in which vectors are written")
			}
			v.check(t)
		})
	}
}

func (v *vector) check(t *testing.T) {
	t.Helper()
	got, err := v.run()
	if v.expect != "success" {
		wantError(t, err, muster.ErrorKind(v.expect))
		return
	}
	if err != nil || !bytes.Equal(got, v.content) {
		t.Errorf("content %q, %v", got, err)
	}
}

// run does what the vector says and returns the content.
func (v *vector) run() ([]byte, error) {
	trust := &Trust{Anchors: v.certs}
	trust.Revoke(v.revoked...)
	policy := Policy{Now: v.now, Right: v.right, Need: v.need, Listed: v.listed}
	switch v.operation {
	case "verify":
		_, err := Verify(v.message, v.content, trust, policy)
		return v.content, err
	case "verify-attached":
		content, _, err := VerifyAttached(v.message, trust, policy)
		return content, err
	case "open":
		id, err := ParseIdentity(v.key, EncodeCerts(v.certs...), nil)
		if err != nil {
			return nil, err
		}
		return Open(v.message, id)
	}
	return nil, fmt.Errorf("unknown operation %q", v.operation)
}

func (v *vector) print() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "expect: %s\noperation: %s\nnow: %s\n", v.expect, v.operation, v.now.Format(time.RFC3339))
	if v.right != "" {
		fmt.Fprintf(&b, "right: %s\n", v.right)
	}
	if v.need > 0 {
		fmt.Fprintf(&b, "need: %d\n", v.need)
	}
	if v.listed {
		fmt.Fprintf(&b, "listed: yes\n")
	}
	for _, r := range v.revoked {
		fmt.Fprintf(&b, "revoked: %s\n", r)
	}
	fmt.Fprintf(&b, "why: %s\n\n", v.why)
	b.Write(pem.EncodeToMemory(&pem.Block{Type: "CONTENT", Bytes: v.content}))
	b.Write(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: v.message}))
	b.Write(EncodeCerts(v.certs...))
	b.Write(v.key)
	return b.Bytes()
}

func parseVector(data []byte) (*vector, error) {
	head, blocks, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		return nil, fmt.Errorf("no empty line after the header")
	}
	v := new(vector)
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if err := v.set(name, value); err != nil {
			return nil, fmt.Errorf("header %q: %w", name, err)
		}
	}
	for block, rest := pem.Decode([]byte(blocks)); block != nil; block, rest = pem.Decode(rest) {
		if err := v.add(block); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *vector) set(name, value string) (err error) {
	switch name {
	case "expect":
		v.expect = value
	case "operation":
		v.operation = value
	case "now":
		v.now, err = time.Parse(time.RFC3339, value)
	case "right":
		v.right = Right(value)
	case "need":
		v.need, err = strconv.Atoi(value)
	case "listed":
		v.listed = value == "yes"
	case "revoked":
		v.revoked = append(v.revoked, value)
	case "why":
		v.why = value
	default:
		err = fmt.Errorf("unknown")
	}
	return err
}

func (v *vector) add(block *pem.Block) (err error) {
	switch block.Type {
	case "CONTENT":
		v.content = block.Bytes
	case "CMS":
		v.message = block.Bytes
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		v.certs = append(v.certs, cert)
		return err
	case "PRIVATE KEY":
		v.key = pem.EncodeToMemory(block)
	default:
		err = fmt.Errorf("unknown block %q", block.Type)
	}
	return err
}
