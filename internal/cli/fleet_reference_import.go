package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/advisory/systems"
	"muster/api"
	"muster/reference"
)

type referenceImportOptions struct {
	reportSource
	form                 string
	model, exact, print  bool
	note, until          string
	tags, systems, sites []string
	complete, optional   bool
	newestOf, os         string
	sources              bool
}

// indexForms read indexes of repositories.
var indexForms = []string{"debian", "rpm", "primary", "pkgsrc", "freebsd", "alpine", "pacman", "muster"}

func referenceImportCommand(a *app) *cobra.Command {
	var o referenceImportOptions
	cmd := &cobra.Command{
		Use:   "import NAME FILE...",
		Short: "Give the server a reference: a list, indexes of repositories, or a host as the model",
		Long: `Give the server a reference, or a new text of one that it has. FILE is

  a list of wanted versions in YAML, or CSV with the columns name and want: what is said
  of the list as a whole is then said by options;
  indexes of repositories, one or several that hosts use together: Packages of Debian,
  a folder with repodata of rpm (or its primary.xml), pkg_summary, packagesite of
  FreeBSD, APKINDEX, NAME.db of pacman, a repository of muster: then at least the newest versions are wanted.
  Whether an index is signed is to be checked before.

With --model this machine, or the report of another, is what others should be like.

--print prints the list and sends nothing: for a look, or for 'compare' without a server.`,
		Example: `  muster reference import baseline baseline.yaml
  muster reference import campaign wanted.csv --system debian:12 --until 2027-01-31
  muster reference import debian-12 main/binary-amd64/Packages.xz security/binary-amd64/Packages.xz
  muster reference import like-node1 --model --report node1.txt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importReference(cmd.Context(), args[0], args[1:], &o)
		},
	}
	o.reportSource.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.form, "form", "", "yaml, csv, or an index: "+strings.Join(indexForms, ", ")+" (default: by the name)")
	f.BoolVar(&o.model, "model", false, "take this machine, or --report, as the model")
	f.BoolVar(&o.exact, "exact", false, "with --model: exactly its versions, not at least")
	f.BoolVar(&o.print, "print", false, "print the list as YAML, and send nothing")
	f.StringVar(&o.note, "note", "", "what it is for")
	f.StringVar(&o.until, "until", "", "from this date on it does not count")
	f.StringSliceVar(&o.tags, "tag", nil, "only for hosts with this tag")
	f.StringSliceVar(&o.systems, "system", nil, "only for this system: debian:12")
	f.StringSliceVar(&o.sites, "site", nil, "only for this site")
	f.BoolVar(&o.complete, "complete", false, "what is installed and not listed is unexpected")
	f.BoolVar(&o.optional, "optional", false, "nothing need be there; what is, is compared")
	f.StringVar(&o.newestOf, "newest-of", "", "the reference of which wishes 'newest' speak")
	f.StringVar(&o.os, "os", "linux", "of an index of muster: what installs on this system")
	f.BoolVar(&o.sources, "sources", false, "of indexes: rows of source packages, where they are named")
	cmd.RegisterFlagCompletionFunc("form", matching(words(append([]string{"yaml", "csv"}, indexForms...)...))) //nolint:errcheck // the flag is there
	return cmd
}

func (a *app) importReference(ctx context.Context, name string, names []string, o *referenceImportOptions) error {
	in, err := a.referenceText(ctx, name, names, o)
	if err != nil {
		return err
	}
	if o.print {
		l, err := listOf(name, name, in)
		if err != nil {
			return err
		}
		_, err = a.out.Write(l.Print())
		return err
	}
	r, err := asPerson(a, func(p *api.PersonClient) (api.Reference, error) { return p.PutReference(ctx, name, in) })
	if err != nil {
		return err
	}
	return a.answer(r, func() error {
		a.print("%s: %s, revision %d", r.Name, count(r.Packages, "row"), int(r.Revision))
		for _, u := range r.Unresolved {
			a.talk("the newest version of %s is wanted, and not known", u)
		}
		a.talk("next: muster reference compare %s --by site", r.Name)
		return nil
	})
}

// listOf is the list that the server would make of what stands in a file.
func listOf(file, name string, in api.ReferencePut) (l *reference.List, err error) {
	if in.Form == "csv" {
		l, err = reference.ParseCSV(file, []byte(in.Text), reference.List{Note: in.Note, For: reference.Scope{Tags: in.Tags, Systems: in.Systems, Sites: in.Sites}, Until: in.Until,
			Complete: in.Complete, Optional: in.Optional, NewestOf: in.NewestOf})
	} else {
		l, err = reference.ParseYAML(file, []byte(in.Text))
	}
	if err != nil {
		return nil, err
	}
	l.Name = name
	return l, l.Check()
}

// referenceText is what is to be sent: the text of a file as it was written, or the list
// that is made of indexes or a model.
func (a *app) referenceText(ctx context.Context, name string, names []string, o *referenceImportOptions) (in api.ReferencePut, err error) {
	if o.model {
		if len(names) > 0 {
			return in, usagef("--model takes no file but --report")
		}
		return a.modelText(ctx, name, o)
	}
	if len(names) == 0 {
		return in, usagef("say which FILE, or --model")
	}
	if o.file != "" || o.root != "" {
		return in, usagef("--report and --tree are for --model")
	}
	form := cmp.Or(o.form, guessList(names[0]))
	switch {
	case form == "":
		return in, muster.WithHint(usagef("cannot see what %q is", names[0]), "say it with --form: yaml, csv, %s", strings.Join(indexForms, ", "))
	case slices.Contains(indexForms, form):
		return a.indexText(name, names, o)
	case form != "yaml" && form != "csv":
		return in, usagef("there is no form %q: yaml, csv, %s", form, strings.Join(indexForms, ", "))
	case len(names) > 1:
		return in, usagef("a list is one file; several are for indexes of repositories")
	}
	data, err := readBounded(names[0], api.MaxReference, listHint)
	if err != nil {
		return in, err
	}
	in = api.ReferencePut{Form: form, Text: string(data)}
	if form == "yaml" && o.says() {
		return in, usagef("YAML says all of a list itself: change %q", names[0])
	}
	if err := a.about(&in, o); err != nil {
		return in, err
	}
	if _, err := listOf(names[0], name, in); err != nil {
		return in, muster.Errorf(muster.KindOf(err), "cannot read %w", err)
	}
	return in, nil
}

// says reports whether options say something of the list as a whole.
func (o *referenceImportOptions) says() bool {
	return o.note != "" || o.until != "" || len(o.tags)+len(o.systems)+len(o.sites) > 0 || o.complete || o.optional || o.newestOf != ""
}

// about says of a list what the options say.
func (a *app) about(in *api.ReferencePut, o *referenceImportOptions) (err error) {
	if in.Until, err = a.dateOr(o.until); err != nil {
		return err
	}
	in.Note, in.Tags, in.Systems, in.Sites = o.note, o.tags, o.systems, o.sites
	in.Complete, in.Optional, in.NewestOf = o.complete, o.optional, o.newestOf
	return nil
}

// adorn says of a list that was made here what the options say, and prints it.
func (a *app) adorn(l *reference.List, o *referenceImportOptions) (in api.ReferencePut, err error) {
	if l.Until, err = a.dateOr(o.until); err != nil {
		return in, err
	}
	l.Note = o.note
	if len(o.systems) > 0 {
		l.For.Systems = o.systems
	}
	l.For.Tags, l.For.Sites = o.tags, o.sites
	l.Complete, l.Optional, l.NewestOf = l.Complete || o.complete, l.Optional || o.optional, o.newestOf
	if err := l.Check(); err != nil {
		return in, err
	}
	if o.print {
		return api.ReferencePut{Form: "yaml", Text: string(l.Print())}, nil
	}
	return fitting(l)
}

// fitting is a list as a server takes it: as YAML, or where that is too long as CSV, which
// has half the bytes.
func fitting(l *reference.List) (in api.ReferencePut, err error) {
	in = api.ReferencePut{Form: "yaml", Text: string(l.Print())}
	if fits(in) {
		return in, nil
	}
	in = api.ReferencePut{Form: "csv", Note: l.Note, Tags: l.For.Tags, Systems: l.For.Systems, Sites: l.For.Sites, Until: l.Until,
		Complete: l.Complete, Optional: l.Optional, NewestOf: l.NewestOf}
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write([]string{"name", "want", "manager", "arch"}) //nolint:errcheck // Error has it
	for i := range l.Wanted {
		x := &l.Wanted[i]
		w.Write([]string{x.Name, x.Want.String(), x.Manager, x.Arch}) //nolint:errcheck // Error has it
	}
	w.Flush()
	in.Text = b.String()
	if !fits(in) {
		return in, muster.WithHint(muster.Errorf(muster.Invalid, "the list has %s, more than the %s that a server takes", count(len(l.Wanted), "row"), size(api.MaxReference)),
			"--sources has fewer rows; or take fewer indexes")
	}
	return in, w.Error()
}

// fits reports whether a server takes so much.
func fits(in api.ReferencePut) bool {
	data, err := json.Marshal(in)
	return err == nil && len(data) <= api.MaxReference
}

func (a *app) modelText(ctx context.Context, name string, o *referenceImportOptions) (in api.ReferencePut, err error) {
	r, err := a.siteReport(ctx, &o.reportSource)
	if err != nil {
		return in, err
	}
	h := &reference.Host{Site: r.Site, Tag: r.Tag, System: r.System, Platform: systems.Builtin().Of(r.System.ID, r.System.Version, r.System.Name)}
	l, err := reference.FromReport(r, h, o.exact)
	if err != nil {
		return in, err
	}
	l.Name = name
	return a.adorn(l, o)
}

func (a *app) indexText(name string, names []string, o *referenceImportOptions) (in api.ReferencePut, err error) {
	n := &reference.Newest{Sources: o.sources}
	for _, file := range names {
		form := cmp.Or(o.form, guessList(file))
		if !slices.Contains(indexForms, form) {
			return in, muster.WithHint(usagef("%q is no index of a repository", file), "say it with --form: %s", strings.Join(indexForms, ", "))
		}
		if err := addIndex(n, form, file, o.os); err != nil {
			return in, err
		}
	}
	a.talk("%s in %s", count(n.Len(), "package"), strings.Join(names, ", "))
	return a.adorn(n.List(name), o)
}

func addIndex(n *reference.Newest, form, name, system string) error {
	if form == "rpm" {
		return n.AddRPM(os.DirFS(name))
	}
	if form == "muster" && isOurs(name) {
		name = filepath.Join(name, "Packages")
	}
	f, err := open(name, indexHint)
	if err != nil {
		return err
	}
	defer f.Close()
	switch form {
	case "debian":
		return n.AddDebian(name, f)
	case "primary":
		return n.AddPrimary(name, f)
	case "pkgsrc":
		return n.AddPkgsrc(name, f)
	case "freebsd":
		return n.AddFreeBSD(name, f)
	case "alpine":
		return n.AddAlpine(name, f)
	case "pacman":
		return n.AddPacman(name, f)
	}
	return n.AddMuster(name, f, system)
}

// isMusterIndex tells the index of a repository of ours, which has the name of Debian's, by
// its first field.
func isMusterIndex(name string) bool {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := headOf(f)
	return err == nil && bytes.HasPrefix(head, []byte("package: "))
}

// guessList sees by a name what a file is; "" where it cannot.
func guessList(name string) string {
	if info, err := os.Stat(filepath.Join(filepath.Clean(name), "repodata", "repomd.xml")); err == nil && info.Mode().IsRegular() {
		return "rpm"
	}
	if isOurs(name) {
		return "muster"
	}
	base := strings.ToLower(filepath.Base(name))
	for _, end := range []string{".gz", ".xz", ".bz2", ".zst", ".lz4"} {
		base = strings.TrimSuffix(base, end)
	}
	switch ext := filepath.Ext(base); {
	case ext == ".yaml" && strings.HasPrefix(base, "packagesite"):
		return "freebsd"
	case ext == ".yaml", ext == ".yml":
		return "yaml"
	case ext == ".csv":
		return "csv"
	case ext == ".db", strings.HasSuffix(base, ".db.tar"):
		return "pacman"
	case strings.HasSuffix(base, "primary.xml"):
		return "primary"
	}
	if strings.HasPrefix(base, "packages") && isMusterIndex(name) {
		return "muster"
	}
	for _, p := range []struct{ start, form string }{{"packagesite", "freebsd"}, {"packages", "debian"}, {"apkindex", "alpine"}, {"pkg_summary", "pkgsrc"}} {
		if strings.HasPrefix(base, p.start) {
			return p.form
		}
	}
	if strings.HasSuffix(base, "_packages") { // as apt keeps them in /var/lib/apt/lists
		return "debian"
	}
	return ""
}
