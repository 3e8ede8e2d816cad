// Package selfservice is the page on which the people of a machine install, remove and
// update what signed packages let them, themselves. It runs as the person who opens it,
// and asks the machine's agent through its socket: what they may is for the agent to
// say, by what the kernel says of who asks. The page gives nobody a right.
//
// Start with [New], then [Site.Serve] and [Open], which has a browser show [Site.Entry].
//
// # Who gets in
//
// Everybody on a machine can reach its loopback interface, so the page is for the
// browser of one person:
//
//   - the address that begins a session has a secret that is good once; it becomes a
//     cookie (HttpOnly, SameSite=Strict);
//   - cookies know no ports: the server of somebody else on another port would be sent
//     it. So all pages lie below a folder of a random name, which the cookie is for;
//   - the program that connects must be of the same user, where the system says whose
//     it is (Linux, Windows);
//   - a request names the host 127.0.0.1 and the port: a name of somebody's that leads
//     here (DNS rebinding) is refused, and so is a form of another origin;
//   - the page ends by itself when it was not used for ten minutes.
//
// Pages work without a script. With it, parts are exchanged and progress is shown as it
// comes.
package selfservice

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"muster"
	"muster/internal/agent"
)

// Idle is how long a page stays that nobody uses.
const Idle = 10 * time.Minute

// A Site is the page of one person.
type Site struct {
	agent    *agent.Local
	listener net.Listener
	secret   string // begins a session, once
	cookie   string
	folder   string // "/random/": below it lie all pages
	host     string // of requests: "127.0.0.1:port"

	mu     sync.Mutex
	begun  bool // the secret was used
	used   time.Time
	job    *job // the newest, nil before the first
	state  *agent.State
	said   []message // to be shown once
	viewer map[chan struct{}]bool
}

// New makes the page of who runs this program, at a free port of the loopback
// interface. It asks the agent given.
func New(a *agent.Local) (*Site, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot serve the page: %w", err)
	}
	return &Site{agent: a, listener: l, host: l.Addr().String(), secret: rand.Text(), cookie: rand.Text(), folder: "/" + rand.Text() + "/", viewer: map[chan struct{}]bool{}}, nil
}

// Entry is the address that begins a session, once. It is a secret.
func (s *Site) Entry() string { return "http://" + s.host + "/enter/" + s.secret }

// Serve answers until ctx ends or nobody has used the page for [Idle].
func (s *Site) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.use()
	go s.follow(ctx)
	go s.expire(ctx, stop)
	server := &http.Server{Handler: s.handler(ctx), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: WithOwner}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// use notes that somebody uses the page.
func (s *Site) use() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
}

// expire ends the page when it is idle. What was begun is waited for.
func (s *Site) expire(ctx context.Context, stop func()) {
	for {
		left := s.left()
		if left <= 0 {
			stop()
			return
		}
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Site) left() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.job != nil && !s.job.over {
		return Idle
	}
	return Idle - time.Since(s.used)
}
