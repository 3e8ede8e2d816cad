package access

import (
	"context"
	"net/netip"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// noPerson is for people whom nobody has made, and who have never logged in.
func noPerson(name string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "there is no person %q", cut(name, maxName)), "run 'muster people list'")
}

// badLogin is the one answer to every name and password that do not let in.
func badLogin() error {
	return muster.Errorf(muster.Denied, "the name or the password is wrong")
}

// arrive notes a login in the transaction that opens the session.
func (a *Access) arrive(tx *db.Tx, l *Login, data []byte) error {
	var disabled int
	var subject, hash string
	err := tx.QueryRow("SELECT disabled, subject, hash FROM access_person WHERE name = ?", l.Name).Scan(&disabled, &subject, &hash)
	if muster.KindOf(err) == muster.NotFound {
		if l.Way == "password" {
			return badLogin() // removed while the password was looked at
		}
		return tx.Insert("access_person", personColumns, [][]any{{l.Name, 0, "", l.voucher(), data, a.Now().Unix(), a.Now().Unix(), ""}})
	}
	if err != nil {
		return err
	}
	if disabled != 0 {
		return muster.Errorf(muster.Denied, "%q may not log in any more", l.Name)
	}
	if subject, err = l.vouched(subject, hash != ""); err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE access_person SET told = ?, seen = ?, subject = ? WHERE name = ?", data, a.Now().Unix(), subject, l.Name)
	return err
}

var personColumns = []string{"name", "disabled", "hash", "subject", "told", "seen", "created", "creator"}

// Password proves who somebody is by a password of this server. It takes the same
// time for names that nobody has.
func (a *Access) Password(ctx context.Context, name, password string, from netip.Addr) (Login, error) {
	if len(name) > maxName || len(password) > maxPassword || CheckName(name) != nil {
		return Login{}, badLogin()
	}
	giveBack, err := a.Try(ctx, name, from)
	if err != nil {
		return Login{}, err
	}
	var text string
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT hash FROM access_person WHERE name = ? AND disabled = 0", name).Scan(&text)
	})
	if err != nil && muster.KindOf(err) != muster.NotFound {
		return Login{}, err
	}
	ok, err := a.checkPassword(ctx, text, password)
	if err != nil {
		return Login{}, err
	}
	if !ok {
		return Login{}, badLogin()
	}
	giveBack()
	return Login{Caller: Caller{Name: name}, Way: "password", Address: from}, nil
}

// People lists people, by their names.
func (a *Access) People(ctx context.Context, q api.ListQuery) (out api.PersonPage, err error) {
	where, args := "WHERE name > ?", []any{q.Cursor}
	if q.Name != "" {
		where, args = where+" AND name = ?", append(args, q.Name)
	}
	if q.Query != "" {
		where, args = where+` AND lower(name) LIKE ? ESCAPE '\'`, append(args, "%"+unlike.Replace(strings.ToLower(q.Query))+"%")
	}
	where += " ORDER BY name"
	if q.Limit > 0 {
		where, args = where+" LIMIT ?", append(args, q.Limit+1)
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out.People, err = readPeople(tx, where, args...)
		return err
	})
	if more(q, len(out.People)) {
		out.People = out.People[:q.Limit]
		out.Next = out.People[q.Limit-1].Name
	}
	return out, err
}

// unlike takes the meaning from the signs of LIKE.
var unlike = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// more reports whether a list that was read with one more than was asked for goes on.
func more(q api.ListQuery, n int) bool { return q.Limit > 0 && n > q.Limit }

// Person returns one.
func (a *Access) Person(ctx context.Context, name string) (out api.Person, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out, err = readPerson(tx, name)
		return err
	})
	return out, err
}

func readPerson(tx *db.Tx, name string) (api.Person, error) {
	all, err := readPeople(tx, "WHERE name = ?", name)
	if err == nil && len(all) == 0 {
		err = noPerson(name)
	}
	if err != nil {
		return api.Person{}, err
	}
	return all[0], nil
}

func readPeople(tx *db.Tx, where string, args ...any) ([]api.Person, error) {
	rows, err := tx.Query("SELECT name, disabled, hash, told, seen, created, creator FROM access_person "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []api.Person{}
	for rows.Next() {
		var p api.Person
		var hash string
		var disabled int
		var data []byte
		if err := rows.Scan(&p.Name, &disabled, &hash, &data, &p.Seen, &p.Created, &p.By); err != nil {
			return nil, err
		}
		p.Disabled, p.Password = disabled != 0, hash != ""
		v := Visit{Caller: Caller{Name: p.Name}}
		if err := v.tell(data); err != nil {
			return nil, err
		}
		p.Groups, p.Rights = v.Groups, v.Rights
		all = append(all, p)
	}
	return all, rows.Err()
}

func disabledPeople(tx *db.Tx) (map[string]bool, error) {
	people, err := readPeople(tx, "WHERE disabled = 1")
	all := map[string]bool{}
	for _, p := range people {
		all[p.Name] = true
	}
	return all, err
}

// AddPerson makes somebody who logs in by a password.
func (a *Access) AddPerson(ctx context.Context, by string, in api.PersonNew) (out api.Person, err error) {
	if err := CheckName(in.Name); err != nil {
		return out, muster.WithField(err, "/name")
	}
	if strings.Contains(in.Name, ":") {
		return out, muster.WithField(muster.Errorf(muster.Invalid, "%q: names with a colon are those that others give", in.Name), "/name")
	}
	hash, err := a.newHash(ctx, in.Name, in.Password)
	if err != nil {
		return out, muster.WithField(err, "/password")
	}
	now := a.Now().Unix()
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		return tx.Insert("access_person", personColumns, [][]any{{in.Name, 0, hash, "", nil, 0, now, by}})
	})
	if muster.KindOf(err) == muster.Conflict {
		err = muster.WithHint(muster.Errorf(muster.Conflict, "there is somebody called %q", in.Name), "run 'muster people password %s'", in.Name)
		return out, muster.WithField(err, "/name")
	}
	return api.Person{Name: in.Name, Password: true, Created: now, By: by}, err
}

// EditPerson changes a password, or whether somebody may log in. Both end sessions;
// tokens stay, unless they are to be revoked.
func (a *Access) EditPerson(ctx context.Context, name string, in api.PersonEdit) (out api.Person, err error) {
	var hash string
	if in.Password != nil {
		if hash, err = a.newHash(ctx, name, *in.Password); err != nil {
			return out, muster.WithField(err, "/password")
		}
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := readPerson(tx, name)
		if err != nil {
			return err
		}
		if in.Password != nil {
			if strings.Contains(name, ":") {
				return muster.Errorf(muster.Invalid, "%q has no password here: others know who it is", name)
			}
			if err := setPassword(tx, name, hash, nil); err != nil {
				return err
			}
		}
		if in.RevokeTokens {
			if err := removeTokens(tx, name); err != nil {
				return err
			}
		}
		if in.Anew {
			if _, err := tx.Exec("UPDATE access_person SET subject = ? WHERE name = ?", anew, name); err != nil {
				return err
			}
		}
		if in.Disabled != nil && *in.Disabled != p.Disabled {
			if err := disable(tx, name, *in.Disabled); err != nil {
				return err
			}
		}
		out, err = readPerson(tx, name)
		return err
	})
	return out, err
}

// setPassword ends all sessions but one: whoever took the old password may have some.
func setPassword(tx *db.Tx, name, hash string, but []byte) error {
	if _, err := tx.Exec("UPDATE access_person SET hash = ? WHERE name = ?", hash, name); err != nil {
		return err
	}
	if but == nil {
		return end(tx, "person = ?", name)
	}
	return end(tx, "person = ? AND sum <> ?", name, but)
}

func disable(tx *db.Tx, name string, disabled bool) error {
	bit := 0
	if disabled {
		bit = 1
	}
	if _, err := tx.Exec("UPDATE access_person SET disabled = ? WHERE name = ?", bit, name); err != nil {
		return err
	}
	if !disabled {
		return nil
	}
	if err := administered(tx); err != nil {
		return err
	}
	return end(tx, "person = ?", name)
}

// ChangePassword changes one's own password, for who knows the old one. It ends all
// other sessions. Tokens that are not revoked too are in the answer: one of them may be
// of whoever took the password.
func (a *Access) ChangePassword(ctx context.Context, v *Visit, in api.PasswordChange, from netip.Addr) (out api.PasswordChanged, err error) {
	if v.Way != "password" {
		return out, muster.Errorf(muster.Invalid, "%q did not log in by a password of this server", v.Name)
	}
	if _, err := a.Password(ctx, v.Name, in.Old, from); err != nil {
		return out, err
	}
	hash, err := a.newHash(ctx, v.Name, in.New)
	if err != nil {
		return out, muster.WithField(err, "/new-password")
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if in.RevokeTokens {
			if err := removeTokens(tx, v.Name); err != nil {
				return err
			}
		}
		return setPassword(tx, v.Name, hash, v.sum[:])
	})
	if err != nil {
		return out, err
	}
	page, err := a.Tokens(ctx, v.Name)
	return api.PasswordChanged{Tokens: page.Tokens}, err
}

// RemovePerson forgets somebody: their password, sessions, tokens, and the rules
// that name them. By a certificate, or by those who know them, they may come again.
func (a *Access) RemovePerson(ctx context.Context, name string) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := tx.Exec("DELETE FROM access_person WHERE name = ?", name)
		if err := gone(r, err, "person", name); err != nil {
			return muster.WithHint(err, "run 'muster people list'")
		}
		if _, err := tx.Exec("DELETE FROM access_rule WHERE who = ?", "person:"+name); err != nil {
			return err
		}
		if err := removeTokens(tx, name); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM access_home WHERE name = ?", homeName(name)); err != nil {
			return err
		}
		if err := end(tx, "person = ?", name); err != nil {
			return err
		}
		if err := administered(tx); err != nil {
			return err
		}
		return changed(tx)
	})
}

// Tell returns what was told of a person at the newest login, as a caller.
func (a *Access) Tell(ctx context.Context, name string) (Caller, error) {
	p, err := a.Person(ctx, name)
	if muster.KindOf(err) == muster.NotFound {
		return Caller{Name: name}, nil // rules may name who has not come yet
	}
	return Caller{Name: p.Name, Groups: p.Groups, Rights: p.Rights}, err
}

// Still reports whether somebody has a verb over all hosts, for what goes on in their
// name while they are away, as it does for tokens: not of who was disabled or removed,
// and by what was told of them at the newest login, unless that is long ago.
func (a *Access) Still(ctx context.Context, name string, v api.Verb) (bool, error) {
	p, err := a.Person(ctx, name)
	if muster.KindOf(err) == muster.NotFound || err == nil && p.Disabled {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rules, err := a.Rules(ctx)
	if err != nil {
		return false, err
	}
	now, c := a.Now(), Caller{Name: p.Name}
	if p.Seen+int64(a.Told.Seconds()) > now.Unix() {
		c.Groups, c.Rights = p.Groups, p.Rights
	}
	return May(rules, &c, v, now).All(), nil
}

// Begun reports whether somebody has been made an administrator by name.
func (a *Access) Begun(ctx context.Context) (begun bool, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		var n int
		err := tx.QueryRow("SELECT value FROM access_number WHERE name = 'begun'").Scan(&n)
		begun = n != 0
		return err
	})
	return begun, err
}

// First makes people, whose certificates are believed, administrators of a server
// that had none by name: once. It returns whom.
func (a *Access) First(ctx context.Context, people ...Login) (names []string, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		names = nil
		r, err := tx.Exec("UPDATE access_number SET value = 1 WHERE name = 'begun' AND value = 0")
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for _, l := range people {
			if err := a.found(tx, &l); err != nil {
				return err
			}
			names = append(names, l.Name)
		}
		return a.administrators(tx, "the first administrator", names)
	})
	return names, err
}

// found holds on to who vouches for a name before its owner has come, so that nobody
// comes first.
func (a *Access) found(tx *db.Tx, l *Login) error {
	_, err := readPerson(tx, l.Name)
	if muster.KindOf(err) != muster.NotFound {
		return err
	}
	return tx.Insert("access_person", personColumns, [][]any{{l.Name, 0, "", l.voucher(), nil, 0, a.Now().Unix(), ""}})
}

// Administrator gives somebody every verb: for who has the server itself. With a
// password, which may be "", they are made, or get it as theirs.
func (a *Access) Administrator(ctx context.Context, name, password string) (err error) {
	var hash string
	if err := CheckName(name); err != nil {
		return err
	}
	if password != "" {
		if hash, err = a.newHash(ctx, name, password); err != nil {
			return err
		}
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE access_number SET value = 1 WHERE name = 'begun'"); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE access_person SET disabled = 0 WHERE name = ?", name); err != nil {
			return err
		}
		if err := a.letIn(tx, name, hash); err != nil {
			return err
		}
		return a.administrators(tx, "on the server itself", []string{name})
	})
}

// letIn gives somebody a password; without one, whoever comes next under the name has it.
func (a *Access) letIn(tx *db.Tx, name, hash string) error {
	if hash == "" {
		_, err := tx.Exec("UPDATE access_person SET subject = ? WHERE name = ?", anew, name)
		return err
	}
	_, err := readPerson(tx, name)
	if muster.KindOf(err) == muster.NotFound {
		return tx.Insert("access_person", personColumns, [][]any{{name, 0, hash, "", nil, 0, a.Now().Unix(), ""}})
	}
	if err != nil {
		return err
	}
	return setPassword(tx, name, hash, nil)
}

func (a *Access) administrators(tx *db.Tx, note string, names []string) error {
	for _, name := range names {
		num, err := next(tx)
		if err != nil {
			return err
		}
		if err := insertRule(tx, Rule{ID: num, Who: "person:" + name, Verbs: api.Verbs(), Note: note, Created: a.Now().Unix()}); err != nil {
			return err
		}
	}
	return nil
}
