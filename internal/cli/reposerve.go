package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/repo"
)

func repoServeCommand(a *app) *cobra.Command {
	var listen string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Offer a repository on a web address",
		Long: `Offer the folder of a repository over HTTP until interrupted. Any other web server
does as well; for hosts beyond this machine put TLS in front.`,
		Example: "  muster repo serve /srv/repo --listen 127.0.0.1:8080 -v",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.repoServe(cmd.Context(), args[0], listen, verbose)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`ADDRESS`; port 0 is any that is free")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log every request")
	return cmd
}

func (a *app) repoServe(ctx context.Context, dir, listen string, verbose bool) error {
	if err := needRepository(dir); err != nil {
		return err
	}
	l, err := listenAt(listen)
	if err != nil {
		return err
	}
	handler := repo.Handler(dir)
	if verbose {
		handler = logged(handler, slog.New(slog.NewTextHandler(a.err, nil)))
	}
	// A body may take long, so the time of writing has no bound.
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.NewTextHandler(a.err, nil), slog.LevelWarn)}
	a.print("serving %s at http://%s", dir, l.Addr())
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- shutdown(server) })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	return <-stopped
}

// shutdown lets requests under way end, but does not wait for ever for hosts
// that are slow.
func shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if server.Shutdown(ctx) == nil {
		return nil
	}
	return server.Close()
}

// logged logs what next answers.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &logWriter{ResponseWriter: w, status: http.StatusOK}
		start := time.Now()
		next.ServeHTTP(answer, r)
		log.Info("request", "method", r.Method, "path", r.URL.Path, "range", r.Header.Get("Range"), "status", answer.status,
			"bytes", answer.bytes, "ms", time.Since(start).Milliseconds(), "from", r.RemoteAddr)
	})
}

// A logWriter remembers what was answered.
type logWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *logWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *logWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom leaves files to the kernel, as without a log.
func (w *logWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}
