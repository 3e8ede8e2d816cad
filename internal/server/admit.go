package server

import (
	"time"

	"muster"
	"muster/internal/httpsig"
)

// admit sees to what the table says of a route: who asks, how often they may, and
// what they sent. The order keeps those who nobody knows from what is there for
// hosts and people:
//
//	who asks      those who are not whom they claim to be are bounded by neighbourhood
//	the rate      of the class; only hosts and people use it up, one person half of some
//	the body      of hosts and people, in their own time; one of a host at a time
//	a place       to work; newcomers get it before their body, which is small, and
//	              one neighbourhood gets a part of them; reporters after it
//	the counter   of a host, last: who is turned away before may send the same again
//
// What it took is given back by r.leave.
func (s *Server) admit(r *request, rt *route, l *limiter) error {
	if err := s.identify(r, rt, l); err != nil {
		return err
	}
	person := ""
	if r.person != nil {
		person = r.person.name
	}
	if err := l.charge(person, time.Now()); err != nil {
		return err
	}
	if rt.who == aPerson {
		if err := s.allowed(r, rt); err != nil {
			return err
		}
	}
	if rt.who == anyone || rt.who.unknown() && rt.who != aReporter {
		if err := r.place(l); err != nil {
			return err
		}
	}
	if rt.who == aHost && rt.body > 0 {
		leave, err := s.marks.enter(mark{rt.class, r.message.KeyID})
		if err != nil {
			return err
		}
		r.held = append(r.held, leave)
	}
	if rt.body > 0 || rt.who == aHost {
		in := s.intake
		if rt.who == aReporter {
			in = s.reportIntake
		}
		if err := s.readBody(r, in, rt.body); err != nil {
			if rt.who.unknown() {
				l.stranger(r, err)
			}
			return err
		}
	}
	if l.single && r.person != nil {
		leave, err := s.marks.enter(mark{rt.class, r.person.name})
		if err != nil {
			return err
		}
		r.held = append(r.held, leave)
	}
	if rt.who == aHost || rt.who == aPerson || rt.who == aReporter {
		if err := r.place(l); err != nil {
			return err
		}
	}
	// What decompresses to much is bounded by the places.
	if err := r.unpack(rt.body); err != nil {
		return err
	}
	if rt.who == aHost {
		return s.acceptHost(r)
	}
	return nil
}

// identify finds out who asks.
func (s *Server) identify(r *request, rt *route, l *limiter) (err error) {
	if rt.who == anyone {
		return nil
	}
	if err := l.strangers.check(neighbourhood(r.address), time.Now()); err != nil {
		return err
	}
	if rt.who == aPerson || rt.who == aVisitor || rt.who == aReporter {
		// A site that an administrator visits must not lock them out: it is not counted.
		if err := s.origins.Check(r.Request); err != nil {
			return muster.Errorf(muster.Denied, "the request comes from another site: %w", err)
		}
		if rt.who != aPerson {
			return nil
		}
		r.person, err = s.who(r.Context(), r.Request)
	} else if r.message, err = httpsig.Parse(r.Request, s.self.ID); err == nil && rt.who == aHost {
		err = s.verifyHost(r)
	}
	l.stranger(r, err)
	return err
}

// stranger counts a request that turned out not to be of whom it claimed to be,
// by the error that says so. That a host is not known costs nothing to find out,
// and is what all of them hear of a server that lost its database.
func (l *limiter) stranger(r *request, err error) {
	if k := muster.KindOf(err); err != nil && (k == muster.Denied || k == muster.Invalid || k == muster.Busy) {
		l.strangers.count(neighbourhood(r.address), time.Now())
	}
}

// place takes a place to work.
func (r *request) place(l *limiter) error {
	leave, err := l.place(r.Context(), neighbourhood(r.address))
	if err != nil {
		return err
	}
	r.held = append(r.held, leave)
	return nil
}

// leave gives back what the request took.
func (r *request) leave() {
	for _, f := range r.held {
		f()
	}
	r.held = nil
}

// readBody reads the body. What was not signed by whom it claims to be from is
// not decompressed.
func (s *Server) readBody(r *request, in *intake, max int64) (err error) {
	steady := s.steady(r, in)
	defer steady.end()
	if r.message != nil {
		r.body, err = r.message.Body(steady, max)
	} else {
		if r.ContentLength > max {
			return tooLarge(r.ContentLength, max)
		}
		r.body, err = readUpTo(steady, max)
	}
	if steady.gaveWay() {
		return errGaveWay()
	}
	return err
}

// unpack undoes the Content-Encoding of the body.
func (r *request) unpack(max int64) (err error) {
	if r.body == nil {
		return nil
	}
	r.body, err = unpack(r.Header.Get("Content-Encoding"), r.body, max)
	return err
}
