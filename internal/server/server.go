// Package server is musterd: its configuration, its keys, the table of what it
// answers, and the wiring of the subjects that do the work.
//
// Start with [ReadConfig] and [Open]; then [Server.Run] serves until it is told
// to stop, and [Server.Handler] is what it serves, for tests. routes.go is the
// table: every path, who may use it, what it may send, how often.
//
// # Promise
//
// What was answered with success is on disk. A request that was refused changed
// nothing. Memory is bounded by the table: bodies are read up to their bound, so
// many at once, and what is not signed by whom it claims to be from is never
// decompressed. A panic ends its request alone.
package server

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"muster"
	"muster/api"
	"muster/internal/access"
	"muster/internal/advisories"
	"muster/internal/auditlog/ledger"
	"muster/internal/db"
	"muster/internal/directory"
	"muster/internal/glpisync"
	"muster/internal/hooks"
	"muster/internal/hosts"
	"muster/internal/mailer"
	"muster/internal/references"
	"muster/internal/relay"
	"muster/internal/rollouts"
	"muster/internal/sites"
	"muster/sign"
)

//go:embed schema/*.sql
var schema embed.FS

// Version is what the server says of itself; releases set it at link time.
var Version = "0.1.0-dev"

// A Server is one musterd.
type Server struct {
	cfg          Config
	log          *slog.Logger
	now          func() time.Time
	folder       Folder
	self         *Self
	db           *db.DB
	hosts        *hosts.Hosts
	relay        *relay.Relay
	access       *access.Access
	provider     *provider // of OpenID Connect; nil: none
	rollouts     *rollouts.Rollouts
	ledger       *ledger.Ledger
	hooks        *hooks.Hooks
	mail         *mailer.Mailer
	glpi         *glpisync.Sync // nil: none is told
	sites        *sites.Sites
	collector    *collector
	advisories   *advisories.Advisories
	references   *references.References
	spool        *spool // nil: reports are not kept sealed
	depot        *depot
	ldap         *directory.Directory // nil: none is read
	people       *people
	limits       map[string]*limiter
	metrics      *metrics
	origins      *http.CrossOriginProtection
	marks        *marks
	intake       *intake
	reportIntake *intake // of reports
	refusals     *refusals

	patience time.Duration   // with those who send slowly
	pulse    time.Duration   // between two signs of life to a host that waits
	draining context.Context // over when the server stops: long polls end
	drain    context.CancelFunc
}

// Open prepares a server: it makes keys at the first start, opens the database
// with one of the drivers and brings its tables up to date. Close ends it.
func Open(ctx context.Context, cfg Config, log *slog.Logger, drivers ...db.Driver) (*Server, error) {
	s := &Server{cfg: cfg, log: log, now: time.Now, patience: patience, pulse: wakePulse, folder: Folder{Dir: cfg.Data}, origins: http.NewCrossOriginProtection(), limits: newLimiters(cfg.Limits),
		marks: newMarks(), intake: newIntake(maxIntake), refusals: newRefusals()}
	s.draining, s.drain = context.WithCancel(context.Background())
	var err error
	if s.self, err = s.folder.Open(s.now()); err != nil {
		return nil, err
	}
	s.depot = newDepot(s.folder, &s.cfg.Repository, s.self.Index, log)
	s.people = &people{folder: s.folder, revoked: s.depot.revoked}
	s.depot.believed = func() (*sign.Trust, error) {
		anchors, err := s.people.believed(s.now())
		return &sign.Trust{Anchors: anchors}, err
	}
	if s.db, err = db.Open(ctx, cfg.DSN(), drivers...); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		s.db.Close() //nolint:errcheck // the first error tells more
		return nil, err
	}
	return s, nil
}

// open wires what needs the database.
func (s *Server) open(ctx context.Context) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	if err := s.db.Migrate(ctx, "server", files); err != nil {
		return err
	}
	if err := s.recognise(ctx); err != nil {
		return err
	}
	if err := s.openAudit(ctx); err != nil {
		return err
	}
	h := s.cfg.Hosts
	c := hosts.Config{DB: s.db, Server: s.self.ID, Authority: s.self.Authority, Now: s.now, Mirrors: s.cfg.Repository.Mirrors,
		Interval: h.Interval.std(), Skew: h.Skew.std(), MaxPending: h.Pending, ReturnsWait: h.Returns == "wait",
		EnrolRate: s.limits["enrol"].perSecond(), WholeRate: max(20, float64(s.cfg.Limits.Hosts)/500), KeepHistory: h.History.std(), KeepEvents: h.Events.std(), Alarm: s.auditAlarm, Rolling: s.rolling}
	if len(s.cfg.Directory.URLs) > 0 {
		if s.ldap, err = directory.Open(s.cfg.Directory); err != nil {
			return err
		}
		c.Directory = s.ldap
	}
	if s.hosts, err = hosts.Open(ctx, c); err != nil {
		return err
	}
	if err := s.openRelay(ctx); err != nil {
		return err
	}
	if err := s.openHooks(ctx); err != nil {
		return err
	}
	if err := s.openMail(ctx); err != nil {
		return err
	}
	if err := s.openGLPI(ctx); err != nil {
		return err
	}
	if err := s.openCollector(ctx); err != nil {
		return err
	}
	if err := s.openAdvisories(ctx); err != nil {
		return err
	}
	if err := s.openReferences(ctx); err != nil {
		return err
	}
	if err := s.openAccess(ctx); err != nil {
		return err
	}
	if s.provider, err = newProvider(s.cfg.OIDC); err != nil {
		return err
	}
	if err := s.openRollouts(ctx); err != nil {
		return err
	}
	s.metrics = newMetrics(s)
	s.db.Observe(s.metrics.batch)
	return nil
}

// recognise compares the keys of the folder with those that the database was
// made with: hosts would believe neither half of a mixture.
func (s *Server) recognise(ctx context.Context) error {
	_, public, err := s.folder.auditKey(s.self.ID)
	if err != nil {
		return err
	}
	mine := map[string]string{"id": s.self.ID, "authority": sign.KeyFingerprint(s.self.Authority.Leaf()), "audit": public}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for name, value := range mine {
			var has string
			err := tx.QueryRow("SELECT value FROM server_self WHERE name = ?", name).Scan(&has)
			if muster.KindOf(err) == muster.NotFound {
				err, has = tx.Insert("server_self", []string{"name", "value"}, [][]any{{name, value}}), value
			}
			if err != nil {
				return err
			}
			if has != value {
				return muster.WithHint(muster.Errorf(muster.Conflict, "the database is that of a server with another %s: %s, not %s", name, has, value),
					"several servers on one database need the same server.json, ca, index, audit and seal: copy them from the first one's data folder")
			}
		}
		return nil
	})
}

// Close ends what Open began.
func (s *Server) Close() error {
	s.drain()
	return s.db.Close()
}

// Handler is everything that the server answers.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	table := routes()
	for i := range table {
		mux.Handle(table[i].method+" "+table[i].path, s.handle(s.audited(&table[i])))
	}
	for _, rt := range s.foreignRoutes() {
		mux.Handle(rt.method+" "+rt.path, s.handle(&rt))
	}
	programs := s.described(mux)
	if s.cfg.Console == "off" {
		return programs
	}
	pages, err := s.console(mux)
	if err != nil {
		s.log.Error("no console", "error", err.Error())
		return programs
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ofPrograms(r.URL.Path) || s.ofReporters(r.URL.Path) {
			programs.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// called is what people see of the server.
func (s *Server) called() string {
	if s.cfg.Name != "" {
		return s.cfg.Name
	}
	name, err := os.Hostname()
	if err != nil {
		return "musterd"
	}
	return name
}

// about says who the server is, to anybody.
func (s *Server) about(_ context.Context, _ *request) (any, error) {
	anchors, err := s.people.believed(s.now())
	if err != nil {
		return nil, err
	}
	return api.Server{ID: s.self.ID, Name: s.called(), Version: Version, Time: s.now().Unix(), Repository: s.depot.info(), Audit: s.ledger.Key, Anchors: string(sign.EncodeCerts(anchors...))}, nil
}
