package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"muster/internal/db"
)

// A healthCheck is one thing that a server needs.
type healthCheck struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Text string `json:"text,omitempty"`
}

// health answers 200 when the server can do its work, else 503, with what it
// looked at. It is for load balancers, too: details are for the log.
func (s *Server) health(w http.ResponseWriter, r *request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	checks := []healthCheck{s.checkDatabase(ctx), s.checkDisk(), s.checkRepository()}
	if s.glpi != nil {
		checks = append(checks, s.checkGLPITold(ctx))
	}
	status := http.StatusOK
	for _, c := range checks {
		if !c.OK {
			status = http.StatusServiceUnavailable
		}
	}
	select {
	case <-s.draining.Done():
		status = http.StatusServiceUnavailable
		checks = append(checks, healthCheck{Name: "stopping"})
	default:
	}
	data, err := json.Marshal(map[string]any{"checks": checks})
	if err != nil {
		data = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(data) //nolint:errcheck // the caller has gone
}

func (s *Server) checkDatabase(ctx context.Context) healthCheck {
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		var id string
		return tx.QueryRow("SELECT value FROM server_self WHERE name = 'id'").Scan(&id)
	})
	if err != nil {
		s.log.Warn("health: the database does not answer", "error", err.Error())
		return healthCheck{Name: "database", Text: "does not answer"}
	}
	return healthCheck{Name: "database", OK: true}
}

// checkDisk wants some room for the database, whatever is kept free of packages.
func (s *Server) checkDisk() healthCheck {
	free, err := freeSpace(s.folder.Dir)
	if err != nil {
		return healthCheck{Name: "disk", OK: true, Text: "not known"}
	}
	if free < 64<<20 {
		return healthCheck{Name: "disk", Text: "full"}
	}
	return healthCheck{Name: "disk", OK: true}
}

func (s *Server) checkRepository() healthCheck {
	r := s.depot.info()
	switch {
	case r.ID == "":
		return healthCheck{Name: "repository", OK: true, Text: "not set up"}
	case s.now().Unix() >= r.Expires:
		return healthCheck{Name: "repository", Text: "its head has expired"}
	}
	return healthCheck{Name: "repository", OK: true}
}
