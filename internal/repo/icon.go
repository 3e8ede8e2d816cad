package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"muster"
	"muster/index"
	"muster/internal/fetch"
	"muster/pkgfile"
)

// Icons lie beside the packages, once for each content, so that a host shows those of
// packages that it does not have: icons/<sha256>. The index names the hash.

// Icon fetches an icon that the index names, whole and of that hash.
func (c *Client) Icon(ctx context.Context, sha256 string) ([]byte, error) {
	var errs []error
	for _, base := range c.bases(c.load()) {
		s, err := c.Fetch.GetSmall(ctx, base, index.IconName(sha256), pkgfile.MaxIcon, fetch.Validators{})
		if err == nil && index.Sum(s.Data) == sha256 {
			return s.Data, nil
		}
		if err == nil {
			err = muster.Errorf(muster.Denied, "%s has another icon under %q", base, index.IconName(sha256))
		}
		errs = append(errs, err)
	}
	return nil, muster.WithKind(muster.Unavailable, errors.Join(errs...))
}

// storeIcon puts the icon of a package where the index will say that it is.
func (p *Publisher) storeIcon(d *draft) error {
	if d.entry.Icon == "" {
		return nil
	}
	name := index.IconName(d.entry.Icon)
	if data, err := readFile(p.path(name), pkgfile.MaxIcon); err == nil && index.Sum(data) == d.entry.Icon {
		return nil
	}
	return p.write(name, d.icon)
}

// readIcon returns the icon of a package, nil where it has none.
func readIcon(pkg *pkgfile.Package) ([]byte, error) {
	f := pkg.Manifest.Icon()
	if f == nil {
		return nil, nil
	}
	return pkg.ReadFile(f.Path, pkgfile.MaxIcon)
}

// checkIcon holds the icon of a package to its hash.
func (v *Verdict) checkIcon(ctx context.Context, c *Client, e *index.Entry) {
	if e.Icon == "" {
		return
	}
	_, err := c.Icon(ctx, e.Icon)
	if errors.Is(err, os.ErrNotExist) || muster.KindOf(err) == muster.NotFound {
		err = fmt.Errorf("the icon of %s is missing", e)
	}
	v.add(index.IconName(e.Icon), err)
}

// isIcon reports whether name is that of an icon which a publisher wrote.
func isIcon(name string) bool {
	sum, ok := strings.CutPrefix(name, "icons/")
	return ok && len(sum) == 64 && strings.Trim(sum, "0123456789abcdef") == ""
}
