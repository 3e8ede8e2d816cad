package advisories

import (
	"context"
	"fmt"
	"slices"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
)

// An ignoreKey is what an entry is about. A list that is brought again has one entry for
// each.
type ignoreKey struct{ advisory, pkg, platform, site string }

func ignoreKeyOf(e *api.AdvisoryIgnore) ignoreKey {
	return ignoreKey{e.Advisory, e.Package, e.Platform, e.Site}
}

// IgnoreList takes a list of what is ignored (advisory.ParseIgnores), as a whole or not at
// all: an error names its line. An entry about the same as one that is there takes its
// place, unless it says the same; others stay. Those that have expired are left out.
func (a *Advisories) IgnoreList(ctx context.Context, by string, list []byte) (out api.AdvisoryIgnoreImport, err error) {
	wanted, expired, err := a.ignoresOf(by, list)
	if err != nil {
		return out, err
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		out = api.AdvisoryIgnoreImport{Expired: expired}
		had, err := ignoredEntries(tx, "ended = 0")
		if err != nil {
			return err
		}
		of := map[ignoreKey][]*ignored{}
		for i := range had {
			key := ignoreKeyOf(&had[i].AdvisoryIgnore)
			of[key] = append(of[key], &had[i])
		}
		var fresh []api.AdvisoryIgnore
		var over []int64
		for _, e := range wanted {
			same, changed := false, false
			for _, h := range of[ignoreKeyOf(&e)] {
				if !same && h.Reason == e.Reason && h.Expires == e.Expires {
					same = true
				} else {
					over, changed = append(over, h.Number), true
				}
			}
			switch {
			case changed:
				out.Changed++
			case same:
				out.Unchanged++
			default:
				out.Added++
			}
			if !same {
				fresh = append(fresh, e)
			}
		}
		for part := range slices.Chunk(over, someIDs) {
			if _, err := tx.Exec("UPDATE advisories_ignore SET ended = ? WHERE num IN "+db.In(len(part)), append([]any{a.Now().Unix()}, anys(part)...)...); err != nil {
				return err
			}
		}
		return insertIgnored(tx, fresh)
	})
	if err == nil {
		a.Poke()
	}
	return out, err
}

// ignoresOf reads a list, less what has expired.
func (a *Advisories) ignoresOf(by string, list []byte) (wanted []api.AdvisoryIgnore, expired int64, err error) {
	all, err := advisory.ParseIgnores(list)
	if err != nil {
		return nil, 0, err
	}
	now := a.Now()
	lines := map[ignoreKey]int{}
	for i := range all {
		e := &all[i]
		in := api.AdvisoryIgnore{Advisory: e.ID, Package: e.Package, Platform: e.Platform, Site: e.Site, Reason: e.Reason, By: cut(by, maxText), Created: now.Unix()}
		if first, twice := lines[ignoreKeyOf(&in)]; twice {
			return nil, 0, muster.Errorf(muster.Invalid, "line %d is about the same as line %d", e.Line, first)
		}
		lines[ignoreKeyOf(&in)] = e.Line
		if !e.Until.IsZero() {
			in.Expires = e.Until.AddDate(0, 0, 1).Unix()
		}
		if in.Expires != 0 && in.Expires <= now.Unix() {
			expired++
			continue
		}
		if err := a.checkIgnore(&in); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", e.Line, err)
		}
		wanted = append(wanted, in)
	}
	return wanted, expired, nil
}
