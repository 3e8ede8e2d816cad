package simulate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
)

// rememberChain is c, but that a certificate of the server that was verified once
// is only compared from then on; and the authorities by which it is known, after that.
func rememberChain(c *tls.Config, server string) (*tls.Config, func() *x509.CertPool) {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	c.MinVersion = tls.VersionTLS12
	var known atomic.Pointer[[]*x509.Certificate]
	verify, roots, pinned := c.VerifyConnection, c.RootCAs, c.InsecureSkipVerify
	if !pinned {
		verify = both(func(cs tls.ConnectionState) error { return verifyChain(cs, roots, server) }, verify)
	}
	c.InsecureSkipVerify = true // as far as TLS sees
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		leaf := cs.PeerCertificates[0]
		if k := known.Load(); k != nil && bytes.Equal((*k)[0].Raw, leaf.Raw) {
			return nil
		}
		if verify != nil {
			if err := verify(cs); err != nil {
				return err
			}
		}
		known.Store(&cs.PeerCertificates)
		return nil
	}
	return c, func() *x509.CertPool {
		chain := known.Load()
		if !pinned || chain == nil {
			return roots
		}
		shown := x509.NewCertPool()
		for _, a := range (*chain)[1:] {
			shown.AddCert(a)
		}
		return shown
	}
}

func both(first, second func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if err := first(cs); err != nil || second == nil {
			return err
		}
		return second(cs)
	}
}

// verifyChain does what TLS would.
func verifyChain(cs tls.ConnectionState, roots *x509.CertPool, server string) error {
	others := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, DNSName: server})
	return err
}
