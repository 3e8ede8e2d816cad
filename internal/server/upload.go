package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/repo"
)

// An upload is a package file on its way into the repository.
type upload struct {
	file string
	done chan outcome
}

// An outcome is what became of an upload.
type outcome struct {
	published api.Published
	err       error
}

// putPackage takes a package file. It goes to disk as it comes; nothing of it
// is listed before the publisher has verified all of it.
func (s *Server) putPackage(ctx context.Context, r *request) (any, error) {
	if !s.depot.exists() {
		return nil, errNoRepository()
	}
	if err := s.depot.room(r.ContentLength); err != nil {
		return nil, err
	}
	u := &upload{done: make(chan outcome, 1)}
	body := s.unkept(r)
	sum, err := s.depot.receive(r, body, u)
	body.end()
	if u.file != "" {
		defer os.Remove(u.file) //nolint:errcheck // swept at the next start
	}
	if err != nil {
		return nil, err
	}
	if err := s.mayPublish(ctx, r, u.file); err != nil {
		return nil, err
	}
	s.log.Info("package uploaded", "request", r.id, "name", r.person.name, "file", r.URL.Query().Get("name"), "sha256", sum)
	select {
	case s.depot.queue <- u:
	case <-s.draining.Done():
		return nil, muster.Errorf(muster.Unavailable, "the server is stopping")
	}
	// Once queued the outcome is waited for: the file is being read.
	o := <-u.done
	return o.published, o.err
}

// receive copies the body to the disk.
func (d *depot) receive(r *request, body io.Reader, u *upload) (sum string, err error) {
	if r.ContentLength > int64(d.cfg.MaxPackage) {
		return "", muster.Errorf(muster.Invalid, "the file has %d bytes, more than %d: %w", r.ContentLength, d.cfg.MaxPackage, &http.MaxBytesError{Limit: int64(d.cfg.MaxPackage)})
	}
	f, err := os.CreateTemp(d.folder.path("uploads"), "*.mpk")
	if err != nil {
		return "", muster.WithKind(muster.Unavailable, err)
	}
	defer f.Close()
	u.file = f.Name()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(body, int64(d.cfg.MaxPackage)+1))
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return "", muster.WithHint(muster.Errorf(muster.Unavailable, "there is no room for the package: %w", syscall.ENOSPC), "make room on the server, then publish again")
	case err != nil:
		return "", muster.Errorf(muster.Unavailable, "the upload broke off after %d bytes: %w", n, err)
	case n > int64(d.cfg.MaxPackage):
		return "", muster.Errorf(muster.Invalid, "the file has more than %d bytes: %w", d.cfg.MaxPackage, &http.MaxBytesError{Limit: int64(d.cfg.MaxPackage)})
	}
	return hex.EncodeToString(h.Sum(nil)), muster.WithKind(muster.Unavailable, f.Close())
}

// room refuses what would fill the disk: twice the size, for the copy in the pool.
func (d *depot) room(size int64) error {
	free, err := freeSpace(d.folder.Dir)
	if err != nil || size < 0 {
		return nil // writing tells
	}
	if int64(free) < 2*size+int64(d.cfg.Reserve) {
		err := muster.Errorf(muster.Unavailable, "there is no room for a package of %d bytes: %d are free, %s of them are kept free", size, free, d.cfg.Reserve)
		return withStatus(http.StatusInsufficientStorage, muster.WithHint(err, "make room on the server, then publish again"))
	}
	return nil
}

// most files of one publication.
const maxTogether = 64

// publish publishes what is uploaded, what waits at the same time together: a
// thousand packages do not make a thousand heads.
func (d *depot) publish(ctx context.Context, published func()) {
	for {
		var batch []*upload
		select {
		case <-ctx.Done():
			return
		case u := <-d.queue:
			batch = append(batch, u)
		}
		for len(batch) < maxTogether && len(d.queue) > 0 {
			batch = append(batch, <-d.queue)
		}
		if d.publishAll(ctx, batch) {
			published()
		}
	}
}

// publishAll publishes files together, or each by itself where one of them is refused.
func (d *depot) publishAll(ctx context.Context, batch []*upload) (news bool) {
	files := make([]string, len(batch))
	for i, u := range batch {
		files[i] = u.file
	}
	var report *repo.Report
	err := d.change(ctx, func(p *repo.Publisher) (err error) {
		report, err = p.Publish(files...)
		return err
	})
	if err != nil && len(batch) > 1 {
		for _, u := range batch {
			news = d.publishAll(ctx, []*upload{u}) || news
		}
		return news
	}
	for _, u := range batch {
		u.done <- outcomeOf(u, report, err)
	}
	return err == nil && len(report.Added) > 0
}

// outcomeOf finds the file in the report, by its hash.
func outcomeOf(u *upload, report *repo.Report, err error) outcome {
	if err != nil {
		// The name of a temporary file says nothing to who sent it.
		text := strings.ReplaceAll(err.Error(), fmt.Sprintf("cannot publish %q: ", u.file), "")
		return outcome{err: &renamed{error: err, text: strings.ReplaceAll(text, u.file, "the package")}}
	}
	sum, size, err := sumOfFile(u.file)
	if err != nil {
		return outcome{err: muster.WithKind(muster.Unavailable, err)}
	}
	is := func(e *index.Entry) bool { return e.SHA256 == sum && e.Size == size }
	same := false
	i := slices.IndexFunc(report.Added, is)
	list := report.Added
	if i < 0 {
		list, same = report.Unchanged, true
		i = slices.IndexFunc(list, is)
	}
	if i < 0 {
		return outcome{err: muster.Errorf(muster.Internal, "the publication does not list the package")}
	}
	return outcome{published: api.Published{File: list[i].Filename, Name: list[i].Name, Serial: report.Serial, Same: same}}
}

// renamed is an error in other words.
type renamed struct {
	error
	text string
}

func (r *renamed) Error() string { return r.text }
func (r *renamed) Unwrap() error { return r.error }

func sumOfFile(name string) (sum string, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

func (s *Server) repositoryInfo(context.Context, *request) (any, error) { return s.depot.info(), nil }

func (s *Server) postLink(ctx context.Context, r *request) (any, error) {
	if err := s.depot.post(ctx, r.body); err != nil {
		return nil, err
	}
	s.log.Warn("link of trust posted", "request", r.id, "name", r.person.name, "link", s.depot.info().Link)
	s.news()
	return s.depot.info(), nil
}

// repository serves the repository's files, and nothing else of the folder.
func (s *Server) repository(w http.ResponseWriter, r *request) {
	// At least 16 kB a second, in the mean, after half a minute.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.depot.patience(r.URL.Path))) //nolint:errcheck // not supported in some tests
	http.StripPrefix(strings.TrimSuffix(api.RouteRepo, "/"), repo.Handler(s.depot.dir())).ServeHTTP(w, r.Request)
}

func (d *depot) patience(name string) time.Duration {
	const floor = 16 << 10
	patience := 30 * time.Second
	if rest, ok := strings.CutPrefix(path.Clean(name), api.RouteRepo); ok {
		if info, err := os.Stat(d.folder.path("repo", rest)); err == nil {
			patience += time.Duration(info.Size()/floor) * time.Second
		}
	}
	return patience
}
