package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"muster"
	"muster/api"
	"muster/internal/durable"
)

// siteFlags are what a site's record has.
type siteFlags struct {
	note, forget, past string
	open               bool
	addresses          []string
	quota              api.SiteQuota
}

func (o *siteFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.note, "note", "", "what it is")
	f.BoolVar(&o.open, "open", false, "let in reports that prove nothing, as those of Pakiti and GLPI")
	f.StringSliceVar(&o.addresses, "from", nil, "of an open site: only from this network, 192.0.2.0/24; may be repeated")
	f.StringVar(&o.forget, "forget", "", "forget hosts that are silent for so long: 2d; never")
	f.StringVar(&o.past, "past", "", "keep history that is over for so long: 90d; never ends it")
	f.Int64Var(&o.quota.Hosts, "hosts", 0, "at most so many hosts; 0: as the server says")
	f.Int64Var(&o.quota.Reports, "reports", 0, "at most so many reports a day")
	f.Int64Var(&o.quota.Bytes, "bytes", 0, "at most so many bytes of reports a day")
	f.Int64Var(&o.quota.Packages, "packages", 0, "at most so many versions of packages a day that no host had before")
}

// put changes of a record what was given.
func (o *siteFlags) put(in *api.SitePut, given func(string) bool) error {
	if given("note") {
		in.Note = o.note
	}
	if given("open") {
		in.Open = o.open
	}
	if given("from") {
		in.Addresses = o.addresses
	}
	for _, b := range []struct {
		name string
		to   *int64
		n    int64
	}{{"hosts", &in.Quota.Hosts, o.quota.Hosts}, {"reports", &in.Quota.Reports, o.quota.Reports}, {"bytes", &in.Quota.Bytes, o.quota.Bytes}, {"packages", &in.Quota.Packages, o.quota.Packages}} {
		if given(b.name) {
			*b.to = b.n
		}
	}
	for _, b := range []struct {
		name, text string
		to         *int64
	}{{"forget", o.forget, &in.Forget}, {"past", o.past, &in.Past}} {
		if !given(b.name) {
			continue
		}
		d, err := parseDays(b.text)
		if err != nil {
			return err
		}
		*b.to = int64(d / time.Second)
	}
	return nil
}

func sitesAddCommand(a *app) *cobra.Command {
	var o siteFlags
	cmd := &cobra.Command{
		Use:   "add SITE",
		Short: "Add a site",
		Long: `Add a site. Its hosts then need a key ('muster sites key add'), or the site has to be
open: whoever can reach the server from its networks can then say anything of its
hosts. Clients of Pakiti and agents of GLPI prove nothing; give them sites of their own.`,
		Example: `  muster sites add NIKHEF --note 'grid cluster' --forget 30d
  muster sites add OLD --open --from 192.0.2.0/24`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.putSite(cmd.Context(), args[0], &o, cmd.Flags().Changed, true)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func sitesEditCommand(a *app) *cobra.Command {
	var o siteFlags
	cmd := &cobra.Command{
		Use:     "edit SITE",
		Short:   "Change the record of a site",
		Long:    "Change the record of a site: what you give; all else stays as it is.",
		Example: "  muster sites edit NIKHEF --hosts 5000 --past 365d\n  muster sites edit OLD --open=false",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.putSite(cmd.Context(), args[0], &o, cmd.Flags().Changed, false)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (a *app) putSite(ctx context.Context, name string, o *siteFlags, given func(string) bool, add bool) error {
	site, err := asPerson(a, func(p *api.PersonClient) (out api.Site, err error) {
		old, err := p.Site(ctx, name)
		switch {
		case add && err == nil:
			return out, muster.WithHint(muster.Errorf(muster.Conflict, "there is a site %q already", name), "muster sites edit %s", shellWord(name))
		case add && muster.KindOf(err) != muster.NotFound, !add && err != nil:
			return out, siteHint(err)
		}
		record := old.Record()
		if err := o.put(&record, given); err != nil {
			return out, err
		}
		return p.PutSite(ctx, name, record)
	})
	if err != nil {
		return err
	}
	return a.answer(site, func() error {
		a.print("%s: %s", site.Name, count(int(site.Hosts), "host"))
		if add && !site.Open {
			a.talk("next: muster sites key add %s > %s", shellWord(site.Name), shellWord(strings.ReplaceAll(site.Name, "/", "_")+".key"))
		}
		return nil
	})
}

func sitesKeyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make and end the keys by which hosts prove their site",
		Long: `Who has a key of a site can report for any of its hosts, and for no other site. It is a
secret that hosts share, or a certificate: then nothing that is stolen from the server
lets others report.`,
		Example: "  muster sites key add NIKHEF > nikhef.key\n  muster sites key remove NIKHEF 4f2a9c01",
	}
	cmd.AddCommand(sitesKeyAddCommand(a), sitesKeyRemoveCommand(a))
	return cmd
}

type siteKeyOptions struct{ note, expires, cert, out string }

func sitesKeyAddCommand(a *app) *cobra.Command {
	var o siteKeyOptions
	cmd := &cobra.Command{
		Use:   "add SITE",
		Short: "Make a key for a site, and print the line for its hosts once",
		Long: `Make a key for a site, and print the line that 'muster-report --secret-file' reads. It
is told once: the server keeps a hash of it. With --cert the site has a certificate
instead, and nothing is printed.`,
		Example: `  muster sites key add NIKHEF > nikhef.key
  muster sites key add NIKHEF --out nikhef.key --expires 365d --note 'nodes of 2026'
  muster sites key add NIKHEF --cert nikhef.crt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.addSiteKey(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.note, "note", "", "what it is for")
	f.StringVar(&o.expires, "expires", "never", "after so long: 90d")
	f.StringVar(&o.cert, "cert", "", "no secret, but what this certificate signs")
	f.StringVar(&o.out, "out", "", "write the line into `FILE`, which only you can read")
	cmd.MarkFlagsMutuallyExclusive("cert", "out")
	return cmd
}

func (a *app) addSiteKey(ctx context.Context, site string, o siteKeyOptions) error {
	in := api.NewSiteKey{Note: o.note}
	last, err := parseDays(o.expires)
	if err != nil {
		return err
	}
	if last > 0 {
		in.Expires = a.now().Add(last).Unix()
	}
	if o.cert != "" {
		data, err := readBounded(o.cert, maxKeyFile, certHint)
		if err != nil {
			return err
		}
		in.Certificate = string(data)
	}
	if _, err := os.Lstat(o.out); o.out != "" && err == nil {
		return muster.WithHint(muster.Errorf(muster.Conflict, "file %q is there already", o.out), "name another file with --out") // before there is a key that nobody has
	}
	made, err := asPerson(a, func(p *api.PersonClient) (api.SiteKeyMade, error) {
		made, err := p.AddSiteKey(ctx, site, in)
		return made, siteHint(err)
	})
	if err != nil {
		return err
	}
	return a.tellSiteKey(site, o.out, made)
}

// tellSiteKey shows the line of a key once, on stdout or into a file.
func (a *app) tellSiteKey(site, out string, made api.SiteKeyMade) error {
	if out != "" {
		if err := (*durable.Disk)(nil).WriteFile(out, []byte(strings.TrimSpace(made.Line)+"\n"), 0o600); err != nil {
			return muster.WithHint(err, "muster sites key remove %s %s: nobody has this key now", site, made.ID)
		}
		made.Line = ""
	}
	return a.answer(made, func() error {
		if made.Line != "" {
			a.print("%s", strings.TrimSpace(made.Line))
		}
		a.talk("key %s of %s, until %s", made.ID, site, stampOr(made.Expires, "somebody ends it"))
		return nil
	})
}

func sitesKeyRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove SITE KEY...",
		Short:   "End keys of a site at once",
		Long:    "End keys of a site at once. 'muster sites show' lists them; hosts that have one are refused from now on.",
		Example: "  muster sites key remove NIKHEF 4f2a9c01",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, id := range args[1:] {
					if err := p.RemoveSiteKey(cmd.Context(), args[0], id); err != nil {
						return keyHint(err, args[0])
					}
					a.talk("ended key %s", id)
				}
				return nil
			})
		},
	}
}

// keyHint says where keys of sites stand.
func keyHint(err error, site string) error {
	if muster.KindOf(err) == muster.NotFound && muster.HintOf(err) == "" {
		return muster.WithHint(err, "muster sites show %s lists its keys, muster sites list the sites", site)
	}
	return err
}

// shellWord quotes a word for sh, where that is needed.
func shellWord(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+:,./@%"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
