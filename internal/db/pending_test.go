package db_test

import (
	"io/fs"
	"slices"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestPending lists what was not run yet, of a database that has nothing, something and
// all, and changes nothing.
func TestPending(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		files := schema("schema/0001_a.sql", "CREATE TABLE a_a (x BIGINT)", "schema/0002_b.sql", "CREATE TABLE a_b (x BIGINT)")
		all := []db.Schema{{Subject: "a", Files: files}}
		pending := func(want ...string) {
			t.Helper()
			for range 2 {
				if got, err := d.Pending(t.Context(), all...); err != nil || !slices.Equal(got, want) {
					t.Errorf("pending %q, want %q; %v", got, want, err)
				}
			}
		}
		pending("a/0001_a", "a/0002_b")
		migrate := func(f fs.FS) {
			t.Helper()
			sub, err := fs.Sub(f, "schema")
			if err == nil {
				err = d.Migrate(t.Context(), "a", sub)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		migrate(schema("schema/0001_a.sql", "CREATE TABLE a_a (x BIGINT)"))
		pending("a/0002_b")
		migrate(files)
		pending()
		all[0].Files = schema("schema/0001_a.sql", "CREATE TABLE a_a (y BIGINT)")
		if _, err := d.Pending(t.Context(), all...); muster.KindOf(err) != muster.Conflict {
			t.Errorf("another file: %v", err)
		}
	})
}
