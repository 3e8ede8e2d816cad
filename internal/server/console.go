package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"muster/api"
	"muster/internal/console"
)

// consoleAgent is what the console calls itself in requests.
const consoleAgent = "musterd console"

// console is the handler of the pages for people, which speak to the routes of the API
// within the process, each with the session of its own browser.
func (s *Server) console(routes http.Handler) (http.Handler, error) {
	// The address is one that nobody listens at: the transport carries to routes.
	client, err := api.New("http://127.0.0.1", api.Options{Transport: inside{routes}, Agent: consoleAgent})
	if err != nil {
		return nil, err
	}
	client.Server.ID = s.self.ID
	pages, err := console.New(console.Options{Client: client, Now: s.now, Log: s.log, Forms: s.access})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), browserKey{}, r)))
	}), nil
}

// ofPrograms reports whether a path is for programs: what it answers is never a page.
func ofPrograms(path string) bool {
	for _, p := range []string{"/api/", api.RouteRepo, api.RouteHealth, api.RouteMetrics} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// browserKey has the request of a browser in the context of what the console asks for it.
type browserKey struct{}

// inside carries requests of the console to the routes, as if they came from where the
// browser is: limits, the audit log and client certificates are about the person.
type inside struct{ routes http.Handler }

func (t inside) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if browser, ok := r.Context().Value(browserKey{}).(*http.Request); ok {
		in.RemoteAddr, in.TLS = browser.RemoteAddr, browser.TLS
		in.Header["X-Forwarded-For"] = browser.Header["X-Forwarded-For"]
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, answer := io.Pipe()
	w := &carried{header: http.Header{}, body: answer, begun: make(chan int, 1)}
	go t.serve(w, in)
	select {
	case status := <-w.begun:
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: w.sent, Body: body, ContentLength: -1, Request: r}, nil
	case <-r.Context().Done():
		body.CloseWithError(r.Context().Err()) //nolint:errcheck // it never fails
		return nil, r.Context().Err()
	}
}

// errBroken ends an answer that a handler gave up in the middle.
var errBroken = errors.New("the answer broke off")

// serve runs the handler, whose panic ends this answer alone, as in net/http.
func (t inside) serve(w *carried, r *http.Request) {
	done := errBroken
	defer func() {
		if recover() == nil {
			done = nil
		}
		w.WriteHeader(http.StatusInternalServerError) // unless it has
		w.body.CloseWithError(done)                   //nolint:errcheck // it never fails
		r.Body.Close()                                //nolint:errcheck // nobody reads it any more
	}()
	t.routes.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
}

// carried is an answer on its way: the headers when they are complete, then the body as
// it is written. One goroutine writes it.
type carried struct {
	header, sent http.Header
	body         *io.PipeWriter
	begun        chan int // the status, once
}

func (w *carried) Header() http.Header { return w.header }

func (w *carried) WriteHeader(status int) {
	if w.sent != nil {
		return
	}
	w.sent = w.header.Clone()
	w.begun <- status
}

func (w *carried) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush is for events: the pipe keeps nothing back, but the headers have to go.
func (w *carried) Flush() { w.WriteHeader(http.StatusOK) }
