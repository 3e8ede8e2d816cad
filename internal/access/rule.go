package access

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/search"
)

// A Rule gives somebody verbs over hosts.
type Rule = api.Rule

// maxName bounds the name of a person or group, in bytes.
const maxName = 180

// kinds are what stands before the colon of a who.
var kinds = map[string]byte{"person": 'p', "group": 'g', "right": 'r', "token": 't'}

// parseWho reads the who of a rule.
func parseWho(text string) (who, error) {
	kind, name, ok := strings.Cut(text, ":")
	w := who{kinds[kind], name}
	if !ok || w.kind == 0 {
		return who{}, muster.WithHint(muster.Errorf(muster.Invalid, "%q names nobody", text), "write person:NAME, group:ldap:NAME, right:deploy or token:NUMBER")
	}
	if w.kind == 'r' && name != "deploy" && name != "code" && name != "issue" {
		return who{}, muster.Errorf(muster.Invalid, "%q is no right of certificates: deploy, code or issue", name)
	}
	if w.kind == 'g' && !strings.HasPrefix(name, fromLDAP) && !strings.HasPrefix(name, fromOIDC) {
		return who{}, muster.WithHint(muster.Errorf(muster.Invalid, "the server knows no group %q of people", name), "write group:ldap:NAME or group:oidc:NAME")
	}
	return w, CheckName(name)
}

// What stands before names that others give.
const (
	fromLDAP = "ldap:"
	fromOIDC = "oidc:"
)

// CheckName refuses what cannot be the name of a person or group. Two names that
// look alike in a list are a trap: no blanks around, nothing that is not shown.
func CheckName(name string) error {
	bad := name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.TrimSpace(name) != name ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) && r != ' ' })
	if bad {
		return muster.Errorf(muster.Invalid, "%.64q is no name of a person: at most %d bytes that can be seen, no blanks around", name, maxName)
	}
	return nil
}

// checkRule reads a rule as somebody wrote it, and puts it in its one form.
func checkRule(r Rule) (Rule, error) {
	w, err := parseWho(r.Who)
	if err != nil {
		return r, muster.WithField(err, "/who")
	}
	q, err := search.Parse(r.Hosts)
	if err != nil {
		return r, muster.WithField(muster.Errorf(muster.KindOf(err), "the hosts of the rule: %w", err), "/hosts")
	}
	r.Hosts = q.String()
	if r.Verbs, err = checkVerbs(r.Verbs, q.All()); err != nil {
		return r, muster.WithField(err, "/verbs")
	}
	if len(r.Note) > 400 || !utf8.ValidString(r.Note) {
		return r, muster.WithField(muster.Errorf(muster.Invalid, "the note of a rule is longer than 400 bytes, or no UTF-8"), "/note")
	}
	if w.kind == 't' && strings.Trim(w.name, "0123456789") != "" {
		err = muster.WithHint(muster.Errorf(muster.Invalid, "%q is no number of a token", w.name), "run 'muster apitokens list'")
	}
	return r, muster.WithField(err, "/who")
}

// checkVerbs sorts verbs as they are shown, and refuses those that cannot be.
func checkVerbs(verbs []api.Verb, whole bool) ([]api.Verb, error) {
	var out []api.Verb
	for _, v := range verbs {
		if bit(v) == 0 {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%.32q is no verb", v), "the verbs are %s", join(api.Verbs(), ", "))
		}
		if v.Whole() && !whole {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%q concerns the server as a whole, and not some hosts", v), "make a rule for it without hosts")
		}
	}
	for _, v := range api.Verbs() {
		if slices.Contains(verbs, v) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, muster.Errorf(muster.Invalid, "a rule without verbs gives nothing")
	}
	return out, nil
}

func join(verbs []api.Verb, with string) string {
	words := make([]string, len(verbs))
	for i, v := range verbs {
		words[i] = string(v)
	}
	return strings.Join(words, with)
}

// maxRules bounds what is held against every request.
const maxRules = 10_000

func readRules(tx *db.Tx) (all []Rule, err error) {
	rows, err := tx.Query("SELECT num, who, verbs, hosts, expires, note, created, creator FROM access_rule ORDER BY num")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Rule
		var verbs string
		if err := rows.Scan(&r.ID, &r.Who, &verbs, &r.Hosts, &r.Expires, &r.Note, &r.Created, &r.By); err != nil {
			return nil, err
		}
		for _, v := range strings.Fields(verbs) {
			r.Verbs = append(r.Verbs, api.Verb(v))
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

func insertRule(tx *db.Tx, r Rule) error {
	err := tx.Insert("access_rule", []string{"num", "who", "verbs", "hosts", "expires", "note", "created", "creator"},
		[][]any{{r.ID, r.Who, join(r.Verbs, " "), r.Hosts, r.Expires, r.Note, r.Created, r.By}})
	if err != nil {
		return err
	}
	return changed(tx)
}

// AddRule adds a rule for the person named by.
func (a *Access) AddRule(ctx context.Context, by string, in Rule) (out Rule, err error) {
	if in, err = checkRule(in); err != nil {
		return out, err
	}
	in.Created, in.By = a.Now().Unix(), by
	if in.Expires != 0 && in.Expires <= in.Created {
		return out, muster.WithField(muster.Errorf(muster.Invalid, "the rule would have expired already"), "/expires")
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := a.sweep(tx); err != nil {
			return err
		}
		if err := room(tx); err != nil {
			return err
		}
		num, err := next(tx)
		if err != nil {
			return err
		}
		out = in
		out.ID = num
		return insertRule(tx, out)
	})
	return out, err
}

// room refuses one rule too many; each token has one.
func room(tx *db.Tx) error {
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM access_rule").Scan(&n); err != nil {
		return err
	}
	if n >= maxRules {
		return muster.WithHint(muster.Errorf(muster.Conflict, "there are %d rules, and no more may be", n), "run 'muster rights list' and 'muster apitokens list', and remove some")
	}
	return nil
}

// RemoveRule takes a rule away, but never the last by which somebody administers.
func (a *Access) RemoveRule(ctx context.Context, id int64) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := tx.Exec("DELETE FROM access_rule WHERE num = ?", id)
		if err := gone(r, err, "rule", id); err != nil {
			return muster.WithHint(err, "run 'muster rights list'")
		}
		if err := administered(tx); err != nil {
			return err
		}
		return changed(tx)
	})
}

// administered refuses a change after which no rule without an end would let
// anybody administer.
func administered(tx *db.Tx) error {
	all, err := readRules(tx)
	if err != nil {
		return err
	}
	disabled, err := disabledPeople(tx)
	if err != nil {
		return err
	}
	for i := range all {
		w, g, err := prepare(&all[i])
		if err == nil && g.expires == 0 && g.verbs.has(bit(api.VerbAdminister)) && w.kind != 't' && !(w.kind == 'p' && disabled[w.name]) {
			return nil
		}
	}
	return muster.WithHint(muster.Errorf(muster.Conflict, "nobody would administer this server any more"), "give 'administer' to somebody else first: 'muster rights add person:NAME administer'")
}

// List are the rules, in the order in which they were made.
func (r *Rules) List() []Rule { return slices.Clone(r.list) }
