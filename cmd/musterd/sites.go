package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/server"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

func (a *app) sitesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sites",
		Short: "Say which sites may report, and how they prove it",
		Long: `Hosts without an agent report for a site: docs/collector.md. A site has keys, secrets
that its hosts share, or certificates by which reports are signed. The server may run, and
sees a change within seconds.`,
	}
	list := &cobra.Command{Use: "list", Short: "List the sites", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.withSites(cmd.Context(), a.listSites) }}
	cmd.AddCommand(list, a.siteAddCommand(), a.siteKeyCommand(), a.siteRevokeCommand())
	return cmd
}

// withSites opens the database of the configuration.
func (a *app) withSites(ctx context.Context, do func(context.Context, *sites.Sites) error) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	base, s, err := server.OpenSites(ctx, &cfg, drivers()...)
	if err != nil {
		return err
	}
	defer base.Close()
	return do(ctx, s)
}

func (a *app) listSites(ctx context.Context, s *sites.Sites) error {
	all, err := s.Sites(ctx)
	for _, site := range all {
		keys, err := s.Keys(ctx, site.Name)
		if err != nil {
			return err
		}
		open := ""
		if site.Open {
			open = "  open"
		}
		a.print("%s  %d hosts  %d keys%s", site.Name, site.Hosts, len(keys), open)
		for _, k := range keys {
			what := "secret"
			if k.Cert != nil {
				what = "certificate of " + sign.Describe(k.Cert)
			}
			a.print("    %s  %s  since %s  %s", k.ID, what, time.Unix(k.Created, 0).UTC().Format(time.DateOnly), k.Note)
		}
	}
	return err
}

// siteOptions are the flags of 'musterd sites add'.
type siteOptions struct {
	open         bool
	from         []string
	note         string
	forget, past span
	quota        sites.Quota
}

func (a *app) siteAddCommand() *cobra.Command {
	var o siteOptions
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a site, or change the one of that name",
		Example: "  musterd sites add NIKHEF\n  musterd sites add EGI-PROBES --forget 2d --past 90d\n" +
			"  musterd sites add OLD-CLIENTS --open --from 192.0.2.0/24",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			site, err := o.site(args[0])
			if err != nil {
				return err
			}
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				return s.PutSite(ctx, time.Now(), site)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.open, "open", false, "let in reports that prove nothing, as those of Pakiti's clients")
	f.StringSliceVar(&o.from, "from", nil, "with --open, only from these `NETWORKS`")
	f.StringVar(&o.note, "note", "", "for people")
	f.Var(&o.forget, "forget", "forget hosts that are silent for so long, as 2d; 0: never")
	f.Var(&o.past, "past", "keep history that is over for so long, as 90d; 0: for ever")
	f.Int64Var(&o.quota.Hosts, "hosts", 0, "at most so many hosts; 0: as the configuration says")
	f.Int64Var(&o.quota.Reports, "reports", 0, "at most so many reports a day")
	f.Int64Var(&o.quota.Packages, "packages", 0, "at most so many versions of packages a day that no host had before")
	return cmd
}

func (o *siteOptions) site(name string) (sites.Site, error) {
	s := sites.Site{Name: name, Note: o.note, Open: o.open, Forget: o.forget.std(), Past: o.past.std(), Quota: o.quota}
	if s.Past == 0 {
		s.Past = -1
	}
	for _, text := range o.from {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return s, usageError{fmt.Errorf("--from: %q is no network like 192.0.2.0/24", text)}
		}
		s.Addresses = append(s.Addresses, p)
	}
	return s, nil
}

func (a *app) siteKeyCommand() *cobra.Command {
	var k sites.Key
	var cert, file string
	var lasts span
	cmd := &cobra.Command{
		Use:   "key SITE",
		Short: "Make a key for a site, or take a certificate that signs its reports",
		Long: `Print the line for the file that the hosts of a site have: ID:SECRET. It is shown once:
the server keeps a hash of it. With --cert reports count that the certificate signs, or
one that it issued.`,
		Example: "  musterd sites key NIKHEF > nikhef.key\n  musterd sites key NIKHEF --cert nikhef.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			if lasts.std() > 0 {
				k.Expires = now.Add(lasts.std()).Unix()
			}
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				if cert != "" {
					return a.addCert(ctx, s, now, args[0], cert, k)
				}
				if file != "" {
					return addSecret(ctx, s, now, args[0], file, k)
				}
				line, _, err := s.AddKey(ctx, now, args[0], k)
				if err == nil {
					a.print("%s", line)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&k.ID, "id", "", "call the key `ID` (default: a random one)")
	f.StringVar(&k.Note, "note", "", "for people")
	f.StringVar(&cert, "cert", "", "take the certificate in PEM `FILE`")
	f.StringVar(&file, "file", "", "take the key that `FILE` has, as from another collector, and make none")
	f.Var(&lasts, "expires", "end it after so long, as 365d; 0: never")
	return cmd
}

func addSecret(ctx context.Context, s *sites.Sites, now time.Time, site, file string, k sites.Key) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	secret, err := sitereport.ParseKey(data)
	if err != nil {
		return fmt.Errorf("cannot use %q: %w", file, err)
	}
	_, err = s.AddSecret(ctx, now, site, k, secret)
	return err
}

func (a *app) addCert(ctx context.Context, s *sites.Sites, now time.Time, site, file string, k sites.Key) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return fmt.Errorf("cannot use %q: %w", file, err)
	}
	k.Cert = certs[0]
	if k, err = s.AddCert(ctx, now, site, k); err == nil {
		a.print("%s signs reports of %s", sign.Describe(k.Cert), site)
	}
	return err
}

func (a *app) siteRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke SITE KEY",
		Short: "End a key or certificate of a site",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				return s.RevokeKey(ctx, args[0], args[1])
			})
		},
	}
}

// A span is a flag with a length of time, as in the configuration.
type span struct{ server.Duration }

func (s *span) std() time.Duration { return time.Duration(s.Duration) }

// Set implements [pflag.Value].
func (s *span) Set(text string) error { return s.UnmarshalText([]byte(text)) }

// Type implements [pflag.Value].
func (s *span) Type() string { return "time" }
