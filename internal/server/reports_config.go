package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/internal/sites"
	"muster/sign"
)

// defaultCollector is that of who configures nothing.
var defaultCollector = Collector{Mode: "off", Pakiti: "/feed/", Spool: 1 << 30, Window: Duration(14 * day), Hosts: 10_000, Reports: 100_000, Packages: 50_000}

func (c *Config) checkCollector() error {
	k := &c.Collector
	switch {
	case !slices.Contains([]string{"off", "open", "spool"}, k.Mode):
		return fmt.Errorf("collector.mode: %q is neither off, open nor spool", k.Mode)
	case k.Mode == "open" && (k.Cert == "") != (k.Key == ""):
		return fmt.Errorf("collector.cert and collector.key: one needs the other")
	case k.Mode == "spool" && (k.Cert == "" || k.Key != ""):
		return muster.WithHint(fmt.Errorf("collector.cert: mode spool needs it, and no key"), "'muster key new --name collector --alg rsa-3072 --rights deploy --out collector' makes both, where 'musterd collect' runs")
	case k.Window < Duration(7*day) || k.Window > Duration(365*day):
		return fmt.Errorf("collector.window: %s is not between 7d and 365d", k.Window)
	case k.Hosts < 1 || k.Reports < 1 || k.Packages < 1:
		return fmt.Errorf("collector: hosts, reports and packages are at least 1")
	}
	for name, path := range map[string]string{"pakiti": k.Pakiti, "glpi": k.GLPI} {
		if err := checkForeignPath(path); err != nil {
			return fmt.Errorf("collector.%s: %w", name, err)
		}
	}
	if k.Pakiti != "" && strings.TrimSuffix(k.Pakiti, "/") == strings.TrimSuffix(k.GLPI, "/") {
		return fmt.Errorf("collector.glpi: %q is the path for Pakiti", k.GLPI)
	}
	return nil
}

// checkForeignPath refuses paths that are the server's own, or pages of the console.
func checkForeignPath(path string) error {
	if path == "" {
		return nil
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"
	if path[0] != '/' || strings.Trim(path, "/") == "" || strings.Trim(path, letters) != "" || strings.Contains(path, "//") || strings.Contains(path, "/.") {
		return fmt.Errorf("%q is no path like /feed/", path)
	}
	first, _, _ := strings.Cut(path[1:], "/")
	if !slices.Contains(foreignPaths, first) {
		return fmt.Errorf("%q does not begin with one of /%s", path, strings.Join(foreignPaths, ", /"))
	}
	return nil
}

// foreignPaths are what paths of reporters of other projects may begin with: nothing
// of the server itself ever does.
var foreignPaths = []string{"feed", "pakiti", "front", "glpi", "marketplace", "plugins"}

// collectorDir is the folder of the key to which reports are sealed.
const collectorDir = "collector"

// collectorIdentity reads the key to which reports are sealed, or makes it.
func (s *Server) collectorIdentity(now time.Time) (*sign.Identity, error) {
	c := &s.cfg.Collector
	if c.Key == "" {
		return s.folder.collector(s.self.ID, now)
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	cert, err := os.ReadFile(c.Cert)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	id, err := sign.ParseIdentity(key, cert, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot use the key of collector.key: %w", err)
	}
	return id, nil
}

// collector reads the key that the server makes itself. It is RSA, because that is what
// openssl smime of every age seals to.
func (f Folder) collector(id string, now time.Time) (*sign.Identity, error) {
	name := f.path(collectorDir, keyFile)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		key, err := sign.NewKey("rsa-3072")
		if err != nil {
			return nil, err
		}
		data, err := sign.MarshalKey(key, nil)
		if err != nil {
			return nil, err
		}
		if err := f.Disk.MkdirAll(f.path(collectorDir), 0o700); err != nil {
			return nil, muster.WithKind(muster.Unavailable, err)
		}
		if err := f.Disk.WriteFile(name, data, 0o600); err != nil {
			return nil, muster.WithKind(muster.Unavailable, err)
		}
	}
	return f.identity(collectorDir, func(key pair) (*x509.Certificate, error) {
		return sign.SelfSigned("reports to muster server "+id[:8], key, now.Add(-time.Hour), now.Add(lifetime), sign.RightDeploy)
	})
}

// collectorCert is the certificate that reports are sealed to.
func (s *Server) collectorCert() (*x509.Certificate, error) {
	if s.collector.id != nil {
		return s.collector.id.Leaf(), nil
	}
	data, err := os.ReadFile(s.cfg.Collector.Cert)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("cannot use collector.cert: %w", err)
	}
	return certs[0], nil
}

// quota is that of sites whose record says nothing.
func (c *Collector) quota() sites.Quota {
	return sites.Quota{Hosts: c.Hosts, Reports: c.Reports, Packages: c.Packages}
}

// SealedTo describes the certificate that reports are sealed to; "" where none are taken.
func (s *Server) SealedTo() (string, error) {
	if s.cfg.Collector.Mode == "off" {
		return "", nil
	}
	cert, err := s.collectorCert()
	if err != nil {
		return "", err
	}
	return sign.Describe(cert), nil
}

// collector looks at the certificate that reports are sealed to, and at the spool.
func (d *Doctor) collector(f Folder) {
	c := &d.Config.Collector
	if c.Mode == "off" {
		return
	}
	name := c.Cert
	if name == "" {
		name = f.path(collectorDir, certFile)
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && c.Cert == "" {
		d.say(Warn, "collector", "start the server: it makes them", "there are no key and certificate yet")
		return
	}
	if err != nil {
		d.fail("collector", err, "look at 'collector' of the configuration: docs/collector.md")
		return
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		d.fail("collector", err, "look at collector.cert")
		return
	}
	d.expiry("certificate that reports are sealed to", certs[0], 90*day, "make another, and give it to the sites before that")
	if c.Mode == "spool" {
		d.spooled(f, int64(c.Spool))
	}
}

// spooled says how full the spool is, and how long the oldest report waits.
func (d *Doctor) spooled(f Folder, most int64) {
	names, err := spooled(f.path(spoolDir))
	if err != nil || len(names) == 0 {
		d.say(Fine, "spool", "", "no report waits")
		return
	}
	s, err := openSpool(f.path(spoolDir), most, nil)
	if err != nil {
		d.fail("spool", err, "look at the folder spool of the data folder")
		return
	}
	level, do := Fine, ""
	if s.size() > most/2 {
		level, do = Warn, "run 'musterd collect' where the key is, or raise collector.spool"
	}
	d.say(level, "spool", do, "%d reports wait, %s of %s", len(names), Size(s.size()), Size(most))
}
