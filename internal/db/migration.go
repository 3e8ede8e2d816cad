package db

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster"
)

// A migration is one numbered schema file of a subject.
type migration struct {
	number     int64
	name       string // 0001_hosts
	sum        []byte // of the file that this dialect has, so that a later change of it is noticed
	statements []string
}

var (
	subjectName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	fileName    = regexp.MustCompile(`^((\d{4})_[a-z0-9_]{1,100})(?:\.(sqlite|postgres|mysql))?\.sql$`)
	typeWord    = regexp.MustCompile(`(?:("?\w+"?)\s+)?\{\{([a-z]+)(?: (\d{1,4}))?\}\}`) // with the column's name
)

// migrations reads the schema files at the top of files: NNNN_name.sql, and for
// a dialect that needs other words NNNN_name.DIALECT.sql in its place. They are
// numbered from 1 without gaps.
func (d *DB) migrations(files fs.FS) ([]migration, error) {
	paths, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, p := range d.mine(paths) {
		m, err := d.migration(files, p)
		if err != nil {
			return nil, fmt.Errorf("schema file %q: %w", p, err)
		}
		if m.number != int64(len(all)+1) {
			return nil, muster.Errorf(muster.Invalid, "schema file %q has number %d, where %d comes next", p, m.number, len(all)+1)
		}
		all = append(all, m)
	}
	return all, nil
}

// mine leaves out the files that are for other dialects or have one for this.
func (d *DB) mine(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		m := fileName.FindStringSubmatch(p)
		if m == nil {
			return false // refused later
		}
		if m[3] != "" {
			return m[3] != string(d.dialect)
		}
		return slices.Contains(paths, fmt.Sprintf("%s.%s.sql", m[1], d.dialect))
	})
}

func (d *DB) migration(files fs.FS, path string) (migration, error) {
	m := fileName.FindStringSubmatch(path)
	if m == nil {
		return migration{}, muster.Errorf(muster.Invalid, "the name is not like 0001_words.sql")
	}
	data, err := fs.ReadFile(files, path)
	if err != nil {
		return migration{}, err
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	sum := sha256.Sum256([]byte(text))
	number, _ := strconv.ParseInt(m[2], 10, 64) // four digits
	typed, err := d.engine.Types.replace(text)
	if err != nil {
		return migration{}, err
	}
	return migration{number: number, name: m[1], sum: sum[:], statements: split(typed)}, nil
}

// replace writes the column types of the engine for the words of a schema file.
func (t Types) replace(text string) (string, error) {
	var failed error
	text = typeWord.ReplaceAllStringFunc(text, func(found string) string {
		m := typeWord.FindStringSubmatch(found)
		column, word, length := m[1], m[2], m[3]
		is, ok := map[string]string{"id": t.ID, "blob": t.Blob, "hash": t.Hash, "long": t.Long, "text": t.Text, "clustered": t.Clustered}[word]
		if !ok || (length != "") != (word == "text") {
			failed = muster.Errorf(muster.Invalid, "there is no column type in %q", found)
		}
		is = strings.NewReplacer("{column}", column, "{length}", length).Replace(is)
		return strings.TrimSpace(column + " " + is)
	})
	if failed == nil && strings.Contains(text, "{{") {
		failed = muster.Errorf(muster.Invalid, "a column type is not finished, or not like {{text 10}}")
	}
	return text, failed
}
