package advisories

import (
	"context"
	"maps"
	"slices"

	"muster/internal/db"
	"muster/internal/sites"
)

// matchRows is how many rows of the dictionary are matched at a time.
const matchRows = 500

// matchNew matches what is new in the dictionary.
func (a *Advisories) matchNew(ctx context.Context) error {
	known, err := self[int64](ctx, a, "known")
	for err == nil {
		var rows []sites.Known
		if rows, err = a.Dictionary.KnownAfter(ctx, known, matchRows); err != nil || len(rows) == 0 {
			return err
		}
		known = rows[len(rows)-1].ID
		err = a.match(ctx, rows, func(tx *db.Tx) error { return setSelf(tx, "known", known) })
	}
	return err
}

// remap begins anew where other systems are mapped, or mapped otherwise.
func (a *Advisories) remap(ctx context.Context) error {
	was, err := self[string](ctx, a, "mapping")
	if err != nil || was == cut(a.Mapping, 100) {
		return err
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if err := setSelf(tx, "known", 0); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE advisories_group SET stale = 1 WHERE stale = 0"); err != nil {
			return err
		}
		return setSelf(tx, "mapping", cut(a.Mapping, 100))
	})
}

// settle matches what imports changed.
func (a *Advisories) settle(ctx context.Context) error {
	all, err := a.sourceRows(ctx)
	for i := range all {
		if err == nil {
			err = a.settleSource(ctx, all[i])
		}
	}
	return err
}

// settleSource matches again the rows that carry a name of an advisory that changed,
// then those that have one that came to be exploited, or did not stay so. What had died
// is deleted afterwards.
func (a *Advisories) settleSource(ctx context.Context, src sourceRow) error {
	if src.matched < src.generation {
		if err := a.rematch(ctx, &src); err != nil {
			return err
		}
	}
	return a.deleteVersions(ctx, src.num, "died > 0 AND died <= ?", src.generation)
}

// changedVersions are those of a source that came or went since findings followed it.
const changedVersions = "v.source = ? AND (v.born > ? AND v.born <= ? OR v.died > ? AND v.died <= ?)"

func (s *sourceRow) changedArgs() []any {
	return []any{s.num, s.matched, s.generation, s.matched, s.generation}
}

func (a *Advisories) rematch(ctx context.Context, src *sourceRow) error {
	names, globs, err := a.changedNames(ctx, src)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(names, matchRows) {
		if part[len(part)-1] <= src.upto {
			continue // before a crash
		}
		if err := a.rematchNames(ctx, src, part); err != nil {
			return err
		}
	}
	if err := a.rematchEcosystems(ctx, globs); err != nil {
		return err
	}
	if err := a.rematchExploited(ctx, src); err != nil {
		return err
	}
	if err := a.soilIgnored(ctx, src); err != nil {
		return err
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if err := soilOwn(tx); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE advisories_source SET matched = ?, upto = '' WHERE num = ?", src.generation, src.num)
		return err
	})
}

// changedNames are the names of packages that advisories speak of which changed, sorted,
// and the ecosystems in which some of them are patterns.
func (a *Advisories) changedNames(ctx context.Context, src *sourceRow) (names []string, globs map[string]bool, err error) {
	globs = map[string]bool{}
	seen := map[string]bool{}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.Each(`SELECT DISTINCT f.ecosystem, f.name FROM advisories_version v JOIN advisories_affected f ON f.advisory = v.advisory AND f.born = v.born WHERE `+changedVersions, src.changedArgs(), func(scan db.Scan) error {
			var ecosystem, name string
			if err := scan(&ecosystem, &name); err != nil {
				return err
			}
			if name == anyName {
				globs[ecosystem] = true
			} else {
				seen[name] = true
			}
			return nil
		})
	})
	return slices.Sorted(maps.Keys(seen)), globs, err
}

// rematchNames matches the rows again that carry one of some names.
func (a *Advisories) rematchNames(ctx context.Context, src *sourceRow, names []string) error {
	return a.matchNamed(ctx, names, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE advisories_source SET upto = ? WHERE num = ?", names[len(names)-1], src.num)
		return err
	})
}

// matchNamed matches rows by their names. last runs in the last of the writes.
func (a *Advisories) matchNamed(ctx context.Context, names []string, last func(*db.Tx) error) error {
	rows, err := a.Dictionary.KnownNamed(ctx, names)
	if err != nil {
		return err
	}
	renamed, err := a.renamed(ctx, names)
	if err != nil {
		return err
	}
	rows = unique(append(rows, renamed...))
	for len(rows) > matchRows {
		if err := a.match(ctx, rows[:matchRows], nothing); err != nil {
			return err
		}
		rows = rows[matchRows:]
	}
	return a.match(ctx, rows, last)
}

func nothing(*db.Tx) error { return nil }

func unique(rows []sites.Known) []sites.Known {
	seen := map[int64]bool{}
	return slices.DeleteFunc(rows, func(k sites.Known) bool {
		was := seen[k.ID]
		seen[k.ID] = true
		return was
	})
}

// renamed lists rows that advisories call by one of some names.
func (a *Advisories) renamed(ctx context.Context, names []string) (rows []sites.Known, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		rows = nil
		for part := range slices.Chunk(names, someIDs) {
			found, err := knownRows(tx, "SELECT body FROM advisories_renamed WHERE name IN "+db.In(len(part)), anys(part)...)
			if err != nil {
				return err
			}
			rows = append(rows, found...)
		}
		return nil
	})
	return rows, err
}

// rematchEcosystems goes through the whole dictionary for those in which advisories
// that changed name packages by patterns.
func (a *Advisories) rematchEcosystems(ctx context.Context, ecosystems map[string]bool) error {
	if len(ecosystems) == 0 {
		return nil
	}
	for last := int64(0); ; {
		rows, err := a.Dictionary.KnownAfter(ctx, last, 4*matchRows)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].ID
		rows = slices.DeleteFunc(rows, func(k sites.Known) bool { return !ecosystems[a.platform(&k).Ecosystem] })
		for part := range slices.Chunk(rows, matchRows) {
			if err := a.match(ctx, part, nothing); err != nil {
				return err
			}
		}
	}
}

// rematchExploited matches rows again in which something is found that shares a name
// with an advisory of a catalogue of exploited ones that changed.
func (a *Advisories) rematchExploited(ctx context.Context, src *sourceRow) error {
	var ids []int64
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		ids, err = numbers(tx, `SELECT DISTINCT f.known FROM advisories_version v JOIN advisories_name k ON k.advisory = v.advisory AND k.born = v.born
			JOIN advisories_name n ON n.name = k.name JOIN advisories_finding f ON f.advisory = n.advisory WHERE v.exploited = 1 AND `+changedVersions, src.changedArgs()...)
		return err
	})
	for part := range slices.Chunk(ids, matchRows) {
		if err != nil {
			return err
		}
		var rows []sites.Known
		err = a.DB.Read(ctx, func(tx *db.Tx) error {
			rows, err = knownRows(tx, "SELECT body FROM advisories_row WHERE known IN "+db.In(len(part)), anys(part)...)
			return err
		})
		if err == nil {
			err = a.match(ctx, rows, nothing)
		}
	}
	return err
}
