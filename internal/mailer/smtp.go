package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"muster"
)

// SMTP hands messages to a server (RFC 5321).
type SMTP struct {
	Address string // host and port
	// Mode is starttls, which is demanded, tls from the beginning, or off: only for
	// loopback, which the configuration sees to.
	Mode           string
	TLS            *tls.Config // with the server's name
	User, Password string      // "" does not log in
	Hello          string      // who this is; "" is localhost
}

// smtpLasts bounds one message.
const smtpLasts = 3 * time.Minute

// Send hands a message over. Where one recipient is refused, nobody gets it.
func (s *SMTP) Send(ctx context.Context, from string, to []string, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, smtpLasts)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		return unavailable(s.Address, err)
	}
	defer c.Close()
	if err := s.envelope(c, from, to); err != nil {
		return unavailable(s.Address, err)
	}
	w, err := c.Data()
	if err != nil {
		return unavailable(s.Address, err)
	}
	if _, err := w.Write(message); err != nil {
		return unavailable(s.Address, err) // without the dot at its end it is none
	}
	// From here on a connection that breaks says nothing: the answer may be lost.
	if err := w.Close(); err != nil {
		var refused *textproto.Error
		if errors.As(err, &refused) {
			return unavailable(s.Address, err)
		}
		return errors.Join(ErrUnknown, err)
	}
	c.Quit() //nolint:errcheck // it has the message
	return nil
}

func unavailable(address string, err error) error {
	return muster.Errorf(muster.Unavailable, "cannot send mail by %q: %w", address, err)
}

// dial connects, with TLS before anything else is said.
func (s *SMTP) dial(ctx context.Context) (*smtp.Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	if until, ok := ctx.Deadline(); ok {
		conn.SetDeadline(until) //nolint:errcheck // a TCP connection has deadlines
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	if s.Mode == "tls" {
		conn = tls.Client(conn, s.TLS)
	}
	host, _, err := net.SplitHostPort(s.Address)
	if err == nil {
		var c *smtp.Client
		if c, err = smtp.NewClient(conn, host); err == nil {
			if err = s.greet(c, host); err == nil {
				return c, nil
			}
		}
	}
	stop()
	conn.Close()
	return nil, err
}

// greet demands what was configured: a server that offers no STARTTLS, or from whose
// answer somebody took it out, gets nothing.
func (s *SMTP) greet(c *smtp.Client, host string) error {
	if s.Hello != "" {
		if err := c.Hello(s.Hello); err != nil {
			return err
		}
	}
	if s.Mode == "starttls" {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return muster.Errorf(muster.Denied, "%q offers no STARTTLS", s.Address)
		}
		if err := c.StartTLS(s.TLS); err != nil {
			return err
		}
	}
	if s.User == "" {
		return nil
	}
	return c.Auth(s.way(c, host))
}

// way is how to log in: PLAIN (RFC 4616), or where a server has not that, as Exchange, LOGIN.
func (s *SMTP) way(c *smtp.Client, host string) smtp.Auth {
	plain := smtp.PlainAuth("", s.User, s.Password, host)
	if _, ways := c.Extension("AUTH"); slices.Contains(strings.Fields(ways), "PLAIN") || !slices.Contains(strings.Fields(ways), "LOGIN") {
		return plain
	}
	return &loginAuth{plain: plain, answers: []string{s.User, s.Password}}
}

// loginAuth answers what a server asks: who, and then the password
// (draft-murchison-sasl-login).
type loginAuth struct {
	plain   smtp.Auth
	answers []string
}

// Start refuses what PLAIN refuses: a password without TLS, and another server.
func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if _, _, err := a.plain.Start(server); err != nil {
		return "", nil, err
	}
	return "LOGIN", nil, nil
}

func (a *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	if len(a.answers) == 0 {
		return nil, muster.Errorf(muster.Denied, "the server asks for more than a name and a password")
	}
	answer := a.answers[0]
	a.answers = a.answers[1:]
	return []byte(answer), nil
}

func (s *SMTP) envelope(c *smtp.Client, from string, to []string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, one := range to {
		if err := c.Rcpt(one); err != nil {
			return err
		}
	}
	return nil
}
