package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"muster"
	"muster/sign"
)

// pair is a private key.
type pair = crypto.Signer

// leafLife is how long a certificate lasts that the server makes for itself. It is
// made anew when a third of that is left.
const leafLife = 90 * 24 * time.Hour

// ownTLS is the authority of the server, and the certificate that it made last.
type ownTLS struct {
	ca    *sign.Identity
	names []string
	now   func() time.Time

	mu   sync.Mutex
	cert *tls.Certificate
}

// ownAuthority reads or makes the authority that agents pin.
func (f Folder) ownAuthority(now time.Time) (*sign.Identity, error) {
	return f.identity("tls", func(key pair) (*x509.Certificate, error) {
		template := authorityTemplate(now)
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return nil, err
		}
		return x509.ParseCertificate(der)
	})
}

// Pin is the fingerprint by which agents know the TLS of a server, "" where it
// is not the server's own.
func Pin(c *Config, now time.Time) (string, error) {
	if c.TLS.Mode != "own" {
		return "", nil
	}
	ca, err := Folder{Dir: c.Data}.ownAuthority(now)
	if err != nil {
		return "", err
	}
	return "sha256:" + sign.Fingerprint(ca.Leaf()), nil
}

// authorityTemplate is for TLS alone: what it certifies has no right of muster.
func authorityTemplate(now time.Time) *x509.Certificate {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: "TLS of musterd on " + host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// get is tls.Config.GetCertificate.
func (o *ownTLS) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if o.cert != nil && now.Before(o.cert.Leaf.NotAfter.Add(-leafLife/3)) && now.After(o.cert.Leaf.NotBefore) {
		return o.cert, nil
	}
	cert, err := o.make(now)
	if err == nil {
		o.cert = cert
	}
	return cert, err
}

func (o *ownTLS) make(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: "musterd"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range o.names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, o.ca.Leaf(), key.Public(), o.ca.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	// The authority comes along, so that an agent can compare it with its pin.
	return &tls.Certificate{Certificate: [][]byte{der, o.ca.Leaf().Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// machineNames are the names and addresses under which a machine may be reached.
func machineNames(more []string) []string {
	all := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		all = append(all, host)
	}
	addresses, err := net.InterfaceAddrs()
	if err == nil {
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
				all = append(all, n.IP.String())
			}
		}
	}
	all = append(all, more...)
	slices.Sort(all)
	return slices.Compact(all)
}

// fileTLS reads a certificate from files again when they change, as certbot
// and its like replace them.
type fileTLS struct {
	cert, key string

	mu     sync.Mutex
	looked time.Time
	stamp  [2]time.Time
	pair   *tls.Certificate
}

func (f *fileTLS) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pair != nil && time.Since(f.looked) < 10*time.Second {
		return f.pair, nil
	}
	f.looked = time.Now()
	stamp, err := f.stamps()
	if err == nil && (f.pair == nil || stamp != f.stamp) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(f.cert, f.key); err == nil {
			f.pair, f.stamp = &pair, stamp
		}
	}
	if f.pair != nil {
		return f.pair, nil // half replaced: the old one does for now
	}
	return nil, muster.Errorf(muster.Unavailable, "cannot read the certificate for TLS: %w", err)
}

func (f *fileTLS) stamps() (s [2]time.Time, err error) {
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = info.ModTime()
	}
	return s, nil
}

// tlsConfig is how the server speaks TLS; nil: it does not.
func (s *Server) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	switch s.cfg.TLS.Mode {
	case "off":
		return nil, nil
	case "files":
		f := &fileTLS{cert: s.cfg.TLS.Cert, key: s.cfg.TLS.Key}
		c.GetCertificate = f.get
	default:
		ca, err := s.folder.ownAuthority(s.now())
		if err != nil {
			return nil, err
		}
		o := &ownTLS{ca: ca, names: machineNames(s.cfg.TLS.Names), now: s.now}
		c.GetCertificate = o.get
		s.log.Info("agents pin this server's TLS with --ca", "fingerprint", "sha256:"+sign.Fingerprint(ca.Leaf()))
	}
	if s.cfg.TLS.asksClients() {
		c.ClientAuth = tls.RequestClientCert // looked at by who logs in by it: hosts have none
	}
	_, err := c.GetCertificate(nil) // now rather than at the first handshake
	return c, err
}
