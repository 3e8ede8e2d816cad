package agent

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/index"
	"muster/internal/durable"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/pkgfile"
	"muster/settings"
)

// A shelf is what self-service shows: shelf.json, and icons/<sha256> beside it. A
// process of work that has the root open anyway lays it out; the agent, which stays
// small, only reads it. Losing it empties the catalogue until the next round.
type shelf struct {
	Offers []Offer        `json:"offers,omitempty"`
	Rules  settings.Rules `json:"rules,omitempty"`
	Past   []Past         `json:"past,omitempty"` // newest first
}

// An Offer is a package that self-service shows.
type Offer struct {
	Name      string      `json:"name"`
	Kind      muster.Kind `json:"kind"`
	Title     string      `json:"title,omitempty"`
	Version   string      `json:"version,omitempty"`   // newest that may be installed
	Installed string      `json:"installed,omitempty"` // version
	// Descriptions are by language; "" is the one without.
	Descriptions map[string]string `json:"descriptions,omitempty"`
	Categories   []string          `json:"categories,omitempty"` // keywords of the package
	Homepage     string            `json:"homepage,omitempty"`
	Licence      string            `json:"licence,omitempty"`
	Download     int64             `json:"download,omitempty"` // bytes
	Size         int64             `json:"size,omitempty"`     // bytes on the disk
	Icon         string            `json:"icon,omitempty"`     // sha256
	Closes       []string          `json:"closes,omitempty"`   // programs that a change wants closed
	Problem      string            `json:"problem,omitempty"`  // why the last change of it failed
	// May is what the person who asks may do with it.
	May []settings.Op `json:"may,omitempty"`
}

// Bounds of a shelf: in packages, in bytes of one description, and in bytes as a whole.
const (
	maxOffers   = 2000
	maxDescribe = 4 << 10
	maxShelf    = 8 << 20
	maxIcons    = 500
)

// readShelf reads the shelf. A damaged file is one that was lost.
func (h *Home) readShelf() *shelf {
	s := new(shelf)
	info, err := os.Stat(h.file("shelf.json"))
	if err != nil || info.Size() > maxShelf {
		return s
	}
	data, err := os.ReadFile(h.file("shelf.json"))
	if err != nil || json.Unmarshal(data, s) != nil {
		return new(shelf)
	}
	return s
}

// stock lays the shelf out anew. The caller has begun.
func (h *Home) stock(e *engine.Engine) (*shelf, []engine.Candidate, error) {
	old := h.readShelf()
	s := &shelf{}
	var err error
	if s.Rules, _, err = e.SelfService(); err != nil {
		return nil, nil, err
	}
	found, err := s.offered(e)
	if err != nil {
		return nil, nil, err
	}
	if s.Past, err = pastOf(e.Root, old.Past); err != nil {
		return nil, nil, err
	}
	return s, found, h.saveShelf(s)
}

func (h *Home) saveShelf(s *shelf) error {
	data, err := json.Marshal(s)
	for ; err == nil && len(data) > maxShelf; data, err = json.Marshal(s) {
		s.Offers = s.Offers[:len(s.Offers)/2]
	}
	if err != nil {
		return err
	}
	if err := h.make(); err != nil {
		return err
	}
	return h.Disk.WriteFile(h.file("shelf.json"), data, 0o600)
}

// offered fills in what rules are about; in an area, whose owner may do anything, all
// packages.
func (s *shelf) offered(e *engine.Engine) (found []engine.Candidate, err error) {
	if len(s.Rules) == 0 && !e.Root.Config.Area {
		return nil, nil
	}
	want := func(name string, kind muster.Kind) bool { return e.Root.Config.Area || s.Rules.Covers(name, kind) }
	if found, err = e.Catalogue(want, maxOffers); err != nil {
		return nil, err
	}
	for _, c := range found {
		s.Offers = append(s.Offers, offerOf(c.Entry))
	}
	recs, err := e.Root.Installed()
	if err != nil {
		return nil, err
	}
	wishes, err := e.Root.Wishes()
	if err != nil {
		return nil, err
	}
	s.installed(recs, want)
	for _, f := range wishes.Failed {
		if i := s.find(f.Name); i >= 0 {
			s.Offers[i].Problem = cut(f.Error, 500)
		}
	}
	return found, nil
}

// installed marks what is there, also what no repository lists any more.
func (s *shelf) installed(recs []*install.Record, want func(string, muster.Kind) bool) {
	for _, rec := range recs {
		c := &rec.Control
		i := s.find(c.Name)
		if i < 0 && want(c.Name, c.Kind) && len(s.Offers) < maxOffers {
			i = len(s.Offers)
			s.Offers = append(s.Offers, offerOf(&index.Entry{Control: c, InstalledSize: rec.Size}))
			s.Offers[i].Version = ""
		}
		if i >= 0 {
			s.Offers[i].Installed = c.Version
		}
	}
	slices.SortFunc(s.Offers, func(a, b Offer) int { return strings.Compare(a.Name, b.Name) })
}

func (s *shelf) find(name string) int {
	return slices.IndexFunc(s.Offers, func(o Offer) bool { return o.Name == name })
}

func offerOf(e *index.Entry) Offer {
	o := Offer{Name: e.Name, Kind: e.Kind, Title: e.Title, Version: e.Version, Categories: e.Keywords, Homepage: e.Homepage,
		Licence: cut(e.Licence, 200), Download: e.Size, Size: e.InstalledSize, Icon: e.Icon, Closes: e.ImpactedProcesses}
	o.Descriptions = map[string]string{"": cut(e.Description, maxDescribe)}
	for lang, text := range e.Descriptions {
		o.Descriptions[lang] = cut(text, maxDescribe)
	}
	return o
}

// icon is where the icon of that hash is kept.
func (h *Home) icon(sha256 string) string { return filepath.Join(h.icons(), sha256) }

func (h *Home) icons() string { return filepath.Join(h.Dir, "icons") }

// fetchIcons brings the icons of what is found, and forgets those of what is not. An
// icon that cannot be had is missed until the next round; a repository that is away is
// asked for one.
func (h *Home) fetchIcons(ctx context.Context, found []engine.Candidate) error {
	wanted := map[string]bool{}
	away := map[string]bool{}
	for _, c := range found {
		sum := c.Entry.Icon
		if sum == "" || wanted[sum] || len(wanted) == maxIcons {
			continue
		}
		wanted[sum] = true
		if info, err := os.Stat(h.icon(sum)); err == nil && info.Size() > 0 || away[c.Repo()] {
			continue
		}
		data, err := c.Client.Icon(ctx, sum)
		if err != nil {
			away[c.Repo()] = true
			continue
		}
		if err := h.saveIcon(sum, data); err != nil {
			return err
		}
	}
	return h.forgetIcons(wanted)
}

func (h *Home) saveIcon(sum string, data []byte) error {
	if err := h.Disk.MkdirAll(h.icons(), 0o755); err != nil {
		return err
	}
	return h.Disk.WriteFile(h.icon(sum), data, 0o644)
}

func (h *Home) forgetIcons(wanted map[string]bool) error {
	all, err := os.ReadDir(h.icons())
	if err != nil {
		return nil // there are none
	}
	for _, f := range all {
		if wanted[f.Name()] || durable.IsTemp(f.Name()) {
			continue
		}
		if err := h.Disk.Remove(h.icon(f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// readIcon returns an icon that a package of the catalogue has.
func (h *Home) readIcon(sum string) ([]byte, error) {
	if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
		return nil, muster.Errorf(muster.Invalid, "%.80q is not a sha256", sum)
	}
	info, err := os.Lstat(h.icon(sum))
	var data []byte
	if err == nil && info.Mode().IsRegular() && info.Size() <= pkgfile.MaxIcon {
		data, err = os.ReadFile(h.icon(sum))
	} else if err == nil {
		err = fs.ErrNotExist
	}
	if err != nil || index.Sum(data) != sum {
		return nil, muster.Errorf(muster.NotFound, "there is no such icon")
	}
	return data, nil
}
