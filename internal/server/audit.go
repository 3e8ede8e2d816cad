package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"muster"
	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/auditlog/ledger"
	"muster/internal/db"
)

// The key by which the server signs checkpoints of its audit log is good for
// nothing else. Whoever has only the database cannot make a checkpoint.
const (
	auditDir       = "audit"
	auditKeyFile   = "key"        // private, then public, as package note writes them
	checkpointFile = "checkpoint" // the newest that this server has signed
)

// auditKey reads the key of the audit log, or makes it at the first start.
func (f Folder) auditKey(id string) (secret, public string, err error) {
	name := f.path(auditDir, auditKeyFile)
	data, err := os.ReadFile(name)
	if err == nil {
		secret, public, ok := strings.Cut(strings.TrimSuffix(string(data), "\n"), "\n")
		if !ok {
			return "", "", muster.WithHint(muster.Errorf(muster.Invalid, "cannot use the key of the audit log in %q", name), "restore a backup: 'musterd restore FILE'")
		}
		return secret, public, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", "", muster.WithKind(muster.Unavailable, err)
	}
	if err := f.Disk.MkdirAll(f.path(auditDir), 0o700); err != nil {
		return "", "", muster.WithKind(muster.Unavailable, err)
	}
	if secret, public, err = note.GenerateKey(rand.Reader, auditlog.Origin(id)); err != nil {
		return "", "", err
	}
	return secret, public, muster.WithKind(muster.Unavailable, f.Disk.WriteFile(name, []byte(secret+"\n"+public+"\n"), 0o600))
}

// openLedger opens the audit log of a database with the key of the folder.
func openLedger(ctx context.Context, f Folder, id string, c ledger.Config) (*ledger.Ledger, error) {
	secret, public, err := f.auditKey(id)
	if err != nil {
		return nil, err
	}
	if c.Signer, err = note.NewSigner(secret); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot use the key in %q: %w", f.path(auditDir, auditKeyFile), err)
	}
	c.Key = public
	return ledger.Open(ctx, c)
}

// openAudit opens the log, and looks whether it continues what this server signed
// last: its own checkpoint is not in the database, so that who restores or cuts that
// is noticed here first.
func (s *Server) openAudit(ctx context.Context) (err error) {
	if s.ledger, err = openLedger(ctx, s.folder, s.self.ID, ledger.Config{DB: s.db, Now: func() time.Time { return s.now() }}); err != nil {
		return err
	}
	if err := s.compare(ctx); err != nil {
		return err
	}
	return s.audit(ctx, api.AuditEntry{What: "server", Outcome: api.AuditDone, Content: `{"started":` + strconv.Quote(Version) + `}`})
}

// compare looks whether the log continues the checkpoint in the folder. Where it does
// not, that one is put aside as evidence, and the log itself says so from then on.
func (s *Server) compare(ctx context.Context) error {
	err := continues(ctx, s.folder, s.ledger)
	if muster.KindOf(err) != muster.Conflict {
		return err
	}
	s.log.Error("the audit log does not continue what this server signed", "error", err.Error())
	if err := s.audit(ctx, api.AuditEntry{What: "server", Outcome: string(muster.Conflict), Reason: err.Error()}); err != nil {
		return err
	}
	name := s.folder.path(auditDir, checkpointFile)
	return muster.WithKind(muster.Unavailable, s.folder.Disk.Rename(name, name+"-"+s.now().UTC().Format("20060102T150405Z")))
}

// continues reports, as an error of kind Conflict, that the log is not the one of
// which the folder has a checkpoint.
func continues(ctx context.Context, f Folder, l *ledger.Ledger) error {
	data, err := os.ReadFile(f.path(auditDir, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	key, err := auditlog.ParseKey(l.Key)
	if err != nil {
		return err
	}
	old := string(data)
	was, err := auditlog.OpenCheckpoint(old, key)
	if err != nil {
		return muster.WithKind(muster.Conflict, err)
	}
	now, err := l.Checkpoint(ctx, was.N)
	if err != nil {
		return err
	}
	_, err = auditlog.Advance(old, now, key)
	return err
}

// audit writes an entry of what happened without a request of a person, such as a
// step of a rollout. When it returns, the entry is on disk.
func (s *Server) audit(ctx context.Context, e api.AuditEntry) error {
	_, err := s.ledger.Append(ctx, &e)
	return err
}

// keepCheckpoints keeps what the log is outside of the database, and now and then in
// it, until ctx ends.
func (s *Server) keepCheckpoints(ctx context.Context) {
	const each = time.Minute
	tick := time.NewTicker(each)
	defer tick.Stop()
	for n := 0; ; n++ {
		if err := s.keepCheckpoint(ctx, n%15 == 0); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot keep a checkpoint of the audit log", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := s.keepCheckpoint(last, false); err != nil {
				s.log.Warn("cannot keep a checkpoint of the audit log", "error", err.Error())
			}
			return
		case <-tick.C:
		}
	}
}

// keepCheckpoint keeps the newest checkpoint in the folder, and in the database too
// where that is asked for.
func (s *Server) keepCheckpoint(ctx context.Context, too bool) error {
	if too {
		if _, err := s.ledger.Keep(ctx); err != nil {
			return err
		}
	}
	if err := s.compare(ctx); err != nil {
		return err
	}
	c, err := s.ledger.Checkpoint(ctx, 0)
	if err != nil {
		return err
	}
	name := s.folder.path(auditDir, checkpointFile)
	if was, err := os.ReadFile(name); err == nil && string(was) == c.Note {
		return nil
	}
	return s.folder.Disk.WriteFile(name, []byte(c.Note), 0o600)
}

// auditKinds are what entries of the log are called.
func auditKinds() (all []string) {
	for _, k := range api.FeedKinds {
		if what, ok := strings.CutPrefix(k, "audit."); ok {
			all = append(all, what)
		}
	}
	return all
}

func (s *Server) listAudit(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.AuditQuery{Before: q.number("before"), Since: q.number("since"), Limit: int(q.number("limit")), Who: q.Get("who"), What: q.Get("what"),
		Target: q.Get("target"), From: q.number("from"), To: q.number("to"), Failed: q.Get("failed") == "1", Forward: q.Has("since")}
	q.oneOf("what", auditKinds()...)
	if q.err != nil {
		return nil, q.err
	}
	return s.ledger.List(ctx, in)
}

func (s *Server) getAudit(ctx context.Context, r *request) (any, error) {
	n, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%q is no number of an entry", r.PathValue("number"))
	}
	return s.ledger.Prove(ctx, n)
}

func (s *Server) auditCheckpoint(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	from := q.number("from")
	if q.err != nil {
		return nil, q.err
	}
	return s.ledger.Checkpoint(ctx, from)
}

// exportAudit writes the whole log.
func (s *Server) exportAudit(ctx context.Context, r *request) (any, error) {
	return s.streamed(r, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, func(w io.Writer) error { return s.ledger.Export(ctx, w) }), nil
}

// checkpoints are those of the folder: the newest, and those that the log did not
// continue.
func (f Folder) checkpoints() (all []string, err error) {
	names, err := filepath.Glob(f.path(auditDir, checkpointFile+"*"))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, string(data))
	}
	return all, err
}

// audit looks at the log of the database as a whole.
func (d *Doctor) audit(ctx context.Context, f Folder, base *db.DB) {
	const what = "audit log"
	info, err := os.Stat(f.path(auditDir, auditKeyFile))
	if err != nil {
		d.fail(what, err, "start the server once, or restore a backup: 'musterd restore FILE'")
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		d.say(Wrong, what, "chmod 600 "+f.path(auditDir, auditKeyFile), "others may read its key: %s", info.Mode().Perm())
		return
	}
	l, err := openLedger(ctx, f, "", ledger.Config{DB: base, Read: true})
	if err != nil {
		d.fail(what, err, "")
		return
	}
	kept, err := f.checkpoints()
	if err != nil {
		d.fail(what, err, "")
		return
	}
	r, err := l.Check(ctx, kept...)
	if err != nil {
		d.fail(what, fmt.Errorf("it was tampered with, or its database was restored: %w", err), "keep a copy of the database and of "+f.path(auditDir)+", and compare with an export; when you know why, remove "+f.path(auditDir, checkpointFile+"-*"))
		return
	}
	d.say(Fine, what, "", "%d entries are as they were signed", r.Tree.N)
}
