package server

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"muster"
	"muster/api"
	"muster/glpi"
	"muster/internal/db"
	"muster/internal/glpisync"
	"muster/internal/hooks"
	"muster/internal/hosts"
	"muster/inventory"
	"muster/search"
)

// openGLPI opens what tells GLPI of hosts, where there is one.
func (s *Server) openGLPI(ctx context.Context) error {
	g := &s.cfg.GLPI
	if g.URL == "" {
		return nil
	}
	scope, err := hookFeed{s}.scope(g.Hosts)
	if err != nil {
		return err
	}
	c := g.sync()
	c.DB, c.Now, c.Source = s.db, func() time.Time { return s.now() }, glpiSource{s, s.hosts.Part(scope, scope, nil)}
	s.glpi, err = glpisync.Open(ctx, c)
	return err
}

// sync is the configuration as package glpisync has it, without the server's parts.
func (g *GLPI) sync() glpisync.Config {
	return glpisync.Config{URL: g.URL, Scope: g.Hosts + "\x00" + g.Tag, ClientID: g.ClientID, SecretFile: g.SecretFile, User: g.User, PasswordFile: g.PasswordFile, CA: g.CA,
		Guard: hooks.Guard(nil).Check, Allow: g.allowed(), Interval: g.Interval.std(), Refresh: g.Refresh.std(), Rate: g.Rate, Version: Version}
}

// allowed are the networks that the configuration names: an address in the URL is one.
func (g *GLPI) allowed() []netip.Prefix {
	u, err := url.Parse(g.URL)
	if err != nil {
		return g.Allow
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		a = a.Unmap()
		return append(g.Allow[:len(g.Allow):len(g.Allow)], netip.PrefixFrom(a, a.BitLen()))
	}
	return g.Allow
}

func (c *Config) checkGLPI() error {
	g := &c.GLPI
	if g.URL == "" {
		return nil
	}
	u, err := url.Parse(g.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery+u.Fragment != "" {
		return fmt.Errorf("glpi.url: %q is not of the form https://HOST/PATH, without a password", g.URL)
	}
	if u.Scheme == "http" && len(g.allowed()) == 0 {
		return muster.WithHint(fmt.Errorf("glpi.url: %q without TLS can be read by the network", g.URL), "write https://, or name its network in glpi.allow")
	}
	switch {
	case g.Interval < Duration(time.Minute) || g.Interval > Duration(7*day):
		return fmt.Errorf("glpi.interval: %s is not between 1m and 7d", g.Interval)
	case g.Refresh < g.Interval || g.Refresh > Duration(365*day):
		return fmt.Errorf("glpi.refresh: %s is not between glpi.interval and 365d", g.Refresh)
	case !(g.Rate > 0) || g.Rate > 1000:
		return fmt.Errorf("glpi.rate: %v is not between 0 and 1000", g.Rate)
	case g.ClientID != "" && g.User != "":
		return fmt.Errorf("glpi.client-id and glpi.user: GLPI asks for one of them")
	case (g.ClientID == "") != (g.SecretFile == ""):
		return fmt.Errorf("glpi.client-id and glpi.client-secret-file: one needs the other")
	case (g.User == "") != (g.PasswordFile == ""):
		return fmt.Errorf("glpi.user and glpi.password-file: one needs the other")
	}
	if _, err := search.Parse(g.Hosts); g.Hosts != "" && err != nil {
		return fmt.Errorf("glpi.hosts: %w", err)
	}
	return nil
}

// A glpiSource is the hosts of a server as GLPI is told of them.
type glpiSource struct {
	*Server
	part *hosts.Part
}

// Now implements [glpisync.Source].
func (g glpiSource) Now(ctx context.Context) (string, error) { return hookFeed{g.Server}.Now(ctx) }

// Changed implements [glpisync.Source]. What a host did changes nothing about it that
// its inventory does not say.
func (g glpiSource) Changed(ctx context.Context, place string) (ids []string, next string, err error) {
	items, next, err := hookFeed{g.Server}.Read(ctx, place, g.cfg.GLPI.Hosts, []string{"host", "inventory"}, 500)
	seen := map[string]bool{}
	for _, i := range items {
		if i.Host != "" && i.Kind != "host.result" && !seen[i.Host] {
			seen[i.Host] = true
			ids = append(ids, i.Host)
		}
	}
	return ids, next, err
}

// Each implements [glpisync.Source].
func (g glpiSource) Each(ctx context.Context, f func(id string, seen int64) error) error {
	return eachHost(ctx, api.HostQuery{Limit: 1000}, g.part.List, func(h *api.Host) error {
		if h.State != api.Accepted && h.State != api.Cloned {
			return nil
		}
		return f(h.ID, h.Seen)
	})
}

// eachHost calls f for every host of a list.
func eachHost(ctx context.Context, q api.HostQuery, list func(context.Context, api.HostQuery) (api.HostPage, error), f func(*api.Host) error) error {
	for {
		page, err := list(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Hosts {
			if err := f(&page.Hosts[i]); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// Whole implements [glpisync.Source].
func (g glpiSource) Whole(ctx context.Context, id string) (h glpi.Host, d *inventory.Document, v *inventory.Volatile, err error) {
	w, err := g.part.Whole(ctx, id)
	if err != nil {
		return h, nil, nil, err
	}
	if w.State != api.Accepted && w.State != api.Cloned {
		return h, nil, nil, muster.Errorf(muster.NotFound, "host %q is none of this server's", w.Name)
	}
	return g.cfg.GLPI.host(w), w.Document, w.Volatile, nil
}

// host is what is told of a host beside its inventory.
func (g *GLPI) host(w *hosts.Whole) glpi.Host {
	return glpi.Host{ID: w.ID, Name: w.Name, Agent: w.Agent, Tag: cmp.Or(g.Tag, w.Unit)}
}

// exportGLPI writes an inventory a line for who carries it to GLPI by hand.
func (s *Server) exportGLPI(q api.HostQuery, part *hosts.Part) *export {
	return &export{nil, func(ctx context.Context, to form) error {
		return eachHost(ctx, q, part.List, func(h *api.Host) error {
			w, err := part.Whole(ctx, h.ID)
			if k := muster.KindOf(err); k == muster.NotFound || k == muster.Unavailable && ctx.Err() == nil {
				return nil // it went, or has said nothing yet
			}
			if err != nil {
				return err
			}
			return to.row(nil, glpi.Make(s.cfg.GLPI.host(w), w.Document, w.Volatile))
		})
	}}
}

// checkGLPITold is for people: a GLPI that is away is no reason to send hosts elsewhere.
func (s *Server) checkGLPITold(ctx context.Context) healthCheck {
	c := healthCheck{Name: "glpi", OK: true}
	switch st, err := glpisync.Read(ctx, s.db); {
	case err != nil:
		c.Text = "not known"
	case st.Failing != 0:
		c.Text = "takes nothing since " + time.Unix(st.Failing, 0).UTC().Format(time.RFC3339)
	default:
		c.Text = fmt.Sprintf("has %d of %d hosts as they are", st.Told, st.Hosts)
	}
	return c
}

// glpi asks GLPI whether it is there, and the database how far it was told.
func (d *Doctor) glpi(ctx context.Context) {
	g := &d.Config.GLPI
	if g.URL == "" {
		return
	}
	c := g.sync()
	c.Timeout = 15 * time.Second
	if err := glpisync.Probe(ctx, c); err != nil {
		d.fail("GLPI", err, "look at 'glpi' of the configuration: docs/glpi.md")
	}
	base, err := db.Open(ctx, d.Config.DSN(), d.Drivers...)
	if err != nil {
		return // it was said of the database
	}
	defer base.Close()
	st, err := glpisync.Read(ctx, base)
	if err != nil {
		d.say(Warn, "GLPI", "start the server: it tells GLPI of all hosts", "it was told nothing yet")
		return
	}
	if st.Failing != 0 {
		d.say(Wrong, "GLPI", "look at 'glpi' of the configuration: docs/glpi.md", "it takes nothing since %s: %s", time.Unix(st.Failing, 0).UTC().Format(time.RFC3339), st.Error)
	}
	if st.Refused > 0 {
		d.say(Warn, "GLPI", "look into GLPI's logs: files/_log/php-errors.log", "it refused %d of %d hosts, as %s", st.Refused, st.Hosts, st.Example)
	}
	d.say(Fine, "GLPI", "", "has %d of %d hosts as they are", st.Told, st.Hosts)
}
