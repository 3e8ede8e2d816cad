package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"muster"
)

// Bounds on what a server may send.
const (
	maxMessage = 64 << 20 // bytes of one message: an entry, or a group with a million members
	maxSent    = 2 << 30  // bytes of one connection
	maxSecret  = 4 << 10  // bytes of the password's file
	maxCA      = 4 << 20
)

// The reader of messages has one bound for the whole program, of 2 GiB when
// nobody sets it. It is set before anything is read.
func init() { ber.MaxPacketLengthBytes = maxMessage }

// connect returns a connection to a server that let us in. It lasts no longer
// than ctx.
func (c *Config) connect(ctx context.Context, s string) (*ldap.Conn, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	config, err := c.tls(u.Hostname())
	if err != nil {
		return nil, err
	}
	dial := net.Dialer{Timeout: 10 * time.Second}
	raw, err := dial.DialContext(ctx, "tcp", address(u))
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	// What the library waits for without a context ends with the connection.
	context.AfterFunc(ctx, func() { raw.Close() })
	var wire net.Conn = &bounded{Conn: raw, left: maxSent}
	if u.Scheme == "ldaps" {
		secure := tls.Client(wire, config)
		soon, stop := context.WithTimeout(ctx, 15*time.Second)
		defer stop()
		if err := secure.HandshakeContext(soon); err != nil {
			raw.Close()
			return nil, muster.WithKind(muster.Unavailable, fmt.Errorf("cannot begin TLS: %w", err))
		}
		wire = secure
	}
	conn := ldap.NewConn(wire, u.Scheme == "ldaps")
	conn.SetTimeout(time.Minute) // for a page
	conn.Start()
	if err := c.greet(conn, config); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// greet begins TLS where that is wanted, and says who asks. No password is sent
// before.
func (c *Config) greet(conn *ldap.Conn, config *tls.Config) error {
	if c.StartTLS {
		if err := conn.StartTLS(config); err != nil {
			return muster.WithKind(muster.Unavailable, fmt.Errorf("cannot begin TLS: %w", err))
		}
	}
	if c.BindDN == "" {
		return nil
	}
	password, err := readBounded(c.PasswordFile, maxSecret)
	if err != nil {
		return err
	}
	// The library refuses an empty one, with which everybody would be let in as nobody
	// (RFC 4513 5.1.2).
	err = conn.Bind(c.BindDN, strings.TrimRight(string(password), "\r\n"))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		return muster.WithHint(muster.Errorf(muster.Denied, "the directory does not let %q in: %w", c.BindDN, err), "look at bind-dn and at %s", c.PasswordFile)
	}
	return muster.WithKind(muster.Unavailable, err)
}

func (c *Config) tls(name string) (*tls.Config, error) {
	config := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return config, nil
	}
	pem, err := readBounded(c.CA, maxCA)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, muster.Errorf(muster.Invalid, "there is no certificate in %q", c.CA)
	}
	return config, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = muster.Errorf(muster.Invalid, "%q has more than %d bytes", path, limit)
	}
	return data, err
}

// bounded is a connection that ends when too much came through it.
type bounded struct {
	net.Conn
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the directory sent more than %d bytes", int64(maxSent))
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
