package server

import (
	"context"

	"muster/internal/access"
	"muster/internal/advisories"
	"muster/internal/auditlog/ledger"
	"muster/internal/db"
	"muster/internal/glpisync"
	"muster/internal/hooks"
	"muster/internal/hosts"
	"muster/internal/mailer"
	"muster/internal/references"
	"muster/internal/relay"
	"muster/internal/rollouts"
	"muster/internal/sites"
)

// schemas are those of every subject that a server with this configuration opens.
func (c *Config) schemas() []db.Schema {
	all := []db.Schema{{Subject: "server", Files: schema}, ledger.Schema(), hosts.Schema(), relay.Schema(), hooks.Schema(), access.Schema(), rollouts.Schema(), mailer.Schema(), sites.Schema(), advisories.Schema(), references.Schema()}
	if c.GLPI.URL != "" {
		all = append(all, glpisync.Schema())
	}
	return all
}

// migrations says which the tables lack that this program works with: its server runs
// them when it starts.
func (d *Doctor) migrations(ctx context.Context, base *db.DB) {
	const what = "migrations"
	pending, err := base.Pending(ctx, d.Config.schemas()...)
	if err != nil {
		d.fail(what, err, "update this program")
		return
	}
	for _, name := range pending {
		d.say(Warn, what, "make a backup, then run 'musterd migrate' or start the server", "%s has not been run", name)
	}
	if len(pending) == 0 {
		d.say(Fine, what, "", "the tables are those of this program")
	}
}
