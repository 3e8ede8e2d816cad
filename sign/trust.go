package sign

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster"
)

// Trust is whom a root believes. The zero value trusts nobody. Verifying does
// not change it: several may verify at once, as long as nobody adds or revokes.
type Trust struct {
	// Anchors are authorities, and certificates of persons that are pinned:
	// believed by themselves, without their issuer.
	Anchors []*x509.Certificate

	// Revoked holds fingerprints of certificates ([Fingerprint]) and of keys
	// ([KeyFingerprint]). No chain through one of them counts, and revoking a
	// key covers every certificate it has or will have.
	Revoked map[string]bool
}

// Add makes certificates anchors, once each.
func (t *Trust) Add(certs ...*x509.Certificate) {
	for _, c := range certs {
		if !slices.ContainsFunc(t.Anchors, c.Equal) {
			t.Anchors = append(t.Anchors, c)
		}
	}
}

// Remove takes certificates out of the anchors.
func (t *Trust) Remove(certs ...*x509.Certificate) {
	for _, c := range certs {
		t.Anchors = slices.DeleteFunc(t.Anchors, c.Equal)
	}
}

// Revoke adds fingerprints of certificates or keys to Revoked.
func (t *Trust) Revoke(fingerprints ...string) {
	if t.Revoked == nil {
		t.Revoked = make(map[string]bool)
	}
	for _, f := range fingerprints {
		t.Revoked[strings.ToLower(f)] = true
	}
}

func (t *Trust) revoked(c *x509.Certificate) bool {
	return t.Revoked[Fingerprint(c)] || t.Revoked[KeyFingerprint(c)]
}

// count returns the signatures of m that count under p.
func (t *Trust) count(m *message, p Policy) ([]Signature, error) {
	if t == nil {
		t = new(Trust)
	}
	pools := t.pools(m.certs)
	var sigs []Signature
	var reasons []error
	for _, s := range m.signers {
		chain, err := t.judge(s, pools, p)
		if err != nil {
			reasons = append(reasons, fmt.Errorf("signed by %s, %w", Describe(s.cert), err))
			continue
		}
		sigs = append(sigs, Signature{Signer: s.cert, Chain: chain, Time: s.time})
	}
	return sigs, enough(sigs, reasons, p)
}

// enough reports who is missing, or nil.
func enough(sigs []Signature, reasons []error, p Policy) error {
	need, n := max(p.Need, 1), Persons(sigs)
	if n >= need {
		return nil
	}
	if need > 1 {
		reasons = append(reasons, fmt.Errorf("%d of %d needed signers", n, need))
	}
	return muster.WithKind(muster.Denied, joinReasons(reasons))
}

// Persons counts who signed. Certificates that share the key or the name are of
// one person, and so are those that a third one links, so that nobody reaches a
// threshold alone with several certificates.
func Persons(sigs []Signature) int {
	group := make([]int, len(sigs)) // of a signature: the index of its first member
	for i := range sigs {
		group[i] = i
		for j := range i {
			if samePerson(sigs[i].Signer, sigs[j].Signer) {
				merge(group[:i+1], group[i], group[j])
			}
		}
	}
	slices.Sort(group)
	return len(slices.Compact(group))
}

// merge makes one of the groups a and b.
func merge(group []int, a, b int) {
	for i, g := range group {
		if g == a || g == b {
			group[i] = min(a, b)
		}
	}
}

func samePerson(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo) || bytes.Equal(a.RawSubject, b.RawSubject)
}

// joinReasons puts reasons into one line, with the first hint among them.
func joinReasons(reasons []error) error {
	var hint string
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = r.Error()
		hint = cmp.Or(hint, muster.HintOf(r))
	}
	err := errors.New(strings.Join(texts, "; "))
	if hint == "" {
		return err
	}
	return muster.WithHint(err, "%s", hint)
}

type pools struct{ anchors, others *x509.CertPool }

func (t *Trust) pools(certs []*x509.Certificate) pools {
	p := pools{x509.NewCertPool(), x509.NewCertPool()}
	for _, c := range t.Anchors {
		p.anchors.AddCert(c)
	}
	for _, c := range certs {
		p.others.AddCert(c)
	}
	return p
}

// judge returns the chain by which a signer counts, or why there is none, as
// the end of a sentence that begins with who signed.
func (t *Trust) judge(s signer, pools pools, p Policy) ([]*x509.Certificate, error) {
	if t.revoked(s.cert) {
		return nil, errors.New("whose certificate is revoked")
	}
	if s.time.After(p.Now.Add(MaxAhead)) {
		return nil, fmt.Errorf("who claims a time in the future, %s", s.time.Format(time.RFC3339))
	}
	if err := validAt(s.cert, s.time); err != nil {
		return nil, fmt.Errorf("whose certificate, at the time of the signature, %w", err)
	}
	if !usableToSign(s.cert) {
		return nil, errors.New("whose certificate is not for signatures")
	}
	if !Has(s.cert, p.Right) {
		return nil, fmt.Errorf("who may not %s", cmp.Or(deed[p.Right], string(p.Right)))
	}
	return t.chain(s, pools, p)
}

var deed = map[Right]string{
	RightCode:   "sign code",
	RightIssue:  "issue certificates",
	RightDeploy: "deploy",
	RightIndex:  "sign heads of repositories",
}

// chain finds a way from the signer to an anchor. The whole way must be valid
// at one moment: now, or for a listed content the claimed time.
func (t *Trust) chain(s signer, pools pools, p Policy) ([]*x509.Certificate, error) {
	chain, err := t.chainAt(s, pools, p, p.Now)
	if err != nil && p.Listed {
		if listed, errThen := t.chainAt(s, pools, p, s.time); errThen == nil {
			return listed, nil
		}
	}
	return chain, err
}

func (t *Trust) chainAt(s signer, pools pools, p Policy, at time.Time) ([]*x509.Certificate, error) {
	chains, err := s.cert.Verify(x509.VerifyOptions{
		Roots:         pools.anchors,
		Intermediates: pools.others,
		CurrentTime:   at,
		KeyUsages:     usagesFor(p.Right),
	})
	if err != nil {
		return nil, whyNoChain(err, s.cert, at)
	}
	for _, chain := range chains {
		if err = t.checkChain(chain); err == nil {
			return chain, nil
		}
	}
	return nil, err
}

// usagesFor lets x509 hold authorities to their own extended key usages: one
// that has any must have codeSigning for a signer of code.
func usagesFor(right Right) []x509.ExtKeyUsage {
	switch right {
	case RightCode:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	case RightIndex:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
	}
	return []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
}

// checkChain adds to x509's rules: strong keys all the way, nobody revoked,
// and every issuer says that it is one, an anchor too.
func (t *Trust) checkChain(chain []*x509.Certificate) error {
	for i, c := range chain {
		if t.revoked(c) {
			return fmt.Errorf("whose authority %s is revoked", Describe(c))
		}
		if err := checkKey(c.PublicKey); err != nil {
			return fmt.Errorf("whose authority %s is too weak: %w", Describe(c), err)
		}
		if i > 0 && !mayIssue(c) {
			return fmt.Errorf("whose issuer %s may not issue certificates", Describe(c))
		}
	}
	return nil
}

// whyNoChain turns the error of x509 into the end of a sentence.
func whyNoChain(err error, cert *x509.Certificate, at time.Time) error {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		_, detail, found := strings.Cut(err.Error(), " (") // such as a chain signed with SHA-1
		if found {
			detail = " (" + detail
		}
		return muster.WithHint(fmt.Errorf("unknown authority %q%s", cert.Issuer.String(), detail),
			"if you believe this authority, add its certificate to the trust folder")
	}
	if expired := validAt(cert, at); expired != nil {
		return fmt.Errorf("whose certificate %w", expired)
	}
	return fmt.Errorf("whose chain is not accepted: %w", err)
}

// validAt reports how t lies outside the time of cert, or nil.
func validAt(cert *x509.Certificate, t time.Time) error {
	if t.Before(cert.NotBefore) {
		return fmt.Errorf("is not valid before %s", cert.NotBefore.UTC().Format(time.RFC3339))
	}
	if t.After(cert.NotAfter) {
		return fmt.Errorf("has expired on %s", cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// usableToSign holds a certificate to its key usage, where it states one.
func usableToSign(cert *x509.Certificate) bool {
	return cert.KeyUsage == 0 || cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
}
