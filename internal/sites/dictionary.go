package sites

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"muster/advisory/systems"
	"muster/internal/db"
	"muster/sitereport"
)

// A Known is a package that some host has or had.
type Known struct {
	ID      int64
	System  sitereport.System // ID and Version; Name where there is no ID, or the name decides
	Package sitereport.Package
	First   int64 // when the server first saw it, in Unix seconds
}

// A sum names a row of the database: half of a SHA-256.
type sum [16]byte

// sumOf is the sum of texts, of which no two lists give the same bytes.
func sumOf(texts ...string) (out sum) {
	var room [512]byte
	b := room[:0]
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	full := sha256.Sum256(b)
	copy(out[:], full[:])
	return out
}

// wordSum is the sum of a package of a platform.
func wordSum(platform string, p *sitereport.Package) sum {
	return sumOf(platform, p.Manager, p.Name, p.Version, p.Arch, p.Source, p.SourceVersion, p.Origin)
}

// A dictionary is the part of sites_package and sites_platform that memory has. Rows do
// not change, and no number is given twice; but rows go ([Sites.Weed]), here and on other
// servers. Each time the database counts that, and what memory has of before is forgotten.
type dictionary struct {
	systems   *systems.Table
	mu        sync.Mutex
	weeded    int64 // as the database had counted when bySum was begun
	bySum     map[sum]int64
	byNum     map[int64]*Known
	platforms map[string]int64
}

// Bounds of the dictionary in memory. What is not there is read. A sum takes some 50
// bytes, a row some 350.
const (
	maxSums      = 300_000
	maxRows      = 50_000
	maxPlatforms = 10_000
)

func newDictionary(t *systems.Table) *dictionary {
	return &dictionary{systems: t, bySum: map[sum]int64{}, byNum: map[int64]*Known{}, platforms: map[string]int64{}}
}

func (d *dictionary) putSum(s sum, num int64) {
	if len(d.bySum) >= maxSums {
		clear(d.bySum)
	}
	d.bySum[s] = num
}

func (d *dictionary) putRow(k *Known) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.byNum) >= maxRows {
		clear(d.byNum)
	}
	d.byNum[k.ID] = k
}

// A word is a package on its way into the dictionary.
type word struct {
	sum sum
	num int64 // 0: none yet
	pkg *sitereport.Package
}

// chunk is how many values one IN has.
const chunk = 500

// weeded reads how often packages were taken out of the dictionary.
func weeded(tx *db.Tx) (n int64, err error) {
	err = tx.QueryRow("SELECT last FROM sites_number WHERE name = 'pruned'").Scan(&n)
	return n, err
}

// resolve gives words the numbers that they have, as of a time that at counts. It returns
// those that have none.
func (d *dictionary) resolve(tx *db.Tx, words []word) (missing []*word, at int64, err error) {
	if at, err = weeded(tx); err != nil {
		return nil, 0, err
	}
	var ask []*word
	d.mu.Lock()
	if at > d.weeded {
		clear(d.bySum)
		d.weeded = at
	}
	for i := range words {
		w := &words[i]
		if w.num = d.bySum[w.sum]; w.num == 0 {
			ask = append(ask, w)
		}
	}
	d.mu.Unlock()
	if err := findWords(tx, ask); err != nil {
		return nil, 0, err
	}
	for _, w := range ask {
		if w.num == 0 {
			missing = append(missing, w)
		}
	}
	return missing, at, nil
}

// keep has memory know the numbers of words that are in the database, and were resolved
// at a time. A write that may be taken back must not do so.
func (d *dictionary) keep(words []word, at int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at != d.weeded {
		return
	}
	for i := range words {
		d.putSum(words[i].sum, words[i].num)
	}
}

// findWords sets the numbers of words that the database has.
func findWords(tx *db.Tx, all []*word) error {
	for words := range slices.Chunk(all, chunk) {
		args := make([]any, len(words))
		bySum := make(map[sum]*word, len(words))
		for i, w := range words {
			args[i], bySum[w.sum] = w.sum[:], w
		}
		err := tx.Each("SELECT num, sum FROM sites_package WHERE sum IN "+db.In(len(args)), args, func(scan db.Scan) error {
			var num int64
			var s []byte
			if err := scan(&num, &s); err != nil {
				return err
			}
			if len(s) == len(sum{}) && bySum[sum(s)] != nil {
				bySum[sum(s)].num = num
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insertWords adds words that the database does not have. Numbers are given in the
// order of a report, which makes lists of them short.
func insertWords(tx *db.Tx, now, platform int64, missing []*word) error {
	if len(missing) == 0 {
		return nil
	}
	num, err := tx.Next("sites_number", "package", int64(len(missing)))
	if err != nil {
		return err
	}
	rows := make([][]any, len(missing))
	for i, w := range missing {
		w.num = num + int64(i)
		p := w.pkg
		rows[i] = []any{w.num, w.sum[:], platform, cut(p.Manager, 20), cut(p.Name, 190), cut(p.Version, 190), cut(p.Arch, 64),
			cut(p.Source, 190), cut(p.SourceVersion, 190), cut(p.Origin, 190), now}
	}
	return tx.Insert("sites_package", []string{"num", "sum", "platform", "manager", "name", "version", "arch", "source", "source_version", "origin", "first"}, rows)
}

// cut makes text fit a column: so many characters, UTF-8 without NUL.
func cut(s string, most int) string {
	if len(s) > most {
		n := 0
		for i := range s {
			if n == most {
				s = s[:i]
				break
			}
			n++
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
}

// platformOf is what the sum of a package has of its system: all that decides whose
// advisories speak of it. Names differ where systems do not (flavours, what people write
// there), so that one is kept only where it decides.
func (d *dictionary) platformOf(s *sitereport.System) (id, version, name string) {
	id, version, name = cut(s.ID, 64), cut(s.Version, 64), cut(s.Name, 190)
	if id != "" && !d.systems.ByName(id, version) {
		name = ""
	}
	return id, version, name
}

func (d *dictionary) platformKey(s *sitereport.System) string {
	id, version, name := d.platformOf(s)
	return id + "\n" + version + "\n" + name
}

// platform returns the number of a platform, which it adds where tx may write; 0
// where it is not known. A write does not trust memory: platforms go as well.
func (d *dictionary) platform(tx *db.Tx, s *sitereport.System) (int64, error) {
	key := d.platformKey(s)
	d.mu.Lock()
	num := d.platforms[key]
	d.mu.Unlock()
	if num != 0 && !tx.Writing() {
		return num, nil
	}
	id, version, name := d.platformOf(s)
	num, err := findOr(tx, "SELECT num FROM sites_platform WHERE id = ? AND version = ? AND name = ?", []any{id, version, name}, func() (int64, error) {
		num, err := tx.Next("sites_number", "platform", 1)
		if err != nil {
			return 0, err
		}
		return num, tx.Insert("sites_platform", []string{"num", "id", "version", "name"}, [][]any{{num, id, version, name}})
	})
	if err == nil && num != 0 && !tx.Writing() {
		d.mu.Lock()
		if len(d.platforms) >= maxPlatforms {
			clear(d.platforms)
		}
		d.platforms[key] = num
		d.mu.Unlock()
	}
	return num, err
}

// findOr reads a number, or, where there is none and tx may write, makes one.
func findOr(tx *db.Tx, query string, args []any, add func() (int64, error)) (num int64, err error) {
	err = tx.QueryRow(query, args...).Scan(&num)
	if none(err) {
		if !tx.Writing() {
			return 0, nil
		}
		return add()
	}
	return num, err
}

// knownColumns are read by knownFrom.
const knownColumns = `SELECT p.num, f.id, f.version, f.name, p.manager, p.name, p.version, p.arch, p.source, p.source_version, p.origin, p.first
	FROM sites_package p JOIN sites_platform f ON f.num = p.platform WHERE `

func knownFrom(scan db.Scan) (k Known, err error) {
	p := &k.Package
	err = scan(&k.ID, &k.System.ID, &k.System.Version, &k.System.Name, &p.Manager, &p.Name, &p.Version, &p.Arch, &p.Source, &p.SourceVersion, &p.Origin, &k.First)
	return k, err
}

// known reads rows of the dictionary.
func known(tx *db.Tx, where string, args ...any) (all []Known, err error) {
	err = tx.Each(knownColumns+where, args, func(scan db.Scan) error {
		k, err := knownFrom(scan)
		all = append(all, k)
		return err
	})
	return all, err
}

// rows returns the rows with these numbers, in their order.
func (d *dictionary) rows(tx *db.Tx, nums []int64) ([]Known, error) {
	all := make([]Known, len(nums))
	at := map[int64]int{}
	d.mu.Lock()
	for i, n := range nums {
		if k := d.byNum[n]; k != nil {
			all[i] = *k
		} else {
			at[n] = i
		}
	}
	d.mu.Unlock()
	var ask []any
	for _, n := range nums {
		if _, ok := at[n]; ok {
			ask = append(ask, n)
		}
	}
	for part := range slices.Chunk(ask, chunk) {
		found, err := known(tx, "p.num IN "+db.In(len(part)), part...)
		if err != nil {
			return nil, err
		}
		for i := range found {
			all[at[found[i].ID]] = found[i]
			delete(at, found[i].ID)
			d.putRow(&found[i])
		}
	}
	if len(at) > 0 {
		return nil, errDamaged()
	}
	return all, nil
}

// KnownAfter lists the dictionary in the order in which packages were first seen: at
// most so many rows with greater numbers than id. Numbers have no gaps that are filled
// later, so that the last is the place from which to go on; those of packages that no
// set has any more are gaps.
func (s *Sites) KnownAfter(ctx context.Context, id int64, most int) (all []Known, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all, err = known(tx, "p.num > ? ORDER BY p.num LIMIT ?", id, most)
		return err
	})
	return all, err
}

// KnownNumbered lists the packages with these numbers, in some order; without those that
// are not there any more.
func (s *Sites) KnownNumbered(ctx context.Context, nums []int64) (all []Known, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		for part := range slices.Chunk(nums, chunk) {
			found, err := known(tx, "p.num IN "+db.In(len(part)), anys(part)...)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		return nil
	})
	return all, err
}

// KnownNamed lists the packages whose name or source name is one of these.
func (s *Sites) KnownNamed(ctx context.Context, names []string) (all []Known, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all, err = knownNamed(tx, names)
		return err
	})
	return all, err
}

func knownNamed(tx *db.Tx, names []string) (all []Known, err error) {
	seen := map[int64]bool{}
	for part := range slices.Chunk(names, chunk) {
		args := make([]any, len(part))
		for i, n := range part {
			args[i] = cut(n, 190)
		}
		for _, column := range []string{"p.name", "p.source"} {
			found, err := known(tx, column+" IN "+db.In(len(args)), args...)
			if err != nil {
				return nil, err
			}
			for _, k := range found {
				if !seen[k.ID] {
					seen[k.ID] = true
					all = append(all, k)
				}
			}
		}
	}
	return all, nil
}
