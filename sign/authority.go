package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster"
)

// maxName bounds a common name in characters (ub-common-name of RFC 5280).
const maxName = 64

// A Request says whom [Issue] certifies. Whoever calls Issue has checked that
// the public key belongs to the person named. From should lie an hour back, for
// hosts whose clocks are behind.
type Request struct {
	Name     string // common name
	Public   crypto.PublicKey
	Rights   []Right // none: an identity for TLS clients, such as a host
	From, To time.Time
	Depth    int // with RightIssue: levels of authorities allowed below this one
}

// NewAuthority makes the self-signed certificate of an authority. Its key may
// certify others, authorities too, and sign trust links.
func NewAuthority(name string, key crypto.Signer, from, to time.Time) (*x509.Certificate, error) {
	template, err := newTemplate(Request{Name: name, Public: key.Public(), Rights: []Right{RightIssue}, From: from, To: to})
	if err != nil {
		return nil, err
	}
	template.MaxPathLen, template.MaxPathLenZero = -1, false
	return create(template, template, key.Public(), key)
}

// SelfSigned makes a certificate that nobody vouches for but its own key, for
// use before there is an authority: hosts pin it by itself.
func SelfSigned(name string, key crypto.Signer, from, to time.Time, rights ...Right) (*x509.Certificate, error) {
	template, err := newTemplate(Request{Name: name, Public: key.Public(), Rights: rights, From: from, To: to})
	if err != nil {
		return nil, err
	}
	return create(template, template, key.Public(), key)
}

// Issue certifies a person, a host or a further authority with the key of ca.
func Issue(ca *Identity, req Request) (*x509.Certificate, error) {
	if err := ca.check(); err != nil {
		return nil, err
	}
	template, err := newTemplate(req)
	if err != nil {
		return nil, err
	}
	if err := mayCertify(ca.Leaf(), template); err != nil {
		return nil, err
	}
	return create(template, ca.Leaf(), req.Public, ca.Key)
}

// mayCertify reports what in the certificate of an authority forbids it to
// issue the other. Verification would find the same, but too late.
func mayCertify(issuer, template *x509.Certificate) error {
	who := Describe(issuer)
	if !mayIssue(issuer) {
		return muster.Errorf(muster.Denied, "%s may not issue certificates", who)
	}
	if template.NotBefore.Before(issuer.NotBefore) || template.NotAfter.After(issuer.NotAfter) {
		return muster.Errorf(muster.Invalid, "certificate would be valid outside the time of its issuer %s, %s to %s",
			who, day(issuer.NotBefore), day(issuer.NotAfter))
	}
	if limited, depth := pathLen(issuer); limited && template.IsCA && (depth == 0 || template.MaxPathLen >= depth) {
		return muster.Errorf(muster.Denied, "%s may not issue a certificate for so many levels of authorities", who)
	}
	for _, usage := range template.ExtKeyUsage {
		if !permitsUsage(issuer, usage) {
			return muster.Errorf(muster.Denied, "%s is restricted to other uses of keys", who)
		}
	}
	return nil
}

func pathLen(cert *x509.Certificate) (limited bool, depth int) {
	limited = cert.MaxPathLen > 0 || cert.MaxPathLen == 0 && cert.MaxPathLenZero
	return limited, cert.MaxPathLen
}

func permitsUsage(issuer *x509.Certificate, usage x509.ExtKeyUsage) bool {
	return len(issuer.ExtKeyUsage) == 0 && len(issuer.UnknownExtKeyUsage) == 0 ||
		slices.Contains(issuer.ExtKeyUsage, usage) ||
		slices.Contains(issuer.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// newTemplate turns a request into the certificate to be signed.
func newTemplate(req Request) (*x509.Certificate, error) {
	if err := checkRequest(req); err != nil {
		return nil, err
	}
	keyID, err := subjectKeyID(req.Public)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: req.Name},
		NotBefore:             req.From.UTC(),
		NotAfter:              req.To.UTC(),
		SubjectKeyId:          keyID,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | encryptionUsage(req.Public),
		ExtKeyUsage:           usages(req.Rights),
	}
	if slices.Contains(req.Rights, RightIssue) {
		t.IsCA, t.MaxPathLen, t.MaxPathLenZero = true, req.Depth, req.Depth == 0
		t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	return t, nil
}

// encryptionUsage lets reports be sealed to the key: RSA transports a key, EC
// agrees on one.
func encryptionUsage(pub crypto.PublicKey) x509.KeyUsage {
	if _, ok := pub.(*rsa.PublicKey); ok {
		return x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageKeyAgreement
}

// usages are the extended key usages that express rights. emailProtection
// stands beside codeSigning because openssl cms -verify asks for it unless told
// otherwise. An authority has none, so that it can issue for any use, unless it
// is to sign something itself: then it can only issue for that.
func usages(rights []Right) (list []x509.ExtKeyUsage) {
	switch {
	case slices.Contains(rights, RightCode):
		list = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageEmailProtection}
	case slices.Contains(rights, RightDeploy):
		list = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	}
	if slices.Contains(rights, RightIndex) {
		list = append(list, x509.ExtKeyUsageTimeStamping)
	}
	if list == nil && !slices.Contains(rights, RightIssue) {
		list = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	return list
}

func checkRequest(req Request) error {
	// What is not printable could make one name look like another.
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	if req.Name == "" || utf8.RuneCountInString(req.Name) > maxName || strings.ContainsFunc(req.Name, odd) {
		return muster.Errorf(muster.Invalid, "name %q is not 1 to %d printable characters", req.Name, maxName)
	}
	if err := checkKey(req.Public); err != nil {
		return muster.Errorf(muster.Invalid, "cannot certify %q: %w", req.Name, err)
	}
	if !req.From.Before(req.To) {
		return muster.Errorf(muster.Invalid, "certificate of %q would end on %s before it begins on %s", req.Name, day(req.To), day(req.From))
	}
	for _, r := range req.Rights {
		if r != RightCode && r != RightIssue && r != RightDeploy && r != RightIndex {
			return muster.WithHint(muster.Errorf(muster.Invalid, "unknown right %q", r), "choose code, issue, deploy or index")
		}
	}
	if req.Depth < 0 || req.Depth > 8 {
		return muster.Errorf(muster.Invalid, "depth %d of authorities is not 0 to 8", req.Depth)
	}
	return nil
}

// subjectKeyID is method 1 of RFC 7093: 160 bits of the SHA-256 of the key.
func subjectKeyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot encode public key: %w", err)
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot encode public key: %w", err)
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20], nil
}

// create signs a template; the serial number is random.
func create(template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot certify %q: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
