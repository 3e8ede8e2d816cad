package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"muster"
	"muster/internal/hosts"
)

// stopIn is how long a server that stops lets requests end. Systemd and its
// like kill after longer than that.
const stopIn = 4 * time.Second

// Listen opens the address of the configuration.
func (s *Server) Listen() (net.Listener, error) {
	path := s.cfg.unixSocket()
	if path == "" {
		// Waiting hosts hear a pulse more often than TCP asks whether they are there.
		lc := net.ListenConfig{KeepAlive: 2 * time.Minute}
		l, err := lc.Listen(context.Background(), "tcp", s.cfg.Listen)
		return l, muster.WithHint(muster.WithKind(muster.Unavailable, err), "listen: of the configuration, or MUSTERD_LISTEN=127.0.0.1:9443, names another address; 'ss -ltnp' shows who has this one")
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, muster.Errorf(muster.Conflict, "another server listens on %q", path)
		}
		os.Remove(path) //nolint:errcheck // listening tells
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	return l, os.Chmod(path, 0o660) // the proxy is of the same group
}

// Run serves on l until ctx ends. Then it accepts nothing more, tells hosts that
// wait to come back, lets the requests under way end, and writes what is in memory.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	tlsConfig, err := s.tlsConfig()
	if err != nil {
		l.Close()
		return err
	}
	unlock, err := s.begin()
	if err != nil {
		l.Close()
		return err
	}
	defer unlock()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var workers sync.WaitGroup
	workers.Go(func() { s.hosts.Run(work, func(err error) { s.log.Warn("hosts", "error", err.Error()) }) })
	workers.Go(func() { s.relay.Run(work, func(err error) { s.log.Warn("actions", "error", err.Error()) }) })
	workers.Go(func() { s.depot.publish(work, s.news) })
	workers.Go(func() { s.depot.tend(work) })
	workers.Go(func() { s.rollouts.Run(work, func(err error) { s.log.Warn("rollouts", "error", err.Error()) }) })
	workers.Go(func() { s.keepCheckpoints(work) })
	workers.Go(func() { s.hooks.Run(work, func(err error) { s.log.Warn("webhooks", "error", err.Error()) }) })
	workers.Go(func() { s.mail.Run(work, func(err error) { s.log.Warn("mail", "error", err.Error()) }) })
	workers.Go(func() { s.advisories.Run(work, func(err error) { s.log.Warn("advisories", "error", err.Error()) }) })
	workers.Go(func() { s.followFleet(work) })
	workers.Go(func() { s.references.Run(work, func(err error) { s.log.Warn("references", "error", err.Error()) }) })
	workers.Go(func() { s.sites.Run(work, func(err error) { s.log.Warn("sites", "error", err.Error()) }) })
	if s.glpi != nil {
		workers.Go(func() { s.glpi.Run(work, func(err error) { s.log.Warn("GLPI", "error", err.Error()) }) })
	}
	if s.ldap != nil {
		workers.Go(func() { s.ldap.Run(work, func(err error) { s.log.Warn("directory", "error", err.Error()) }) })
	}
	hs := &http.Server{Handler: s.Handler(), TLSConfig: tlsConfig,
		ReadHeaderTimeout: s.patience / 2, // who sends headers slowly is cut off
		IdleTimeout:       2 * time.Minute, MaxHeaderBytes: 32 << 10,
		// A table of headers that were sent takes 5 kB a connection, of headers of which
		// no two are the same.
		HTTP2:    &http.HTTP2Config{MaxEncoderHeaderTableSize: 1},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	served := make(chan error, 1)
	go func() {
		if tlsConfig == nil {
			served <- hs.Serve(l)
		} else {
			served <- hs.Serve(greet(l, tlsConfig, s.patience/2, s.log))
		}
	}()
	s.log.Info("serving", "address", l.Addr().String(), "id", s.self.ID, "version", Version)
	notify("READY=1")
	select {
	case err = <-served:
	case <-ctx.Done():
		notify("STOPPING=1")
		err = s.stop(hs)
	}
	stopWork()
	workers.Wait()
	s.log.Info("stopped")
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// begin takes the data folder: two servers have one each, also where they have
// the same database.
func (s *Server) begin() (unlock func(), err error) {
	unlock, err = lockFolder(s.folder.Dir, "give each a data folder of its own, with --data")
	if err != nil {
		return nil, err
	}
	return unlock, s.depot.sweep()
}

// stop ends the requests under way: those that wait for news at once.
func (s *Server) stop(hs *http.Server) error {
	s.drain()
	ctx, cancel := context.WithTimeout(context.Background(), stopIn)
	defer cancel()
	if hs.Shutdown(ctx) == nil {
		return nil
	}
	return hs.Close()
}

// news wakes the hosts that wait: there is something new in the repository.
func (s *Server) news() {
	s.rollouts.Poke()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.hosts.WakeAll(ctx); err != nil {
		s.log.Warn("cannot wake the hosts", "error", err.Error())
	}
}

// Hosts are the hosts of the server, for programs that hold both.
func (s *Server) Hosts() *hosts.Hosts { return s.hosts }

// notify tells systemd how it goes (sd_notify(3)), where it runs the server.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if path[0] == '@' {
		path = "\x00" + path[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	c.Write([]byte(state)) //nolint:errcheck // it is told again at the next state
}
