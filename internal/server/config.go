package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"muster"
	"muster/internal/directory"
)

// Config is the file musterd.yaml. What it leaves out has a value that works;
// 'musterd config' prints all of them.
//
// Every value may also come from the environment: MUSTERD_LISTEN, MUSTERD_TLS_CERT
// and so on, or, for secrets, from the file that MUSTERD_DATABASE_FILE names.
type Config struct {
	// data is the folder of all that the server keeps: keys, the database unless
	// that is elsewhere, and the repository. Only the server may read it.
	Data string `yaml:"data"`
	// name is what people see of this server. Empty: the name of the machine.
	Name string `yaml:"name"`
	// listen is where the server answers: an address and a port, or
	// unix:/run/musterd/socket for a proxy on the same machine.
	Listen string `yaml:"listen"`
	// database is where everything about hosts is kept. Empty: SQLite, in the file
	// muster.db of the data folder. Others, with which several servers may work:
	// postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE.
	// A password belongs into a file: MUSTERD_DATABASE_FILE=/etc/musterd.dsn.
	Database string `yaml:"database"`
	// console is on where people use the server in a browser, at its address, or off:
	// 'muster console' shows the same pages on a person's own machine.
	Console string `yaml:"console"`
	// trusted-proxies are the addresses (CIDR) of proxies whose X-Forwarded-For says
	// who asks. None: who connects is who asks. Through a unix socket all are trusted.
	TrustedProxies []netip.Prefix `yaml:"trusted-proxies"`

	TLS        TLS              `yaml:"tls"`
	Hosts      HostsPart        `yaml:"hosts"`
	Repository Depot            `yaml:"repository"`
	Directory  directory.Config `yaml:"directory"`
	Sessions   Sessions         `yaml:"sessions"`
	Webhooks   Webhooks         `yaml:"webhooks"`
	Mail       Mail             `yaml:"mail"`
	GLPI       GLPI             `yaml:"glpi"`
	Collector  Collector        `yaml:"collector"`
	Advisories Advisories       `yaml:"advisories"`
	Actions    ActionsPart      `yaml:"actions"`
	OIDC       OIDC             `yaml:"oidc"`
	Limits     Limits           `yaml:"limits"`
	Metrics    MetricsFor       `yaml:"metrics"`
	Log        Log              `yaml:"log"`
}

// TLS says how the server proves who it is.
type TLS struct {
	// own makes the server its own authority at the first start; agents pin it:
	// 'musterd doctor' prints the fingerprint. The certificate renews itself.
	// files uses cert and key below, read again when they change.
	// off answers plain HTTP, on a loopback address or a unix socket, to a proxy.
	Mode string `yaml:"mode"`
	// cert is a PEM file with the server's certificate, then its issuers.
	Cert string `yaml:"cert"`
	// key is the PEM file of its private key.
	Key string `yaml:"key"`
	// names are further DNS names and addresses in the certificate that the server
	// makes itself, beside those of the machine.
	Names []string `yaml:"names"`
	// client-certificates lets people log in by a client certificate of trust.d, as from
	// a smart card. Browsers then ask which one to show. Not with off: a proxy that ends
	// TLS could show any.
	ClientCertificates bool `yaml:"client-certificates"`
}

// asksClients reports whether people may show certificates.
func (t *TLS) asksClients() bool { return t.ClientCertificates && t.Mode != "off" }

// HostsPart says how hosts are treated.
type HostsPart struct {
	// interval is how often a host checks in when nothing happens. What people do
	// reaches hosts at once all the same: they wait for it.
	Interval Duration `yaml:"interval"`
	// skew is how far a host's clock may be off.
	Skew Duration `yaml:"skew"`
	// pending is how many hosts may wait for approval at a time.
	Pending int `yaml:"pending"`
	// returns says what happens to hosts that this server certified and then forgot,
	// as when its database was lost: accept, or wait for a person.
	Returns string `yaml:"returns"`
	// history is how long changes of inventories are kept. 0 is for ever.
	History Duration `yaml:"history"`
	// events is how long it is kept what happened to hosts. 0 is for ever.
	Events Duration `yaml:"events"`
}

// Depot is the repository that the server keeps.
type Depot struct {
	// mirrors are base URLs from which hosts rather fetch packages.
	Mirrors []string `yaml:"mirrors"`
	// url is where the repository is when another web server offers its folder.
	// Empty: this server does, below /repo/.
	URL string `yaml:"url"`
	// expires is how long hosts believe a head of the repository. The server signs
	// it anew when half of that is over.
	Expires Duration `yaml:"expires"`
	// max-package bounds the file of a package.
	MaxPackage Size `yaml:"max-package"`
	// reserve is how much of the disk stays free: uploads that would take it are refused.
	Reserve Size `yaml:"reserve"`
}

// Webhooks says where the server may send what happens.
type Webhooks struct {
	// allow are networks (CIDR) that webhooks may lead to though they are not of the
	// internet, and without TLS too. None: no address of your own network is asked.
	Allow []netip.Prefix `yaml:"allow"`
	// patience is how long a webhook may fail before it is disabled.
	Patience Duration `yaml:"patience"`
}

// Mail says by which server reports are sent to people.
type Mail struct {
	// host is the name of an SMTP server. Empty: no mail is sent.
	Host string `yaml:"host"`
	// port is its port.
	Port int `yaml:"port"`
	// tls is starttls, which the server then has to offer, tls from the beginning, or
	// off: only for an address of loopback.
	TLS string `yaml:"tls"`
	// ca is a PEM file with the authority of its certificate. Empty: those of the system.
	CA string `yaml:"ca"`
	// user is who logs in there. Empty: nobody does.
	User string `yaml:"user"`
	// password-file holds the user's password.
	PasswordFile string `yaml:"password-file"`
	// from is the address that reports come from.
	From string `yaml:"from"`
	// domains are those of addresses that reports may be sent to. None: any.
	Domains []string `yaml:"domains"`
}

// GLPI is a GLPI 10 or 11 that is told what hosts are and have: docs/glpi.md.
type GLPI struct {
	// url is its own address, as https://glpi.example.org. Empty: none is told.
	URL string `yaml:"url"`
	// hosts is a search for those that it is told of. Empty: all.
	Hosts string `yaml:"hosts"`
	// tag is what its rules see of every host. Empty: the host's unit.
	Tag string `yaml:"tag"`
	// interval is the least time between two inventories of a host that changes.
	Interval Duration `yaml:"interval"`
	// refresh is after how long a host is told again that did not change, so that GLPI
	// does not take it for gone.
	Refresh Duration `yaml:"refresh"`
	// rate is how many inventories a second it is told at most.
	Rate float64 `yaml:"rate"`
	// client-id is that of an OAuth client of GLPI 11. Empty: none.
	ClientID string `yaml:"client-id"`
	// client-secret-file holds its secret.
	SecretFile string `yaml:"client-secret-file"`
	// user is for basic authentication. Empty: none.
	User string `yaml:"user"`
	// password-file holds the password.
	PasswordFile string `yaml:"password-file"`
	// ca is a PEM file with the authorities of its certificate. Empty: those of the system.
	CA string `yaml:"ca"`
	// allow are networks (CIDR) in which it may be though they are not of the internet, and
	// without TLS too. An address that url is written with may be used.
	Allow []netip.Prefix `yaml:"allow"`
}

// Collector says how reports of hosts without an agent are taken: docs/collector.md.
type Collector struct {
	// mode is off, or says what becomes of sealed reports: open, with a key that this
	// server has, or spool, where they are kept as they come, and opened elsewhere by
	// 'musterd collect'.
	Mode string `yaml:"mode"`
	// cert is a PEM file with the certificate that reports are sealed to. Empty: with mode
	// open the server makes it and its key, in the folder collector of data.
	Cert string `yaml:"cert"`
	// key is the PEM file of its private key. With mode spool it is not on this machine.
	Key string `yaml:"key"`
	// clear takes reports that are not sealed, too. Without TLS the network reads them.
	Clear bool `yaml:"clear"`
	// pakiti is the path for clients of Pakiti. Empty: none.
	Pakiti string `yaml:"pakiti"`
	// glpi is the path for agents of GLPI, as /glpi/inventory. Empty: none. They seal nothing.
	GLPI string `yaml:"glpi"`
	// site is the site of reports that name none. Empty: they are refused.
	Site string `yaml:"site"`
	// spool bounds what mode spool keeps; one neighbourhood of addresses has a quarter of it.
	Spool Size `yaml:"spool"`
	// window is how old a report may be that could not be sent before.
	Window Duration `yaml:"window"`
	// hosts is how many of them a site may have whose record says nothing of it.
	Hosts int64 `yaml:"hosts"`
	// reports is how many it may send a day.
	Reports int64 `yaml:"reports"`
	// packages is how many versions of packages a day it may have that no host had before.
	Packages int64 `yaml:"packages"`
}

// Sessions are those of people.
type Sessions struct {
	// last is how long a login lasts.
	Last Duration `yaml:"last"`
	// idle is how long a login lasts that is not used.
	Idle Duration `yaml:"idle"`
}

// OIDC is a provider of OpenID Connect by which people may log in.
type OIDC struct {
	// issuer is the address of the provider, as https://id.example.org/realms/it. Empty: none.
	Issuer string `yaml:"issuer"`
	// client-id is what the provider calls this server.
	ClientID string `yaml:"client-id"`
	// client-secret-file holds the client's secret. Empty: a public client, by PKCE alone.
	SecretFile string `yaml:"client-secret-file"`
	// scopes are asked for beside openid.
	Scopes []string `yaml:"scopes"`
	// name-claim is the claim that names people: oidc:NAME. sub is the only one that a
	// provider never gives to somebody else; a name by another stays with the sub that
	// had it first. email counts only when it is verified.
	NameClaim string `yaml:"name-claim"`
	// groups-claim is the claim with the list of groups, oidc:GROUP.
	GroupsClaim string `yaml:"groups-claim"`
	// redirects are addresses of this server to which browsers may come back. The
	// command line comes back to http://127.0.0.1:PORT/, which the provider has to allow.
	Redirects []string `yaml:"redirects"`
	// ca is a PEM file with the authorities of the provider's certificate. Empty: those
	// of the system.
	CA string `yaml:"ca"`
}

// ActionsPart says how signed actions are relayed. What hosts accept stands in their
// own signed settings: action-kinds, action-signers, action-approvals.
type ActionsPart struct {
	// approvals is how many persons have to sign an action of a kind before hosts are
	// given it, as in {reboot: 2, run: 2}. One where it is not named.
	Approvals map[string]int `yaml:"approvals"`
	// keep is how long actions and their results are kept when they are over.
	Keep Duration `yaml:"keep"`
}

// Limits keep one kind of request from starving the others.
type Limits struct {
	// hosts is for how many hosts the server is made. What is accepted a second
	// of each kind of request follows from it; docs/server.md has the table.
	Hosts int `yaml:"hosts"`
	// rates replaces that, in requests a second, by the name of the kind.
	Rates map[string]float64 `yaml:"rates"`
}

// MetricsFor says who may read /metrics.
type MetricsFor struct {
	// from are the networks (CIDR) from which /metrics is answered.
	From []netip.Prefix `yaml:"from"`
}

// Log says what is written to the standard error, as JSON.
type Log struct {
	// level is debug, info, warn or error. Requests are written at debug, those that
	// failed at info, what a person should look at at warn.
	Level string `yaml:"level"`
}

// Defaults is the configuration of who configures nothing.
func Defaults() Config {
	return Config{
		Data:   "/var/lib/musterd",
		Listen: ":8443", Console: "on",
		TLS: TLS{Mode: "own"},
		Hosts: HostsPart{Interval: Duration(2 * time.Hour), Skew: Duration(5 * time.Minute), Pending: 1000, Returns: "accept",
			History: Duration(2 * 365 * day), Events: Duration(365 * day)},
		Repository: Depot{Expires: Duration(14 * day), MaxPackage: 16 << 30, Reserve: 1 << 30},
		Sessions:   Sessions{Last: Duration(12 * time.Hour), Idle: Duration(2 * time.Hour)},
		OIDC:       OIDC{Scopes: []string{"profile", "email"}, NameClaim: "sub", GroupsClaim: "groups"},
		Actions:    ActionsPart{Keep: Duration(90 * day)},
		Webhooks:   Webhooks{Patience: Duration(5 * day)},
		Mail:       Mail{Port: 587, TLS: "starttls"},
		Collector:  defaultCollector,
		Advisories: Advisories{Serious: "high"},
		GLPI:       GLPI{Interval: Duration(time.Hour), Refresh: Duration(day), Rate: 2},
		Limits:     Limits{Hosts: 10_000},
		Metrics:    MetricsFor{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		Log:        Log{Level: "info"},
	}
}

// maxConfig bounds the file.
const maxConfig = 1 << 20

// ReadConfig reads a configuration file, "" for none, under what the environment
// says. It knows every name: a word that means nothing is an error.
func ReadConfig(file string, environ []string) (Config, error) {
	c := Defaults()
	if file != "" {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			return c, muster.WithHint(muster.Errorf(muster.NotFound, "there is no configuration %q", file), "'musterd config > %s' makes one", file)
		}
		if err != nil {
			return c, muster.WithKind(muster.Unavailable, err)
		}
		if info.Size() > maxConfig {
			return c, muster.Errorf(muster.Invalid, "configuration %q has %d bytes, more than %d", file, info.Size(), maxConfig)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return c, muster.WithKind(muster.Unavailable, err)
		}
		if err := c.parse(data); err != nil {
			return c, fmt.Errorf("cannot use %q: %w", file, err)
		}
	}
	if err := c.environment(environ); err != nil {
		return c, err
	}
	return c, c.Check()
}

// parse reads YAML over what c has.
func (c *Config) parse(data []byte) error {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // empty
		}
		return muster.WithKind(muster.Invalid, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return muster.Errorf(muster.Invalid, "there is more than one document")
	}
	if err := checkNames(doc.Content[0], c); err != nil {
		return err
	}
	if err := doc.Decode(c); err != nil {
		return muster.WithKind(muster.Invalid, err)
	}
	return nil
}

// Check reports the first value that cannot be.
func (c *Config) Check() error {
	for _, check := range []func() error{c.checkListen, c.checkTLS, c.checkHosts, c.checkActions, c.checkLimits, c.checkPeople, c.checkGLPI, c.checkMail, c.checkCollector, c.checkAdvisories} {
		if err := check(); err != nil {
			return muster.WithKind(muster.Invalid, err)
		}
	}
	if c.Console != "on" && c.Console != "off" {
		return muster.Errorf(muster.Invalid, "console: %q is neither on nor off", c.Console)
	}
	if !filepath.IsAbs(c.Data) {
		return muster.WithHint(muster.Errorf(muster.Invalid, "data: %q is no absolute path", c.Data), "write it as data: /var/lib/musterd")
	}
	return nil
}

// DSN is the address of the database.
func (c *Config) DSN() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "muster.db")
}
