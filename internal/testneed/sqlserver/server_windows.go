package sqlserver

import (
	"testing"

	"muster/internal/testneed"
)

// A Server is a running server: on Windows there is none.
type Server struct {
	kind *Kind
	dir  string
}

func start(t testing.TB, kind *Kind) *Server {
	t.Helper()
	testneed.Missing(t, kind.name+" on Windows")
	return nil
}

func (s *Server) end() {}

// Start is for the other systems.
func (s *Server) Start(t testing.TB) { start(t, s.kind) }

// Kill is for the other systems.
func (s *Server) Kill(t testing.TB) { start(t, s.kind) }
