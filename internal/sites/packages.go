package sites

import (
	"context"
	"errors"
	"slices"
	"strings"

	"muster/internal/db"
)

// errFull ends a walk over the dictionary.
var errFull = errors.New("enough")

// SitePackages lists what SiteAt does, of which a name or that of the source has a text,
// in any case. Where most is not 0, it reads the dictionary by name only until so many are
// found, and all of the last name; total is how many there are in all.
func (s *Sites) SitePackages(ctx context.Context, site string, at int64, text string, most int) (all []Held, total, hosts int, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, site)
		if err != nil {
			return err
		}
		count, n, err := s.countAt(tx, one.ID, at)
		if err != nil {
			return err
		}
		hosts, total = n, len(count)
		var ids []int64
		switch {
		case text != "":
			ids, err = withText(tx, count, text)
			total = len(ids)
		case most != 0:
			ids, err = byName(tx, count, most)
		default:
			ids = ofCounts(count)
		}
		if err != nil {
			return err
		}
		all, err = s.held(tx, count, ids)
		return err
	})
	if n := len(all); most != 0 && n > most {
		end := most
		for end < n && all[end].Package.Name == all[most-1].Package.Name {
			end++
		}
		all = all[:end]
	}
	return all, total, hosts, err
}

// byName lists the first packages that are counted, in the order of their names.
func byName(tx *db.Tx, count map[int64]int, most int) (ids []int64, err error) {
	last := ""
	err = tx.Each("SELECT num, name FROM sites_package ORDER BY name", nil, func(scan db.Scan) error {
		var num int64
		var name string
		if err := scan(&num, &name); err != nil {
			return err
		}
		if count[num] == 0 {
			return nil
		}
		if len(ids) >= most && name != last {
			return errFull
		}
		ids, last = append(ids, num), name
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return ids, err
}

// withText lists those that are counted with a text in their name or that of their source.
func withText(tx *db.Tx, count map[int64]int, text string) (ids []int64, err error) {
	pattern := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(text)) + "%"
	err = tx.Each("SELECT num FROM sites_package WHERE LOWER(name) LIKE ? ESCAPE '!' OR LOWER(source) LIKE ? ESCAPE '!'", []any{pattern, pattern}, func(scan db.Scan) error {
		var num int64
		err := scan(&num)
		if count[num] != 0 {
			ids = append(ids, num)
		}
		return err
	})
	slices.Sort(ids)
	return ids, err
}
