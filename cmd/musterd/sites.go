package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
sees a change within seconds. 'muster sites' does the same, and more, from elsewhere.`,
	}
	list := &cobra.Command{Use: "list", Short: "List the sites", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.withSites(cmd.Context(), a.listSites) }}
	cmd.AddCommand(list, a.siteAddCommand(), a.siteEditCommand(), a.siteKeyCommand())
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
			until := ""
			if k.Expires != 0 {
				until = " until " + dateText(k.Expires)
			}
			a.print("    %s  %s  since %s%s  %s", k.ID, what, dateText(k.Created), until, k.Note)
		}
	}
	return err
}

func dateText(t int64) string { return time.Unix(t, 0).UTC().Format(time.DateOnly) }

// siteFlags are what the record of a site has.
type siteFlags struct {
	open         bool
	from         []string
	note         string
	forget, past span
	quota        sites.Quota
}

func (o *siteFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&o.open, "open", false, "let in reports that prove nothing, as those of Pakiti's clients")
	f.StringSliceVar(&o.from, "from", nil, "of an open site: only from these `NETWORKS`, as 192.0.2.0/24")
	f.StringVar(&o.note, "note", "", "for people")
	f.Var(&o.forget, "forget", "forget hosts that are silent for so long, as 2d; 0: never")
	f.Var(&o.past, "past", "keep history that is over for so long, as 90d; 0: for ever")
	f.Int64Var(&o.quota.Hosts, "hosts", 0, "at most so many hosts; 0: as the configuration says")
	f.Int64Var(&o.quota.Reports, "reports", 0, "at most so many reports a day")
	f.Int64Var(&o.quota.Bytes, "bytes", 0, "at most so many bytes of reports a day")
	f.Int64Var(&o.quota.Packages, "packages", 0, "at most so many versions of packages a day that no host had before")
}

// put changes of a record what was given.
func (o *siteFlags) put(site *sites.Site, given func(string) bool) error {
	for name, put := range map[string]func(){
		"open": func() { site.Open = o.open }, "note": func() { site.Note = o.note },
		"forget": func() { site.Forget = o.forget.std() }, "past": func() { site.Past = cmp.Or(o.past.std(), -1) },
		"hosts": func() { site.Quota.Hosts = o.quota.Hosts }, "reports": func() { site.Quota.Reports = o.quota.Reports },
		"bytes": func() { site.Quota.Bytes = o.quota.Bytes }, "packages": func() { site.Quota.Packages = o.quota.Packages },
	} {
		if given(name) {
			put()
		}
	}
	if !given("from") {
		return nil
	}
	site.Addresses = nil
	for _, text := range o.from {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return usageError{fmt.Errorf("--from: %q is no network like 192.0.2.0/24", text)}
		}
		site.Addresses = append(site.Addresses, p)
	}
	return nil
}

func (a *app) siteAddCommand() *cobra.Command {
	var o siteFlags
	cmd := &cobra.Command{
		Use:   "add SITE",
		Short: "Add a site",
		Example: "  musterd sites add NIKHEF\n  musterd sites add EGI-PROBES --forget 2d --past 90d\n" +
			"  musterd sites add OLD --open --from 192.0.2.0/24",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				_, err := s.Site(ctx, args[0])
				if err == nil {
					return muster.WithHint(muster.Errorf(muster.Conflict, "there is a site %q already", args[0]), "musterd sites edit %s", args[0])
				}
				if muster.KindOf(err) != muster.NotFound {
					return err
				}
				site := sites.Site{Name: args[0], Past: -1}
				if err := o.put(&site, cmd.Flags().Changed); err != nil {
					return err
				}
				return s.PutSite(ctx, time.Now(), site)
			})
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (a *app) siteEditCommand() *cobra.Command {
	var o siteFlags
	cmd := &cobra.Command{
		Use:     "edit SITE",
		Short:   "Change the record of a site: what is given; all else stays",
		Example: "  musterd sites edit NIKHEF --hosts 5000\n  musterd sites edit OLD --open=false",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				site, err := s.Site(ctx, args[0])
				if err != nil {
					return siteHint(err)
				}
				if err := o.put(&site, cmd.Flags().Changed); err != nil {
					return err
				}
				return s.PutSite(ctx, time.Now(), site)
			})
		},
	}
	o.add(cmd.Flags())
	return cmd
}

// siteHint says where the names of sites and keys stand, here on the server.
func siteHint(err error) error {
	hint := muster.HintOf(err)
	if muster.KindOf(err) == muster.NotFound && (hint == "" || strings.HasPrefix(hint, "'muster sites")) {
		return muster.WithHint(err, "musterd sites list shows sites and their keys")
	}
	return err
}

func (a *app) siteKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make and end the keys by which hosts prove their site",
		Long: `Who has a key of a site can report for any of its hosts, and for no other site. It is a
secret that hosts share, or a certificate: then nothing that is stolen from the server
lets others report.`,
	}
	cmd.AddCommand(a.siteKeyAddCommand(), a.siteKeyRemoveCommand())
	return cmd
}

// siteKeyOptions are the flags of 'musterd sites key add'.
type siteKeyOptions struct {
	sites.Key
	cert, file string
	lasts      span
}

func (a *app) siteKeyAddCommand() *cobra.Command {
	var o siteKeyOptions
	cmd := &cobra.Command{
		Use:   "add SITE",
		Short: "Make a key for a site, or take a certificate that signs its reports",
		Long: `Print the line for the file that the hosts of a site have: ID:SECRET. It is shown once:
the server keeps a hash of it. With --cert reports count that the certificate signs, or
one that it issued.`,
		Example: "  musterd sites key add NIKHEF > nikhef.key\n  musterd sites key add NIKHEF --cert nikhef.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				return siteHint(a.addSiteKey(ctx, s, args[0], o))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ID, "id", "", "call the key `ID` (default: a random one)")
	f.StringVar(&o.Note, "note", "", "for people")
	f.StringVar(&o.cert, "cert", "", "take the certificate in PEM `FILE`")
	f.StringVar(&o.file, "file", "", "take the key that `FILE` has, as from another collector, and make none")
	f.Var(&o.lasts, "expires", "end it after so long, as 365d; 0: never")
	cmd.MarkFlagsMutuallyExclusive("cert", "file")
	return cmd
}

func (a *app) addSiteKey(ctx context.Context, s *sites.Sites, site string, o siteKeyOptions) error {
	now := time.Now()
	if o.lasts.std() > 0 {
		o.Expires = now.Add(o.lasts.std()).Unix()
	}
	switch {
	case o.cert != "":
		return a.addCert(ctx, s, now, site, o.cert, o.Key)
	case o.file != "":
		return addSecret(ctx, s, now, site, o.file, o.Key)
	}
	line, _, err := s.AddKey(ctx, now, site, o.Key)
	if err == nil {
		a.print("%s", line)
	}
	return err
}

func addSecret(ctx context.Context, s *sites.Sites, now time.Time, site, file string, k sites.Key) error {
	data, err := readFile(file, "it has the line ID:SECRET that 'musterd sites key add' or 'muster sites key add' printed")
	if err != nil {
		return err
	}
	secret, err := sitereport.ParseKey(data)
	if err != nil {
		return fmt.Errorf("cannot use %q: %w", file, err)
	}
	_, err = s.AddSecret(ctx, now, site, k, secret)
	return err
}

func (a *app) addCert(ctx context.Context, s *sites.Sites, now time.Time, site, file string, k sites.Key) error {
	data, err := readFile(file, "it is a certificate in PEM; 'muster key new --name SITE --out BASE' makes one with its key")
	if err != nil {
		return err
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

func (a *app) siteKeyRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove SITE KEY...",
		Short:   "End keys or certificates of a site at once",
		Example: "  musterd sites key remove NIKHEF 4f2a9c01",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSites(cmd.Context(), func(ctx context.Context, s *sites.Sites) error {
				for _, id := range args[1:] {
					if err := s.RevokeKey(ctx, args[0], id); err != nil {
						return siteHint(err)
					}
				}
				return nil
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
