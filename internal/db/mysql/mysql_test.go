package mysql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/db"
)

func TestAddresses(t *testing.T) {
	for dsn, want := range map[string]string{
		"mysql://u:p%40@db.example.org/d":             "u p@ tcp db.example.org:3306 d ",
		"mysql://u@db.example.org:33/d?tls=true":      "u  tcp db.example.org:33 d true",
		"mysql://u@[::1]/d":                           "u  tcp [::1]:3306 d ",
		"mysql://u@[::1]:5/d":                         "u  tcp [::1]:5 d ",
		"mysql://u@/d?socket=/run/mysqld/s&tls=false": "u  unix /run/mysqld/s d false",
	} {
		c, err := configOf(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if got := strings.Join([]string{c.User, c.Passwd, c.Net, c.Addr, c.DBName, c.TLSConfig}, " "); got != want {
			t.Errorf("%s: %q, want %q", dsn, got, want)
		}
	}
}

// No message shows the password of an address.
func TestAddressesThatAreRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dsn, kind := range map[string]muster.ErrorKind{
		"mysql://u:sec%ret@h/d":             muster.Invalid,
		"mysql://u:secret@h:port/d":         muster.Invalid,
		"mysql://u:secret@h/d?tls=maybe":    muster.Invalid,
		"mysql://u:secret@h/d?multi=1":      muster.Invalid,
		"mysql://u:secret@h/d?ca=/nowhere":  muster.Invalid,
		"mysql://u:secret@h/d?ca=" + empty:  muster.Invalid,
		"mysql://u:secret@h/":               muster.Invalid,
		"mysql://u:secret@/d?socket=/no/so": muster.Unavailable,
	} {
		_, err := db.Open(t.Context(), dsn, Driver{})
		if muster.KindOf(err) != kind || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: kind %q, want %q: %v", dsn, muster.KindOf(err), kind, err)
		}
	}
}
