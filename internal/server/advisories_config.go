package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"muster"
	"muster/advisory"
	"muster/advisory/systems"
	"muster/internal/advisories"
	"muster/internal/durable"
	"muster/internal/hooks"
)

// Advisories says where it is read what is published about vulnerable packages:
// docs/advisories.md.
type Advisories struct {
	// sources are where advisories come from, each as "NAME FORM PLACE": a name for people,
	// one of osv, debian, dsa, csaf, oval, vuxml, pkgsrc, updateinfo, secdb, arch, support,
	// releases, kev and epss, and a file, a folder or https://... . Behind that may stand every=6h, and, where
	// the form does not say it, platform=rocky:9.
	Sources []string `yaml:"sources"`
	// allow are networks (CIDR) from which advisories may be fetched though they are not of
	// the internet. An address that a source is written with may be asked.
	Allow []netip.Prefix `yaml:"allow"`
	// proxy is the address of a web proxy. Empty: what HTTPS_PROXY and NO_PROXY say. none:
	// none.
	Proxy string `yaml:"proxy"`
	// serious is from which severity on it is told that a site has come to have an
	// advisory: low, medium, high or critical. Exploited ones always are.
	Serious string `yaml:"serious"`
	// systems is a file in the form of systems.csv, for systems that this program does not
	// know, or is to take for others. Empty: none.
	Systems string `yaml:"systems"`
}

// parseSource reads a line of sources.
func parseSource(line string) (s advisories.Source, err error) {
	f := strings.Fields(line)
	if len(f) < 3 {
		return s, muster.Errorf(muster.Invalid, "%.100q is not of the form NAME FORM PLACE", line)
	}
	s.Name, s.Form = f[0], f[1]
	if strings.HasPrefix(f[2], "https://") || strings.HasPrefix(f[2], "http://") {
		s.URL = f[2]
	} else {
		s.Path = f[2]
	}
	for _, word := range f[3:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "every":
			var d Duration
			err = d.UnmarshalText([]byte(value))
			s.Every = d.std()
		case "platform":
			s.Ecosystem, s.Release, _ = strings.Cut(value, ":")
		default:
			err = fmt.Errorf("there is no %.30q, only every=6h and platform=rocky:9", word)
		}
		if err != nil {
			return s, muster.Errorf(muster.Invalid, "source %q: %w", s.Name, err)
		}
	}
	return s, s.Check()
}

func (c *Config) checkAdvisories() error {
	a := &c.Advisories
	seen := map[string]bool{}
	for _, line := range a.Sources {
		s, err := parseSource(line)
		if err != nil {
			return fmt.Errorf("advisories.sources: %w", err)
		}
		if seen[s.Name] {
			return fmt.Errorf("advisories.sources: there are two of the name %q", s.Name)
		}
		seen[s.Name] = true
	}
	if s, err := advisory.ParseSeverity(a.Serious); err != nil || s == advisory.Unknown {
		return fmt.Errorf("advisories.serious: %q is none of low, medium, high and critical", a.Serious)
	}
	if u, err := url.Parse(a.Proxy); a.Proxy != "" && a.Proxy != "none" && (err != nil || u.Host == "") {
		return fmt.Errorf("advisories.proxy: %q is no address like http://proxy.example.org:3128", a.Proxy)
	}
	return nil
}

// config is what package advisories works with, without the server's parts.
func (a *Advisories) config() (c advisories.Config, err error) {
	for _, line := range a.Sources {
		s, err := parseSource(line)
		if err != nil {
			return c, err
		}
		c.Sources = append(c.Sources, s)
	}
	c.Guard, c.Allow, c.Mapping = hooks.Guard(nil).Check, a.allowed(c.Sources), "built-in "+Version
	if c.Serious, err = advisory.ParseSeverity(a.Serious); err != nil {
		return c, err
	}
	switch a.Proxy {
	case "":
		c.Proxy = http.ProxyFromEnvironment
	case "none":
	default:
		u, err := url.Parse(a.Proxy)
		if err != nil {
			return c, muster.WithKind(muster.Invalid, err)
		}
		c.Proxy = http.ProxyURL(u)
	}
	own, err := a.ownSystems()
	if err != nil || own == nil {
		return c, err
	}
	c.Mapping = fmt.Sprintf("%s %x", c.Mapping, sha256.Sum256(own))
	c.Systems, err = a.Table()
	return c, err
}

// allowed are the networks that may be asked: an address in a source is one.
func (a *Advisories) allowed(all []advisories.Source) []netip.Prefix {
	out := a.Allow[:len(a.Allow):len(a.Allow)]
	for _, s := range all {
		u, err := url.Parse(s.URL)
		if err != nil {
			continue
		}
		if to, err := netip.ParseAddr(u.Hostname()); err == nil {
			to = to.Unmap()
			out = append(out, netip.PrefixFrom(to, to.BitLen()))
		}
	}
	return out
}

// ownSystems reads the server's own table of systems. Where it changes all is matched anew.
func (a *Advisories) ownSystems() ([]byte, error) {
	if a.Systems == "" {
		return nil, nil
	}
	own, err := os.ReadFile(a.Systems)
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read advisories.systems: %w", err)
	}
	return own, nil
}

// Table says which systems are which, by the server's own table and the built-in.
func (a *Advisories) Table() (*systems.Table, error) {
	own, err := a.ownSystems()
	if err != nil || own == nil {
		return systems.Builtin(), err
	}
	table, err := systems.Builtin().Extend(bytes.NewReader(own))
	if err != nil {
		return nil, fmt.Errorf("cannot use advisories.systems: %w", err)
	}
	return table, nil
}

// openAdvisories opens what knows vulnerable packages.
func (s *Server) openAdvisories(ctx context.Context) error {
	c, err := s.cfg.Advisories.config()
	if err != nil {
		return err
	}
	c.DB, c.Dictionary, c.Fleet, c.Now = s.db, s.sites, s.sites, func() time.Time { return s.now() }
	c.Folder = s.folder.path("advisories")
	c.Imported = func(_ context.Context, source string, err error) {
		if err != nil {
			s.log.Warn("cannot read advisories", "source", source, "error", err.Error())
			return
		}
		s.log.Info("advisories changed", "source", source)
	}
	if err := s.folder.Disk.MkdirAll(c.Folder, 0o700); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if err := sweepFolder(c.Folder, s.folder.Disk); err != nil {
		return err
	}
	if s.advisories, err = advisories.Open(ctx, c); err != nil {
		return err
	}
	s.collector.finder = s.advisories
	return nil
}

// sweepFolder removes what a process that ended was reading.
func sweepFolder(dir string, disk *durable.Disk) error {
	left, err := os.ReadDir(dir)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	for _, f := range left {
		if err := disk.Remove(dir + "/" + f.Name()); err != nil {
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	return nil
}
