package reporter

import (
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"muster"
	"muster/sign"
	"muster/sitereport"
)

// A text is a report in its forms.
type text struct {
	clear []byte // what --print shows: with the proof
	body  []byte // what is sent
}

// prove writes the report, says who reports, compresses and seals.
func (r *reporter) prove(report *sitereport.Report) (t text, err error) {
	plain, err := report.Marshal()
	if err != nil {
		return t, err
	}
	o := &r.opts
	t.clear = plain
	content := plain
	switch {
	case o.secret != "":
		if content, err = proveByKey(plain, o.secret); err != nil {
			return t, err
		}
		t.clear = content
	case o.key != "":
		if content, err = proveByCert(plain, o.key, o.keyCert, r.now()); err != nil {
			return t, err
		}
	}
	if o.print {
		return t, nil
	}
	if t.body, err = sitereport.Pack(content); err != nil || o.cert == "" {
		return t, err
	}
	to, err := readCerts(o.cert)
	if err != nil {
		return t, err
	}
	for _, c := range to {
		// Reports of all sites at once would stop on that day; the seal is as good as before.
		if r.now().After(c.NotAfter) {
			r.warn("the collector's certificate %s has expired; seals to it all the same", sign.Describe(c))
		}
	}
	t.body, err = sign.Seal(t.body, to...)
	return t, err
}

// maxKeyFile bounds files of keys.
const maxKeyFile = 64 << 10

func readKeyFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeyFile {
		return nil, muster.Errorf(muster.Invalid, "%q has %d bytes, too many for a key", name, info.Size())
	}
	return os.ReadFile(name)
}

func proveByKey(plain []byte, file string) ([]byte, error) {
	data, err := readKeyFile(file)
	if err != nil {
		return nil, muster.WithHint(fmt.Errorf("cannot read site key: %w", err),
			"the operators of the collector give it out; --secret-file names the file with its line, ID:SECRET")
	}
	key, err := sitereport.ParseKey(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read site key %q: %w", file, err)
	}
	return key.Prove(plain), nil
}

func proveByCert(plain []byte, keyFile, certFile string, now time.Time) ([]byte, error) {
	key, err := readKeyFile(keyFile)
	if err != nil {
		return nil, muster.WithHint(fmt.Errorf("cannot read key: %w", err), "--key names a private key, --key-cert the certificate of it that the collector knows")
	}
	cert, err := readKeyFile(certFile)
	if err != nil {
		return nil, muster.WithHint(fmt.Errorf("cannot read certificate: %w", err), "--key-cert names the certificate of --key that the collector knows")
	}
	id, err := sign.ParseIdentity(key, cert, func() ([]byte, error) {
		return nil, muster.Errorf(muster.Invalid, "it has a password, and nobody is there to type it")
	})
	if err != nil {
		return nil, fmt.Errorf("cannot sign with %q: %w", keyFile, err)
	}
	return sign.Sign(plain, false, now, id)
}

func readCerts(file string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, muster.WithHint(fmt.Errorf("cannot read the collector's certificate: %w", err),
			"the collector gives it to everybody: curl -o collector.crt https://COLLECTOR%s/certificate", defaultPath)
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the collector's certificate %q: %w", file, err)
	}
	if len(certs) == 0 {
		return nil, muster.Errorf(muster.Invalid, "%q has no certificate", file)
	}
	return certs, nil
}

// warn tells people what is no reason to stop.
func (r *reporter) warn(format string, args ...any) {
	fmt.Fprintf(r.err, "muster-report: warning: "+format+"\n", args...)
}
