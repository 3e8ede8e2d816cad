package sites

import (
	"cmp"
	"context"
	"slices"

	"muster/internal/db"
)

// readWords looks the packages up. Where all are known, the set takes form here.
func (t *taking) readWords(tx *db.Tx) (err error) {
	if t.words == nil {
		platform := t.s.words.platformKey(&t.r.System)
		t.words = make([]word, len(t.r.Packages))
		for i := range t.r.Packages {
			t.words[i] = word{sum: wordSum(platform, &t.r.Packages[i]), pkg: &t.r.Packages[i]}
		}
	}
	if t.missing, t.weeded, err = t.s.words.resolve(tx, t.words); err != nil {
		return err
	}
	if len(t.missing) > 0 {
		return t.roomWords(tx)
	}
	return t.shape(tx)
}

// shape sorts the numbers of the packages, and finds the smallest forms.
func (t *taking) shape(tx *db.Tx) (err error) {
	t.ids = idsOf(t.words)
	former := int64(0)
	if t.was != nil {
		former = t.was.has
	}
	t.forms, err = t.s.forms(tx, t.platform, former, t.ids)
	return err
}

// wordsAtOnce is how many packages one write adds: others wait for it, some 0.2 s.
const wordsAtOnce = 5_000

// addWords adds packages that are missing, in several writes, each with its part of the
// quota. What ends the report in between leaves packages that no set has.
func (t *taking) addWords(ctx context.Context) error {
	for part := range slices.Chunk(t.missing, wordsAtOnce) {
		fresh := 0
		err := t.s.DB.Write(ctx, func(tx *db.Tx) (err error) {
			fresh, err = t.number(tx, part)
			return err
		})
		if err != nil {
			return err
		}
		t.added += fresh
	}
	t.s.words.keep(t.words, t.weeded)
	return nil
}

// number gives numbers to packages that have none yet. Another report may have brought
// them since, and a transaction that is run again begins anew.
func (t *taking) number(tx *db.Tx, words []*word) (added int, err error) {
	platform, err := t.s.words.platform(tx, &t.r.System)
	if err != nil {
		return 0, err
	}
	for _, w := range words {
		w.num = 0
	}
	if err := findWords(tx, words); err != nil {
		return 0, err
	}
	missing := slices.DeleteFunc(slices.Clone(words), func(w *word) bool { return w.num != 0 })
	if len(missing) == 0 {
		return 0, nil
	}
	if err := t.charge(tx, Quota{Packages: int64(len(missing))}); err != nil {
		return 0, err
	}
	return len(missing), insertWords(tx, t.now, platform, missing)
}

// keepSet returns the number of the set, which it adds where it is new.
func (t *taking) keepSet(tx *db.Tx) (int64, error) {
	num, err := setNumbered(tx, t.setSum)
	if err != nil || num != 0 {
		return num, err
	}
	if t.has != 0 {
		return 0, errMoved // deleted since it was looked for
	}
	if err := t.there(tx); err != nil {
		return 0, err
	}
	return insertSet(tx, t.setSum, len(t.ids), t.forms)
}

// there holds the packages of a new set to the dictionary, where that was weeded since they
// were looked up: one may be gone, as no set had it.
func (t *taking) there(tx *db.Tx) error {
	at, err := weeded(tx)
	if err != nil || at == t.weeded {
		return err
	}
	n := 0
	for part := range slices.Chunk(t.ids, chunk) {
		var found int
		if err := tx.QueryRow("SELECT COUNT(*) FROM sites_package WHERE num IN "+db.In(len(part)), anys(part)...).Scan(&found); err != nil {
			return err
		}
		n += found
	}
	if n < len(t.ids) {
		return errMoved
	}
	return nil
}

// idsOf are the numbers of words, sorted.
func idsOf(words []word) []int64 {
	ids := make([]int64, len(words))
	for i := range words {
		ids[i] = words[i].num
	}
	slices.SortFunc(ids, cmp.Compare[int64])
	return slices.Compact(ids)
}
