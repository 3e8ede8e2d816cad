package server

import (
	"context"
	"path"
	"strconv"
	"time"

	"muster"
	"muster/api"
	"muster/internal/repo"
)

// removePackage takes a file out of the index, and no other of the same version. The
// file stays for those who are fetching it, until the repository is tidied up.
func (s *Server) removePackage(ctx context.Context, r *request) (any, error) {
	if !s.depot.exists() {
		return nil, errNoRepository()
	}
	name := r.PathValue("file")
	err := s.depot.change(ctx, func(p *repo.Publisher) error {
		_, err := p.RemoveFiles(name)
		return err
	})
	if muster.KindOf(err) == muster.NotFound { // in words that do not tell where the folder is
		err = muster.Errorf(muster.NotFound, "the repository lists no file %q", name)
	}
	if err == nil {
		s.log.Info("package removed", "request", r.id, "name", r.person.name, "file", name)
		s.news()
	}
	return nil, err
}

// tidyRepository drops old versions and deletes files that nothing lists. Those that
// hosts may be fetching stay for the time that is asked for.
func (s *Server) tidyRepository(ctx context.Context, r *request) (any, error) {
	if !s.depot.exists() {
		return nil, errNoRepository()
	}
	q := r.URL.Query()
	keep, err := strconv.Atoi(q.Get("keep"))
	if err != nil || keep < 0 {
		return nil, muster.Errorf(muster.Invalid, "keep=%q is no number of versions", q.Get("keep"))
	}
	grace, err := time.ParseDuration(q.Get("grace"))
	if err != nil || grace < 0 {
		return nil, muster.Errorf(muster.Invalid, "grace=%q is no time such as 24h", q.Get("grace"))
	}
	var out api.Tidied
	err = s.depot.change(ctx, func(p *repo.Publisher) error {
		rep, deleted, err := p.GC(keep, grace)
		if err != nil {
			return err
		}
		out = api.Tidied{Serial: rep.Serial, Deleted: deleted}
		for _, e := range rep.Removed {
			out.Removed = append(out.Removed, path.Base(e.Filename))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.log.Info("repository tidied", "request", r.id, "name", r.person.name, "removed", len(out.Removed), "deleted", len(out.Deleted))
	if len(out.Removed) > 0 {
		s.news()
	}
	return out, nil
}
