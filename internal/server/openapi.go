package server

import (
	"context"
	_ "embed" // openAPI
	"net/http"
)

// openAPI describes every route. It is made of the table of routes, of the types of
// package api and their comments, by 'go test -update'; openapi_test.go has the words
// that stand in none of them.
//
//go:embed openapi.json
var openAPI []byte

func (s *Server) describe(_ context.Context, r *request) (any, error) {
	return answer(func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", "application/json")
		return write(w, r.Request, openAPI)
	}), nil
}
