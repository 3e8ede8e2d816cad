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
	_, err := s.unlist(ctx, r, r.PathValue("file"))
	return nil, err
}

// removePackages takes files out of the index: all of them with one head, or none.
func (s *Server) removePackages(ctx context.Context, r *request) (any, error) {
	var in api.Removal
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if len(in.Files) == 0 {
		return nil, muster.Errorf(muster.Invalid, "no file is named")
	}
	return s.unlist(ctx, r, in.Files...)
}

func (s *Server) unlist(ctx context.Context, r *request, files ...string) (out api.Tidied, err error) {
	if !s.depot.exists() {
		return out, errNoRepository()
	}
	err = s.depot.change(ctx, func(p *repo.Publisher) error {
		rep, err := p.RemoveFiles(files...)
		if err == nil {
			out = tidied(rep)
		}
		return err
	})
	if err != nil {
		return api.Tidied{}, err
	}
	for _, name := range out.Removed {
		s.log.Info("package removed", "request", r.id, "name", r.person.name, "file", name)
	}
	s.news()
	return out, nil
}

// tidied names the files that a new head does not list any more.
func tidied(rep *repo.Report) api.Tidied {
	out := api.Tidied{Serial: rep.Serial}
	for _, e := range rep.Removed {
		out.Removed = append(out.Removed, path.Base(e.Filename))
	}
	return out
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
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "keep=%q is no number of versions", q.Get("keep")), "keep")
	}
	grace, err := time.ParseDuration(q.Get("grace"))
	if err != nil || grace < 0 {
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "grace=%q is no time such as 24h", q.Get("grace")), "grace")
	}
	var out api.Tidied
	err = s.depot.change(ctx, func(p *repo.Publisher) error {
		rep, deleted, err := p.GC(keep, grace)
		if err != nil {
			return err
		}
		out = tidied(rep)
		out.Deleted = deleted
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
