package server

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/durable"
)

// A server that runs keeps its folder: what it acknowledges would be lost.
func TestRestoreBesideServer(t *testing.T) {
	w := newWorld(t)
	file := must(w.backup(t.TempDir()))(t)
	r := &Restore{Data: w.cfg.Data, Now: time.Now(), Force: true}
	_, err := r.Read(file)
	wantKind(t, err, muster.Busy)
	if muster.HintOf(err) == "" {
		t.Error("nothing says what to do")
	}
	w.machine(1).join(must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	w.stop()
	must(r.Read(file))(t)
}

// A restore that fails at any change of the disk leaves folder and database as
// they were.
func TestRestoreFaults(t *testing.T) {
	w := newWorld(t)
	file := must(w.backup(t.TempDir()))(t)
	w.stop()
	broken := errors.New("broken")
	for n, over := 0, false; !over; n++ {
		dir := t.TempDir()
		data, database := filepath.Join(dir, "data"), filepath.Join(dir, "db", "elsewhere.db")
		for name, text := range map[string]string{filepath.Join(data, "old"): "old", database: "old database", database + "-wal": "old log"} {
			check(t, os.MkdirAll(filepath.Dir(name), 0o700))
			check(t, os.WriteFile(name, []byte(text), 0o600))
		}
		calls := 0
		r := &Restore{Data: data, Database: database, Now: time.Now(), Force: true, Disk: &durable.Disk{Fault: func(durable.Call) error {
			if calls++; calls == n+1 {
				return broken
			}
			return nil
		}}}
		_, err := r.Read(file)
		if over = calls <= n; over {
			check(t, err)
			break
		}
		if !errors.Is(err, broken) {
			t.Fatalf("call %d: %v", n, err)
		}
		for name, text := range map[string]string{filepath.Join(data, "old"): "old", database: "old database", database + "-wal": "old log"} {
			if has, err := os.ReadFile(name); err != nil || string(has) != text {
				t.Errorf("call %d: %s has %q, %v", n, name, has, err)
			}
		}
		for _, part := range []string{dir, filepath.Dir(database)} {
			if left := must(os.ReadDir(part))(t); len(left) != 2 {
				t.Errorf("call %d: %d files in %s", n, len(left), part)
			}
		}
	}
}

// A database that is elsewhere is restored there, and what was there put aside.
func TestRestoreDatabaseElsewhere(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere.db")
	w := newWorld(t, func(c *Config) { c.Database = "sqlite:" + elsewhere })
	token := must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t).Secret
	w.machine(1).join(token)
	file := must(w.backup(t.TempDir()))(t)
	w.machine(2).join(token)
	cfg := w.cfg
	w.stop()
	if got := cfg.DatabaseFile(); got != elsewhere {
		t.Fatalf("the database is %q", got)
	}
	cfg.Data = filepath.Join(t.TempDir(), "data")
	_, err := (&Restore{Data: cfg.Data, Database: elsewhere, Now: time.Now()}).Read(file)
	wantKind(t, err, muster.Conflict)
	must((&Restore{Data: cfg.Data, Database: elsewhere, Now: time.Now(), Force: true}).Read(file))(t)
	if _, err := os.Stat(filepath.Join(cfg.Data, databaseName)); err == nil {
		t.Error("the folder has a database too")
	}
	w.start(cfg)
	page := must(w.person().Hosts(t.Context(), api.HostQuery{}))(t)
	if len(page.Hosts) != 1 {
		t.Errorf("%d hosts", len(page.Hosts))
	}
	if kept := must(filepath.Glob(elsewhere + ".before-*"))(t); len(kept) == 0 {
		t.Error("nothing was put aside")
	}
}
