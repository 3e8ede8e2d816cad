package repo

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"muster"
	"muster/index"
	"muster/sign"
)

// NewID is an id that no other repository has, a UUID (RFC 9562, version 4).
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Init makes an empty repository of that id, "" for a new one. Link 1 of its
// chain is signed by Signers and names anchors: nil is the last certificate in
// the chain of each signer. On a repository that exists it fails with kind
// muster.Conflict, unless that is what an interrupted Init left.
func (p *Publisher) Init(id string, anchors []*x509.Certificate) error {
	if len(p.Signers) == 0 {
		return muster.Errorf(muster.Invalid, "cannot make a repository without a signer")
	}
	if err := p.Disk.MkdirAll(p.Dir, 0o755); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(p.path(headName)); !errors.Is(err, fs.ErrNotExist) {
		return muster.Errorf(muster.Conflict, "%q is a repository already", p.Dir)
	}
	if id == "" {
		id = NewID()
	}
	if anchors == nil {
		for _, s := range p.Signers {
			anchors = append(anchors, s.Chain[len(s.Chain)-1])
		}
	}
	return p.found(&index.Link{Type: index.LinkType, Number: 1, Repository: id, Date: p.now().Unix(), Add: raw(anchors)})
}

// found writes link 1 and the first, empty publication.
func (p *Publisher) found(l *index.Link) error {
	file, err := p.signLink(l, p.Signers)
	if err != nil {
		return err
	}
	c := &contents{links: [][]byte{file}}
	if c.state, err = p.follow(l.Repository, c.links); err != nil {
		return err
	}
	if c.index, err = index.New(nil); err != nil {
		return err
	}
	next, err := p.prepare(c, c.index)
	if err != nil {
		return err
	}
	next.link, next.linkFile = 1, file
	return p.publish(next)
}

func (p *Publisher) signLink(l *index.Link, signers []*sign.Identity) ([]byte, error) {
	if err := l.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot make link %d of trust: %w", l.Number, err)
	}
	content, err := l.Encode()
	if err != nil {
		return nil, err
	}
	return sign.Sign(content, false, p.now(), signers...)
}

// raw lists certificates as a link does: DER, sorted by fingerprint.
func raw(certs []*x509.Certificate) [][]byte {
	certs = slices.Clone(certs)
	slices.SortFunc(certs, func(a, b *x509.Certificate) int {
		return strings.Compare(sign.Fingerprint(a), sign.Fingerprint(b))
	})
	certs = slices.CompactFunc(certs, (*x509.Certificate).Equal)
	ders := make([][]byte, len(certs))
	for i, c := range certs {
		ders[i] = c.Raw
	}
	return ders
}
