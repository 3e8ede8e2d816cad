package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"muster"
)

// A form may be sent twice: by two clicks, or by a browser that loads the answer again.
// Each form has a number, and what came of it is known for a while: who sends it again,
// as it was, is told the same, also while the first one is still under way. A form that
// was refused is not remembered: it may be sent again.

const (
	// onceField is the field that each form has: see [numbered].
	onceField = "once"
	// keepSent is how long a form that was sent is known, maxSent how many of a session.
	keepSent = 10 * time.Minute
	maxSent  = 64
	// maxAct ends the work for a form. The browser does not: of two clicks the first one
	// has gone already.
	maxAct = 10 * time.Minute
)

// An outcome is what came of a form.
type outcome struct {
	to   string // where to go
	said string // shown there
	once *once  // shown in place of that
	err  error
}

// A key is the sum of what something is found by.
type key [sha256.Size]byte

func keyOf(parts ...string) key { return sha256.Sum256([]byte(strings.Join(parts, "\x00"))) }

func (k key) String() string { return hex.EncodeToString(k[:]) }

// sentForms are those of all sessions.
type sentForms struct {
	mu sync.Mutex
	of map[key][]*sentForm // by session, the oldest first
}

// A sentForm is one of them.
type sentForm struct {
	key  key
	at   time.Time
	done chan struct{} // closed when there is an outcome
	outcome
}

// take returns the form of a key, and whether it is the first one: then the caller acts,
// and calls end.
func (s *sentForms) take(session, k key, now time.Time) (f *sentForm, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy(now)
	for _, f := range s.of[session] {
		if f.key == k {
			return f, false
		}
	}
	f = &sentForm{key: k, at: now, done: make(chan struct{})}
	all := append(s.of[session], f)
	s.of[session] = all[max(len(all)-maxSent, 0):]
	return f, true
}

// tidy forgets what was sent long ago.
func (s *sentForms) tidy(now time.Time) {
	if s.of == nil {
		s.of = map[key][]*sentForm{}
	}
	for session, all := range s.of {
		for len(all) > 0 && now.Sub(all[0].at) > keepSent {
			all = all[1:]
		}
		if s.of[session] = all; len(all) == 0 {
			delete(s.of, session)
		}
	}
}

// end tells who waits for the outcome.
func (s *sentForms) end(session key, f *sentForm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.err != nil {
		s.of[session] = slices.DeleteFunc(s.of[session], func(x *sentForm) bool { return x == f })
	}
	close(f.done)
}

var errBrokeOff = errors.New("it broke off")

// act acts on a form, unless it was sent before.
func (v *visit) act() outcome {
	number := v.PostForm.Get(onceField)
	v.PostForm.Del(onceField)
	if number == "" || v.page.open { // nobody's form: to log in twice is well
		return v.carryOut()
	}
	session := keyOf(v.api.Token)
	f, first := v.sent.take(session, keyOf(number, v.URL.RequestURI(), v.PostForm.Encode()), v.Now())
	if first {
		f.err = errBrokeOff // unless it goes well
		defer v.sent.end(session, f)
		f.outcome = v.actAlone(keyOf(session.String(), f.key.String()))
		return f.outcome
	}
	select {
	case <-f.done:
		return f.outcome
	case <-v.ctx().Done():
		return outcome{err: v.ctx().Err()}
	}
}

// actAlone acts on a form, unless another server has: what came of it there is not told,
// for it may be a secret.
func (v *visit) actAlone(sum key) outcome {
	if v.Forms == nil {
		return v.carryOut()
	}
	ctx := context.WithoutCancel(v.ctx())
	first, err := v.Forms.ClaimForm(ctx, sum)
	if err == nil && !first {
		err = muster.WithHint(muster.Errorf(muster.Conflict, "this form was sent before, and another server has it"), "look what came of it before you send another one")
	}
	if err != nil {
		return outcome{err: err}
	}
	out := v.carryOut()
	if out.err != nil {
		if err := v.Forms.ReleaseForm(ctx, sum); err != nil {
			v.Log.Warn("console", "path", v.URL.Path, "error", err.Error())
		}
	}
	return out
}

// carryOut goes on though the browser has gone: nobody could tell how far it came.
func (v *visit) carryOut() outcome {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx()), maxAct)
	defer cancel()
	request := v.Request
	v.Request = request.WithContext(ctx)
	to, err := v.page.act(v)
	v.Request = request
	return outcome{to, v.said, v.once, err}
}
