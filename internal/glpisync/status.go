package glpisync

import (
	"context"

	"muster"
	"muster/internal/db"
)

// Status is how far GLPI was told.
type Status struct {
	Hosts   int    // of which GLPI is told
	Told    int    // that GLPI has as they are
	Refused int    // that GLPI did not take
	Example string // one of those, and why
	Pushed  int64  // when GLPI last took something
	Failing int64  // since when it takes nothing; 0: it does
	Error   string
}

// Read reads the status from the database of a server, running or not. It is
// NotFound where GLPI was never told anything.
func Read(ctx context.Context, d *db.DB) (st Status, err error) {
	err = d.Read(ctx, func(tx *db.Tx) error {
		err := tx.QueryRow("SELECT pushed, failing, error FROM glpi_self WHERE name = 'glpi'").Scan(&st.Pushed, &st.Failing, &st.Error)
		if err != nil {
			return err
		}
		err = tx.QueryRow("SELECT COUNT(*), COALESCE(SUM(CASE WHEN due = 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN error <> '' THEN 1 ELSE 0 END), 0) FROM glpi_host").
			Scan(&st.Hosts, &st.Told, &st.Refused)
		if err != nil || st.Refused == 0 {
			return err
		}
		var id, why string
		err = tx.QueryRow("SELECT id, error FROM glpi_host WHERE error <> '' ORDER BY tries DESC, id LIMIT 1").Scan(&id, &why)
		st.Example = id + ": " + why
		return err
	})
	if muster.KindOf(err) == muster.NotFound {
		err = muster.Errorf(muster.NotFound, "GLPI was told nothing yet")
	}
	return st, err
}

// Probe asks GLPI what tells nothing and changes nothing: for a token, where there are
// credentials for one, or whether its page answers.
func Probe(ctx context.Context, c Config) error {
	c.fill()
	x, err := newClient(&c)
	if err != nil {
		return err
	}
	if c.ClientID != "" {
		_, err := x.token(ctx)
		return err
	}
	return x.knock(ctx)
}
