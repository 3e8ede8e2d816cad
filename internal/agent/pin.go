package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/engine"
	"muster/sign"
)

// Pins are certificates that a person named, by the file or by the SHA-256 of
// one: whatever else comes over the wire does not count.
type Pins struct {
	certs  []*x509.Certificate
	prints map[string]bool
}

// ParsePins reads what a person gave: "sha256:" and a fingerprint, or the name of
// a PEM file or of a folder of them.
func ParsePins(args []string) (*Pins, error) {
	p := &Pins{prints: map[string]bool{}}
	for _, arg := range args {
		if print, ok := strings.CutPrefix(arg, "sha256:"); ok {
			print = strings.ToLower(strings.ReplaceAll(print, ":", ""))
			if len(print) != 64 || strings.Trim(print, "0123456789abcdef") != "" {
				return nil, muster.Errorf(muster.Invalid, "%q is no fingerprint: sha256: and 64 hexadecimal digits", arg)
			}
			p.prints[print] = true
			continue
		}
		trust, err := engine.LoadTrust(arg)
		if err != nil {
			return nil, err
		}
		if len(trust.Anchors) == 0 {
			return nil, muster.Errorf(muster.NotFound, "there is no certificate in %q", arg)
		}
		p.certs = append(p.certs, trust.Anchors...)
	}
	return p, nil
}

// Empty reports that nothing was pinned.
func (p *Pins) Empty() bool { return len(p.certs) == 0 && len(p.prints) == 0 }

// pick returns the certificates that were given, with those of offered whose
// fingerprint was. Each fingerprint has to be among them.
func (p *Pins) pick(offered []*x509.Certificate, where string) ([]*x509.Certificate, error) {
	picked := p.certs[:len(p.certs):len(p.certs)]
	left := len(p.prints)
	seen := map[string]bool{}
	for _, c := range offered {
		print := sign.Fingerprint(c)
		if p.prints[print] && !seen[print] {
			seen[print] = true
			picked = append(picked, c)
			left--
		}
	}
	if left > 0 {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "%s shows no certificate with the fingerprint that you gave", where),
			"compare it with what 'musterd doctor' prints on the server, or give the certificate as a file")
	}
	return picked, nil
}

// Dial asks the server at base who it is, by the TLS certificates that were pinned;
// those that counted are returned, to be kept. userAgent says who asks.
func Dial(ctx context.Context, base string, pins *Pins, userAgent string) (*api.Client, []*x509.Certificate, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, nil, muster.Errorf(muster.Invalid, "%q is no address of a server", base)
	}
	var ca []*x509.Certificate
	opts := pins.dialOptions(u.Hostname(), &ca)
	opts.Agent = userAgent
	client, err := api.Dial(ctx, base, opts)
	return client, ca, err
}

// dialOptions say which TLS certificates count: those of the system, or the pins
// alone. host is the name or address in the server's URL: the state of a
// connection does not have it where it is an address.
func (p *Pins) dialOptions(host string, seen *[]*x509.Certificate) api.Options {
	if p.Empty() {
		return api.Options{}
	}
	verify := func(cs tls.ConnectionState) error {
		pinned, err := p.pick(cs.PeerCertificates, "the server")
		if err != nil {
			return err
		}
		*seen = pinned
		return verifyTLS(cs, host, pinned)
	}
	return api.Options{Insecure: true, Verify: verify} // verify does what TLS would, with the pins
}

// verifyTLS checks the chain and the name of a server against the authorities.
func verifyTLS(cs tls.ConnectionState, host string, roots []*x509.Certificate) error {
	return verifyTLSAt(cs, host, certPool(roots), time.Time{})
}

// verifyTLSAt is verifyTLS at a moment, zero for now. Without roots those of the
// system count.
func verifyTLSAt(cs tls.ConnectionState, host string, roots *x509.CertPool, at time.Time) error {
	opts := x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: certPool(cs.PeerCertificates[1:]), CurrentTime: at}
	_, err := cs.PeerCertificates[0].Verify(opts)
	return err
}

func certPool(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

// verifyTimely checks a server's certificate by a clock that may be years off: one
// that is not good now counts when it was at the time of the newest head that the
// host has seen. Whoever has the key of such a certificate was the server a short
// while ago.
func verifyTimely(cs tls.ConnectionState, host string, roots *x509.CertPool, now, seen time.Time) error {
	err := verifyTLSAt(cs, host, roots, now)
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && verifyTLSAt(cs, host, roots, seen) == nil {
		return nil
	}
	return err
}

// Authorities are those for TLS that were pinned when the host joined; nil are
// those of the system.
func (h *Home) Authorities() ([]*x509.Certificate, error) {
	data, err := readBounded(h.file("ca.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return sign.ParseCerts(data)
}

// Roots are the authorities for what the engine fetches: the system's, for
// mirrors elsewhere, and the pinned ones. nil is the system's alone.
func (h *Home) Roots() (*x509.CertPool, error) {
	certs, err := h.Authorities()
	if err != nil || certs == nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}
