package access

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"muster/internal/db"
)

// Where people have logged in from by a password is kept, so that strangers who guess
// it elsewhere do not lock them out.

const (
	homeLasts = 90 * 24 * time.Hour
	// maxHomes bounds the neighbourhoods of one person.
	maxHomes = 16
)

// Try bounds the guesses of a password, also of one that somebody else compares:
// badLogin for what is no name, and Busy for one too many.
func (a *Access) Try(ctx context.Context, name string, from netip.Addr) (giveBack func(), err error) {
	if CheckName(name) != nil {
		return nil, badLogin()
	}
	name = fold(name)
	var home int
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT count(*) FROM access_home WHERE name = ? AND near = ? AND seen > ?",
			name, neighbourhood(from).String(), a.Now().Add(-homeLasts).Unix()).Scan(&home)
	})
	if err != nil {
		return nil, err
	}
	return a.tries.begin(name, from, home > 0, a.Now())
}

// fold is what all spellings have in common that a directory may take for one name:
// letter case, accents, blanks within, marks that are not shown (RFC 4518; the names of
// accounts in Active Directory do without accents). Those who share it share a count.
func fold(name string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(cases.Fold().String(name)))
	return cut(strings.Join(strings.Fields(bare), " "), maxName)
}

// homeName is the name that somebody types, by the name that they have here.
func homeName(name string) string { return fold(strings.TrimPrefix(name, fromLDAP)) }

// settle keeps where somebody has come from by a password, and forgets the oldest.
func (a *Access) settle(tx *db.Tx, l *Login) error {
	if l.Way != "password" && l.Way != "ldap" || !l.Address.IsValid() {
		return nil
	}
	name, now := homeName(l.Name), a.Now()
	err := tx.Upsert("access_home", []string{"name", "near"}, []string{"name", "near", "seen"}, [][]any{{name, neighbourhood(l.Address).String(), now.Unix()}})
	if err != nil {
		return err
	}
	var oldest int64
	err = tx.QueryRow("SELECT COALESCE(MIN(seen), 0) FROM (SELECT seen FROM access_home WHERE name = ? ORDER BY seen DESC LIMIT ?) newest", name, maxHomes).Scan(&oldest)
	if err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM access_home WHERE name = ? AND seen < ?", name, max(oldest, now.Add(-homeLasts).Unix()))
	return err
}
