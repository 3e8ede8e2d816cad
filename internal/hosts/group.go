package hosts

import (
	"muster"
	"muster/internal/db"
)

// A group is a row of hosts_group.
type group struct {
	num         int64
	name, query string
}

func readGroup(tx *db.Tx, name string) (*group, error) {
	g := &group{name: name}
	err := tx.QueryRow("SELECT num, query FROM hosts_group WHERE name = ?", name).Scan(&g.num, &g.query)
	return g, err
}

// needGroup is readGroup, and makes a group whose members are chosen where there is none.
func needGroup(tx *db.Tx, name string) (*group, error) {
	g, err := readGroup(tx, name)
	if muster.KindOf(err) != muster.NotFound {
		return g, err
	}
	if g.num, err = next(tx, "group", 1); err != nil {
		return nil, err
	}
	return g, tx.Insert("hosts_group", []string{"num", "name", "note", "query", "hosts"}, [][]any{{g.num, name, "", "", 0}})
}

// addMember puts a host into groups whose members people choose. A saved search
// finds its members itself, and is passed over.
func addMember(tx *db.Tx, host int64, names ...string) error {
	for _, name := range names {
		g, err := needGroup(tx, name)
		if err != nil {
			return err
		}
		if g.query != "" {
			continue
		}
		if err := g.add(tx, host); err != nil {
			return err
		}
	}
	return nil
}

// add makes a host a member, and counts it.
func (g *group) add(tx *db.Tx, host int64) error {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM hosts_member WHERE grp = ? AND host = ?", g.num, host).Scan(&n)
	if err != nil || n > 0 {
		return err
	}
	if err := tx.Insert("hosts_member", []string{"grp", "host"}, [][]any{{g.num, host}}); err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE hosts_group SET hosts = hosts + 1 WHERE num = ?", g.num)
	return err
}

// remove ends a membership.
func (g *group) remove(tx *db.Tx, host int64) error {
	r, err := tx.Exec("DELETE FROM hosts_member WHERE grp = ? AND host = ?", g.num, host)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec("UPDATE hosts_group SET hosts = hosts - 1 WHERE num = ?", g.num)
	return err
}
