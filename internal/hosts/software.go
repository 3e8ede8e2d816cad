package hosts

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"muster"
	"muster/internal/db"
	"muster/inventory"
)

// A software is a row of the dictionary.
type software struct {
	num    int64
	source string
	inventory.Package
}

// A sum names a software: half of the SHA-256 of its source and body.
type sum128 [16]byte

// A dictionary is the part of hosts_software that memory has. Rows neither change
// nor go, so that what it has is right on every server.
type dictionary struct {
	mu    sync.Mutex
	bySum map[sum128]int64
	byNum map[int64]*software
}

// maxWords bounds the dictionary: some 300 bytes a row. What is not there is read.
const maxWords = 50_000

func newDictionary() *dictionary {
	return &dictionary{bySum: map[sum128]int64{}, byNum: map[int64]*software{}}
}

func (d *dictionary) put(sum sum128, s *software) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.bySum) >= maxWords {
		clear(d.bySum)
		clear(d.byNum)
	}
	d.bySum[sum], d.byNum[s.num] = s.num, s
}

func (d *dictionary) num(sum sum128) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bySum[sum]
}

func (d *dictionary) word(num int64) *software {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byNum[num]
}

// A wordOf is a row of a document on its way into the dictionary.
type wordOf struct {
	sum       sum128
	software  software
	body      []byte
	installed int64
}

// wordsOf takes a document's packages apart.
func wordsOf(d *inventory.Document) ([]wordOf, error) {
	var all []wordOf
	for _, source := range slices.Sorted(maps.Keys(d.Packages)) {
		for _, p := range d.Packages[source] {
			w := wordOf{installed: p.Installed, software: software{source: source, Package: p}}
			w.software.Installed = 0
			var err error
			if w.body, err = json.Marshal(&w.software.Package); err != nil {
				return nil, err
			}
			h := sha256.New()
			fmt.Fprintf(h, "%s\n%s", source, w.body)
			copy(w.sum[:], h.Sum(nil))
			all = append(all, w)
		}
	}
	return all, nil
}

// chunk is how many values one IN has.
const chunk = 500

// resolve gives words the numbers that they have in the database. It returns
// those that have none.
func (d *dictionary) resolve(tx *db.Tx, words []wordOf) (missing []*wordOf, err error) {
	var ask []*wordOf
	for i := range words {
		w := &words[i]
		if w.software.num = d.num(w.sum); w.software.num == 0 {
			ask = append(ask, w)
		}
	}
	for len(ask) > 0 {
		n := min(len(ask), chunk)
		if err := findWords(tx, ask[:n]); err != nil {
			return nil, err
		}
		for _, w := range ask[:n] {
			if w.software.num == 0 {
				missing = append(missing, w)
			}
		}
		ask = ask[n:]
	}
	return missing, nil
}

// findWords sets the numbers of words that the database has.
func findWords(tx *db.Tx, words []*wordOf) error {
	args := make([]any, len(words))
	bySum := make(map[sum128]*wordOf, len(words))
	for i, w := range words {
		args[i], bySum[w.sum] = w.sum[:], w
	}
	return tx.Each("SELECT num, sum FROM hosts_software WHERE sum IN "+db.In(len(args)), args, func(scan db.Scan) error {
		var num int64
		var sum []byte
		if err := scan(&num, &sum); err != nil {
			return err
		}
		if len(sum) == 16 {
			if w := bySum[sum128(sum)]; w != nil {
				w.software.num = num
			}
		}
		return nil
	})
}

// insertWords adds words that the database does not have. Numbers are given in
// the order of the document's rows, which makes lists of them short.
func insertWords(tx *db.Tx, missing []*wordOf) error {
	if len(missing) == 0 {
		return nil
	}
	num, err := tx.Next("hosts_number", "software", int64(len(missing)))
	if err != nil {
		return err
	}
	families, err := findFamilies(tx, missing)
	if err != nil {
		return err
	}
	rows := make([][]any, len(missing))
	for i, w := range missing {
		w.software.num = num + int64(i)
		s := &w.software
		name := lower(s.Name, 190)
		if _, ok := families[s.source+"\n"+name]; !ok {
			families[s.source+"\n"+name] = s.num
		}
		rows[i] = []any{s.num, w.sum[:], families[s.source+"\n"+name], s.source, name, cut(s.Version, 190), cut(s.Architecture, 60), w.body}
	}
	cols := []string{"num", "sum", "family", "source", "name", "version", "arch", "body"}
	return tx.Insert("hosts_software", cols, rows)
}

// findFamilies returns the families there are of the names of words.
func findFamilies(tx *db.Tx, words []*wordOf) (map[string]int64, error) {
	all := map[string]int64{}
	for len(words) > 0 {
		n := min(len(words), chunk)
		args := make([]any, n)
		for i, w := range words[:n] {
			args[i] = lower(w.software.Name, 190)
		}
		err := tx.Each("SELECT source, name, MIN(family) FROM hosts_software WHERE name IN "+db.In(n)+" GROUP BY source, name", args,
			func(scan db.Scan) error {
				var source, name string
				var num int64
				if err := scan(&source, &name, &num); err != nil {
					return err
				}
				all[source+"\n"+name] = num
				return nil
			})
		if err != nil {
			return nil, err
		}
		words = words[n:]
	}
	return all, nil
}

// words returns the software of these numbers.
func (d *dictionary) words(tx *db.Tx, nums []int64) (map[int64]*software, error) {
	all := make(map[int64]*software, len(nums))
	var ask []any
	for _, n := range nums {
		if s := d.word(n); s != nil {
			all[n] = s
		} else if _, ok := all[n]; !ok {
			all[n] = nil
			ask = append(ask, n)
		}
	}
	for len(ask) > 0 {
		n := min(len(ask), chunk)
		if err := d.readWords(tx, ask[:n], all); err != nil {
			return nil, err
		}
		ask = ask[n:]
	}
	for n, s := range all {
		if s == nil {
			return nil, muster.Errorf(muster.Internal, "the database has no software %d", n)
		}
	}
	return all, nil
}

func (d *dictionary) readWords(tx *db.Tx, nums []any, all map[int64]*software) error {
	return tx.Each("SELECT num, sum, source, body FROM hosts_software WHERE num IN "+db.In(len(nums)), nums, func(scan db.Scan) error {
		s := new(software)
		var sum, body []byte
		if err := scan(&s.num, &sum, &s.source, &body); err != nil {
			return err
		}
		if err := readJSON("software", body, &s.Package); err != nil {
			return err
		}
		if len(sum) != len(sum128{}) {
			return muster.Errorf(muster.Internal, "software %d of the database has a damaged hash", s.num)
		}
		all[s.num] = s
		d.put(sum128(sum), s)
		return nil
	})
}
