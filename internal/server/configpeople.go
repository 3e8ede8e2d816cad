package server

import (
	"fmt"
	"net/url"
	"time"
)

// checkPeople looks at the ways in which people log in.
func (c *Config) checkPeople() error {
	if i := c.Sessions.Idle; i < Duration(time.Minute) || i > c.Sessions.Last {
		return fmt.Errorf("sessions.idle: %s is not between 1m and sessions.last", i)
	}
	if c.TLS.ClientCertificates && c.TLS.Mode == "off" {
		return fmt.Errorf("tls.client-certificates: a proxy that ends TLS keeps them to itself")
	}
	return c.OIDC.check()
}

func (o *OIDC) check() error {
	if o.Issuer == "" {
		return nil
	}
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return fmt.Errorf("oidc.issuer: %q is not of the form https://HOST", o.Issuer)
	}
	if o.ClientID == "" || o.NameClaim == "" {
		return fmt.Errorf("oidc.client-id and oidc.name-claim: the provider needs them")
	}
	for _, r := range o.Redirects {
		if u, err := url.Parse(r); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("oidc.redirects: %q is not of the form https://HOST/PATH", r)
		}
	}
	return nil
}
