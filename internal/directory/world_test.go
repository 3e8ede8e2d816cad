package directory

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
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

// The part of Active Directory's schema that is read, for slapd.
const schema = `
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.619 NAME 'dNSHostName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.146 NAME 'objectSid' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.98 NAME 'primaryGroupID' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.1458 NAME 'supportedCapabilities' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.2.840.113556.1.3.30 NAME 'computer' SUP top STRUCTURAL MUST cn
 MAY ( sAMAccountName $ dNSHostName $ objectCategory $ objectGUID $ objectSid $ primaryGroupID $ userAccountControl ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL MUST cn
 MAY ( sAMAccountName $ objectCategory $ objectSid $ member ) )
`

const admin, reader, password = "cn=admin,dc=example,dc=org", "cn=reader,dc=example,dc=org", "read me"

// conf is slapd's configuration: folder, administrator, password, reader.
const conf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include %[1]s/ad.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile %[1]s/pid
TLSCACertificateFile %[1]s/ca.pem
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
sizelimit 500
database mdb
suffix dc=example,dc=org
rootdn %[2]s
rootpw %[3]q
directory %[1]s/db
maxsize 268435456
dbnosync
index objectClass,objectCategory eq
limits dn.exact="%[4]s" size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="%[4]s" read by * auth
overlay memberof
memberof-group-oc groupOfNames
memberof-dangling ignore
`

// tree is what every directory of these tests begins with.
const tree = `
dn: dc=example,dc=org
objectClass: domain
dc: example

dn: cn=reader,dc=example,dc=org
objectClass: person
cn: reader
sn: reader
userPassword: read me

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: ou=paris,dc=example,dc=org
objectClass: organizationalUnit
ou: paris

dn: ou=lab,ou=paris,dc=example,dc=org
objectClass: organizationalUnit
ou: lab

dn: cn=Computers,dc=example,dc=org
objectClass: device
cn: Computers
description: a container
`

// A world is a slapd with its files.
type world struct {
	t         testing.TB
	dir       string
	plain     string // ldap://127.0.0.1:PORT
	tls       string // ldaps://localhost:PORT
	process   *os.Process
	gone      chan struct{}
	listening []string
}

// newWorld starts a slapd on loopback with tree and what ldif adds.
func newWorld(t testing.TB, ldif string) *world {
	t.Helper()
	slapd := program(t, "slapd")
	dir := t.TempDir()
	w := &world{t: t, dir: dir}
	w.certificates()
	w.write("ad.schema", schema)
	w.write("secret", password+"\n")
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.write("slapd.conf", fmt.Sprintf(conf, dir, admin, password, reader))
	w.write("tree.ldif", strings.TrimSpace(tree)+"\n\n"+ldif)
	if out, err := exec.Command(program(t, "slapadd"), "-q", "-f", dir+"/slapd.conf", "-l", dir+"/tree.ldif").CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	plain, tls := port(t), port(t)
	w.plain, w.tls = "ldap://127.0.0.1:"+plain, "ldaps://localhost:"+tls
	w.listening = []string{slapd, "-h", w.plain + " ldaps://127.0.0.1:" + tls, "-f", dir + "/slapd.conf", "-d", "none"}
	w.start()
	t.Cleanup(w.kill)
	return w
}

// program finds a program also where only root's path leads.
func program(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath("/usr/sbin/" + name); err == nil {
		return path
	}
	return testneed.Program(t, name)
}

func port(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// start returns when slapd serves.
func (w *world) start() {
	w.t.Helper()
	cmd := exec.Command(w.listening[0], w.listening[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.process, w.gone = cmd.Process, make(chan struct{})
	var said bytes.Buffer
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if strings.Contains(lines.Text(), "slapd starting") {
			go func() {
				defer close(w.gone)
				io.Copy(io.Discard, stderr) //nolint:errcheck // until it ends
				cmd.Wait()                  //nolint:errcheck // it is killed
			}()
			w.await()
			return
		}
	}
	cmd.Wait() //nolint:errcheck // it says why
	w.t.Fatalf("slapd does not start:\n%s", said.String())
}

// await returns when both ports are open, which they are not yet when slapd says
// that it starts.
func (w *world) await() {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for _, url := range []string{w.plain, w.tls} {
		_, address, _ := strings.Cut(url, "://")
		for {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
				break
			}
			select {
			case <-tick.C:
			case <-w.gone:
				w.t.Fatal("slapd ended")
			}
		}
	}
}

// kill ends slapd as a crash does.
func (w *world) kill() {
	w.process.Kill() //nolint:errcheck // it may have ended
	<-w.gone
}

// ldap runs one of the programs ldapadd, ldapmodify, ldapdelete as the administrator.
func (w *world) ldap(name, stdin string, args ...string) {
	w.t.Helper()
	cmd := exec.Command(testneed.Program(w.t, name), append([]string{"-x", "-H", w.plain, "-D", admin, "-w", password}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// certificates makes an authority and a certificate for localhost.
func (w *world) certificates() {
	w.t.Helper()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of the test"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter}
	caKey, key := w.key(), w.key()
	w.pem("ca.pem", "CERTIFICATE", w.sign(ca, ca, &caKey.PublicKey, caKey))
	w.pem("cert.pem", "CERTIFICATE", w.sign(leaf, ca, &key.PublicKey, caKey))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.pem("key.pem", "PRIVATE KEY", der)
}

func (w *world) key() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

func (w *world) sign(c, by *x509.Certificate, key *ecdsa.PublicKey, with *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, c, by, key, with)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

func (w *world) pem(name, kind string, der []byte) {
	w.write(name, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// config reads this world through TLS as reader.
func (w *world) config(preset string) Config {
	return Config{Preset: preset, URLs: []string{w.tls}, CA: w.path("ca.pem"), BindDN: reader, PasswordFile: w.path("secret"),
		Bases: []string{"dc=example,dc=org"}}
}

// open opens a directory and reads it.
func (w *world) open(c Config) *Directory {
	w.t.Helper()
	d, err := Open(c)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := d.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return d
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// reconfigure changes slapd.conf and starts slapd anew.
func (w *world) reconfigure(old, with string) {
	w.t.Helper()
	conf := read(w.t, w.path("slapd.conf"))
	if !strings.Contains(conf, old) {
		w.t.Fatalf("slapd.conf has no %q", old)
	}
	w.write("slapd.conf", strings.Replace(conf, old, with, 1))
	w.kill()
	w.start()
}
