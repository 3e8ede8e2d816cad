// Package access says who people are and what they may do: rules, people, their
// passwords and sessions, and the tokens of their programs. It owns the tables
// access_*.
//
// Start with [May], which is pure: rules, who asks, what for, and it answers for
// which hosts. [Open] keeps rules and people in a database; [Access.Session] finds
// who sends a request.
//
// # Rules
//
// A rule gives somebody verbs ([api.Verb]) over hosts, for a time. There is no rule
// that takes away: what no rule gives, nobody has.
//
//	who    = "person:" NAME | "group:" NAME | "right:" RIGHT | "token:" NUMBER
//	hosts  = a search, in the language of package search; "" is all
//
// NAME is that of a certificate or of somebody with a password here; "ldap:NAME"
// and "oidc:NAME" are people and groups that the directory or the provider of OpenID
// Connect names, so that these cannot name anybody else. RIGHT is a right of the
// certificate by which somebody logged in: deploy, code or issue. A token may do
// what rules give both the token and its owner.
//
// Publishing, tokens for hosts and administration concern no single host: a rule
// for some hosts gives none of them.
//
// # Promise
//
// What was taken away (a rule, a session, a token, a person) is gone with the next
// request, on every server of the database. What expires counts no more from that
// second on. Passwords and secrets are kept as hashes. There is always a rule left
// by which somebody administers.
package access

import (
	"context"
	"embed"
	"io/fs"
	"sync/atomic"
	"time"

	"muster"
	"muster/internal/db"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "access", Files: schema} }

// Config says what an [Access] works with.
type Config struct {
	DB  *db.DB
	Now func() time.Time // time.Now
	// Last is how long a session lasts, and Idle how long it lasts unused: 12 and 2 hours.
	Last, Idle time.Duration
	// Skew is how long a signed login may come again, and has to be remembered: five minutes.
	Skew time.Duration
	// Told is how long what directories told at the newest login counts for the
	// tokens of a person: 30 days.
	Told time.Duration
	// Memory is what hashing a password takes, in KiB, for tests alone: to log in takes
	// them longer than what they look at.
	Memory uint32
}

// Access is the people of a server. Its methods may be called from many goroutines.
type Access struct {
	Config
	rules   atomic.Pointer[kept]
	tries   *tries
	hashing chan struct{} // places to work on passwords
}

// kept are the rules as of a number of the database.
type kept struct {
	number int64
	rules  *Rules
}

// Open migrates the tables.
func Open(ctx context.Context, c Config) (*Access, error) {
	c.defaults()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "access", files); err != nil {
		return nil, err
	}
	a := &Access{Config: c, tries: newTries(), hashing: make(chan struct{}, atOnce)}
	go dummy() // or the first name that nobody has would take longer
	_, err = a.Rules(ctx)
	return a, err
}

func (c *Config) defaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.Last, 12*time.Hour)
	set(&c.Idle, 2*time.Hour)
	set(&c.Skew, 5*time.Minute)
	set(&c.Told, 30*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Memory == 0 {
		c.Memory = memory
	}
}

// Rules are those of this moment.
func (a *Access) Rules(ctx context.Context) (r *Rules, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		r, err = a.fresh(tx)
		return err
	})
	return r, err
}

// fresh are the rules as of the transaction: from memory, unless they changed.
func (a *Access) fresh(tx *db.Tx) (*Rules, error) {
	var number int64
	if err := tx.QueryRow("SELECT value FROM access_number WHERE name = 'rules'").Scan(&number); err != nil {
		return nil, err
	}
	if k := a.rules.Load(); k != nil && k.number == number {
		return k.rules, nil
	}
	list, err := readRules(tx)
	if err != nil {
		return nil, err
	}
	r := NewRules(list)
	// An older reading must not take the place of a newer one.
	for old := a.rules.Load(); old == nil || old.number < number; old = a.rules.Load() {
		if a.rules.CompareAndSwap(old, &kept{number, r}) {
			break
		}
	}
	return r, nil
}

// changed tells all servers that the rules are others.
func changed(tx *db.Tx) error {
	_, err := tx.Exec("UPDATE access_number SET value = value + 1 WHERE name = 'rules'")
	return err
}

// next gives a number that no rule and no token has.
func next(tx *db.Tx) (n int64, err error) {
	if _, err := tx.Exec("UPDATE access_number SET value = value + 1 WHERE name = 'last'"); err != nil {
		return 0, err
	}
	return n, tx.QueryRow("SELECT value FROM access_number WHERE name = 'last'").Scan(&n)
}

// gone is NotFound unless a statement changed a row.
func gone(r interface{ RowsAffected() (int64, error) }, err error, what string, name any) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return muster.Errorf(muster.NotFound, "there is no %s %v", what, name)
}
