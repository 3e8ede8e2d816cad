package postgres_test

import (
	"net"
	"strings"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/postgres"
	"muster/internal/testneed/sqlserver"
)

// No message shows the password of an address.
func TestAddresses(t *testing.T) {
	for dsn, kind := range map[string]muster.ErrorKind{
		"postgres://u:secret@h:port/d":                      muster.Invalid,
		"postgres://u:secret@h/d?sslmode=sometimes":         muster.Invalid,
		"postgres://u:sec%ret@h/d":                          muster.Invalid,
		"postgres://u:secret@127.0.0.1:" + closed(t) + "/d": muster.Unavailable,
		"postgresql://u:secret@/d?host=/nowhere":            muster.Unavailable,
	} {
		_, err := db.Open(t.Context(), dsn, postgres.Driver{})
		if muster.KindOf(err) != kind || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: kind %q, want %q: %v", dsn, muster.KindOf(err), kind, err)
		}
	}
}

// closed is a port on which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	return port
}

// Commits wait for the disk also where the server's default is that they do not.
func TestSynchronousCommit(t *testing.T) {
	dsn := sqlserver.Postgres(t)
	for setting, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		d, err := db.Open(t.Context(), dsn+"&synchronous_commit="+setting, postgres.Driver{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		err = d.Write(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SHOW synchronous_commit").Scan(&got) })
		if err != nil || got != want {
			t.Errorf("%s: %q, want %q: %v", setting, got, want, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
