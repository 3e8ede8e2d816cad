package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/pkgfile"
)

// The agent answers people on the machine on a unix socket, on Windows on a named pipe,
// HTTP and JSON, by who they are to the system:
//
//	GET  /v1/state            State; everybody
//	GET  /v1/events           Event, a line each, until the reader goes; everybody, a few
//	                          at a time
//	GET  /v1/catalogue        Catalogue: what self-service has for who asks; everybody
//	GET  /v1/icons/{sha256}   an icon of the catalogue, as bytes; everybody
//	GET  /v1/past             a list of Past, newest first; everybody
//	POST /v1/postpone Delay   -> Delayed; an administrator, others as settings say
//	POST /v1/look             a round now -> Done; everybody, at most one in ten seconds;
//	                          who asks before it begins shares it
//	POST /v1/change  Wish     -> Done; an administrator, others as self-service says, one
//	                          wish at a time and no more than [desk] lets in
//
// Errors are those of package api.

// A Wish is what a person asks to be changed.
type Wish struct {
	Install []string `json:"install,omitempty"` // relations, such as "age>=1.3"
	Remove  []string `json:"remove,omitempty"`
	Upgrade bool     `json:"upgrade,omitempty"`
	Only    []string `json:"only,omitempty"` // of Upgrade: these packages, none is all
}

// maxWish bounds what a peer may send, in bytes.
const maxWish = 64 << 10

// maxTelling is how long a peer may take to send it: it is on this machine.
const maxTelling = 5 * time.Second

// SocketOf is where the agent of a root listens: a file, on Windows the name of a pipe.
func SocketOf(root *install.Root) string {
	return socketOf(root.Dir, root.State, root.Config.Area)
}

// ErrTaken is that somebody who is no administrator has a pipe of the agent's name.
var ErrTaken = errors.New("somebody else answers in place of the agent")

// ServeAt answers at the socket of that name until ctx ends. It returns once it begins to.
// Where the name is taken the machine is looked after all the same, and the name is asked
// for again: nobody keeps the agent from its work by it.
func (a *Agent) ServeAt(ctx context.Context, name string) error {
	l, err := Listen(name)
	if err != nil && !errors.Is(err, ErrTaken) {
		return err
	}
	go func() {
		for ; err != nil; l, err = Listen(name) {
			a.Log.Error("nobody is answered", "error", err)
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
				return
			}
		}
		if err := a.Serve(ctx, l); err != nil {
			a.Log.Error("nobody is answered any more", "error", err)
		}
	}()
	return nil
}

// Serve answers on the socket until ctx ends.
func (a *Agent) Serve(ctx context.Context, l net.Listener) error {
	a.once.Do(a.prepare)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/state", func(w http.ResponseWriter, r *http.Request) { reply(w, a.State(), nil) })
	mux.HandleFunc("GET /v1/events", a.stream)
	a.serveSelf(mux)
	mux.HandleFunc("POST /v1/look", func(w http.ResponseWriter, r *http.Request) {
		done, err := a.lookFor(ctx, r.Context())
		reply(w, done, err)
	})
	mux.HandleFunc("POST /v1/change", func(w http.ResponseWriter, r *http.Request) {
		done, err := a.changeFor(w, r)
		reply(w, done, err)
	})
	known := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := withPeer(r.Context())
		if err != nil {
			reply(w, nil, err)
			return
		}
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
	s := &http.Server{Handler: known, ConnContext: withWho, ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	err := s.Serve(&fairListener{Listener: l, here: map[string]int{}})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// lookFor makes a round for a person, while the loop lasts. For those who are no
// administrators one that was just made is as good.
func (a *Agent) lookFor(loop, ctx context.Context) (*Done, error) {
	if last := a.State().Last; !peerFrom(ctx).Admin && !last.IsZero() && a.Instant().Wall.Sub(last).Abs() < 10*time.Second {
		return &Done{}, nil
	}
	look := a.share(loop)
	select {
	case <-look.over:
		return look.done, look.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// changeFor does what a person asks, as far as they may.
func (a *Agent) changeFor(w http.ResponseWriter, r *http.Request) (*Done, error) {
	var wish Wish
	if err := readWish(w, r, &wish); err != nil {
		return nil, err
	}
	return a.grant(r.Context(), &wish)
}

// readWish reads what is asked.
func readWish(w http.ResponseWriter, r *http.Request, wish any) error {
	// For the wish alone: a deadline that is left behind ends the request that waits.
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Now().Add(maxTelling)) //nolint:errcheck // the connection is ours
	err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxWish)).Decode(wish)
	c.SetReadDeadline(time.Time{}) //nolint:errcheck // the same
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot understand what is asked: %w", err)
	}
	return nil
}

// grant has the loop do what a person wishes. Those who are no administrators wish
// for one thing at a time.
func (a *Agent) grant(ctx context.Context, wish *Wish) (*Done, error) {
	peer := peerFrom(ctx)
	req, err := wish.request(peer.Name)
	if err != nil {
		return nil, err
	}
	work := &Work{Action: Upgraded, Request: req}
	if !peer.Admin {
		leave, err := a.desk.admit(peer.ID, a.Instant().Up)
		if err != nil {
			return nil, err
		}
		defer leave()
		person := peer.person()
		work.Person = &person
	}
	return a.Ask(ctx, work)
}

// request is the wish in the engine's words.
func (w *Wish) request(user string) (*engine.Request, error) {
	req := &engine.Request{User: user, Upgrade: w.Upgrade, Remove: w.Remove, Only: w.Only}
	for _, text := range w.Install {
		rel, err := control.ParseRelation(text)
		if err != nil {
			return nil, muster.WithKind(muster.Invalid, err)
		}
		req.Install = append(req.Install, rel)
	}
	for _, name := range slices.Concat(w.Remove, w.Only) {
		if err := control.CheckName(name); err != nil {
			return nil, muster.WithKind(muster.Invalid, err)
		}
	}
	if !w.Upgrade && (len(w.Install)+len(w.Remove) == 0 || len(w.Only) > 0) {
		return nil, muster.Errorf(muster.Invalid, "nothing is asked for")
	}
	return req, nil
}

// stream writes events until the reader goes.
func (a *Agent) stream(w http.ResponseWriter, r *http.Request) {
	leave, err := a.desk.sit(peerFrom(r.Context()).ID)
	if err != nil {
		reply(w, nil, err)
		return
	}
	defer leave()
	events, stop := a.Watch()
	defer stop()
	w.Header().Set("Content-Type", "application/x-ndjson")
	now := a.State()
	enc, flush := json.NewEncoder(w), http.NewResponseController(w)
	enc.Encode(Event{Time: a.Instant().Wall, State: &now})
	for flush.Flush() == nil {
		select {
		case e := <-events:
			if enc.Encode(e) != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// serveSelf adds what self-service asks for.
func (a *Agent) serveSelf(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/catalogue", func(w http.ResponseWriter, r *http.Request) {
		c, err := a.catalogueFor(r.Context(), peerFrom(r.Context()))
		reply(w, c, err)
	})
	mux.HandleFunc("GET /v1/past", func(w http.ResponseWriter, r *http.Request) {
		past, err := a.pastFor(r.Context(), peerFrom(r.Context()))
		reply(w, past, err)
	})
	mux.HandleFunc("GET /v1/icons/{sha256}", a.sendIcon)
	mux.HandleFunc("POST /v1/postpone", func(w http.ResponseWriter, r *http.Request) {
		var d Delay
		err := readWish(w, r, &d)
		var out *Delayed
		if err == nil {
			out, err = a.postponeFor(r.Context(), peerFrom(r.Context()), d)
		}
		reply(w, out, err)
	})
}

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		var b api.ErrorBody
		b.Error.Kind, b.Error.Message, b.Error.Hint = muster.KindOf(err), err.Error(), muster.HintOf(err)
		w.WriteHeader(api.StatusOf(b.Error.Kind))
		v = b
	}
	json.NewEncoder(w).Encode(v)
}

// A Local speaks to the agent of this machine.
type Local struct{ http http.Client }

// DialLocal is the agent that listens at the socket of that name. Nothing is sent.
func DialLocal(name string) *Local {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, name) }
	return &Local{http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// State asks what the agent does.
func (l *Local) State(ctx context.Context) (s State, err error) {
	err = l.do(ctx, http.MethodGet, "/v1/state", nil, &s)
	return s, err
}

// Look has the agent make a round.
func (l *Local) Look(ctx context.Context) (d Done, err error) {
	err = l.do(ctx, http.MethodPost, "/v1/look", struct{}{}, &d)
	return d, err
}

// Change has the agent change what is installed. It returns when that is done.
func (l *Local) Change(ctx context.Context, w Wish) (d Done, err error) {
	err = l.do(ctx, http.MethodPost, "/v1/change", w, &d)
	return d, err
}

// Catalogue asks what self-service has for this user.
func (l *Local) Catalogue(ctx context.Context) (c Catalogue, err error) {
	err = l.do(ctx, http.MethodGet, "/v1/catalogue", nil, &c)
	return c, err
}

// Past asks what was changed, newest first.
func (l *Local) Past(ctx context.Context) (all []Past, err error) {
	err = l.do(ctx, http.MethodGet, "/v1/past", nil, &all)
	return all, err
}

// Postpone puts the pending upgrade off, and returns until when. 0 is no longer.
func (l *Local) Postpone(ctx context.Context, span time.Duration) (until time.Time, err error) {
	var d Delayed
	err = l.do(ctx, http.MethodPost, "/v1/postpone", Delay{int64(span / time.Second)}, &d)
	return d.Until, err
}

// Icon asks for an icon of the catalogue.
func (l *Local) Icon(ctx context.Context, sha256 string) (data []byte, err error) {
	err = l.send(ctx, http.MethodGet, "/v1/icons/"+url.PathEscape(sha256), nil, func(r io.Reader) error {
		data, err = io.ReadAll(io.LimitReader(r, pkgfile.MaxIcon))
		return err
	})
	return data, err
}

// Watch calls see with what happens, until ctx ends.
func (l *Local) Watch(ctx context.Context, see func(Event)) error {
	return l.send(ctx, http.MethodGet, "/v1/events", nil, func(r io.Reader) error {
		dec := json.NewDecoder(r)
		for {
			var e Event
			if err := dec.Decode(&e); err != nil {
				return err
			}
			see(e)
		}
	})
}

func (l *Local) do(ctx context.Context, method, path string, in, out any) error {
	return l.send(ctx, method, path, in, func(r io.Reader) error { return json.NewDecoder(r).Decode(out) })
}

func (l *Local) send(ctx context.Context, method, path string, in any, read func(io.Reader) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return unanswered(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return read(resp.Body)
	}
	var b api.ErrorBody
	if err := json.NewDecoder(resp.Body).Decode(&b); err != nil {
		return muster.Errorf(muster.Unavailable, "the agent answered %s", resp.Status)
	}
	return (&Failure{b.Error.Kind, b.Error.Message, b.Error.Hint}).Err()
}

// unanswered says that the agent is not there. Who is there in its place is told as it is.
func unanswered(err error) error {
	if errors.Is(err, ErrTaken) {
		return muster.WithHint(muster.Errorf(muster.Denied, "this is not the agent: %w", err), "tell an administrator: somebody on this machine has taken the agent's name")
	}
	return muster.WithHint(muster.Errorf(muster.Unavailable, "the agent does not answer: %w", err), startIt)
}
