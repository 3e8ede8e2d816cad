package script

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// match returns the paths that pattern matches, sorted. Besides the signs of
// [filepath.Match] it knows "**", any number of folders.
func match(pattern string) ([]string, error) {
	before, after, deep := strings.Cut(filepath.ToSlash(pattern), "**")
	if !deep {
		return filepath.Glob(pattern)
	}
	bases, err := filepath.Glob(filepath.FromSlash(strings.TrimSuffix(before, "/")))
	if before == "" {
		bases = []string{"."}
	}
	if err != nil {
		return nil, err
	}
	after = strings.Trim(after, "/")
	var found []string
	for _, base := range bases {
		err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil // what cannot be read does not match
			}
			inside, err := match(filepath.Join(path, orStar(after)))
			found = append(found, inside...)
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func orStar(s string) string {
	if s == "" {
		return "*"
	}
	return s
}
