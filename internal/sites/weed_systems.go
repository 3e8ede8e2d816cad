package sites

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"muster/internal/db"
)

// weedSystems deletes operating systems that no host is and no history names. Who comes to
// name one changes a host in the same write, so that the number of its change tells.
func (s *Sites) weedSystems(ctx context.Context) error {
	return s.weedRows(ctx, "sites_system", []string{"SELECT DISTINCT os FROM sites_state", "SELECT DISTINCT os FROM sites_host"},
		"SELECT x.os FROM sites_host h JOIN sites_state x ON x.host = h.num WHERE h.edited > {change}",
		"SELECT os FROM sites_host WHERE edited > {change}")
}

// weedPlatforms deletes platforms of which no package and no system is.
func (s *Sites) weedPlatforms(ctx context.Context) error {
	return s.weedRows(ctx, "sites_platform", []string{"SELECT DISTINCT platform FROM sites_package", "SELECT DISTINCT platform FROM sites_system"},
		"SELECT platform FROM sites_package WHERE num > {package}",
		"SELECT platform FROM sites_system WHERE num > {system}")
}

// weedRows deletes the rows of a table that no answer of some queries names. since are the
// same queries for what came after numbers of sites_number: each write asks them, for
// these numbers of the snapshot in which the rows were found.
func (s *Sites) weedRows(ctx context.Context, table string, named []string, since ...string) error {
	nums, before, err := s.unnamed(ctx, table, named)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(nums, weedAtOnce) {
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			again := map[int64]bool{}
			for _, query := range since {
				if err := addNumbers(tx, before.Replace(query), again); err != nil {
					return err
				}
			}
			return deleteNumbered(tx, table, slices.DeleteFunc(slices.Clone(part), func(n int64) bool { return again[n] }))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unnamed lists rows, and how far numbers had come then.
func (s *Sites) unnamed(ctx context.Context, table string, named []string) (all []int64, before *strings.Replacer, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		var words []string
		err := tx.Each("SELECT name, last FROM sites_number", nil, func(scan db.Scan) error {
			var name string
			var last int64
			err := scan(&name, &last)
			words = append(words, "{"+name+"}", strconv.FormatInt(last, 10))
			return err
		})
		if err != nil {
			return err
		}
		before = strings.NewReplacer(words...)
		if err := eachNumber(tx, "SELECT num FROM "+table, nil, &all); err != nil {
			return err
		}
		there := map[int64]bool{}
		for _, query := range named {
			if err := addNumbers(tx, query, there); err != nil {
				return err
			}
		}
		all = slices.DeleteFunc(all, func(n int64) bool { return there[n] })
		return nil
	})
	return all, before, err
}
