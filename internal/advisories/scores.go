package advisories

import (
	"context"
	"slices"

	"muster/advisory"
	"muster/api"
	"muster/internal/db"
)

// Scores change every day for most of 300,000 vulnerabilities: they are kept as one text
// in parts, beside those that count until the source's generation grows.

// scorePart is how much of them one write holds.
const scorePart = 256 << 10

// takeScores replaces the scores of a source.
func (a *Advisories) takeScores(ctx context.Context, src sourceRow, c content, shrink bool, due int64) (out api.AdvisoryImport, err error) {
	st := &stage{a: a, source: src, next: src.generation + 1, unread: map[string]bool{}, out: api.AdvisoryImport{Source: src.name}}
	var s *advisory.Scores
	err = a.entries(ctx, &c, func(e entryOf) error {
		if e.skipped != nil {
			return st.skip(e.name, e.skipped)
		}
		if s == nil || e.scores.Day > s.Day { // of a folder of days the newest
			s = e.scores
		}
		return ctx.Err()
	})
	if err != nil {
		return out, err
	}
	if st.out.Entries = int64(s.Len()); !shrink && st.out.Entries*2 < src.entries {
		return out, tooFew(src.name, st.out.Entries, src.entries)
	}
	st.out.Changed = st.out.Entries
	if err := a.dropScores(ctx, src.num, src.generation); err != nil { // of an import that broke off
		return out, err
	}
	part := int64(0)
	for text := range slices.Chunk(s.Encode(), scorePart) {
		part++
		err := a.write(ctx, func(tx *db.Tx) error {
			return tx.Insert("advisories_score", []string{"source", "generation", "part", "body"}, [][]any{{src.num, st.next, part, a.pack.EncodeAll(text, nil)}})
		})
		if err != nil {
			return out, err
		}
	}
	c.edition = advisory.Notes(s.Model, s.Day)
	if err := a.flip(ctx, st, &c, nil, due); err != nil {
		return out, err
	}
	return st.out, a.dropScores(ctx, src.num, st.next)
}

// dropScores deletes those of a source that are not of a generation.
func (a *Advisories) dropScores(ctx context.Context, source, but int64) error {
	return a.write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM advisories_score WHERE source = ? AND generation <> ?", source, but)
		return err
	})
}
