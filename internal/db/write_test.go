package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// Of many writes at once, those that fail leave nothing, the others all.
func TestWritesTogether(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		// Of the writer's goroutine, which has ended before they are read.
		commits, writes, failed := 0, 0, 0
		d.Observe(func(b db.Batch) {
			commits++
			writes += b.Writes
			failed += b.Refused
			if b.Err != nil || b.Runs < 1 || b.Took <= 0 || b.Waited < 0 {
				t.Errorf("%+v", b)
			}
		})
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					if _, err := tx.Exec(`INSERT INTO t_things (name) VALUES (?)`, fmt.Sprint(i)); err != nil {
						return err
					}
					switch i % 10 {
					case 1:
						return refused
					case 2:
						_, err := tx.Exec(`INSERT INTO t_things (name) VALUES (?)`, fmt.Sprint(i))
						return err
					}
					return nil
				})
				want := map[int]bool{1: errors.Is(err, refused), 2: muster.KindOf(err) == muster.Conflict}
				if ok, special := want[i%10]; special && !ok || !special && err != nil {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := number(t, d, `SELECT count(*) FROM t_things`); n != 240 {
			t.Errorf("%d of 240 writes are there", n)
		}
		if err := d.Close(); err != nil || commits >= 300 || writes != 300 || failed != 60 {
			t.Errorf("%d commits for %d writes, of which %d failed: %v", commits, writes, failed, err)
		}
	})
}

// Each write sees all before it.
func TestWriteReadsItsOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		mustWrite(t, d, `CREATE TABLE t_counter (n BIGINT NOT NULL)`)
		mustWrite(t, d, `INSERT INTO t_counter VALUES (0)`)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					var n int
					if err := tx.QueryRow(`SELECT n FROM t_counter`).Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec(`UPDATE t_counter SET n = ?`, n+1)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := number(t, d, `SELECT n FROM t_counter`); n != 100 {
			t.Errorf("counted %d of 100", n)
		}
	})
}

// Two servers on one database: each write reads what it changes, and none is
// lost between them.
func TestTwoServersWrite(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		mustWrite(t, first, `CREATE TABLE t_counter (n BIGINT NOT NULL)`)
		mustWrite(t, first, `INSERT INTO t_counter VALUES (0)`)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				d := []*db.DB{first, second}[i%2]
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					var n int
					if err := tx.QueryRow(`SELECT n FROM t_counter`).Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec(`UPDATE t_counter SET n = ?`, n+1)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := number(t, first, `SELECT n FROM t_counter`); n != 100 {
			t.Errorf("counted %d of 100", n)
		}
	})
}

// A write whose caller leaves while it waits is not done; one that has begun is.
func TestLeavingCaller(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		begun, left := make(chan bool), make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() {
			err := d.Write(ctx, func(tx *db.Tx) error {
				close(begun)
				<-left
				_, err := tx.Exec(`INSERT INTO t_things (name) VALUES ('begun')`)
				return err
			})
			if err != nil {
				t.Errorf("the write that had begun: %v", err)
			}
		})
		<-begun
		cancel()
		err := d.Write(ctx, func(*db.Tx) error { t.Error("the write of a caller who has left runs"); return nil })
		if !errors.Is(err, context.Canceled) || muster.KindOf(err) != muster.Unavailable {
			t.Errorf("the write that waited: %v", err)
		}
		close(left)
		wg.Wait()
		if n := number(t, d, `SELECT count(*) FROM t_things`); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

// A panic is its caller's; the writer and the writes beside it go on.
func TestPanicInWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		func() {
			defer func() {
				if p := recover(); p != "here" {
					t.Errorf("recovered %v", p)
				}
			}()
			d.Write(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Exec(`INSERT INTO t_things (name) VALUES ('lost')`); err != nil {
					return err
				}
				panic("here")
			})
		}()
		mustWrite(t, d, `INSERT INTO t_things (name) VALUES ('kept')`)
		if n := number(t, d, `SELECT count(*) FROM t_things`); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

// Rows that were left open do not stand in the way of what comes next.
func TestForgottenRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		mustWrite(t, d, `INSERT INTO t_things (name) VALUES ('a'), ('b')`)
		for range 50 {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				rows, err := tx.Query(`SELECT name FROM t_things`)
				if err == nil {
					rows.Next()
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		mustWrite(t, d, `DELETE FROM t_things`)
	})
}

// A test that fails within a write ends the writer's goroutine; another goes on.
func TestGoroutineEndedInWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(`INSERT INTO t_things (name) VALUES ('lost')`)
			runtime.Goexit()
			return err
		})
		if err == nil {
			t.Error("no error")
		}
		mustWrite(t, d, `INSERT INTO t_things (name) VALUES ('kept')`)
		if n := number(t, d, `SELECT count(*) FROM t_things`); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}
