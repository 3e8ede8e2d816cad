package collect

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestAgainstSQLite reads tables that the real program wrote: every size of
// page, rows from empty to many overflow pages, trees of several levels,
// columns added later.
func TestAgainstSQLite(t *testing.T) {
	for _, page := range []int{512, 1024, 4096, 65536} {
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			dir := sqliteFile(t, "a.sqlite", fmt.Sprintf(`PRAGMA page_size=%d;
CREATE TABLE "other" (a, b);
CREATE TABLE t (id INTEGER PRIMARY KEY, "text" TEXT NOT NULL, size INTEGER CHECK (size IN (1, 2) OR 1), data BLOB, UNIQUE(id, size));
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 700)
INSERT INTO t SELECT i, 'row '||i, CASE i%%7 WHEN 0 THEN NULL WHEN 1 THEN -i ELSE i*i*i*1000003 END, zeroblob(i*i%%5003) FROM n;
DELETE FROM t WHERE id %% 5 = 0;
ALTER TABLE t ADD COLUMN late TEXT DEFAULT 'x';
INSERT INTO t VALUES (1000, 'é', 0, x'00ff', 'y');
`, page))
			compareTable(t, dir)
		})
	}
}

func compareTable(t *testing.T, dir string) {
	t.Helper()
	n := 0
	err := eachRow(os.DirFS(dir), "a.sqlite", "t", func() { n = 0 }, func(id int64, row map[string]any) error {
		for n++; n%5 == 0; n++ {
		}
		if id == 1000 {
			if row["text"] != "é" || row["size"] != int64(0) || row["late"] != "y" || string(row["data"].([]byte)) != "\x00\xff" {
				t.Errorf("last row: %v", row)
			}
			return nil
		}
		var size any = id * id * id * 1000003
		switch id % 7 {
		case 0:
			size = nil
		case 1:
			size = -id
		}
		if id != int64(n) || row["text"] != fmt.Sprint("row ", id) || row["size"] != size || len(row["data"].([]byte)) != int(id*id%5003) {
			t.Fatalf("row %d: %d, %v %v %d", n, id, row["text"], row["size"], len(row["data"].([]byte)))
		}
		return nil
	})
	if err != nil || n < 700 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestLog reads a database of which the newest rows are in the write-ahead log
// only, and one whose log ends within a transaction.
func TestLog(t *testing.T) {
	dir := sqliteFile(t, "a.sqlite", `PRAGMA journal_mode=WAL;
.dbconfig no_ckpt_on_close on
CREATE TABLE t (id INTEGER PRIMARY KEY, data);
INSERT INTO t VALUES (1, 'one');
PRAGMA wal_checkpoint;
INSERT INTO t VALUES (2, 'two');
UPDATE t SET data='uno' WHERE id=1;
INSERT INTO t VALUES (3, zeroblob(20000));
`)
	read := func() string {
		var got []string
		err := eachRow(os.DirFS(dir), "a.sqlite", "t", func() { got = nil }, func(id int64, row map[string]any) error {
			text, _ := row["data"].(string)
			got = append(got, fmt.Sprint(id, text))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(got, " ")
	}
	if got := read(); got != "1uno 2two 3" {
		t.Errorf("with the log: %s", got)
	}
	log, err := os.ReadFile(dir + "/a.sqlite-wal")
	if err != nil {
		t.Fatal(err)
	}
	// The last transaction loses its commit: it did not happen.
	if err := os.WriteFile(dir+"/a.sqlite-wal", log[:len(log)-4096], 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "1uno 2two" {
		t.Errorf("with a torn log: %s", got)
	}
	log[200] ^= 1
	if err := os.WriteFile(dir+"/a.sqlite-wal", log, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "1one" {
		t.Errorf("with a damaged log: %s", got)
	}
}

// TestFreeBSD reads a database with the columns of FreeBSD's pkg 1.21.
func TestFreeBSD(t *testing.T) {
	dir := sqliteFile(t, freebsdDatabase, `CREATE TABLE packages (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, name TEXT NOT NULL,
version TEXT NOT NULL, comment TEXT NOT NULL, desc TEXT NOT NULL, mtree_id INTEGER, message TEXT, arch TEXT NOT NULL, maintainer TEXT NOT NULL,
www TEXT, prefix TEXT NOT NULL, flatsize INTEGER NOT NULL, automatic INTEGER NOT NULL, locked INTEGER NOT NULL DEFAULT 0,
licenselogic INTEGER NOT NULL, time INTEGER NOT NULL, manifestdigest TEXT NULL, pkg_format_version INTEGER, dep_formula TEXT NULL,
vital INTEGER NOT NULL DEFAULT 0);
INSERT INTO packages VALUES (1,'security/age','age','1.2.1_3,1','c','d',NULL,NULL,'FreeBSD:14:amd64','ports@example.org','w','/usr/local',5242880,0,0,1,1700000001,'x',1,NULL,0);
INSERT INTO packages VALUES (2,'shells/bash','bash','5.2.37','c','d',NULL,NULL,'FreeBSD:14:amd64','ports@example.org','w','/usr/local',1,0,0,1,1700000001,'x',1,NULL,0);
CREATE TABLE annotation (annotation_id INTEGER PRIMARY KEY, annotation TEXT NOT NULL UNIQUE);
CREATE TABLE pkg_annotation (package_id INTEGER, tag_id INTEGER NOT NULL, value_id INTEGER NOT NULL, UNIQUE (package_id, tag_id));
INSERT INTO annotation VALUES (1,'FreeBSD_version'), (2,'1400097'), (3,'repository'), (4,'poudriere');
INSERT INTO pkg_annotation VALUES (1,1,2), (2,1,2), (2,3,4);
`)
	rows, err := readFreeBSD(os.DirFS(dir))
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	p := rows[0]
	if p.Name != "age" || p.Version != "1.2.1_3,1" || p.ID != "security/age" || p.Architecture != "FreeBSD:14:amd64" ||
		p.Size != 5242880 || p.Installed != 1700000001 || p.Vendor != "ports@example.org" ||
		p.Source != "security/age" || p.Origin != "" || rows[1].Origin != "poudriere" {
		t.Errorf("%+v", rows)
	}
}
