package sign

import (
	"crypto/x509"
	"slices"
)

// A Right is what the owner of a certificate may do. Rights stand in the
// certificate itself, so that nobody needs a second list to believe it.
type Right string

// The rights. RightCode includes RightDeploy.
const (
	RightCode   Right = "code"   // sign what runs on hosts: extended key usage codeSigning
	RightIssue  Right = "issue"  // certify others: CA:TRUE
	RightDeploy Right = "deploy" // sign data packages and actions: a certificate not reserved for something else
	RightIndex  Right = "index"  // sign the heads of repositories and nothing else: extended key usage timeStamping
)

// Rights lists the rights of a certificate, in the order of their constants.
//
// A certificate without extended key usages, or with emailProtection among
// them, may deploy; one that is for TLS only, such as that of a web server or
// of a host, has no right here even when the same authority issued it.
// anyExtendedKeyUsage gives no right: code signing must be spelled out.
//
// RightIndex is for a server that says what is current and how long. It says
// nothing of what is in a package, so timeStamping gives no other right.
func Rights(cert *x509.Certificate) []Right {
	var rights []Right
	code := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageCodeSigning)
	if code {
		rights = append(rights, RightCode)
	}
	if mayIssue(cert) {
		rights = append(rights, RightIssue)
	}
	if code || mayDeploy(cert) {
		rights = append(rights, RightDeploy)
	}
	if slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		rights = append(rights, RightIndex)
	}
	return rights
}

// Has reports whether cert has the right. Everyone has the right "".
func Has(cert *x509.Certificate, right Right) bool {
	return right == "" || slices.Contains(Rights(cert), right)
}

func mayIssue(cert *x509.Certificate) bool {
	return cert.Version == 3 && cert.BasicConstraintsValid && cert.IsCA &&
		(cert.KeyUsage == 0 || cert.KeyUsage&x509.KeyUsageCertSign != 0)
}

func mayDeploy(cert *x509.Certificate) bool {
	if slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) {
		return true
	}
	return !cert.IsCA && len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0
}
