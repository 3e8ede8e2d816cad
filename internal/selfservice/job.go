package selfservice

import (
	"context"
	"maps"
	"time"

	"muster"
	"muster/internal/agent"
)

// A job is a wish of this person that the agent carries out, or has.
type job struct {
	op, name string // name "" is every update
	text     string // what the agent last said
	bytes    map[string][2]int64
	over     bool
}

// progress is the part that was fetched, 0 to 1, and whether anything is.
func (j *job) progress() (share float64, known bool) {
	var done, total int64
	for _, b := range j.bytes {
		done, total = done+b[0], total+b[1]
	}
	if total <= 0 {
		return 0, false
	}
	return min(float64(done)/float64(total), 1), true
}

// A message tells a person what came of something.
type message struct {
	job  *job
	err  error
	done agent.Done
	text string // in English, of [words]; where there is no job
}

// begin has the agent carry out a wish. One at a time: it would refuse a second.
func (s *Site) begin(ctx context.Context, op, name string, w agent.Wish) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.job != nil && !s.job.over {
		return muster.Errorf(muster.Busy, "another wish of yours is under way")
	}
	j := &job{op: op, name: name, bytes: map[string][2]int64{}}
	s.job = j
	go func() {
		done, err := s.agent.Change(ctx, w)
		if err == nil {
			err = done.Error.Err()
		}
		s.end(j, done, err)
	}()
	return nil
}

func (s *Site) end(j *job, done agent.Done, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.over = true
	s.used = time.Now()
	s.say(message{job: j, done: done, err: err})
	s.wake()
}

// maxSaid bounds the messages that nobody has seen yet.
const maxSaid = 20

// say keeps a message until it is shown. The caller has the lock.
func (s *Site) say(m message) {
	s.said = append(s.said, m)
	s.said = s.said[max(0, len(s.said)-maxSaid):]
}

// take returns the messages that are to be shown, once.
func (s *Site) take() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.said
	s.said = nil
	return all
}

// current returns a copy of the job that is under way, nil for none.
func (s *Site) current() *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.job == nil || s.job.over {
		return nil
	}
	j := *s.job
	j.bytes = maps.Clone(j.bytes)
	return &j
}

// follow listens to the agent. It tries again when the agent was started anew.
func (s *Site) follow(ctx context.Context) {
	for ctx.Err() == nil {
		s.agent.Watch(ctx, s.heard) //nolint:errcheck // pages say that it is away
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
		}
	}
}

// heard takes what the agent says.
func (s *Site) heard(e agent.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.State != nil {
		s.state = e.State
	}
	if j := s.job; j != nil && !j.over {
		if e.Text != "" {
			j.text = e.Text
		}
		if p := e.Progress; p != nil && len(j.bytes) < 1000 {
			j.bytes[p.File] = [2]int64{p.Done, max(p.Total, p.Done)}
		}
	}
	s.wake()
}

// wake tells the pages that something changed. The caller has the lock.
func (s *Site) wake() {
	for ch := range s.viewer {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last time
		}
	}
}

// watch returns a channel that is told of changes, until stop is called.
func (s *Site) watch() (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewer[ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.viewer, ch)
	}
}
