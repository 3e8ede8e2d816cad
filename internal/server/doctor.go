package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/directory"
	"muster/internal/repo"
	"muster/sign"
)

// Levels of what a doctor finds.
const (
	Fine  = "OK"
	Warn  = "WARN"  // will go wrong
	Wrong = "ERROR" // is wrong
)

// A Diagnosis is one thing that was looked at.
type Diagnosis struct {
	Level string `json:"level"`
	What  string `json:"what"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what a person should do
}

// A Doctor looks whether a server can do its work, running or not. It changes nothing.
type Doctor struct {
	Config  Config
	Now     time.Time
	Drivers []db.Driver

	found []Diagnosis
}

func (d *Doctor) say(level, what, do, format string, args ...any) {
	d.found = append(d.found, Diagnosis{Level: level, What: what, Text: fmt.Sprintf(format, args...), Do: do})
}

// fail says what is wrong with err, and what to do where its hint does not.
func (d *Doctor) fail(what string, err error, do string) {
	d.say(Wrong, what, cmp.Or(muster.HintOf(err), do), "%v", err)
}

// Look looks at everything.
func (d *Doctor) Look(ctx context.Context) []Diagnosis {
	d.say(Fine, "configuration", "", "every setting can be")
	folder := Folder{Dir: d.Config.Data}
	if !d.folder(folder) {
		return d.found
	}
	d.keys(folder)
	d.trust(folder)
	d.disk(folder)
	d.clock(folder)
	d.tls(folder)
	d.database(ctx)
	d.repository(ctx, folder)
	d.ldap(ctx)
	d.glpi(ctx)
	d.collector(folder)
	d.serving(ctx, folder)
	return d.found
}

func (d *Doctor) folder(f Folder) bool {
	info, err := os.Stat(f.path(selfName))
	if errors.Is(err, fs.ErrNotExist) {
		d.say(Wrong, "data folder", "run 'musterd init', or 'musterd restore FILE'", "%q has no server yet", f.Dir)
		return false
	}
	if err != nil {
		d.say(Wrong, "data folder", "run as the user of the server, or as root", "%v", err)
		return false
	}
	if top, err := os.Stat(f.Dir); err == nil && top.Mode().Perm()&0o007 != 0 {
		d.say(Warn, "data folder", "chmod 700 "+f.Dir, "%q is open to everybody: %s", f.Dir, top.Mode().Perm())
		return true
	}
	d.say(Fine, "data folder", "", "%s, since %s", f.Dir, info.ModTime().UTC().Format(time.DateOnly))
	return true
}

func (d *Doctor) keys(f Folder) {
	for _, k := range []struct{ dir, what string }{{"ca", "authority of hosts"}, {"index", "key of the index"}} {
		id, err := f.identity(k.dir, func(pair) (*x509.Certificate, error) {
			return nil, muster.Errorf(muster.NotFound, "there is no certificate in %q", f.path(k.dir))
		})
		if err != nil {
			d.fail(k.what, err, "restore a backup: 'musterd restore FILE'")
			continue
		}
		if info, err := os.Stat(f.path(k.dir, keyFile)); err == nil && info.Mode().Perm()&0o077 != 0 {
			d.say(Wrong, k.what, "chmod 600 "+f.path(k.dir, keyFile), "others may read the key: %s", info.Mode().Perm())
			continue
		}
		d.expiry(k.what, id.Leaf(), 365*day, "make a backup, and plan for a new server: hosts have to join anew")
	}
}

// expiry says until when a certificate is good.
func (d *Doctor) expiry(what string, c *x509.Certificate, ahead time.Duration, do string) {
	until := c.NotAfter.UTC().Format(time.DateOnly)
	switch left := c.NotAfter.Sub(d.Now); {
	case d.Now.Before(c.NotBefore):
		d.say(Wrong, what, "look at the clock", "is not valid before %s", c.NotBefore.UTC().Format(time.RFC3339))
	case left <= 0:
		d.say(Wrong, what, do, "expired on %s", until)
	case left < ahead:
		d.say(Warn, what, do, "expires on %s", until)
	default:
		d.say(Fine, what, "", "until %s", until)
	}
}

func (d *Doctor) trust(f Folder) {
	anchors, err := f.Anchors()
	if err != nil {
		d.fail("administrators", err, "mend or remove the file in trust.d")
		return
	}
	if len(anchors) == 0 {
		d.say(Wrong, "administrators", "musterd trust add CERT", "trust.d is empty: nobody can administer")
	}
	for _, a := range anchors {
		what := "administrator " + nameOf(a.Cert)
		if !a.Cert.IsCA && !sign.Has(a.Cert, sign.RightDeploy) {
			d.say(Warn, what, "musterd trust remove "+sign.Fingerprint(a.Cert)[:16], "%s may not deploy: this certificate does nothing here", a.File)
			continue
		}
		d.expiry(what, a.Cert, 30*day, "ask for a new certificate, then 'musterd trust add CERT'")
	}
}

func (d *Doctor) disk(f Folder) {
	free, err := freeSpace(f.Dir)
	if err != nil {
		d.fail("disk", err, "look at the file system of "+f.Dir)
		return
	}
	text := fmt.Sprintf("%d MB are free", free>>20)
	switch {
	case free < 64<<20:
		d.say(Wrong, "disk", "make room below "+f.Dir, "%s", text)
	case int64(free) < int64(d.Config.Repository.Reserve):
		d.say(Warn, "disk", "make room, or tidy up with 'muster repo gc "+f.path("repo")+"'", "%s: no package can be uploaded", text)
	default:
		d.say(Fine, "disk", "", "%s", text)
	}
}

// clock compares with the newest thing that is certain: a wrong clock makes hosts
// refuse heads, and the server refuse hosts.
func (d *Doctor) clock(f Folder) {
	floor := sign.MinBuildTime
	if info, err := os.Stat(f.path(filepath.FromSlash(headFile))); err == nil && info.ModTime().After(floor) {
		floor = info.ModTime()
	}
	switch {
	case d.Now.Before(floor.Add(-time.Minute)):
		d.say(Wrong, "clock", "set the clock", "it is %s here, and was %s before", d.Now.UTC().Format(time.RFC3339), floor.UTC().Format(time.RFC3339))
	case !clockSynchronised():
		d.say(Warn, "clock", "run chrony or systemd-timesyncd", "nothing keeps it right")
	default:
		d.say(Fine, "clock", "", "%s", d.Now.UTC().Format(time.RFC3339))
	}
}

func (d *Doctor) tls(f Folder) {
	switch d.Config.TLS.Mode {
	case "off":
		d.say(Fine, "TLS", "", "ended by a proxy in front of %s", d.Config.Listen)
	case "files":
		pair, err := tls.LoadX509KeyPair(d.Config.TLS.Cert, d.Config.TLS.Key)
		if err != nil {
			d.say(Wrong, "TLS", "give a certificate and its key: tls.cert and tls.key", "%v", err)
			return
		}
		d.expiry("TLS", pair.Leaf, 14*day, "renew the certificate: the server reads it again by itself")
	default:
		if _, err := os.Stat(f.path("tls", certFile)); err != nil {
			d.say(Warn, "TLS", "musterd init", "the server's own authority is made at the first start")
			return
		}
		pin, err := Pin(&d.Config, d.Now)
		if err != nil {
			d.fail("TLS", err, "restore a backup, or remove the folder tls: agents then need a new pin")
			return
		}
		d.say(Fine, "TLS", "", "agents pin %s", pin)
	}
}

func (d *Doctor) database(whole context.Context) {
	ctx, cancel := context.WithTimeout(whole, 15*time.Second)
	defer cancel()
	base, err := db.Open(ctx, d.Config.DSN(), d.Drivers...)
	if err != nil {
		d.fail("database", err, "is its server running, and 'database' of the configuration right?")
		return
	}
	defer base.Close()
	var hosts int64
	err = base.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COUNT(*) FROM hosts_host").Scan(&hosts)
	})
	if err != nil {
		d.say(Wrong, "database", "musterd migrate", "its tables are not there: %v", err)
		return
	}
	d.say(Fine, "database", "", "%s, %d hosts", base.Dialect(), hosts)
	d.migrations(ctx, base)
	d.audit(whole, Folder{Dir: d.Config.Data}, base)
}

func (d *Doctor) repository(ctx context.Context, f Folder) {
	if _, err := os.Stat(f.path(filepath.FromSlash(headFile))); err != nil {
		d.say(Warn, "repository", "on an administrator's machine: 'muster repo init URL'", "there is none yet")
		return
	}
	trust := new(sign.Trust)
	if anchors, err := f.Anchors(); err == nil {
		for _, a := range anchors {
			trust.Add(a.Cert)
		}
	}
	c := &repo.Checker{Base: f.path("repo"), Trust: trust, Now: func() time.Time { return d.Now }}
	v, err := c.Check(ctx)
	if err != nil {
		d.fail("repository", err, "restore a backup, or have an administrator post the links of trust again")
		return
	}
	for _, x := range v.Findings {
		d.say(Wrong, "repository", "publish the package again, or restore a backup", "%s", x)
	}
	if len(v.Findings) == 0 {
		d.say(Fine, "repository", "", "%d packages, %d MB, all of them whole", v.Packages, v.Bytes>>20)
	}
}

// ldap reads the directory once.
func (d *Doctor) ldap(ctx context.Context) {
	if len(d.Config.Directory.URLs) == 0 {
		return
	}
	dir, err := directory.Open(d.Config.Directory)
	if err == nil {
		err = dir.Refresh(ctx)
	}
	if err != nil {
		d.fail("directory", err, "look at 'directory' of the configuration")
		return
	}
	s := dir.Status()
	for _, p := range s.Problems {
		d.say(Warn, "directory", "mend it in the directory", "%s", p)
	}
	d.say(Fine, "directory", "", "%d computers, %d groups", s.Computers, s.Groups)
}

// serving asks the server that should run who it is.
func (d *Doctor) serving(ctx context.Context, f Folder) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	base, client := d.local(f)
	c, err := http.NewRequestWithContext(ctx, http.MethodGet, base+api.RouteHealth, nil)
	if err != nil {
		d.fail("server", err, "look at 'listen' of the configuration")
		return
	}
	resp, err := client.Do(c)
	if err != nil {
		d.say(Warn, "server", "systemctl start musterd", "it does not answer: %v", err)
		return
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		d.say(Wrong, "server", "look at "+api.RouteHealth+" and at the log", "it says that it cannot work: %s", resp.Status)
		return
	}
	d.say(Fine, "server", "", "answers at %s", d.Config.Listen)
}

// local is how to reach the server from its own machine. It is asked nothing
// that TLS would have to guard.
func (d *Doctor) local(Folder) (base string, client *http.Client) {
	scheme := "https"
	if d.Config.TLS.Mode == "off" {
		scheme = "http"
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	if socket := d.Config.unixSocket(); socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
		return scheme + "://localhost", &http.Client{Transport: t}
	}
	host, port, err := net.SplitHostPort(d.Config.Listen)
	if err != nil {
		host, port = "localhost", "8443"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port), &http.Client{Transport: t}
}
