package server

import (
	"context"

	"muster/api"
)

// What people do about themselves and one another: people, sessions, tokens.

func (s *Server) listPeople(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.ListQuery{Query: q.Get("like"), Name: q.Get("person"), Cursor: q.Get("cursor"), Limit: int(min(q.number("limit"), maxPage))}
	if q.err != nil {
		return nil, q.err
	}
	return s.access.People(ctx, in)
}

// maxPage bounds a page of people, sessions or rules.
const maxPage = 1000

func (s *Server) addPerson(ctx context.Context, r *request) (any, error) {
	var in api.PersonNew
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	out, err := s.access.AddPerson(ctx, r.person.name, in)
	if err == nil {
		s.log.Info("person added", "request", r.id, "name", r.person.name, "person", out.Name)
	}
	return out, err
}

func (s *Server) editPerson(ctx context.Context, r *request) (any, error) {
	var in api.PersonEdit
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	out, err := s.access.EditPerson(ctx, r.PathValue("name"), in)
	if err == nil {
		s.log.Info("person changed", "request", r.id, "name", r.person.name, "person", out.Name, "password", in.Password != nil, "disabled", out.Disabled)
	}
	return out, err
}

func (s *Server) removePerson(ctx context.Context, r *request) (any, error) {
	err := s.access.RemovePerson(ctx, r.PathValue("name"))
	if err == nil {
		// Who gets the name after them gets none of their mail.
		err = s.mail.RemoveOf(ctx, r.PathValue("name"))
		s.log.Info("person removed", "request", r.id, "name", r.person.name, "person", r.PathValue("name"))
	}
	return nil, err
}

func (s *Server) changePassword(ctx context.Context, r *request) (any, error) {
	var in api.PasswordChange
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.access.ChangePassword(ctx, r.person.visit, in, r.address)
}

// whose is whose things a request is about: those of the caller, or of everybody for
// who administers and asks for them.
func (r *request) whose(others bool) (string, error) {
	if !others {
		return r.person.name, nil
	}
	return "", r.person.everywhere(api.VerbAdminister)
}

func (s *Server) listSessions(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.ListQuery{Cursor: q.Get("cursor"), Limit: int(min(q.number("limit"), maxPage))}
	if q.err != nil {
		return nil, q.err
	}
	person := q.Get("person")
	if _, err := r.whose(person != r.person.name && q.Has("person")); err != nil {
		return nil, err
	}
	if !q.Has("person") {
		person = r.person.name
	}
	return s.access.Sessions(ctx, r.person.visit, person, in)
}

func (s *Server) endSession(ctx context.Context, r *request) (any, error) {
	return nil, s.access.EndSession(ctx, r.PathValue("id"), r.ownOrAll())
}

// ownOrAll is the name of the caller, or "" for who administers: what is not theirs
// is not there for others.
func (r *request) ownOrAll() string {
	if r.person.may(api.VerbAdminister).All() {
		return ""
	}
	return r.person.name
}

func (s *Server) listAPITokens(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	if q.err != nil {
		return nil, q.err
	}
	person, err := r.whose(q.Get("all") == "1")
	if err != nil {
		return nil, err
	}
	return s.access.Tokens(ctx, person)
}

func (s *Server) createAPIToken(ctx context.Context, r *request) (any, error) {
	var in api.APITokenNew
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.access.CreateToken(ctx, r.person.visit, in, r.address)
}

func (s *Server) revokeAPIToken(ctx context.Context, r *request) (any, error) {
	return nil, s.access.RevokeToken(ctx, r.PathValue("id"), r.ownOrAll())
}
