package server

import (
	"net/http"

	"muster"
)

// described is a handler whose every refusal is as the description of the API says,
// also of paths that there are not and of methods that a path does not take.
func (s *Server) described(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		if _, pattern := mux.Handler(hr); pattern != "" {
			mux.ServeHTTP(w, hr)
			return
		}
		r := &request{Request: hr, id: newRequestID(), address: s.clientAddress(hr), control: http.NewResponseController(w), header: w.Header()}
		w.Header().Set(headerRequest, r.id)
		said := &counted{ResponseWriter: mute{w.Header()}, status: http.StatusOK}
		mux.ServeHTTP(said, hr) // says which of the two it is, and which methods are good
		w.Header().Del("Content-Type")
		err := muster.Errorf(muster.NotFound, "there is nothing at %.200q", hr.URL.Path)
		if said.status == http.StatusMethodNotAllowed {
			err = withStatus(said.status, muster.Errorf(muster.Invalid, "%.200q takes %s, not %.20q", hr.URL.Path, w.Header().Get("Allow"), hr.Method))
		}
		s.refuse(w, r, err)
	})
}

// A mute writer has the header of an answer, and sends nothing.
type mute struct{ header http.Header }

func (m mute) Header() http.Header         { return m.header }
func (m mute) Write(b []byte) (int, error) { return len(b), nil }
func (m mute) WriteHeader(int)             {}
