package repo

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/index"
	"muster/sign"
)

// FirstLink signs link 1 of the chain of trust of a repository of that id, ""
// for a new one. It needs no repository: an administrator makes it where their
// key is, and who keeps the repository adopts it ([Publisher.Adopt]). edit is
// given the link with the last certificate in the chain of each signer as
// anchors, and changes what it is about:
//
//	link, err := repo.FirstLink("", admins, now, repo.HeadSigner(server))
func FirstLink(id string, signers []*sign.Identity, now time.Time, edit func(*index.Link)) ([]byte, error) {
	if id == "" {
		id = NewID()
	}
	var anchors []*x509.Certificate
	for _, s := range signers {
		anchors = append(anchors, s.Chain[len(s.Chain)-1])
	}
	l := &index.Link{Type: index.LinkType, Number: 1, Repository: id, Add: raw(anchors)}
	return signLink(l, signers, now, edit)
}

// NextLink signs the link that follows those that led to s, as [FirstLink] does.
// edit is given the link with everything that stays, such as the scopes.
func NextLink(s *index.State, signers []*sign.Identity, now time.Time, edit func(*index.Link)) ([]byte, error) {
	l := &index.Link{Type: index.LinkType, Repository: s.Repository, Number: s.Number + 1,
		Previous: s.SHA256, Scopes: slices.Clone(s.Scopes)}
	if s.Need > 1 {
		l.Need = s.Need
	}
	return signLink(l, signers, now, edit)
}

func signLink(l *index.Link, signers []*sign.Identity, now time.Time, edit func(*index.Link)) ([]byte, error) {
	l.Date = now.Unix()
	edit(l)
	slices.SortFunc(l.Add, func(a, b []byte) int { return strings.Compare(index.Sum(a), index.Sum(b)) })
	l.Add = slices.CompactFunc(l.Add, bytes.Equal)
	if err := l.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot make link %d of trust: %w", l.Number, err)
	}
	content, err := l.Encode()
	if err != nil {
		return nil, err
	}
	return sign.Sign(content, false, now, signers...)
}

// HeadSigner edits a link so that the owner of cert, and nobody else, signs the
// heads from then on. A certificate that nobody else vouches for becomes an anchor;
// when it has only the right to index, it is good for nothing but heads.
func HeadSigner(cert *x509.Certificate) func(*index.Link) {
	return func(l *index.Link) {
		if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			l.Add = append(l.Add, cert.Raw)
		}
		ofHeads := func(s index.Scope) bool { return len(s.Names) == 0 && slices.Equal(s.Kinds, headKind) }
		scope := index.Scope{Kinds: headKind, Signers: []string{sign.Fingerprint(cert)}}
		l.Scopes = append([]index.Scope{scope}, slices.DeleteFunc(l.Scopes, ofHeads)...)
	}
}

var headKind = []muster.Kind{index.KindHead}

// AddLink makes the next link of the chain of trust, signed by anchors, and a
// head that names it:
//
//	p.AddLink(anchors, func(l *index.Link) {
//		l.RevokedCertificates = []string{fingerprint}
//	})
func (p *Publisher) AddLink(anchors []*sign.Identity, edit func(*index.Link)) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		file, err := NextLink(c.state, anchors, p.now(), edit)
		if err != nil {
			return nil, nil, err
		}
		return p.appendLink(c, file)
	})
}

// PostLink publishes a link that somebody else signed ([NextLink]), and a head
// that names it. One that the repository has already changes nothing; one that
// does not follow the newest is of kind muster.Conflict, one that is not signed
// by who may of kind muster.Denied.
func (p *Publisher) PostLink(link []byte) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		l, err := index.InspectLink(link)
		if err != nil {
			return nil, nil, err
		}
		if l.Number <= c.state.Number {
			return nil, &Report{Serial: c.head.Serial}, p.sameLink(l.Number, link)
		}
		if l.Number > c.state.Number+1 || l.Previous != c.state.SHA256 {
			return nil, nil, muster.Errorf(muster.Conflict, "link %d of trust does not follow link %d of repository %q",
				l.Number, c.state.Number, c.state.Repository)
		}
		return p.appendLink(c, link)
	})
}

// appendLink prepares the publication whose chain has one link more.
func (p *Publisher) appendLink(c *contents, file []byte) (*publication, *Report, error) {
	after := *c
	after.links = append(slices.Clone(c.links), file)
	var err error
	if after.state, err = p.follow(c.state.Repository, after.links); err != nil {
		return nil, nil, fmt.Errorf("readers would not believe the new link: %w", err)
	}
	next, err := p.prepare(&after, c.index)
	if err != nil {
		return nil, nil, err
	}
	next.link, next.linkFile = after.state.Number, file
	return next, &Report{}, nil
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
