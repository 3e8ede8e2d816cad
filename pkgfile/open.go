package pkgfile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"muster"
	"muster/sign"
)

// Magic numbers of the two skippable zstd frames (RFC 8878, 3.1.2).
const (
	manifestMagic  = 0x184D2A50
	signatureMagic = 0x184D2A51
)

// A Package is an open package file. Its manifest is parsed and checked, but
// nobody has vouched for it before [Package.Verify].
type Package struct {
	Manifest  *Manifest
	Encoded   []byte // the manifest's bytes
	Signature []byte // CMS SignedData, empty in an unsigned package
	r         io.ReaderAt
	starts    []int64 // of each frame in the file, and the end of the file
}

// Open reads the head of the package of that size in r.
func Open(r io.ReaderAt, size int64) (*Package, error) {
	p, err := open(r, size)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("not a package: %w", err))
	}
	return p, nil
}

func open(r io.ReaderAt, size int64) (*Package, error) {
	p := &Package{r: r}
	head := io.NewSectionReader(r, 0, size)
	var err error
	if p.Encoded, err = readSkippable(head, manifestMagic, MaxManifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if p.Signature, err = readSkippable(head, signatureMagic, MaxSignature); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if p.Manifest, err = ParseManifest(p.Encoded); err != nil {
		return nil, err
	}
	at := int64(16 + len(p.Encoded) + len(p.Signature))
	for _, f := range p.Manifest.Frames {
		p.starts = append(p.starts, at)
		at += f.Size
	}
	p.starts = append(p.starts, at)
	if at != size {
		return nil, fmt.Errorf("the file has %d bytes, its manifest says %d", size, at)
	}
	return p, nil
}

// readSkippable reads one skippable frame of that magic number, of at most max
// bytes. The size is bounded before anything is allocated.
func readSkippable(r io.Reader, magic uint32, max int64) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("the file ends too early")
	}
	if got := binary.LittleEndian.Uint32(head[:]); got != magic {
		return nil, fmt.Errorf("magic number is %#x, not %#x", got, magic)
	}
	n := int64(binary.LittleEndian.Uint32(head[4:]))
	if n > max {
		return nil, fmt.Errorf("%d bytes, more than %d", n, max)
	}
	if s, ok := r.(*io.SectionReader); ok {
		if at, err := s.Seek(0, io.SeekCurrent); err != nil || n > s.Size()-at {
			return nil, fmt.Errorf("the file ends too early")
		}
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("the file ends too early")
	}
	return data, nil
}

func writeHead(w io.Writer, manifest, signature []byte) error {
	for _, part := range []struct {
		magic uint32
		data  []byte
	}{{manifestMagic, manifest}, {signatureMagic, signature}} {
		head := binary.LittleEndian.AppendUint32(nil, part.magic)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(part.data)))
		if _, err := w.Write(append(head, part.data...)); err != nil {
			return err
		}
	}
	return nil
}

// Verify reports who signed the package, or why it is not trusted. The
// code-signing right is needed for whatever can run on a host, whatever
// policy.Right says, and for the rest at least the right to deploy.
func (p *Package) Verify(trust *sign.Trust, policy sign.Policy) ([]sign.Signature, error) {
	if len(p.Signature) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "%s is not signed", &p.Manifest.Control),
			"muster sign FILE --key KEY --cert CERT")
	}
	if p.Manifest.NeedsCode() {
		policy.Right = sign.RightCode
	} else if policy.Right == "" {
		policy.Right = sign.RightDeploy
	}
	return sign.Verify(p.Signature, p.Encoded, trust, policy)
}

// ManifestSHA256 is the hash of the manifest in hexadecimal: it stands for the
// content of the package, whoever signed it.
func (p *Package) ManifestSHA256() string {
	sum := sha256.Sum256(p.Encoded)
	return hex.EncodeToString(sum[:])
}

// WriteSigned writes the package with another signature to w.
func (p *Package) WriteSigned(w io.Writer, signature []byte) error {
	if len(signature) > MaxSignature {
		return fmt.Errorf("signature of %d bytes is larger than %d", len(signature), MaxSignature)
	}
	if err := writeHead(w, p.Encoded, signature); err != nil {
		return err
	}
	first, end := p.starts[0], p.starts[len(p.starts)-1]
	_, err := io.Copy(w, io.NewSectionReader(p.r, first, end-first))
	return err
}

// frame reads the compressed bytes of frame n into buf and checks their hash.
func (p *Package) frame(n int, buf []byte) ([]byte, error) {
	f := &p.Manifest.Frames[n]
	if int64(cap(buf)) < f.Size {
		buf = make([]byte, f.Size)
	}
	buf = buf[:f.Size]
	if _, err := p.r.ReadAt(buf, p.starts[n]); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read frame %d: %w", n, err)
	}
	sum := sha256.Sum256(buf)
	if hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, muster.Errorf(muster.Denied, "frame %d is not what was signed: its sha256 is %x", n, sum[:8])
	}
	return buf, nil
}
