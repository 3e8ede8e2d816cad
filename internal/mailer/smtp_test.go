package mailer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/testneed"
)

// certified writes a certificate for localhost, and returns who believes it.
func certified(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	c, err = x509.ParseCertificate(der)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return pool
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, l.Close())
	return l.Addr().String()
}

// serve runs a real mail server, which puts what it takes into a folder.
func serve(t *testing.T, dir string, flags ...string) (address, box string) {
	t.Helper()
	program := testneed.Program(t, "aiosmtpd")
	address, box = free(t), filepath.Join(dir, "box")
	run(t, address, exec.Command(program, append(append([]string{"-n", "-c", "aiosmtpd.handlers.Mailbox", "-l", address}, flags...), box)...))
	return address, box
}

// run runs a server until the test is over, and returns when it listens.
func run(t *testing.T, address string, cmd *exec.Cmd) {
	t.Helper()
	check(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // killed
	})
	wait := time.NewTicker(50 * time.Millisecond)
	defer wait.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-wait.C {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen", cmd.Path)
}

// received are the messages in the folder.
func received(t *testing.T, box string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(box, "new", "*"))
	check(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		check(t, err)
		all = append(all, string(data))
	}
	return all
}

// A real server takes messages over TLS; without the right certificate, or without
// STARTTLS, it is told nothing.
func TestServer(t *testing.T) {
	dir := t.TempDir()
	pool := certified(t, dir)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	message := []byte("From: muster@example.org\r\nTo: boss@example.org\r\nSubject: t\r\n\r\n.a line with a dot\r\n")
	for mode, flags := range map[string][]string{"starttls": {"--tlscert", cert, "--tlskey", key}, "tls": {"--smtpscert", cert, "--smtpskey", key}} {
		t.Run(mode, func(t *testing.T) {
			address, box := serve(t, t.TempDir(), flags...)
			s := &SMTP{Address: address, Mode: mode, TLS: &tls.Config{ServerName: "localhost", RootCAs: pool}}
			check(t, s.Send(t.Context(), "muster@example.org", []string{"boss@example.org", "other@example.org"}, message))
			got := received(t, box)
			if len(got) != 1 || !strings.Contains(got[0], "\n.a line with a dot") || !strings.Contains(got[0], "other@example.org") {
				t.Fatalf("%q", got)
			}
			s.TLS = &tls.Config{ServerName: "localhost"}
			if err := s.Send(t.Context(), "muster@example.org", []string{"boss@example.org"}, message); err == nil || errors.Is(err, ErrUnknown) {
				t.Errorf("a certificate that nobody issued: %v", err)
			}
			if len(received(t, box)) != 1 {
				t.Error("it was sent all the same")
			}
		})
	}
	t.Run("plain", func(t *testing.T) {
		address, box := serve(t, t.TempDir())
		s := &SMTP{Address: address, Mode: "starttls", TLS: &tls.Config{ServerName: "localhost", RootCAs: pool}}
		if err := s.Send(t.Context(), "muster@example.org", []string{"boss@example.org"}, message); err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(received(t, box)) != 0 {
			t.Errorf("without STARTTLS: %v", err)
		}
		s.Mode = "off"
		check(t, s.Send(t.Context(), "muster@example.org", []string{"boss@example.org"}, message))
		if len(received(t, box)) != 1 {
			t.Error("nothing came")
		}
	})
}

// asking is a server that takes mail over STARTTLS alone, and of whom it knows: what the
// command line of aiosmtpd has no words for.
const asking = `
import asyncio, ssl, sys
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult
host, port, cert, key, box, without = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)
def known(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"muster" and data.password == "gr\u00fcn".encode(), handled=False)
async def main():
    handler = Mailbox(box)
    make = lambda: SMTP(handler, tls_context=context, require_starttls=True, auth_required=True, authenticator=known, auth_exclude_mechanism=without.split())
    await (await asyncio.get_running_loop().create_server(make, host, int(port))).serve_forever()
asyncio.run(main())
`

// A real server that knows who may send takes mail of who says so, over TLS, by either way
// to say it; and nothing else.
func TestAuth(t *testing.T) {
	script, err := os.ReadFile(testneed.Program(t, "aiosmtpd"))
	check(t, err)
	first, _, _ := strings.Cut(string(script), "\n")
	python := strings.TrimPrefix(first, "#!") // of several on a machine, the one that has it
	dir := t.TempDir()
	pool := certified(t, dir)
	message := []byte("From: muster@example.org\r\nTo: boss@example.org\r\nSubject: t\r\n\r\nx\r\n")
	for way, without := range map[string]string{"plain": "LOGIN", "login": "PLAIN", "both": ""} {
		t.Run(way, func(t *testing.T) {
			address, box := free(t), filepath.Join(t.TempDir(), "box")
			host, port, err := net.SplitHostPort(address)
			check(t, err)
			run(t, address, exec.Command(python, "-c", asking, host, port, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), box, without))
			send := func(user, password, mode string) error {
				s := &SMTP{Address: address, Mode: mode, TLS: &tls.Config{ServerName: "localhost", RootCAs: pool}, User: user, Password: password}
				return s.Send(t.Context(), "muster@example.org", []string{"boss@example.org"}, message)
			}
			for name, err := range map[string]error{"a wrong password": send("muster", "green", "starttls"), "somebody else": send("root", "grün", "starttls"),
				"nobody": send("", "", "starttls"), "without TLS": send("muster", "grün", "off")} {
				if err == nil || errors.Is(err, ErrUnknown) || strings.Contains(err.Error(), "grün") {
					t.Errorf("%s: %v", name, err)
				}
			}
			if got := received(t, box); len(got) != 0 {
				t.Fatalf("it took %q", got)
			}
			check(t, send("muster", "grün", "starttls"))
			if got := received(t, box); len(got) != 1 || !strings.Contains(got[0], "boss@example.org") {
				t.Errorf("it has %q", got)
			}
		})
	}
}

// spoken is a mail server that says what the test says, and goes away when that is over.
func spoken(t *testing.T, lines ...string) *SMTP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buffer := make([]byte, 1000)
		for _, line := range lines {
			if _, err := io.WriteString(c, line+"\r\n"); err != nil {
				return
			}
			for n := 0; !strings.HasSuffix(string(buffer[:n]), "\r\n"); {
				if n, err = c.Read(buffer); err != nil {
					return
				}
			}
		}
	}()
	return &SMTP{Address: l.Addr().String(), Mode: "off"}
}

// What is known to have failed, and what is not.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		unknown bool
		lines   []string
	}{
		"refused at once":  {false, []string{"554 go away"}},
		"one is refused":   {false, []string{"220 hi", "250 x", "250 ok", "250 ok", "550 nobody"}},
		"refused as spam":  {false, []string{"220 hi", "250 x", "250 ok", "250 ok", "250 ok", "354 go on", "554 spam"}},
		"gone after all":   {true, []string{"220 hi", "250 x", "250 ok", "250 ok", "250 ok", "354 go on"}},
		"gone before that": {false, []string{"220 hi", "250 x", "250 ok"}},
	} {
		err := spoken(t, c.lines...).Send(t.Context(), "m@example.org", []string{"a@example.org", "b@example.org"}, []byte("Subject: x\r\n\r\ny\r\n"))
		if err == nil || errors.Is(err, ErrUnknown) != c.unknown {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := spoken(t).Send(ctx, "m@example.org", []string{"a@example.org"}, nil); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("a server that stops: %v", err)
	}
}
