package index

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"muster"
	"muster/control"
	"muster/sign"
)

// A State is what a reader trusts of one repository after some links of its
// chain: the certificates given to the reader, changed link by link.
type State struct {
	Repository      string
	Number          int    // of the newest link
	SHA256          string // of its signed file
	Anchors         []*x509.Certificate
	Revoked         map[string]bool // fingerprints of certificates
	RevokedPackages map[string]bool // sha256 of manifests
	Scopes          []Scope
	Need            int // anchors that must sign the next link, at least 1
}

// A signedLink is a link whose numbers and hashes fit into its chain.
type signedLink struct {
	*Link
	file []byte
	sum  string
}

// Follow checks the chain of signed links 1 to n of a repository for a reader
// that was given the trust local, and returns the state after the last.
//
// The first link vouched for starts the chain: one that an anchor of local has
// signed itself, or link 1 by anybody whom local trusts, which then may only
// name anchors that local has (or a packager could make a chain of their own).
// The links before it are vouched for by their hashes. So a reader that was
// set up after a change of authority needs the new one only. Every later link
// must be signed by Need anchors of the state before it.
//
// A link whose signer has expired since stays good.
func Follow(local *sign.Trust, repository string, files [][]byte, now time.Time) (*State, error) {
	links, err := readChain(repository, files)
	if err != nil {
		return nil, err
	}
	s := &State{Repository: repository, Need: 1,
		Anchors: slices.Clone(local.Anchors), Revoked: map[string]bool{}, RevokedPackages: map[string]bool{}}
	maps.Copy(s.Revoked, local.Revoked)
	first, err := s.start(links, now)
	if err != nil {
		return nil, err
	}
	for i, l := range links {
		if i > first {
			if err := s.mayFollow(l, now); err != nil {
				return nil, err
			}
		}
		if err := s.apply(l); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readChain parses links and holds them to one another. Nobody is trusted yet.
func readChain(repository string, files [][]byte) ([]signedLink, error) {
	if len(files) == 0 || len(files) > MaxLinks {
		return nil, muster.Errorf(muster.Invalid, "chain of trust of %d links, not 1 to %d", len(files), MaxLinks)
	}
	links := make([]signedLink, len(files))
	previous := ""
	for i, file := range files {
		l, err := InspectLink(file)
		if err != nil {
			return nil, fmt.Errorf("link %d of trust: %w", i+1, err)
		}
		switch {
		case l.Repository != repository:
			err = &OtherRepository{repository, l.Repository}
		case l.Number != i+1:
			err = fmt.Errorf("it is link %d", l.Number)
		case l.Previous != previous:
			err = fmt.Errorf("it does not follow the link before it")
		}
		if err != nil {
			return nil, muster.Errorf(muster.Denied, "link %d of trust: %w", i+1, err)
		}
		previous = Sum(file)
		links[i] = signedLink{l, file, previous}
	}
	return links, nil
}

// InspectLink reads a signed link without asking who signed it.
func InspectLink(file []byte) (*Link, error) {
	if len(file) > MaxLink {
		return nil, muster.Errorf(muster.Invalid, "%d bytes, more than %d", len(file), MaxLink)
	}
	_, content, err := sign.Inspect(file)
	if err != nil {
		return nil, err
	}
	return ParseLink(content)
}

// start returns the index of the first link that s, which is the local trust,
// vouches for.
func (s *State) start(links []signedLink, now time.Time) (int, error) {
	var firstErr error
	for i, l := range links {
		err := s.mayFollow(l, now)
		if err != nil && i == 0 {
			err = s.mayStart(l, now)
			firstErr = err
		}
		if err == nil {
			return i, nil
		}
	}
	return 0, muster.WithHint(fmt.Errorf("nobody vouches for the chain of trust of repository %q: %w", s.Repository, firstErr),
		"add the certificate of its authority with 'muster setup --trust DIR', if you believe it")
}

// mayStart reports why link 1 may not start a chain.
func (s *State) mayStart(l signedLink, now time.Time) error {
	if _, err := s.verify(l, now); err != nil {
		return err
	}
	anchors, err := l.anchors()
	if err != nil {
		return err
	}
	for _, cert := range anchors {
		if !s.isAnchor(cert) {
			return muster.Errorf(muster.Denied, "link 1 of trust names the new anchor %s, but no anchor has signed it", sign.Describe(cert))
		}
	}
	return nil
}

// mayFollow reports why l, which fits behind the newest link, is not signed by
// enough anchors of s.
func (s *State) mayFollow(l signedLink, now time.Time) error {
	sigs, err := s.verify(l, now)
	if err != nil {
		return err
	}
	sigs = slices.DeleteFunc(sigs, func(sig sign.Signature) bool { return !s.isAnchor(sig.Signer) })
	if have := persons(sigs); have < s.Need {
		return muster.Errorf(muster.Denied, "link %d of trust is signed by %d anchors, not %d", l.Number, have, s.Need)
	}
	return nil
}

// verify returns the signatures under l that count. A signer has the right to
// deploy or to issue: the key of a server that signs heads, an anchor too, has
// no say in whom to believe.
func (s *State) verify(l signedLink, now time.Time) ([]sign.Signature, error) {
	_, sigs, err := sign.VerifyAttached(l.file, s.Trust(), sign.Policy{Now: now, Listed: true})
	if err != nil {
		return nil, fmt.Errorf("link %d of trust: %w", l.Number, err)
	}
	sigs = withRight(sigs, sign.RightDeploy, sign.RightIssue)
	if len(sigs) == 0 {
		return nil, muster.Errorf(muster.Denied, "link %d of trust: no signer has the right to deploy or to issue", l.Number)
	}
	return sigs, nil
}

// withRight is those of sigs whose signers have one of the rights.
func withRight(sigs []sign.Signature, rights ...sign.Right) []sign.Signature {
	return slices.DeleteFunc(slices.Clone(sigs), func(sig sign.Signature) bool {
		return !slices.ContainsFunc(rights, func(r sign.Right) bool { return sign.Has(sig.Signer, r) })
	})
}

// apply takes over what l changes.
func (s *State) apply(l signedLink) error {
	added, err := l.anchors()
	if err != nil {
		return err
	}
	s.Anchors = slices.DeleteFunc(s.Anchors, func(cert *x509.Certificate) bool {
		return slices.Contains(l.Remove, sign.Fingerprint(cert))
	})
	for _, cert := range added {
		if !s.isAnchor(cert) {
			s.Anchors = append(s.Anchors, cert)
		}
	}
	for _, sum := range l.RevokedCertificates {
		s.Revoked[sum] = true
	}
	for _, sum := range l.RevokedPackages {
		s.RevokedPackages[sum] = true
	}
	s.Scopes, s.Need, s.Number, s.SHA256 = l.Scopes, max(1, l.Need), l.Number, l.sum
	return nil
}

func (s *State) isAnchor(cert *x509.Certificate) bool {
	return slices.ContainsFunc(s.Anchors, cert.Equal)
}

// Trust is whom to believe in this state.
func (s *State) Trust() *sign.Trust { return &sign.Trust{Anchors: s.Anchors, Revoked: s.Revoked} }

// CheckPackage reports why the package described by c may not be used though
// its signatures sigs are good, or nil: it is revoked, or the scopes want
// other signers.
func (s *State) CheckPackage(c *control.Control, manifestSHA256 string, sigs []sign.Signature) error {
	if s.RevokedPackages[manifestSHA256] {
		return muster.Errorf(muster.Denied, "%s is revoked by repository %q", c, s.Repository)
	}
	return s.checkScope(c.Kind, c.Name, c.String(), sigs)
}

// CheckRevoked reports that the package e is revoked, or everybody who signed
// it, as far as its index tells.
func (s *State) CheckRevoked(e *Entry) error {
	if s.RevokedPackages[e.ManifestSHA256] {
		return muster.Errorf(muster.Denied, "%s is revoked by repository %q", e, s.Repository)
	}
	for _, signer := range e.Signers {
		if !s.Revoked[signer] {
			return nil
		}
	}
	return muster.Errorf(muster.Denied, "%s is signed by nobody whose certificate is not revoked by repository %q", e, s.Repository)
}

// checkScope holds the signers of what to the first scope that covers it.
func (s *State) checkScope(kind muster.Kind, name, what string, sigs []sign.Signature) error {
	for i := range s.Scopes {
		scope := &s.Scopes[i]
		if !scope.Covers(kind, name) {
			continue
		}
		if need, have := max(1, scope.Need), scope.count(sigs); have < need {
			return muster.Errorf(muster.Denied, "%s is signed by %d of those who may sign it (scope %d of repository %q), not %d",
				what, have, i+1, s.Repository, need)
		}
		return nil
	}
	return nil
}

// OpenHead verifies a signed head for the state s and returns it. Whether it
// is fresh and newer than another is for [CheckHead].
func (s *State) OpenHead(file []byte, policy sign.Policy) (*Head, error) {
	if len(file) > MaxHead {
		return nil, muster.Errorf(muster.Invalid, "head of %d bytes is larger than %d", len(file), MaxHead)
	}
	content, sigs, err := sign.VerifyAttached(file, s.Trust(), policy)
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	h, err := ParseHead(content)
	if err != nil {
		return nil, err
	}
	if h.Repository != s.Repository {
		return nil, muster.WithKind(muster.Denied, &OtherRepository{s.Repository, h.Repository})
	}
	if h.Trust.Number != s.Number || h.Trust.SHA256 != s.SHA256 {
		return nil, muster.Errorf(muster.Denied, "head names link %d of trust, but the chain ends with another link %d", h.Trust.Number, s.Number)
	}
	if err := s.checkHeadSigners(sigs); err != nil {
		return nil, err
	}
	return h, nil
}

// checkHeadSigners wants somebody who may index, deploy or issue: the
// certificate of a host or of a web server is none, even below the same authority.
func (s *State) checkHeadSigners(sigs []sign.Signature) error {
	sigs = withRight(sigs, sign.RightIndex, sign.RightDeploy, sign.RightIssue)
	if len(sigs) == 0 {
		return muster.Errorf(muster.Denied, "head: no signer has the right to index or to deploy")
	}
	return s.checkScope(KindHead, s.Repository, "the head", sigs)
}

// InspectHead reads a signed head without asking who signed it: to learn which
// links of trust are needed before it can be verified.
func InspectHead(file []byte) (*Head, error) {
	if len(file) > MaxHead {
		return nil, muster.Errorf(muster.Invalid, "head of %d bytes is larger than %d", len(file), MaxHead)
	}
	_, content, err := sign.Inspect(file)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("head: %w", err))
	}
	return ParseHead(content)
}

// Founders is the trust that a chain starts from by its own word: the anchors
// that link 1 names, and who signed it. It is for who keeps the repository;
// readers bring their own trust.
func Founders(file []byte) (*sign.Trust, error) {
	l, err := InspectLink(file)
	if err != nil {
		return nil, fmt.Errorf("link 1 of trust: %w", err)
	}
	anchors, err := l.anchors()
	if err != nil {
		return nil, err
	}
	trust := &sign.Trust{Anchors: anchors}
	return trust, nil
}
