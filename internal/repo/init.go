package repo

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"muster"
	"muster/index"
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
	if p.exists() {
		return muster.Errorf(muster.Conflict, "%q is a repository already", p.Dir)
	}
	link, err := FirstLink(id, p.Signers, p.now(), func(l *index.Link) {
		if anchors != nil {
			l.Add = raw(anchors)
		}
	})
	if err != nil {
		return err
	}
	return p.Adopt(link)
}

func (p *Publisher) exists() bool {
	_, err := os.Stat(p.path(headName))
	return !errors.Is(err, fs.ErrNotExist)
}

// Adopt makes an empty repository whose chain of trust begins with link, which
// somebody else signed ([FirstLink]); it must let p.Signers sign heads. The same
// link again, on the repository that it made, changes nothing; another one is
// of kind muster.Conflict.
func (p *Publisher) Adopt(link []byte) error {
	if err := p.Disk.MkdirAll(p.Dir, 0o755); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if p.exists() {
		return p.sameLink(1, link)
	}
	l, err := index.InspectLink(link)
	if err != nil {
		return fmt.Errorf("cannot adopt a chain of trust: %w", err)
	}
	return p.found(l.Repository, link)
}

// found writes link 1 and the first, empty publication.
func (p *Publisher) found(id string, link []byte) error {
	c := &contents{links: [][]byte{link}, bins: newBins(nil, p.readBin)}
	var err error
	if c.state, err = p.follow(id, c.links); err != nil {
		return err
	}
	if c.index, err = index.New(nil); err != nil {
		return err
	}
	next, err := p.prepare(c, c.index)
	if err != nil {
		return err
	}
	next.link, next.linkFile = 1, link
	return p.publish(next)
}

// sameLink reports that link n of the repository is another one.
func (p *Publisher) sameLink(n int, link []byte) error {
	have, err := readFile(p.path(linkName(n)), index.MaxLink)
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot read link %d of trust: %w", n, err)
	}
	if !bytes.Equal(have, link) {
		return muster.Errorf(muster.Conflict, "repository %q has another link %d of trust already", p.Dir, n)
	}
	return nil
}
