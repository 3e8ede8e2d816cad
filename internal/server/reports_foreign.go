package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"muster"
	"muster/api"
	"muster/sitereport"
)

// foreignRoutes are what reporters of other projects send to, at paths that the
// configuration says. They are no part of the API.
func (s *Server) foreignRoutes() (all []route) {
	c := &s.cfg.Collector
	if c.Mode == "off" {
		return nil
	}
	add := func(path string, says func(int, *api.ErrorBody) (int, string, []byte), serve func(*Server, context.Context, *request) (any, error), methods ...string) {
		if path == "" {
			return
		}
		bare := strings.TrimSuffix(path, "/")
		for _, method := range methods {
			for _, p := range []string{bare, bare + "/{$}"} {
				all = append(all, route{method: method, path: p, who: aReporter, class: "reports", body: maxReportBody, says: says, serve: serve})
			}
		}
	}
	add(c.Pakiti, sayPakiti, (*Server).takePakiti, http.MethodPost, http.MethodGet)
	add(c.GLPI, sayGLPI, (*Server).takeGLPI, http.MethodPost)
	return all
}

// ofReporters reports whether a path is for reporters of other projects.
func (s *Server) ofReporters(path string) bool {
	c := &s.cfg.Collector
	bare := strings.TrimSuffix(path, "/")
	return c.Mode != "off" && bare != "" && (bare == strings.TrimSuffix(c.Pakiti, "/") || bare == strings.TrimSuffix(c.GLPI, "/"))
}

// sayPakiti is a refusal as Pakiti's clients know it: they read the status, and show
// the body.
func sayPakiti(status int, e *api.ErrorBody) (int, string, []byte) {
	if status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestEntityTooLarge {
		status = http.StatusInternalServerError
	}
	return status, "text/plain; charset=utf-8", []byte(sitereport.AnswerError + strings.ReplaceAll(e.Error.Message, "\n", " ") + "\n")
}

// takePakiti takes a report of Pakiti's clients: variables of a form or a query from
// those of version 2, else a text, sealed or not.
func (s *Server) takePakiti(ctx context.Context, r *request) (any, error) {
	get, err := pakitiForm(r)
	if err != nil {
		return nil, err
	}
	text := r.URL.Query().Get("mode")
	if get != nil {
		text = get("report")
	}
	mode, err := sitereport.ParseMode(text)
	if err != nil {
		return nil, err
	}
	l := letter{body: r.body, at: s.now(), address: r.address}
	if get == nil && s.spool != nil && isSealed(r.body) {
		return s.keepSealed(l, mode, sitereport.AnswerOK, http.StatusOK)
	}
	var m *message
	switch {
	case get == nil:
		m, err = s.collector.open(ctx, l)
	case !s.cfg.Collector.Clear:
		err = muster.Errorf(muster.Denied, "the report is not sealed")
	default:
		m, err = s.readPakiti4(ctx, r, get)
	}
	if err != nil {
		s.metrics.reported("", err)
		return nil, err
	}
	return s.keepReport(ctx, r, l, m, mode)
}

// readPakiti4 reads what clients of version 2 sent, which nothing compresses.
func (s *Server) readPakiti4(ctx context.Context, r *request, get func(string) string) (*message, error) {
	done, err := s.collector.weigh(ctx, []byte(get("pkgs")), textWeight)
	if err != nil {
		return nil, err
	}
	m := &message{form: "pakiti4", whole: true, bytes: len(r.body) + len(r.URL.RawQuery), done: done}
	if m.report, err = sitereport.ParsePakiti4(get); err != nil {
		done()
		return nil, err
	}
	return m, nil
}

// pakitiForm returns the variables that a client of version 2 sent; nil where it sent
// none. A page that somebody looks at cannot report by having the browser get an image.
func pakitiForm(r *request) (get func(string) string, err error) {
	if r.Method == http.MethodGet {
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" {
			return nil, muster.Errorf(muster.Denied, "the request comes from another site")
		}
		return r.URL.Query().Get, nil
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case kind == "multipart/form-data":
		values, err := readMultipart(r.body, params["boundary"])
		return values.Get, err
	// curl says so of whatever it sends with --data-binary.
	case kind == "application/x-www-form-urlencoded" && looksLikeForm(r.body):
		values, err := url.ParseQuery(string(r.body))
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read the form: %w", err)
		}
		return values.Get, nil
	}
	return nil, nil
}

// looksLikeForm tells a form from a report: it begins with the name of a variable.
func looksLikeForm(body []byte) bool {
	name, _, ok := bytes.Cut(body[:min(len(body), 64)], []byte("="))
	return ok && len(name) > 0 && strings.Trim(string(name), "abcdefghijklmnopqrstuvwxyz") == ""
}

const maxFormParts = 64

// readMultipart reads the variables of a form of several parts.
func readMultipart(body []byte, boundary string) (url.Values, error) {
	values := url.Values{}
	if boundary == "" {
		return values, muster.Errorf(muster.Invalid, "the form has no boundary")
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxFormParts {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			return values, muster.Errorf(muster.Invalid, "cannot read the form: %w", err)
		}
		data, err := io.ReadAll(part) // of a body that is bounded
		if err != nil {
			return values, muster.Errorf(muster.Invalid, "cannot read the form: %w", err)
		}
		values.Add(part.FormName(), string(data))
	}
	return values, muster.Errorf(muster.Invalid, "the form has more than %d parts", maxFormParts)
}

// A glpiAnswer is what agents of GLPI expect.
type glpiAnswer struct {
	Status     string         `json:"status"`
	Message    string         `json:"message,omitempty"`
	Expiration int            `json:"expiration"` // hours until the agent comes again
	Tasks      map[string]any `json:"tasks,omitempty"`
}

const glpiExpiration = 24

// sayGLPI is a refusal as agents know it.
func sayGLPI(status int, e *api.ErrorBody) (int, string, []byte) {
	data, err := json.Marshal(glpiAnswer{Status: "error", Message: e.Error.Message, Expiration: glpiExpiration})
	if err != nil {
		data = []byte(`{"status":"error","expiration":24}`)
	}
	return status, "application/json", data
}

// takeGLPI takes what GLPI's agents send: first they ask what is wanted of them, then
// they send an inventory.
func (s *Server) takeGLPI(ctx context.Context, r *request) (any, error) {
	done, err := s.collector.weigh(ctx, r.body, glpiWeight)
	if err != nil {
		return nil, err
	}
	defer done()
	plain, err := sitereport.Unpack(r.body)
	if err != nil {
		return nil, err
	}
	g, err := sitereport.ParseGLPI(plain)
	if err != nil {
		s.metrics.reported("glpi", err)
		return nil, err
	}
	out := glpiAnswer{Status: "ok", Expiration: glpiExpiration}
	switch {
	case g.Action == "contact":
		out.Tasks = map[string]any{"inventory": map[string]any{}}
	case g.Report == nil:
		return nil, muster.Errorf(muster.Invalid, "nothing is wanted of agents but inventories, not %.40q", g.Action)
	default:
		l := letter{at: s.now(), address: r.address}
		m := &message{report: g.Report, form: "glpi", whole: true, bytes: len(r.body)}
		_, err := s.collector.keep(ctx, l, m, sitereport.StoreOnly)
		s.metrics.reported(m.form, err)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
