package cli

import (
	"context"
	"path"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
)

// repositoryOf is the address of the repository of the server.
func repositoryOf(p *api.PersonClient) string {
	return p.Base() + strings.TrimSuffix(api.RouteRepo, "/")
}

// repoRemoveServer takes packages out of the index of a server, for all platforms.
// What is meant is found before anything is removed; then all of it goes, or nothing.
func (a *app) repoRemoveServer(ctx context.Context, url string, rels []control.Relation) error {
	p, err := a.on(url)
	if err != nil {
		return err
	}
	defer p.Close()
	files, err := a.filesMeant(ctx, repositoryOf(p), rels)
	if err != nil {
		return err
	}
	tidied, err := p.UnpublishAll(ctx, api.Removal{Files: files})
	if err != nil {
		return err
	}
	done := reportFact{Serial: tidied.Serial, Removed: tidied.Removed}
	return a.answer(done, func() error {
		a.printReport(done)
		return nil
	})
}

// filesMeant lists the files of the packages that one of the relations names. Each
// relation has to name one.
func (a *app) filesMeant(ctx context.Context, base string, rels []control.Relation) (files []string, err error) {
	named := make([]bool, len(rels))
	found, err := a.repoEntries(ctx, base, nil, func(e *index.Entry) bool {
		meant := false
		for i, rel := range rels {
			if e.Name == rel.Name && rel.Constraint.Match(e.Version) {
				meant, named[i] = true, true
			}
		}
		return meant
	})
	if err != nil {
		return nil, err
	}
	for i, rel := range rels {
		if !named[i] {
			return nil, muster.WithHint(muster.Errorf(muster.NotFound, "%q has no package %q", base, rel), "muster repo list %s", base)
		}
	}
	for _, e := range found {
		files = append(files, path.Base(e.Filename))
	}
	return files, nil
}

// repoGCServer has the server tidy up its repository.
func (a *app) repoGCServer(ctx context.Context, url string, keep int, grace time.Duration) error {
	p, err := a.on(url)
	if err != nil {
		return err
	}
	defer p.Close()
	done, err := p.Tidy(ctx, keep, grace)
	if err != nil {
		return err
	}
	return a.answerTidied(reportFact{Serial: done.Serial, Removed: done.Removed, Deleted: done.Deleted})
}
